//! What may run untrusted code. The only crate that names wasmtime.
//!
//! It knows no policy, database or network front: it is handed an
//! [`AuthorizedCall`](toolhold_core::call::AuthorizedCall) and gives back what came of it and what it used.
//!
//! Reading order: [`SandboxConfig`] and [`Sandbox`]; `load` makes bytes a component that can be called, by way of
//! `component` (what it is) and `engine` (how it is compiled), or by what was `learned` of it before; `admission` lets a call in, callers in turn; `call` runs it with the
//! [`capability`]s of its grants, under its [`meter`].

mod admission;
mod bindings;
mod call;
pub mod capability;
mod component;
mod config;
mod engine;
mod inner;
mod learned;
mod load;
pub mod meter;
mod opened;
mod reel;
mod sandbox;
#[cfg(test)]
mod tests;
mod turns;
mod workers;

pub use call::{RunFailure, ToolError, Trap};
pub use capability::context::{Event, EventSink};
pub use component::{DescriptionError, InspectError, Kind, Lane, MergeError, Refused, TooMany, WorldError};
pub use config::SandboxConfig;
pub use engine::CompileError;
pub use load::{DescribedBy, LoadError, Loaded};
pub use reel::{Played, Player, Recorder, Reel};
pub use sandbox::{Error, RunOptions, RunReport, Sandbox};
pub use turns::Caller;
