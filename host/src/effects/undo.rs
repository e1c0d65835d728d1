//! Taking back what calls changed.

use toolhold_core::effect::{Change, ChangeKind, EffectReport};
use toolhold_core::id::{CallId, RunId};
use toolhold_sandbox::capability::fs::commit::{After, CommitError, Plan};

use crate::clock;
use crate::host::Host;
use crate::journal::{self, HistoryEntry, HistoryFilter, PlanState};

/// How many of the latest calls are looked at for the one that changed a file last.
const LATER: u32 = 1_000;

/// A call that was taken back.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Undone {
    /// Which call.
    pub call: CallId,
    /// What it had changed, and what is as before now.
    pub effects: EffectReport,
}

/// Why a call was not taken back. Nothing of it was, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// It changed nothing that is known, or there is no such call.
    #[error("call `{0}` changed no files, or there is no such call: `toolhold history` lists those that did")]
    Nothing(CallId),
    /// What was there before is not kept any more.
    #[error(
        "call `{0}` can no longer be undone: what was there before has expired; `undo-age` and `undo-bytes` in `[host]` of the \
         manifest say how long it is kept"
    )]
    Expired(CallId),
    /// It was taken back, refused, or is a preview.
    #[error("call `{call}` cannot be undone: it is `{}`", .state.word())]
    State {
        /// Which call.
        call: CallId,
        /// How far its plan came.
        state: PlanState,
    },
    /// Somebody changed the same files since, or the operating system refuses.
    #[error("call `{call}` was not undone: {}", why(source, later.as_ref()))]
    Disk {
        /// Which call.
        call: CallId,
        /// Why.
        source: CommitError,
        /// The last call that changed one of the files since, if one did.
        later: Option<CallId>,
    },
    /// The process came to its end meanwhile.
    #[error("the undo of call `{0}` was cut off: it is finished when the host is opened again")]
    Ended(CallId),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// A later call is taken back first; nobody else has to be looked for.
fn why(source: &CommitError, later: Option<&CallId>) -> String {
    match (source, later) {
        (CommitError::Conflict(paths), Some(later)) => {
            let paths = paths.iter().take(5).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
            format!(
                "call `{later}` changed the same files after it ({paths}); take that back first: `toolhold undo {later}`"
            )
        }
        (CommitError::Stuck { .. }, _) => {
            format!("{source}; once the cause is mended, whoever opens the host next finishes the undo")
        }
        _ => source.to_string(),
    }
}

/// Whether a call that changed `change` may have changed what is at `path`, or within it.
fn concerns(change: &Change, path: &str) -> bool {
    let meets = |changed: &str| {
        let within = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        within(changed.trim_end_matches('/'), path) || within(path, changed.trim_end_matches('/'))
    };
    meets(&change.path) || matches!(&change.kind, ChangeKind::Moved { from } if meets(from))
}

impl UndoError {
    /// The guest paths that somebody changed since, if that is why.
    #[must_use]
    pub fn conflicts(&self) -> &[String] {
        match self {
            Self::Disk { source: CommitError::Conflict(paths), .. } => paths,
            _ => &[],
        }
    }
}

impl Host {
    /// Takes back what `call` changed of files, if they are still what it left. Whoever asked may go away: what has begun is finished.
    ///
    /// # Errors
    ///
    /// [`UndoError`].
    pub async fn undo(&self, call: &CallId) -> Result<Undone, UndoError> {
        let (host, whole) = (self.clone(), call.clone());
        let undone = tokio::spawn(async move { host.undo_whole(&whole).await }).await;
        undone.unwrap_or_else(|_| Err(UndoError::Ended(call.clone())))
    }

    async fn undo_whole(&self, call: &CallId) -> Result<Undone, UndoError> {
        // Nobody waits for the outcome of a call whose plan is on disk, so it may still be on its way.
        self.0.journal.flush().await?;
        let record = self.0.journal.reader()?.plan(call)?.ok_or_else(|| UndoError::Nothing(call.clone()))?;
        if record.state == PlanState::Expired {
            return Err(UndoError::Expired(call.clone()));
        }
        if record.state != PlanState::Landed {
            return Err(UndoError::State { call: call.clone(), state: record.state });
        }
        let unusable = |what: &str| UndoError::Disk {
            call: call.clone(),
            source: CommitError::Unusable(what.into()),
            later: None,
        };
        let plan: Plan = serde_json::from_str(&record.plan).map_err(|_| unusable("it cannot be read"))?;
        let after = record.after.as_deref().unwrap_or_default();
        let after: After = serde_json::from_str(after).map_err(|_| unusable("what it left is not known"))?;
        self.0.journal.begin_undo(call, clock::micros()).await?;
        let (staging, durable) = (&self.0.effects.staging, self.0.effects.durable);
        match plan.undo(staging, &after, durable) {
            Ok(()) => {
                self.0.journal.end_undo(call, None, clock::micros()).await?;
                self.discard(&plan);
                let mut effects = serde_json::from_str(&record.effects).unwrap_or_default();
                self.0.redactor.pass().effects(&mut effects);
                Ok(Undone { call: call.clone(), effects })
            }
            // It stays begun: whoever opens the host next finishes it.
            Err(source @ CommitError::Stuck { .. }) => {
                tracing::error!(%call, why = %source, "an undo could not be finished");
                Err(UndoError::Disk { call: call.clone(), source, later: None })
            }
            Err(source) => {
                self.0.journal.end_undo(call, Some(source.to_string()), clock::micros()).await?;
                let later = match &source {
                    CommitError::Conflict(paths) => self.changed_later(call, paths)?,
                    _ => None,
                };
                Err(UndoError::Disk { call: call.clone(), source, later })
            }
        }
    }

    /// The last of the calls since `call` whose changes are on the disk and concern one of `paths`.
    fn changed_later(&self, call: &CallId, paths: &[String]) -> Result<Option<CallId>, UndoError> {
        let filter = HistoryFilter { limit: LATER, ..HistoryFilter::default() };
        let history = self.0.journal.reader()?.history(&filter)?;
        let since = history.into_iter().take_while(|entry| entry.call != *call);
        let concerns = |entry: &HistoryEntry| {
            entry.effects.changes.iter().any(|change| paths.iter().any(|path| concerns(change, path)))
        };
        Ok(since.filter(HistoryEntry::is_on_disk).find(concerns).map(|entry| entry.call))
    }

    /// Takes back what the calls of a run changed, the last one first. The ones before a failure stay undone.
    ///
    /// # Errors
    ///
    /// [`UndoError`] of the first call that was not taken back.
    pub async fn undo_run(&self, run: &RunId) -> Result<Vec<Undone>, UndoError> {
        let filter = HistoryFilter { run: Some(run.clone()), limit: u32::MAX, ..HistoryFilter::default() };
        self.0.journal.flush().await?;
        let history = self.0.journal.reader()?.history(&filter)?;
        let mut undone = Vec::new();
        for entry in history.into_iter().filter(HistoryEntry::is_on_disk) {
            undone.push(self.undo(&entry.call).await?);
        }
        Ok(undone)
    }
}
