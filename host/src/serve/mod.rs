//! `toolhold serve`: one listener for everything that is served over HTTP.
//!
//! What is bounded, whom it answers and who may ask is decided here, before any part sees a request; the parts are the fronts' own.

mod bounds;
mod connection;
mod guard;
mod inline;
mod lifecycle;
mod names;
mod parts;
mod peers;
mod reads;
mod server;
mod stalling;
mod taking;
#[cfg(test)]
mod tests;
mod tls;

pub use names::HostName;
pub use server::{ServeError, Server, Settings};
pub use tls::{TlsError, TlsFiles};

pub(crate) use bounds::Bounds;
pub(crate) use connection::{Marks, drive};
pub(crate) use guard::Bodies;
pub(crate) use lifecycle::serve;
pub(crate) use parts::{hold, parts};
pub(crate) use reads::Reads;
