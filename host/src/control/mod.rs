//! The sockets of a state directory: how another process of the same user reaches the one that holds it.
//!
//! One process holds a state directory at a time. Whoever comes second asks it, instead of failing: commands over `control.sock`, which
//! speaks HTTP, and MCP clients over `mcp.sock`, which speaks their protocol. Both lie in the state directory, which its owner alone can
//! write, are for its owner alone, and both ends look at who the other one is.

mod attach;
mod client;
mod holder;
mod prune;
mod reload;
mod socket;

pub(crate) use attach::{Attached, attach};
pub(crate) use client::{Answer, Client};
pub(crate) use holder::{Holding, hold_with};
pub(crate) use prune::{PATH as PRUNE, Wanted as WantedPruned};
pub(crate) use reload::{PATH as RELOAD, Wanted};

/// The name of the socket for commands.
pub(crate) const CONTROL: &str = "control.sock";

/// The name of the socket for MCP clients.
pub(crate) const MCP: &str = "mcp.sock";
