//! Telemetry: what a host measures of itself, for people's own tools. Metrics for Prometheus, spans for OpenTelemetry.
//!
//! It observes and changes nothing: where it fails, calls go on. Reading order: [`names`] says what there is to be measured;
//! `metrics` holds it, `follow` counts what the journal tells, `calls` is the hook in the way of a call; [`spans`] says what is in
//! spans, `export` sends them, `log` writes lines of JSON.

mod calls;
mod conventions;
mod environment;
mod export;
mod follow;
mod layers;
mod log;
mod metrics;
pub mod names;
mod origin;
mod router;
mod scrape;
pub(crate) mod spans;

pub use calls::Follower;
pub(crate) use calls::Telemetry;
pub use environment::{BadVariable, Sampling, Settings, Variables};
pub use export::{CannotExport, Clean, Exporter};
#[cfg(test)]
pub(crate) use layers::dispatch;
pub use layers::{LogFormat, LogOptions, start};
pub use metrics::{Format, Metrics};
pub use origin::{McpRequest, Origin};
pub use router::{health, metrics as metrics_for_callers, open_metrics};
pub(crate) use spans::Stage;
