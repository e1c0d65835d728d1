//! From staged changes to the disk, as a whole or not at all.
//!
//! 1. [`difference`] compares a tree of staged changes with the disk: what is created, changed, moved, gone.
//! 2. [`report`] puts that into words for people and programs, with diffs.
//! 3. [`compose`] puts it into a [`Plan`]: what the disk must still be like ([`Expect`]) and the steps that change it, each of
//!    them one system call on one name, each of them such that doing it twice is doing it once.
//! 4. [`execute`] checks the expectations and does the steps. What the steps take away is kept beside the plan, so that
//!    the same steps backwards undo it, at once if a step fails or later if a person wants so.
//!
//! The caller writes the plan down before [`Prepared::commit`] and that it is done after it. A process that is killed in between
//! leaves a plan that [`Plan::roll_forward`] finishes, from whatever step on. Nothing here knows a journal.
//!
//! For whoever looks at the directory meanwhile, each file changes at once from old to new; several files do so one after
//! the other.

mod attributes;
mod compose;
mod diff;
mod difference;
mod directories;
mod execute;
#[cfg(test)]
pub(super) mod faults;
mod files;
mod open;
mod plan;
mod report;
mod staged;
mod step;
mod undo;
mod verify;
mod workspace;

pub use execute::Prepared;
pub use files::sweep;
pub use plan::{CommitError, Plan};
pub use report::Detail;
pub use staged::{Durable, Staged};
pub use undo::After;
