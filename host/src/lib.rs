//! The host: wires what decides (`toolhold_core`) to what runs untrusted code (`toolhold_sandbox`) and to the world.
//!
//! Reading order: [`HostConfig`] and [`Host::open`] make a [`Host`] out of files; [`Host::call`] is the way of one call;
//! [`journal`] is what remains of it; [`agent`] is the loop of a model over a host, [`runs`] makes it durable; [`cli`] is the
//! terminal.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use toolhold::{CallOptions, Host, HostConfig, ToolCall};
//!
//! let host = Host::open(&HostConfig::beside("toolhold.toml".as_ref()), &|_| ()).await?;
//! let report = host.call(ToolCall::new("files.read", r#"{"path": "/work/notes.md"}"#), CallOptions::default()).await;
//! println!("{:?}", report.outcome);
//! # Ok(())
//! # }
//! ```

pub mod access;
pub mod agent;
pub mod api;
pub mod approvals;
pub mod attempt;
mod authoring;
pub mod cli;
pub mod clock;
mod component_file;
pub mod console;
mod control;
mod current;
mod distribution;
pub mod doctor;
pub mod effects;
pub mod egress;
pub mod exit_code;
pub mod health;
mod host;
pub mod journal;
mod labels;
mod manifest_edit;
pub mod mcp;
pub mod oauth;
mod open;
mod private_file;
pub mod problem;
mod quota;
mod redaction;
mod refusal;
mod replace_file;
mod report;
mod retention;
pub mod runs;
pub mod secrets;
pub mod serve;
mod shown;
pub mod shutdown;
mod sigstore;
mod store;
mod tapes;
pub mod telemetry;
mod upstream;
mod wit_docs;

pub use approvals::Asking;
pub use current::{Current, ReloadError, Reloaded};
pub use effects::{PreviewSession, UndoError, Undone};
pub use host::{CallOptions, Host};
pub use labels::RunLabels;
pub use open::{Components, HostConfig, OpenError, Progress, pin};
pub use quota::RunQuota;
pub use store::StoreError;
pub use toolhold_core::call::ToolCall;
pub use toolhold_core::outcome::CallReport;
