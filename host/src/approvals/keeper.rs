//! Looks after open approvals for as long as there are any: lets them expire, and takes decisions that are left for it.
//!
//! It holds no host while there is nothing to do: a host that is dropped is closed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::wish;
use crate::host::{Host, Inner};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(250);

impl Host {
    /// Sees to it that somebody looks after open approvals. Without a runtime, whoever asks for them does.
    pub(crate) fn keep_approvals(&self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && self.0.desk.is_busy()
            && self.0.desk.takes_over()
        {
            runtime.spawn(keep(Arc::downgrade(&self.0)));
        }
    }
}

async fn keep(weak: Weak<Inner>) {
    let Some((desk, state, time)) = weak
        .upgrade()
        .map(|inner| (Arc::clone(&inner.desk), inner.journal.directory().to_owned(), inner.dependencies.shared_time()))
    else {
        return;
    };
    loop {
        if desk.is_due(time.micros()) || wish::is_any(&state) {
            let Some(host) = weak.upgrade().map(Host) else { return };
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
        if weak.strong_count() == 0 {
            return;
        }
    }
}
