//! What is measured of each call: the one hook in its way.
//!
//! While nobody has asked for metrics, no clock is read and nothing is counted; while nobody takes spans, none is made and nothing of
//! what would be in it is put together.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use toolhold_core::escape;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::{CallReport, Outcome};
use tracing::Instrument as _;

use super::follow::{follow, word};
use super::metrics::Metrics;
use super::names;
use super::scrape::Looked;
use super::spans::Stage;
use crate::Host;

/// The longest name of a tool in a log line, in bytes.
const LONGEST_NAME: usize = 100;

/// What a host measures of itself. Nothing, until somebody wants to know.
/// Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Telemetry(Arc<OnceLock<Arc<Metrics>>>);

impl Host {
    /// What is counted of this host, from the first time on that somebody asks for it.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        self.0.telemetry.0.get_or_init(|| {
            let tools = self.tools().map(|tool| tool.name().as_str().to_owned()).collect();
            let looked = Looked { dependencies: self.dependencies().downgrade(), journal: self.journal().watch() };
            let metrics = Arc::new(Metrics::new(tools, looked));
            let (receiver, counts) = (self.journal().subscribe(), Arc::clone(&metrics));
            let directory = self.journal().directory().to_owned();
            let thread = std::thread::Builder::new().name("telemetry".to_owned());
            if let Err(error) = thread.spawn(move || follow(receiver, counts, directory)) {
                tracing::error!(%error, "the journal is not followed: metrics of it stay at nothing");
            }
            metrics
        })
    }
}

impl Telemetry {
    /// There are these tools, too.
    pub(crate) fn knows<'a>(&self, tools: impl Iterator<Item = &'a str>) {
        if let Some(metrics) = self.0.get() {
            metrics.knows(tools);
        }
    }

    /// A call begins.
    pub(crate) fn begin(&self) -> Watch {
        Watch(self.0.get().map(|metrics| {
            metrics.calls_open.inc();
            (Arc::clone(metrics), Instant::now())
        }))
    }

    /// Does one stage of a call.
    pub(crate) fn stage<T>(&self, stage: Stage, act: impl FnOnce() -> T) -> T {
        let began = self.clock();
        let done = stage.span().in_scope(act);
        self.ended(stage, began);
        done
    }

    /// Does one stage of a call that waits for something.
    pub(crate) async fn stage_of<F: Future>(&self, stage: Stage, act: F) -> F::Output {
        let began = self.clock();
        let done = act.instrument(stage.span()).await;
        self.ended(stage, began);
        done
    }

    fn clock(&self) -> Option<Instant> {
        self.0.get().map(|_| Instant::now())
    }

    fn ended(&self, stage: Stage, began: Option<Instant>) {
        if let (Some(metrics), Some(began)) = (self.0.get(), began) {
            let labels = names::STAGE_DURATION.labels([stage.as_str().into()]);
            metrics.stage_duration.get_or_create(&labels).observe(began.elapsed().as_secs_f64());
        }
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Watch(Option<(Arc<Metrics>, Instant)>);

impl Watch {
    /// It came to its end.
    pub(crate) fn ended(self, report: &CallReport) {
        tracing::info!(tool = %escape::short(&report.tool, LONGEST_NAME), outcome = %outcome(report), "a call ended");
        let Some((metrics, began)) = &self.0 else { return };
        let tool = metrics.tool(&report.tool);
        let labels = names::CALLS.labels([tool.clone(), word(&report.mode).into(), outcome(report)]);
        metrics.calls.get_or_create(&labels).inc();
        if report.attempts == 0 {
            return;
        }
        let labels = names::CALL_DURATION.labels([tool.clone()]);
        metrics.call_duration.get_or_create(&labels).observe(began.elapsed().as_secs_f64());
        metrics.fuel.get_or_create(&names::CALL_FUEL.labels([tool.clone()])).inc_by(report.usage.get(Limit::Fuel));
        let memory = metrics.memory.get_or_create(&names::CALL_MEMORY.labels([tool]));
        #[expect(clippy::cast_precision_loss, reason = "bytes of memory are exact in a double")]
        memory.observe(report.usage.get(Limit::Memory) as f64);
    }
}

/// How a call ended, in a word of few.
fn outcome(report: &CallReport) -> Cow<'static, str> {
    match &report.outcome {
        _ if report.replayed => "replayed".into(),
        Outcome::Success(_) => "success".into(),
        Outcome::Failure(failure) => word(&failure.class).into(),
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((metrics, _)) = &self.0 {
            metrics.calls_open.dec();
        }
    }
}

/// A client that follows events as a stream, for as long as this value is there.
#[derive(Debug)]
pub struct Follower(Arc<Metrics>);

impl Host {
    /// Counts a client that follows events as a stream.
    #[must_use]
    pub fn follower(&self) -> Follower {
        let metrics = Arc::clone(self.metrics());
        metrics.stream_clients.inc();
        Follower(metrics)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.stream_clients.dec();
    }
}
