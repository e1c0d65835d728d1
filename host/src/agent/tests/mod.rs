//! Tests of the whole agent: a real loop and a real HTTP client against scripted tools, models and servers.
//!
//! No test waits: time is a value, and the servers live on loopback for the length of one case.

mod durable;
mod limits;
mod repairs;
mod server;
mod support;
mod tls;
mod wire;
