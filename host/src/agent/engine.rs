//! What makes a run durable: everything that happens to it passes through an [`Engine`], which takes it down.
//!
//! An engine is asked for the next event of a run. It has it on record already, or it lets the act happen and records what
//! came of it, before anybody builds on it. So a journal in a file can carry a run, and so can an execution engine that
//! replays recorded steps: neither the loop nor this trait knows which.

use std::time::Duration;

use futures_util::future::BoxFuture;
use toolhold_core::run::{Machine, Occurrence, RunEvent};
use toolhold_core::state::Refused;

/// Something that happens: what it came to, and when, as time that the run has worked.
pub type Act<'a> = BoxFuture<'a, (Duration, RunEvent)>;

/// What takes down the events of one run.
pub trait Engine: Send {
    /// The event that follows on those of `machine`: what is on record, or what `act` comes to, on record when this returns.
    ///
    /// # Errors
    ///
    /// It could not be recorded, or cannot happen now. The run is what it was.
    fn once<'a>(&'a mut self, machine: &'a Machine, act: Act<'a>) -> BoxFuture<'a, Result<Occurrence, Unrecorded>>;
}

/// Why an event is not part of its run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unrecorded {
    /// The table of states refuses it. A defect of this program.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be written down.
    #[error("{0}")]
    Failed(String),
}

/// Records nothing: for runs that live as long as their process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Engine for Forgetful {
    fn once<'a>(&'a mut self, machine: &'a Machine, act: Act<'a>) -> BoxFuture<'a, Result<Occurrence, Unrecorded>> {
        Box::pin(async move {
            let (elapsed, event) = act.await;
            Ok(machine.place(elapsed, event)?)
        })
    }
}
