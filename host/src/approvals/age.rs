//! How long approvals are kept that nobody can answer or use any more: as long as the steps of runs.

use crate::clock;
use crate::journal::{Error, Journal};

/// Removes those whose time was over before `before`, in microseconds since 1970. The audit keeps that they were there, and who decided.
pub(crate) async fn remove_old(journal: &Journal, before: u64) -> Result<(), Error> {
    while journal.remove_approvals(before, clock::micros()).await? > 0 {}
    Ok(())
}
