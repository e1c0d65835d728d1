//! Tells an address of the operator's that a question waits, and what came of it. Signed; without arguments; never waited for.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use toolhold_core::approval::{Approval, signature};
use toolhold_core::manifest::approvals::Webhook;
use url::Url;

use crate::agent::model::install_tls;
use crate::secrets::Secrets;

/// Notifications on their way at once. One more is left out: who is told late looks at the list.
const AT_ONCE: usize = 16;

/// How often one is sent.
const ATTEMPTS: u32 = 4;

/// Until the next attempt; twice as long each time.
const PAUSE: Duration = Duration::from_millis(500);

/// For one attempt.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is told.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    url: Url,
    secret: SecretString,
    client: reqwest::Client,
    room: Arc<Semaphore>,
    on_their_way: TaskTracker,
}

impl Hook {
    /// What the manifest names, if anything.
    pub(crate) fn of(webhook: Option<&Webhook>, secrets: &Secrets) -> Option<Self> {
        let webhook = webhook?;
        let secret = secrets.get(&webhook.secret)?.clone();
        install_tls();
        // Where it is sent on to, nobody has written down.
        let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build();
        let client = client.inspect_err(|error| tracing::warn!(%error, "nobody is told of approvals")).ok()?;
        Some(Self {
            url: webhook.url.clone(),
            secret,
            client,
            room: Arc::new(Semaphore::new(AT_ONCE)),
            on_their_way: TaskTracker::new(),
        })
    }

    /// Tells of an approval as it is now.
    pub(super) fn tell(&self, approval: &Approval, now: u64) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(approval = %approval.id, "a notification was left out: too many are on their way");
            return;
        };
        let body = body(approval).to_string();
        let hook = self.clone();
        let delivery = async move {
            hook.deliver(&body, now / 1_000_000).await;
            drop(room);
        };
        self.on_their_way.spawn_on(delivery, &runtime);
    }

    /// Whether something is on its way.
    pub(super) fn is_busy(&self) -> bool {
        !self.on_their_way.is_empty()
    }

    /// Returns when nothing is on its way any more.
    pub(super) async fn told(&self) {
        self.on_their_way.close();
        self.on_their_way.wait().await;
        self.on_their_way.reopen();
    }

    async fn deliver(&self, body: &str, seconds: u64) {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * 2_u32.saturating_pow(attempt - 1)).await;
            }
            let signature = signature::of(self.secret.expose_secret().as_bytes(), seconds, body.as_bytes());
            let request = self.client.post(self.url.clone()).header("content-type", "application/json");
            let sent = request.header(signature::HEADER, signature).body(body.to_owned()).send().await;
            match sent {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "a notification was refused"),
                Err(error) => tracing::debug!(error = %error.without_url(), "a notification was not delivered"),
            }
        }
        tracing::warn!("a notification about an approval was given up");
    }
}

/// Who and what, and not with which arguments.
fn body(approval: &Approval) -> serde_json::Value {
    json!({
        "type": "approval",
        "approval": approval.id,
        "state": approval.state,
        "call": approval.call,
        "run": approval.run,
        "client": approval.client,
        "agent": approval.agent,
        "tool": approval.tool,
        "rule": approval.rule,
        "risk": approval.risk,
        "asked_at": approval.asked_at,
        "expires_at": approval.expires_at,
    })
}
