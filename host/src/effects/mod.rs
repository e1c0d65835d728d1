//! What calls change: landed as a whole, kept as a preview, applied, undone, and finished after a crash.
//!
//! The sandbox stages, plans and does; the journal writes down; this module puts the two in the order that makes it safe:
//!
//! * **land**: the plan is on disk before its first step, and the outcome with it; the call is settled after its last step. A
//!   host that stops in between finishes the plan when it is opened next.
//! * **preview**: nothing lands. What it would change is told with hashes and diffs, and kept with its plan.
//! * **apply**: the plan of a preview is done, if the manifest is the same, the call is still permitted, and the disk is what the
//!   preview saw.
//! * **undo**: the plan is taken back, if the disk is what the plan left.
//!
//! Landing does not end when the caller goes away: it runs to its end at once, or on a thread that may wait for the disk.

mod acted;
mod apply;
mod expire;
mod land;
mod preview;
mod recover;
mod report;
mod session;
mod undo;

use std::path::PathBuf;

use tokio::runtime::{Handle, RuntimeFlavor};
use toolhold_core::outcome::{Class, Failure};
use toolhold_sandbox::capability::fs::commit::{CommitError, Durable};

pub(crate) use expire::Kept;
pub(crate) use report::{hashed, of as observed, wrote_in_place};
pub use session::PreviewSession;
pub use undo::{UndoError, Undone};

/// Where what is staged lies, how it is made to last, and how long it is kept.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) staging: PathBuf,
    pub(crate) durable: Durable,
    pub(crate) kept: Kept,
}

/// Work that may take a while and waits for nobody, such as comparing files: what else this thread has to do goes on on another one, where
/// the runtime has more than one.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// What a caller is told of a plan that was not done, by a call that may have `acted` otherwise.
fn failure(error: &CommitError, acted: bool) -> Failure {
    let (class, code, message) = match (error, acted) {
        (CommitError::Conflict(_), false) => (
            Class::Conflict,
            "conflict",
            "somebody else changed the same files meanwhile, so nothing was changed; look at them again, then repeat it",
        ),
        (CommitError::Conflict(_), true) => (
            Class::Conflict,
            "conflict",
            "somebody else changed the same files meanwhile, so no staged file was changed; but what the call asked of others by requests, \
             or wrote in place, is done: look at what is left to do, and do not repeat the whole of it",
        ),
        (CommitError::Stuck { .. }, _) => (
            Class::Host,
            "half-landed",
            "the host failed while it changed files, and could not take it back; a person has to look",
        ),
        (_, false) => {
            (Class::Host, "not-landed", "the host could not keep what the call changed, so nothing of it was kept")
        }
        (_, true) => (
            Class::Host,
            "not-landed",
            "the host could not keep what the call changed of files; but what it asked of others by requests, or wrote in place, is done",
        ),
    };
    Failure { acted, ..Failure::new(class, code, message).with_detail(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// A runtime of one worker, as small as one gets.
    #[test]
    fn what_takes_long_keeps_no_other_task_waiting() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (other, waits) = mpsc::channel();
        let long = runtime.spawn(async move { aside(|| waits.recv_timeout(Duration::from_secs(20))) });
        let other = runtime.spawn(async move { other.send("it went on") });
        runtime.block_on(async {
            assert_eq!(long.await.unwrap(), Ok("it went on"));
            other.await.unwrap().unwrap();
        });
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_there() {
        assert_eq!(aside(|| 1), 1);
    }
}
