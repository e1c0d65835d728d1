//! How long what is on record is kept: the steps of runs and approvals for `run-age`, what an undo needs for `undo-age`, calls, runs and the
//! audit of them for `journal-age`, which is for ever unless the manifest says otherwise.
//!
//! Looked at when a host is opened and, while a process serves, again and again. In small steps, with pauses: calls go on meanwhile. What is
//! not over is never removed, whatever its age: [`journal::Prune`] says what that is.

use std::time::Duration;

use crate::approvals::age;
use crate::host::Host;
use crate::journal::{Error, Journal, Prune, Pruned, Reader};
use crate::shutdown::Shutdown;
use crate::{Current, clock, runs};

/// Nothing that is younger is removed: keys count for a day at least, and quotas look back on an hour. In microseconds.
pub(crate) const LEAST: u64 = 24 * 3_600_000_000;

/// How often a process that serves looks.
pub(crate) const PERIOD: Duration = Duration::from_secs(3600);

/// Between two steps.
const PAUSE: Duration = Duration::from_millis(20);

/// Steps at once where somebody waits for the host: the next one goes on.
const A_FEW: usize = 4;

/// How the audit names who wants it, where that is the manifest.
const BY_MANIFEST: &str = "journal-age";

/// How much is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// A few steps: somebody waits.
    AFew,
    /// Everything, with pauses for whoever calls.
    All,
    /// Everything at once: nobody else is there.
    Alone,
}

impl Host {
    /// Removes what is older than the manifest says it is kept.
    pub(crate) async fn remove_what_is_old(&self, at_once: AtOnce) -> Result<(), Error> {
        let (now, limits) = (clock::micros(), self.policy().manifest().host());
        runs::expire(self.journal(), now.saturating_sub(limits.run_age)).await?;
        age::remove_old(self.journal(), now.saturating_sub(limits.run_age)).await?;
        if limits.journal_age == 0 {
            return Ok(());
        }
        let removed = prune(self.journal(), before(now, limits.journal_age), BY_MANIFEST, at_once).await?;
        if removed != Pruned::default() {
            tracing::info!(
                removed.entries,
                removed.calls,
                removed.runs,
                "what is older than `journal-age` was removed"
            );
        }
        Ok(())
    }
}

/// The time before which something has to be over to be older than `age`.
pub(crate) fn before(now: u64, age: u64) -> u64 {
    now.saturating_sub(age.max(LEAST))
}

/// Removes what was over before `before`, in microseconds since 1970.
///
/// # Errors
///
/// The audit is broken in what is old, or the journal cannot be written. What was removed until then is.
pub(crate) async fn prune(journal: &Journal, before: u64, by: &str, at_once: AtOnce) -> Result<Pruned, Error> {
    runs::expire(journal, before).await?;
    age::remove_old(journal, before).await?;
    let mut removed = Pruned::default();
    for number in 0_usize.. {
        if at_once == AtOnce::AFew && number >= A_FEW {
            break;
        }
        let step = Prune { before, by: by.to_owned(), at: clock::micros() };
        let step = journal.prune(step).await?;
        if step.entries == 0 {
            break;
        }
        removed = removed.and(&step);
        if at_once == AtOnce::All {
            tokio::time::sleep(PAUSE).await;
        }
    }
    if removed.entries > 0 {
        for number in 0_usize.. {
            let is_enough = at_once == AtOnce::AFew && number >= A_FEW;
            if is_enough || !journal.give_back().await? {
                break;
            }
            if at_once == AtOnce::All {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Ok(removed)
}

/// What [`prune`] would remove.
///
/// # Errors
///
/// As for [`prune`].
pub(crate) fn prunable(reader: &Reader, before: u64) -> Result<Pruned, Error> {
    let expiring = runs::outlived(reader, before)?.into_iter().collect();
    reader.prunable(before, &expiring)
}

/// Looks once in each `period`, until the process ends.
pub(crate) async fn keep(host: Current, shutdown: Shutdown, period: Duration) {
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(period) => {}
        }
        let host = host.host();
        let looked = async {
            host.expire().await?;
            host.remove_what_is_old(AtOnce::All).await
        };
        tokio::select! {
            () = shutdown.begun() => return,
            looked = looked => {
                if let Err(error) = looked {
                    tracing::warn!(%error, "what is old could not be removed");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
