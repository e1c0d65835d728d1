//! A sandbox of two engines, and calls of guests without the way through policy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use toolhold_core::grant::Grants;
use toolhold_core::limit::{Exceeded, Limit, Limits};

use crate::call::{Answer, Ended, Request, RunFailure};
use crate::inner::Inner;
use crate::load::Entry;
use crate::sandbox::RunOptions;
use crate::{Loaded, RunReport, Sandbox, SandboxConfig};

/// A way to run a call; every limit holds on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// On the thread that calls.
    CallingThread,
    /// On a task of a runtime.
    Task,
}

pub(super) const WAYS: [Way; 2] = [Way::CallingThread, Way::Task];

pub(super) fn config() -> SandboxConfig {
    SandboxConfig { workers: 2, ..SandboxConfig::default() }
}

pub(super) fn sandbox() -> Sandbox {
    Sandbox::new(config()).unwrap()
}

/// The default limits but for some.
pub(super) fn limits(some: &[(Limit, u64)]) -> Limits {
    let mut limits = Limits::default();
    for &(limit, most) in some {
        limits.set(limit, most);
    }
    limits
}

/// One call of a loaded component.
pub(super) struct Call<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) loaded: &'a Loaded,
    pub(super) limits: Limits,
    pub(super) grants: Grants,
    pub(super) options: RunOptions,
}

impl<'a> Call<'a> {
    pub(super) fn of(sandbox: &'a Sandbox, loaded: &'a Loaded) -> Self {
        let (limits, grants, options) = (Limits::default(), Grants::default(), RunOptions::default());
        Self { sandbox, loaded, limits, grants, options }
    }

    pub(super) fn limited(mut self, some: &[(Limit, u64)]) -> Self {
        self.limits = limits(some);
        self
    }

    fn inner(&self) -> (&'a Arc<Inner>, Arc<Entry>) {
        let inner = self.sandbox.inner();
        (inner, inner.entry(&self.loaded.digest).unwrap())
    }

    pub(super) fn run(self, way: Way) -> RunReport {
        match way {
            Way::CallingThread => self.run_blocking(),
            Way::Task => runtime().block_on(self.run_async()),
        }
    }

    fn run_blocking(self) -> RunReport {
        let (inner, entry) = self.inner();
        let deadline = deadline(&self.limits);
        let job = inner.job(request(), self.grants, self.limits, self.options);
        job.map_or_else(Ended::refused, |job| inner.run_blocking(&entry, job, deadline)).into()
    }

    pub(super) async fn run_async(self) -> RunReport {
        let (inner, entry) = self.inner();
        let deadline = deadline(&self.limits);
        let job = inner.job(request(), self.grants, self.limits, self.options).unwrap();
        inner.run(&entry, job, deadline).await.into()
    }
}

fn deadline(limits: &Limits) -> Instant {
    Instant::now() + Duration::from_micros(limits.get(Limit::Time))
}

fn request() -> Request {
    Request::Invoke { tool: "t".into(), text: "{\"a\":1}".into(), arguments: Arc::new(serde_json::json!({ "a": 1 })) }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// The limit at which a call was stopped.
#[track_caller]
pub(super) fn exceeded(report: &RunReport) -> Exceeded {
    match &report.outcome {
        Err(RunFailure::Exceeded(exceeded)) => *exceeded,
        other => panic!("not stopped at a limit: {other:?}"),
    }
}

/// The name of the trap in which a call ended.
#[track_caller]
pub(super) fn trap(report: &RunReport) -> &'static str {
    match &report.outcome {
        Err(RunFailure::Trap(trap)) => trap.code,
        other => panic!("not a trap: {other:?}"),
    }
}

/// `component` runs with these limits, is stopped at `limit`, and leaves a sandbox in which an honest call works.
#[track_caller]
pub(super) fn stops_at(limit: Limit, component: &[u8], some: &[(Limit, u64)]) {
    let sandbox = sandbox();
    let hostile = sandbox.load_blocking(component).unwrap();
    let honest = sandbox.load_blocking(&super::guests::computing("")).unwrap();
    for way in WAYS {
        let report = Call::of(&sandbox, &hostile).limited(some).run(way);
        let found = exceeded(&report);
        assert_eq!(found.limit, limit, "{way:?}");
        assert!(found.used > found.allowed, "{found:?}");
        assert_eq!(Call::of(&sandbox, &honest).run(way).outcome.unwrap(), "{}", "{way:?}");
        assert_eq!(sandbox.memory_in_flight(), 0, "{way:?}");
    }
}

/// Answers other than text, for the conversion's own test.
pub(super) fn tools() -> Answer {
    Answer::Tools(Vec::new())
}
