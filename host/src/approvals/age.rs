//! How long approvals are kept that nobody can answer or use any more: as long as the steps of runs.

use crate::host::Host;
use crate::{clock, journal};

impl Host {
    /// Removes those that are too old. The audit keeps that they were there, and who decided.
    pub(crate) async fn remove_old_approvals(&self) -> Result<(), journal::Error> {
        let now = clock::micros();
        let before = now.saturating_sub(self.policy().manifest().host().run_age);
        while self.0.journal.remove_approvals(before, now).await? > 0 {}
        Ok(())
    }
}
