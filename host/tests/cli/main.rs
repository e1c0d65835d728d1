//! The binary as a person or a script uses it: output, exit codes, what is refused, and what is left on the disk.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test fails by panicking, and starts the program"
)]

mod api;
mod apply;
mod approvals;
mod cases;
mod commands;
mod console_link;
mod dev;
mod distribution;
mod doctor;
mod dry_run;
mod egress;
mod expiry;
mod history;
mod labels;
mod languages;
mod lazily;
mod mcp;
mod mcp_http;
mod mode;
mod model;
mod parked;
mod project;
mod real_model;
mod registry;
mod reliability;
mod reload;
mod retention;
mod rogue;
mod runs;
mod second;
mod serve;
mod server;
mod signing;
mod sigstore;
mod telemetry;
mod tokens;
mod undo;
mod upstream;
mod ways;
mod web;
mod wrong;
