//! The engine of durable runs: the journal.

use futures_util::future::BoxFuture;
use toolhold_core::event::{Event, bounded};
use toolhold_core::run::{Machine, Occurrence, RunEvent};

use crate::agent::{Act, Engine, Unrecorded};
use crate::clock;
use crate::journal::{Journal, Origin, RunHead, RunStep};

/// Writes every step of a run into the journal.
///
/// What a model said is written before anything is built on it: a kill costs no answer twice. The start of a call is written
/// before the journal admits the call, in the same order, and the end of one is known to the journal of calls: nobody has to
/// wait for either. Begin and end of a run survive a power cut.
#[derive(Debug)]
pub struct JournalEngine<'a> {
    journal: &'a Journal,
    front: &'a str,
    origin: Option<Origin>,
}

impl<'a> JournalEngine<'a> {
    /// Records runs that `front` asked for.
    #[must_use]
    pub fn new(journal: &'a Journal, front: &'a str) -> Self {
        Self { journal, front, origin: None }
    }

    /// Records a run that is a copy of another one.
    #[must_use]
    pub fn forked(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    async fn record(&self, machine: &Machine, happened: &Occurrence) -> Result<(), String> {
        let step = RunStep {
            run: machine.run().clone(),
            step: machine.steps() + 1,
            state: happened.state,
            body: serde_json::to_string(happened).map_err(|error| error.to_string())?,
            head: matches!(happened.event, RunEvent::RunStarted(_)).then(|| self.head(machine)),
            event: self.told(machine, &happened.event),
            waits: waits(&happened.event),
            durable: is_durable(&happened.event),
            at: clock::micros(),
        };
        self.journal.run_step(step).await.map_err(|error| error.to_string())
    }

    fn head(&self, machine: &Machine) -> RunHead {
        let start = machine.start();
        RunHead { task: start.task.clone(), mode: start.mode, origin: self.origin.clone() }
    }

    /// What the audit says of it.
    fn told(&self, machine: &Machine, event: &RunEvent) -> Option<Event> {
        let run = machine.run().clone();
        Some(match event {
            RunEvent::RunStarted(start) => match &self.origin {
                Some(origin) => Event::RunForked { run, from: origin.run.clone(), step: origin.step },
                None => Event::RunStarted { run, front: self.front.to_owned(), manifest: start.manifest },
            },
            RunEvent::RunResumed { .. } => Event::RunResumed { run },
            RunEvent::RunEnded { end, reason, .. } => {
                let reason = reason.as_ref().map(|reason| bounded(&reason.to_string()));
                Event::RunEnded { run, end: end.to_string(), reason, steps: None, history: None }
            }
            RunEvent::DeadLettered => Event::RunDeadLettered { run },
            RunEvent::Requeued { .. } => Event::RunRequeued { run },
            RunEvent::Discarded => Event::RunDiscarded { run },
            _ => return None,
        })
    }
}

fn is_durable(event: &RunEvent) -> bool {
    matches!(
        event,
        RunEvent::RunStarted(_)
            | RunEvent::RunEnded { .. }
            | RunEvent::DeadLettered
            | RunEvent::Requeued { .. }
            | RunEvent::Discarded
    )
}

fn waits(event: &RunEvent) -> bool {
    is_durable(event)
        || matches!(
            event,
            RunEvent::ModelAnswered { .. }
                | RunEvent::RunResumed { .. }
                | RunEvent::ApprovalRequested { .. }
                | RunEvent::ApprovalGranted { .. }
        )
}

impl Engine for JournalEngine<'_> {
    fn once<'a>(&'a mut self, machine: &'a Machine, act: Act<'a>) -> BoxFuture<'a, Result<Occurrence, Unrecorded>> {
        Box::pin(async move {
            let (elapsed, event) = act.await;
            let happened = machine.place(elapsed, event)?;
            self.record(machine, &happened).await.map_err(Unrecorded::Failed)?;
            Ok(happened)
        })
    }
}
