//! What stands in for a tool whose dependencies failed: another tool, or a fixed value.
//!
//! Only where what the tool depends on is at fault, never for denials, arguments or calls of which nobody knows what they did.
//! The other tool goes through the whole gate: its rules decide, its grants hold, its calls are recorded.

use toolhold_core::call::ToolCall;
use toolhold_core::effect::{EffectReport, Request, RequestState};
use toolhold_core::event::Event;
use toolhold_core::id::{CallId, IdempotencyKey, ToolName};
use toolhold_core::manifest::Fallback;
use toolhold_core::outcome::{CallReport, Outcome, ServedBy};

use crate::clock;
use crate::host::{CallOptions, Host};
use crate::journal;

impl Host {
    /// The report of a call, or of what stands in for it.
    pub(crate) async fn stand_in(&self, call: ToolCall, failed: CallReport, options: &CallOptions) -> CallReport {
        let mut failed = failed;
        let mut next = self.fallback(&call.tool, &failed);
        // A chain ends: the policy has no circle, so each tool stands in once at most.
        while let Some(fallback) = next {
            let Fallback::Tool(tool) = fallback else {
                return self.value_serves(failed, fallback).await;
            };
            let report = self.once(&instead(&call, &tool), options).await;
            let Outcome::Failure(failure) = &report.outcome else {
                return self.tool_serves(failed, tool, report).await;
            };
            next = self.fallback(tool.as_str(), &report);
            // What it read, the run has read, whatever stands in for it.
            failed.effects.labels.extend(report.effects.labels.iter().cloned());
            let line = format!("its fallback `{tool}` (call {}) failed too: {}", report.call, failure.code);
            if let Outcome::Failure(failure) = &mut failed.outcome {
                *failure = failure.clone().and_detail(line);
            }
        }
        failed
    }

    async fn value_serves(&self, failed: CallReport, fallback: Fallback) -> CallReport {
        let Fallback::Value(value) = fallback else { return failed };
        match self.tell_fallback(&failed.call, None).await {
            Ok(()) => {
                let served_by = Some(ServedBy::Value);
                CallReport { outcome: Outcome::Success(value), served_by, ..failed }
            }
            Err(error) => unrecorded(failed, &error),
        }
    }

    async fn tool_serves(&self, failed: CallReport, tool: ToolName, report: CallReport) -> CallReport {
        let mut report = report;
        // What the first tool read, the run has read.
        report.effects.labels.extend(failed.effects.labels.iter().cloned());
        match self.tell_fallback(&failed.call, Some(report.call.clone())).await {
            Ok(()) => CallReport { tool: failed.tool, served_by: Some(ServedBy::Tool { tool }), ..report },
            Err(error) => unrecorded(failed, &error),
        }
    }

    /// What stands in for a tool, if what it depends on is at fault. Where it has asked for a change, no other tool does so again.
    fn fallback(&self, tool: &str, failed: &CallReport) -> Option<Fallback> {
        match &failed.outcome {
            Outcome::Failure(failure) if failure.dependency => {
                let fallback = self.0.policy.reliability(tool)?.fallback.as_ref()?.value.clone();
                let may_be_done_twice =
                    matches!(fallback, Fallback::Tool(_)) && has_asked_for_a_change(&failed.effects);
                (!may_be_done_twice).then_some(fallback)
            }
            _ => None,
        }
    }

    async fn tell_fallback(&self, failed: &CallId, by: Option<CallId>) -> Result<(), journal::Error> {
        let event = Event::FallbackServed { call: failed.clone(), by };
        self.0.journal.record(clock::micros(), event).await
    }
}

/// Whether the call has sent a request that may have changed something. One that was turned away with 429 has not.
fn has_asked_for_a_change(effects: &EffectReport) -> bool {
    let may_change = |request: &Request| {
        let is_safe = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let has_left = match &request.state {
            RequestState::Answered { status } => *status != 429,
            RequestState::Sent { .. } => true,
            _ => false,
        };
        !is_safe && has_left
    };
    effects.requests_left_out > 0 || effects.requests.iter().any(may_change)
}

/// The same call of another tool. With a key of its own, made of the call's, so that a repeat finds it again.
fn instead(call: &ToolCall, tool: &ToolName) -> ToolCall {
    let own = |key: &IdempotencyKey| {
        IdempotencyKey::derived(&[b"fallback", key.as_str().as_bytes(), tool.as_str().as_bytes()])
    };
    ToolCall { tool: tool.to_string(), key: call.key.as_ref().map(own), ..call.clone() }
}

/// What cannot be recorded is not served.
fn unrecorded(failed: CallReport, error: &journal::Error) -> CallReport {
    CallReport { outcome: Outcome::Failure(crate::refusal::journal_unavailable(error)), ..failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_tool_makes_a_change_that_may_have_been_made() {
        let sent = || RequestState::Sent { why: String::new() };
        let not_sent = || RequestState::NotSent { why: String::new() };
        for (method, state, asked) in [
            ("POST", sent(), true),
            ("POST", RequestState::Answered { status: 200 }, true),
            ("DELETE", RequestState::Answered { status: 503 }, true),
            ("POST", RequestState::Answered { status: 429 }, false),
            ("POST", not_sent(), false),
            ("GET", sent(), false),
            ("GET", RequestState::Answered { status: 500 }, false),
        ] {
            let requests =
                vec![Request::new("GET", "https://a/", not_sent()), Request::new(method, "https://a/", state)];
            let effects = EffectReport { requests, ..EffectReport::default() };
            assert_eq!(has_asked_for_a_change(&effects), asked, "{effects:?}");
        }
        let effects = EffectReport { requests_left_out: 1, ..EffectReport::default() };
        assert!(has_asked_for_a_change(&effects), "what is not known may be one");
    }
}
