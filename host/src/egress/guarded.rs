//! Leaves a remote host alone that fails too often: a circuit breaker for each component and origin.
//!
//! Here and not around the call, so that one dead host does not close the whole tool; and for each component apart, so that no
//! component can close a host to another one by asking it for what fails.

use std::fmt;
use std::sync::Arc;

use toolhold_core::breaker::{BreakerSettings, Pass, Verdict};
use toolhold_core::id::ComponentName;
use toolhold_sandbox::capability::http::{Answer, Egress, EgressError, EgressRequest, EgressResponse};

use super::Client;
use crate::attempt::{Dependencies, WeakDependencies};

/// Who gives a request up after so many microseconds has waited for a host that does not answer.
const PATIENCE: u64 = 1_000_000;

/// The breaker's settings for requests of a component.
type Settings = dyn Fn(&ComponentName) -> BreakerSettings + Send + Sync;

/// Sends requests to hosts that do not fail all the time.
pub(crate) struct Guarded {
    client: Client,
    dependencies: WeakDependencies,
    settings: Arc<Settings>,
}

impl Guarded {
    /// `client`, as far as the breakers let it.
    pub(crate) fn new(
        client: Client,
        dependencies: &Dependencies,
        settings: impl Fn(&ComponentName) -> BreakerSettings + Send + Sync + 'static,
    ) -> Self {
        Self { client, dependencies: dependencies.downgrade(), settings: Arc::new(settings) }
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Guarded")
    }
}

impl Egress for Guarded {
    fn send(&self, request: EgressRequest) -> Answer {
        let Some(component) = &request.component else { return self.client.send(request) };
        let origin = format!("{}://{}", request.target.scheme().as_str(), request.target.authority());
        let name = format!("host:{component}:{origin}");
        let settings = (self.settings)(component);
        let Some(dependencies) = self.dependencies.upgrade() else {
            let gone = EgressError::Connect("the host is being shut down".into());
            return Box::pin(std::future::ready(Err(gone)));
        };
        let pass = match dependencies.admit(&name, &settings) {
            Ok(pass) => pass,
            Err(refused) => {
                let why = format!("`{origin}` failed too often lately");
                let wait_seconds = refused.wait.div_ceil(1_000_000);
                return Box::pin(std::future::ready(Err(EgressError::LeftAlone { why, wait_seconds })));
            }
        };
        let since = dependencies.time().micros();
        let mut sent = Sent { dependencies: self.dependencies.clone(), name, settings, since, pass: Some(pass) };
        let answer = self.client.send(request);
        Box::pin(async move {
            let answer = answer.await;
            sent.told(verdict(&answer));
            answer
        })
    }
}

/// A request that was let through: what came of it is told to the breaker, once.
struct Sent {
    dependencies: WeakDependencies,
    name: String,
    settings: BreakerSettings,
    since: u64,
    pass: Option<Pass>,
}

impl Sent {
    fn told(&mut self, verdict: Verdict) {
        if let (Some(pass), Some(dependencies)) = (self.pass.take(), self.dependencies.upgrade()) {
            dependencies.tell(&self.name, &self.settings, pass, verdict);
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let now = self.dependencies.upgrade().map(|dependencies| dependencies.time().micros());
        let waited = now.unwrap_or_default().saturating_sub(self.since);
        self.told(if waited >= PATIENCE { Verdict::Fault } else { Verdict::Nothing });
    }
}

/// What an answer, or that there is none, says of the host that was asked.
fn verdict(answer: &Result<EgressResponse, EgressError>) -> Verdict {
    match answer {
        Ok(answer) if matches!(answer.status.as_u16(), 500 | 502 | 503 | 504) => Verdict::Fault,
        Ok(_) => Verdict::Works,
        Err(error) if error.is_fault() => Verdict::Fault,
        Err(_) => Verdict::Nothing,
    }
}
