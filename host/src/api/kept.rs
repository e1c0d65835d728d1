//! Calls for whose end nobody waits on the line: they run in tasks of their own, and their reports are kept for a while.
//!
//! The journal knows what became of them as well; the report of one that was refused is nowhere but here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolhold_core::call::ToolCall;
use toolhold_core::id::CallId;

use crate::shown::Report;
use crate::{CallOptions, Host, clock};

/// Calls that run at the same time. The host has bounds of its own for what really runs.
const MOST_RUNNING: usize = 256;

/// Reports that are kept, and their bytes in all. The oldest go first.
const KEPT_REPORTS: usize = 256;
const KEPT_BYTES: usize = 64 << 20;

/// Calls that run, and the reports of the latest.
pub(super) struct Calls {
    known: Arc<Mutex<Known>>,
    tasks: TaskTracker,
    abandon: CancellationToken,
}

#[derive(Default)]
struct Known {
    running: BTreeMap<CallId, CancellationToken>,
    done: VecDeque<(CallId, Arc<Value>, usize)>,
    bytes: usize,
    ending: bool,
}

/// Why a call is not started.
pub(super) enum NotStarted {
    /// Too many run.
    Full,
    /// The server ends.
    Ending,
}

/// What is known of a call.
pub(super) enum Call {
    /// It runs.
    Running,
    /// It came to this.
    Done(Arc<Value>),
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { known: Arc::default(), tasks: TaskTracker::new(), abandon: CancellationToken::new() }
    }

    /// Starts a call of `host` and does not wait for it.
    pub(super) fn start(&self, host: Host, call: ToolCall, options: CallOptions) -> Result<CallId, NotStarted> {
        let id = clock::new_call();
        let cancel = self.abandon.child_token();
        {
            let mut known = lock(&self.known);
            if known.ending {
                return Err(NotStarted::Ending);
            }
            if known.running.len() >= MOST_RUNNING {
                return Err(NotStarted::Full);
            }
            known.running.insert(id.clone(), cancel.clone());
        }
        let (known, named) = (Arc::clone(&self.known), id.clone());
        self.tasks.spawn(async move {
            let report = host.call_as(named.clone(), call, CallOptions { cancel, ..options }).await;
            lock(&known).end(named, json!(Report::of(report)));
        });
        Ok(id)
    }

    pub(super) fn get(&self, call: &CallId) -> Option<Call> {
        let known = lock(&self.known);
        if known.running.contains_key(call) {
            return Some(Call::Running);
        }
        let done = known.done.iter().find(|(id, ..)| id == call);
        done.map(|(_, report, _)| Call::Done(Arc::clone(report)))
    }

    /// Asks a call to end. `false` where it does not run here.
    pub(super) fn cancel(&self, call: &CallId) -> bool {
        let cancel = lock(&self.known).running.get(call).cloned();
        cancel.inspect(CancellationToken::cancel).is_some()
    }

    /// Starts nothing more, and returns when what runs has ended, or was stopped because `now` was cancelled.
    pub(super) async fn shut_down(&self, now: &CancellationToken) {
        lock(&self.known).ending = true;
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = now.cancelled() => {
                self.abandon.cancel();
                self.tasks.wait().await;
            }
        }
    }
}

impl Known {
    fn end(&mut self, call: CallId, report: Value) {
        self.running.remove(&call);
        let bytes = report.to_string().len();
        self.bytes += bytes;
        self.done.push_back((call, Arc::new(report), bytes));
        // The latest is kept, however large.
        while self.done.len() > KEPT_REPORTS || (self.bytes > KEPT_BYTES && self.done.len() > 1) {
            if let Some((_, _, bytes)) = self.done.pop_front() {
                self.bytes -= bytes;
            }
        }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_reports_are_kept_within_bounds() {
        let mut known = Known::default();
        for number in 0..KEPT_REPORTS + 3 {
            known.end(format!("c{number}").parse().unwrap(), json!(number));
        }
        assert_eq!((known.done.len(), known.done[0].0.as_str()), (KEPT_REPORTS, "c3"));
        let large = json!("x".repeat(KEPT_BYTES / 2));
        (0..4).for_each(|number| known.end(format!("l{number}").parse().unwrap(), large.clone()));
        assert!(known.bytes <= KEPT_BYTES && known.done.len() < 4, "{} reports", known.done.len());
        known.end("huge".parse().unwrap(), json!("x".repeat(KEPT_BYTES)));
        assert_eq!((known.done.len(), known.done[0].0.as_str()), (1, "huge"));
    }
}
