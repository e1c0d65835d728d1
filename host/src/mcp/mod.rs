//! The Model Context Protocol: a host's tools for any client that speaks it.
//!
//! The protocol is the SDK's business; here is what the tools of a host are in its words. A client is as little trusted as a
//! model: it can call what the manifest allows and nothing else, and no request here grants, widens or approves anything.
//! Only a client that the manifest trusts to reach a person brings what that person said of a call, see [`asking`].

mod answer;
mod asked;
mod asking;
mod bounded;
mod calling;
mod client;
pub mod http;
mod install;
mod lines;
mod meta;
mod offers;
mod request;
mod server;
mod stdio;
mod tasks;
mod telling;
mod tools;

pub(crate) use install::{CLIENTS, Client};
pub use server::{Server, Settings};
