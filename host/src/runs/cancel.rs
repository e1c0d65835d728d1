//! Cancelling a run: from another process, while somebody works on it, and while nobody does.
//!
//! Whoever works on a run holds the journal, so the wish is a file beside it, looked for a few times a second. Only who may
//! write the state directory can leave one there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};
use toolhold_core::id::{Digest, RunId};
use toolhold_core::run::{Next, RunEvent};

use super::error::Error;
use super::known;
use super::past::Past;
use super::recorder::JournalEngine;
use crate::agent::{Engine as _, Stopped};
use crate::journal::Journal;

/// How often it is looked for.
const PERIOD: Duration = Duration::from_millis(250);

fn wish(state: &Path, run: &RunId) -> PathBuf {
    // A name of ours: that of a run may hold anything printable.
    state.join("cancel").join(Digest::of(run.as_str().as_bytes()).hex())
}

/// Asks whoever works on `run` to end it.
///
/// # Errors
///
/// The state directory cannot be written.
pub fn request(state: &Path, run: &RunId) -> Result<(), Error> {
    let path = wish(state, run);
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, run.as_str()));
    made.map_err(|why| Error::File { path: path.display().to_string(), why })
}

/// Fires `cancel` when somebody asks for it, until the guard is dropped.
pub(super) fn watch(state: &Path, run: &RunId, cancel: CancellationToken) -> Watch {
    let path = wish(state, run);
    let over = CancellationToken::new();
    let (watched, stop) = (path.clone(), over.clone());
    tokio::spawn(async move {
        loop {
            if watched.exists() {
                return cancel.cancel();
            }
            if stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_none() {
                return;
            }
        }
    });
    Watch { path, _over: over.drop_guard() }
}

/// Somebody watches.
pub(super) struct Watch {
    path: PathBuf,
    _over: DropGuard,
}

impl Watch {
    /// The run is over: the wish has come true, or came too late.
    pub(super) fn done(self) {
        // Mostly there is none.
        let _gone = std::fs::remove_file(&self.path).is_err();
    }
}

/// Nobody wants `run` to end any more.
pub(super) fn forget(state: &Path, run: &RunId) {
    let _gone = std::fs::remove_file(wish(state, run)).is_err();
}

/// Ends a run on which nobody works.
///
/// # Errors
///
/// There is no such run, it is over, or the journal fails.
pub async fn cancel(journal: &Journal, run: &RunId) -> Result<(), Error> {
    let reader = journal.reader()?;
    let mut machine = Past::of(&reader, run)?.machine()?;
    if machine.state().is_end() {
        return Err(Error::NotNow { run: run.clone(), state: machine.state(), hint: "there is nothing to cancel" });
    }
    let mut engine = JournalEngine::new(journal, "cancel");
    let mut asked = Some(RunEvent::CancelRequested);
    loop {
        let elapsed = machine.elapsed();
        let event = match (asked.take(), machine.open_call(), machine.next(elapsed)) {
            (Some(event), _, _) => event,
            // It was started, and whoever did is gone: the journal tells what it came to, or nobody does.
            (None, Some(call), _) => known::of(&reader, &machine, &call)?.unwrap_or_else(|| machine.abandoned(&call)),
            (None, None, Next::Note(event)) => event,
            (None, None, _) => return Ok(()),
        };
        let act = Box::pin(std::future::ready((elapsed, event)));
        let happened = engine.once(&machine, act).await.map_err(|error| Stopped(error.to_string()))?;
        machine.apply(elapsed, &happened.event).map_err(|error| Stopped(error.to_string()))?;
    }
}
