//! Looks after open approvals for as long as there are any: lets them expire, and takes decisions that are left for it.
//!
//! It holds no host while there is nothing to do: a host that is dropped is closed. What it does is done by the host that is in force then.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::desk::Desk;
use super::wish;
use crate::attempt::Time;
use crate::host::Host;

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(250);

impl Host {
    /// Sees to it that somebody looks after open approvals. Without a runtime, whoever asks for them does.
    pub(crate) fn keep_approvals(&self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && self.0.desk.is_busy()
            && self.0.desk.takes_over()
        {
            let (desk, state) = (Arc::clone(&self.0.desk), self.0.journal.directory().to_owned());
            runtime.spawn(keep(desk, state, self.0.dependencies.shared_time()));
        }
    }
}

async fn keep(desk: Arc<Desk>, state: PathBuf, time: Arc<dyn Time>) {
    loop {
        if desk.is_due(time.micros()) || wish::is_any(&state) {
            let Some(host) = desk.host() else { return };
            wish::take(&host, &state).await;
            if let Err(error) = host.approvals().expire().await {
                tracing::warn!(%error, "approvals do not expire");
            }
        }
        if !desk.is_busy() {
            desk.left();
            // Something may have come in between.
            if !desk.is_busy() || !desk.takes_over() {
                return;
            }
        }
        tokio::time::sleep(PERIOD).await;
        if desk.is_left() {
            return;
        }
    }
}
