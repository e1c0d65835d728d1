//! A dry run of many calls: each sees what the ones before it would have changed, and nothing of it ever lands.

use std::sync::{Arc, Mutex, PoisonError};

use toolhold_core::call::AuthorizedCall;
use toolhold_core::effect::{Change, EffectReport, Unknown};
use toolhold_core::limit::Limit;
use toolhold_core::redact::Redactor;
use toolhold_sandbox::RunReport;
use toolhold_sandbox::capability::fs::Stage;
use toolhold_sandbox::capability::fs::commit::{Detail, Staged};

use super::{Effects, report};
use crate::clock;

/// The staged changes of one dry run. Dropped, they are gone.
///
/// Its calls are to be made one after the other.
#[derive(Debug, Default)]
pub struct PreviewSession(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stage: Option<Arc<Stage>>,
    before: Vec<Change>,
    requests: EffectReport,
    /// What its calls have staged, of which nothing is removed before it ends: bytes written, and 4 KiB for each file.
    staged: u64,
    /// Of the host whose calls these are.
    redactor: Redactor,
}

impl PreviewSession {
    /// A dry run that has changed nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that its calls would have changed so far, as one difference, and requested.
    #[must_use]
    pub fn effects(&self) -> EffectReport {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let staged = state.stage.clone().map(|stage| Staged::new(stage).changes(Detail::Full));
        let (changes, changes_left_out) = staged.unwrap_or_default();
        let mut effects = EffectReport { changes, changes_left_out, ..state.requests.clone() };
        state.redactor.pass().effects(&mut effects);
        effects
    }

    /// What its calls have staged: bytes of the disk, about.
    pub(crate) fn staged(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).staged
    }

    pub(crate) fn begin_call(&self, effects: &Effects, redactor: &Redactor) -> Arc<Stage> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.redactor = redactor.clone();
        let new = || Arc::new(Stage::new(effects.staging.clone(), clock::new_run().to_string()));
        let stage = Arc::clone(state.stage.get_or_insert_with(new));
        stage.begin_call();
        stage
    }

    /// What the call adds to the dry run. A call that failed adds nothing.
    pub(super) fn end_call(&self, call: &AuthorizedCall, run: &RunReport, succeeded: bool) -> EffectReport {
        let mut effects = report::of(call, run);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = |limit| run.usage.get(limit);
        let staged = used(Limit::FilesCreated).saturating_mul(4096).saturating_add(used(Limit::BytesWritten));
        state.staged = state.staged.saturating_add(staged);
        let after = std::mem::take(&mut effects.changes);
        // In the order of their paths, both.
        let known = |change: &Change| {
            let begin = state.before.partition_point(|before| before.path < change.path);
            let rest = state.before.get(begin..).unwrap_or_default();
            rest.iter().take_while(|before| before.path == change.path).any(|before| before == change)
        };
        effects.changes = after.iter().filter(|change| !known(change)).cloned().collect();
        let known: Vec<Unknown> =
            effects.unknown.iter().filter(|unknown| !state.requests.unknown.contains(unknown)).cloned().collect();
        state.requests.requests.extend(effects.requests.iter().cloned());
        state.requests.requests_left_out += effects.requests_left_out;
        state.requests.unknown.extend(known);
        state.requests.labels.extend(effects.labels.iter().cloned());
        match (&state.stage, succeeded) {
            (Some(stage), false) => {
                stage.roll_back();
            }
            _ => state.before = after,
        }
        effects
    }
}
