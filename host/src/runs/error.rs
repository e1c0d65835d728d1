//! Why nothing can be done with a run.

use toolhold_core::id::RunId;
use toolhold_core::run::machine::Unreadable;
use toolhold_core::state::State;

use crate::agent::Stopped;
use crate::journal;

/// Why nothing can be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none with this name.
    #[error("there is no run `{0}`; `toolhold runs` lists them")]
    NoSuchRun(RunId),
    /// It has fewer steps.
    #[error("there is no such step: run `{run}` has the steps 1 to {steps}; `toolhold runs show {run}` lists them")]
    NoSuchStep {
        /// Which run.
        run: RunId,
        /// How many it has.
        steps: u64,
    },
    /// Its steps were removed.
    #[error("the steps of run `{0}` were removed, because it is too old: nothing but its name is left")]
    Expired(RunId),
    /// It is where this cannot be done.
    #[error("run `{run}` is {state}: {hint}")]
    NotNow {
        /// Which run.
        run: RunId,
        /// Where it is.
        state: State,
        /// What can be done instead.
        hint: &'static str,
    },
    /// A fork whose copy was cut off: the steps that are missing would be done again.
    #[error("run `{run}` is a fork, and its copy of `{}` was cut off: fork again with `toolhold runs fork {}@{}`", .origin.run, .origin.run, .origin.step)]
    HalfCopied {
        /// Which run.
        run: RunId,
        /// What it was to be a copy of.
        origin: crate::journal::Origin,
    },
    /// There is no call at this step.
    #[error("step {step} of run `{run}` is no call; the steps with one are: {calls}")]
    NoCall {
        /// Which run.
        run: RunId,
        /// Which step.
        step: u64,
        /// The steps with a call.
        calls: String,
    },
    /// What is on record of a call is not enough to make it once more.
    #[error("the call of step {step} of run `{run}` cannot be replayed: {why}")]
    NotKept {
        /// Which run.
        run: RunId,
        /// Which step.
        step: u64,
        /// Why.
        why: &'static str,
    },
    /// A dry run keeps nothing that outlives its process.
    #[error("run `{0}` is a dry run: what it staged is gone with its process; start it again")]
    DryRun(RunId),
    /// At this step something is half done.
    #[error(
        "a fork cannot begin at step {step} of run `{run}`: it is not the end of a turn; the last one before is step {checkpoint}"
    )]
    HalfDone {
        /// Which run.
        run: RunId,
        /// Which step.
        step: u64,
        /// From where a fork can begin.
        checkpoint: u64,
    },
    /// What is stored of it cannot be understood.
    #[error("run `{run}` cannot be put together again: {why}")]
    Unreadable {
        /// Which run.
        run: RunId,
        /// Why.
        why: Unreadable,
    },
    /// A step is not JSON of a step.
    #[error("step {step} of run `{run}` cannot be read: {why}")]
    Damaged {
        /// Which run.
        run: RunId,
        /// Which step.
        step: u64,
        /// Why.
        why: String,
    },
    /// It was stopped, and can be taken up again.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A file of the state directory failed.
    #[error("cannot write `{path}`: {why}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        why: std::io::Error,
    },
}
