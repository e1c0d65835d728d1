//! Tests of the whole agent: a real loop and a real HTTP client against scripted tools, models and servers.
//!
//! No test waits: time is a value, and the servers live on loopback for the length of one case.

mod anthropic;
mod approvals;
mod asking;
mod cassettes;
mod chain;
mod durable;
mod limits;
mod repairs;
mod responses;
mod server;
mod support;
mod timeouts;
mod tls;
mod wire;
mod wishes;
