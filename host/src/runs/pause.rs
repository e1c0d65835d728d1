//! Stopping the work on a run where it can be taken up again without a loss, because whoever works on it is about to end.

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use toolhold_core::run::{Machine, Occurrence};

use super::recorder::JournalEngine;
use crate::agent::{Act, Engine, Unrecorded};

/// What whoever waits for the run is told.
const PAUSED: &str = "whoever works on it ends; it goes on when it is taken up again";

/// Records as the journal does, until `pause` fires. From then on nothing is begun: a model that was asked is not waited for, and
/// a call that was started comes to its end, because what it does is done.
pub(super) struct Pausing<'a> {
    pub(super) engine: JournalEngine<'a>,
    pub(super) pause: &'a CancellationToken,
}

impl Engine for Pausing<'_> {
    fn once<'a>(&'a mut self, machine: &'a Machine, act: Act<'a>) -> BoxFuture<'a, Result<Occurrence, Unrecorded>> {
        Box::pin(async move {
            let paused = || Unrecorded::Failed(PAUSED.to_owned());
            if machine.open_call().is_some() {
                return self.engine.once(machine, act).await;
            }
            tokio::select! {
                biased;
                () = self.pause.cancelled() => Err(paused()),
                happened = self.engine.once(machine, act) => happened,
            }
        })
    }
}
