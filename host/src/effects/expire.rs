//! How long what was there before is kept: by age and by size, the oldest goes first.

use toolhold_sandbox::capability::fs::commit::Plan;

use crate::clock;
use crate::host::Host;
use crate::journal;

/// How long a call can be undone and a preview applied, in microseconds: two weeks.
const AGE: u64 = 14 * 24 * 3600 * 1_000_000;
/// How many bytes of what was there before are kept in all.
const BYTES: u64 = 1 << 30;

impl Host {
    /// Removes what is too old, and the oldest while there is too much.
    pub(super) async fn expire(&self) -> Result<(), journal::Error> {
        let now = clock::micros();
        let expired = self.0.journal.reader()?.outlived(now.saturating_sub(AGE), BYTES)?;
        for record in expired {
            self.0.journal.expire(&record.call, record.state, now).await?;
            if let Ok(plan) = serde_json::from_str::<Plan>(&record.plan) {
                self.discard(&plan);
            }
        }
        Ok(())
    }
}
