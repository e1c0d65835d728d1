//! Whether a call is started: the breaker of its tool, the rate of its client, the rate of its tool.
//!
//! The breaker first, so that a tool that is left alone costs nobody a call of a rate. What is refused here ran nothing.

use toolhold_core::breaker::{BreakerSettings, Pass, Verdict};
use toolhold_core::outcome::{Class, Failure};
use toolhold_core::rate::Rate;
use toolhold_core::retry::RetrySettings;

use super::dependencies::Dependencies;
use crate::host::{CallOptions, Checked, Host};
use crate::refusal::Refusal;

const MICROS_PER_SECOND: u64 = 1_000_000;

/// A call was let through: what came of it is told to its tool's breaker, once. Dropped before, it says nothing.
#[derive(Debug)]
pub(crate) struct LetThrough {
    dependencies: Dependencies,
    tool: String,
    breaker: BreakerSettings,
    retry: RetrySettings,
    pass: Option<Pass>,
}

impl LetThrough {
    /// Tells the breaker what the call said of its tool.
    pub(crate) fn tell(mut self, verdict: Verdict) {
        self.told(verdict);
    }

    /// How the call may be made again.
    pub(crate) fn retry(&self) -> &RetrySettings {
        &self.retry
    }

    /// What its retries are counted under.
    pub(crate) fn name(&self) -> &str {
        &self.tool
    }

    fn told(&mut self, verdict: Verdict) {
        if let Some(pass) = self.pass.take() {
            self.dependencies.tell(&self.tool, &self.breaker, pass, verdict);
        }
    }
}

impl Drop for LetThrough {
    fn drop(&mut self) {
        self.told(Verdict::Nothing);
    }
}

impl Host {
    /// Lets a call through to its tool.
    pub(crate) fn let_through(&self, checked: &Checked, options: &CallOptions) -> Result<LetThrough, Box<Refusal>> {
        let known = &self.0.dependencies;
        let name = checked.tool.name();
        let own = self.0.policy.reliability(name.as_str());
        let reliability = own.unwrap_or(self.0.policy.manifest().reliability());
        let tool = format!("tool:{name}");
        let refused = |failure| Refusal::unavailable(&checked.tool, failure);
        let pass = known.admit(&tool, &reliability.breaker).map_err(|open| refused(breaker_open(open.wait)))?;
        let through = LetThrough {
            dependencies: known.clone(),
            tool,
            breaker: reliability.breaker.clone(),
            retry: reliability.retry.clone(),
            pass: Some(pass),
        };
        let client = format!("client:{}", options.client);
        let client_rate = self.0.policy.manifest().client_rate();
        if let Some(rate) = client_rate {
            known
                .take(&client, rate)
                .map_err(|wait| refused(rate_limited("this client called tools as often as it may", rate, wait)))?;
        }
        if let Some(rate) = reliability.rate
            && let Err(wait) = known.take(&through.tool, rate)
        {
            if let Some(rate) = client_rate {
                known.give_back(&client, rate);
            }
            return Err(refused(rate_limited("this tool was called as often as it may be", rate, wait)));
        }
        Ok(through)
    }
}

/// In whole seconds, rounded up: whoever waits that long is not too early.
fn seconds(micros: u64) -> u64 {
    micros.div_ceil(MICROS_PER_SECOND)
}

fn breaker_open(wait: u64) -> Failure {
    let seconds = seconds(wait);
    let message = format!(
        "this tool failed too often lately and is left alone; nothing was started. Use another tool, or try again in {seconds} s"
    );
    let failure = Failure::new(Class::Unavailable, "breaker-open", message);
    let failure = failure.with_detail("`toolhold breakers list` shows it, and `toolhold breakers reset` closes it");
    Failure { retry_after: Some(seconds), dependency: true, ..failure }
}

fn rate_limited(what: &str, rate: Rate, wait: u64) -> Failure {
    let seconds = seconds(wait);
    let message =
        format!("{what} ({rate}); nothing was started. Go on with something else, or try again in {seconds} s");
    Failure { retry_after: Some(seconds), ..Failure::new(Class::Unavailable, "rate-limited", message) }
}
