//! A call that was admitted for a caller who has gone away: nobody makes it, so it is settled as one that never began.
//!
//! Otherwise its key would be taken until the host stops, and the call parked then, although it did nothing. Whoever goes away before the
//! writer has come to the admission has it left out ([`Command::is_in_vain`](super::queue::Command::is_in_vain)); while it is written, the writer
//! finds nobody to tell; and after it, [`Awaited`] finds the answer that nobody took.

use tokio::sync::oneshot;
use toolhold_core::event::Effects;
use toolhold_core::id::CallId;

use super::error::Error;
use super::queue::{Answer, Command, Queue, Work};
use super::record::{Admission, Intent, Settlement};

/// What is told of a call that nobody makes.
#[derive(Debug)]
pub(super) struct Unbegun {
    call: CallId,
    effects: Effects,
    at: u64,
}

impl Unbegun {
    pub(super) fn of(intent: &Intent) -> Self {
        Self { call: intent.call.clone(), effects: intent.effects, at: intent.at }
    }

    /// What settles it. Nobody waits for that.
    pub(super) fn settled(self) -> Command {
        let settlement = Settlement::nothing("its caller went away before it began", self.effects, self.at);
        let durable = settlement.durable;
        Command { work: Work::Settle(self.call, Box::new(settlement)), durable, reply: None }
    }
}

/// An answer that somebody waits for, who may go away.
pub(super) struct Awaited<'a> {
    pub(super) answer: oneshot::Receiver<Result<Answer, Error>>,
    pub(super) queue: &'a Queue,
    /// The call that is admitted by it, if one is.
    pub(super) admits: Option<Unbegun>,
}

impl Awaited<'_> {
    pub(super) async fn taken(mut self) -> Result<Answer, Error> {
        (&mut self.answer).await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let Some(unbegun) = self.admits.take() else { return };
        // What is sent from here on finds nobody, and what was sent before is found here: never neither.
        self.answer.close();
        if let Ok(Ok(Answer::Admission(Admission::Fresh))) = self.answer.try_recv()
            && let Err(error) = self.queue.push(unbegun.settled(), true)
        {
            tracing::error!(%error, "a call that never began was not settled");
        }
    }
}
