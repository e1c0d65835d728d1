//! What stands in for a tool whose dependencies failed: another tool, or a fixed value.
//!
//! Only where what the tool depends on is at fault, never for denials, arguments or calls of which nobody knows what they did.
//! The other tool goes through the whole gate: its rules decide, its grants hold, its calls are recorded.

use std::sync::Arc;

use toolhold_core::call::{Approved, ToolCall};
use toolhold_core::event::{Effects, Event};
use toolhold_core::id::{CallId, IdempotencyKey, ToolName};
use toolhold_core::manifest::Fallback;
use toolhold_core::outcome::{CallReport, Class, Failure, Outcome, ServedBy};
use tracing::Instrument as _;

use crate::clock;
use crate::host::{CallOptions, Host};
use crate::journal::{self, ScopedKey};
use crate::telemetry::{Origin, spans};

impl Host {
    /// The report of a call, or of what stands in for it.
    pub(crate) async fn stand_in(&self, call: &ToolCall, failed: CallReport, options: &CallOptions) -> CallReport {
        let (mut call, mut failed) = (as_made(call, &failed), failed);
        let mut next = self.fallback(&call.tool, &failed);
        let stood_in = match next.as_ref().map(|_| self.stood_in(&call, options)).transpose() {
            Ok(stood_in) => stood_in.flatten(),
            Err(error) => return unrecorded(failed, &error),
        };
        // A chain ends: the policy has no circle, so each tool stands in once at most.
        while let Some(fallback) = next {
            let Fallback::Tool(tool) = fallback else {
                return self.value_serves(failed, fallback).await;
            };
            if stood_in.as_ref().is_some_and(|stood_in| *stood_in != tool) {
                // Another one further on has made the call.
                next = self.stands_in_for(tool.as_str());
                continue;
            }
            let report = self.instead_of(&call, &tool, options).await;
            let Outcome::Failure(failure) = &report.outcome else {
                return self.tool_serves(failed, tool, report).await;
            };
            next = self.fallback(tool.as_str(), &report);
            if next.is_none() && is_not_over(failure) {
                return tool_failed(failed, tool, report);
            }
            call = as_made(&call, &report);
            failed.approved = changed(report.approved.as_ref()).or(failed.approved);
            // What it read, the run has read.
            failed.effects.labels.extend(report.effects.labels.iter().cloned());
            let line = format!("its fallback `{tool}` (call {}) failed too: {}", report.call, failure.code);
            if let Outcome::Failure(failure) = &mut failed.outcome {
                *failure = failure.clone().and_detail(line);
            }
        }
        failed
    }

    /// Calls the tool that stands in, in a span of its own below that of the call.
    async fn instead_of(&self, call: &ToolCall, tool: &ToolName, options: &CallOptions) -> CallReport {
        let other = instead(call, tool);
        let span = self.span(&other, &Origin::default());
        let report = self.once(&other, options).instrument(span.clone()).await;
        spans::called(&span, &report, self.redactor());
        report
    }

    /// The tool that stood in for this call when it was made before, and whose outcome is the call's therefore: it has done what
    /// was asked for, or may have. Of the tools of a chain the last one that did.
    ///
    /// Where that cannot be read, nothing may run: it could be done twice.
    pub(crate) fn stood_in(&self, call: &ToolCall, options: &CallOptions) -> Result<Option<ToolName>, journal::Error> {
        let mut next = self.stands_in_for(&call.tool).filter(|_| call.key.is_some());
        let Some(Fallback::Tool(_)) = &next else { return Ok(None) };
        let reader = self.0.journal.reader()?;
        let mut stood_in = None;
        while let Some(Fallback::Tool(tool)) = next {
            let key = instead(call, &tool).key.map(|key| ScopedKey { scope: Arc::clone(&options.client), key });
            let record = key.map(|key| reader.keyed(&key, call.mode)).transpose()?.flatten();
            if record.is_some_and(|record| record.succeeded != Some(false) || record.effects == Effects::Possible) {
                stood_in = Some(tool.clone());
            }
            next = self.stands_in_for(tool.as_str());
        }
        Ok(stood_in)
    }

    fn stands_in_for(&self, tool: &str) -> Option<Fallback> {
        Some(self.0.policy.reliability(tool)?.fallback.as_ref()?.value.clone())
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
            Ok(()) => {
                // That a person changed the arguments is told, whoever made the call with them.
                let approved = report.approved.take().or_else(|| changed(failed.approved.as_ref()));
                CallReport { tool: failed.tool, served_by: Some(ServedBy::Tool { tool }), approved, ..report }
            }
            Err(error) => unrecorded(failed, &error),
        }
    }

    /// What stands in for a tool, if what it depends on is at fault. Where it has changed something, no other tool does so again.
    fn fallback(&self, tool: &str, failed: &CallReport) -> Option<Fallback> {
        match &failed.outcome {
            Outcome::Failure(failure) if failure.dependency => {
                let fallback = self.stands_in_for(tool)?;
                let may_be_done_twice = matches!(fallback, Fallback::Tool(_)) && failure.acted;
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

/// Whether more is left of a failed call than its failure: it has changed something, or may have, or still may. Whoever called has to know of
/// that one, whatever failed before it.
fn is_not_over(failure: &Failure) -> bool {
    let is_unsettled = matches!(&*failure.code, "outcome-unknown" | "outcome-unrecorded" | "half-landed" | "in-flight");
    failure.acted || is_unsettled || failure.class == Class::AwaitingApproval
}

/// The report of a tool that stood in and failed.
fn tool_failed(failed: CallReport, tool: ToolName, report: CallReport) -> CallReport {
    let mut report = report;
    report.effects.labels.extend(failed.effects.labels.iter().cloned());
    if let (Outcome::Failure(failure), Outcome::Failure(first)) = (&mut report.outcome, &failed.outcome) {
        let line = format!("it stood in for `{}` (call {}), which failed: {}", failed.tool, failed.call, first.code);
        *failure = failure.clone().and_detail(line);
    }
    let approved = report.approved.take().or_else(|| changed(failed.approved.as_ref()));
    CallReport { tool: failed.tool, served_by: Some(ServedBy::Tool { tool }), approved, ..report }
}

/// The call as it was made: with the arguments of the person who changed them, if one did. What that person replaced is not done by
/// any other tool either.
fn as_made(call: &ToolCall, report: &CallReport) -> ToolCall {
    let theirs = report.approved.as_ref().and_then(|approved| approved.arguments.as_ref());
    let arguments = theirs.map_or_else(|| call.arguments.clone(), ToString::to_string);
    ToolCall { arguments, ..call.clone() }
}

/// What a person said, if it changed the arguments.
fn changed(approved: Option<&Approved>) -> Option<Approved> {
    approved.filter(|approved| approved.arguments.is_some()).cloned()
}

/// The same call of another tool. With a key of its own, made of the call's, so that a repeat finds it again.
fn instead(call: &ToolCall, tool: &ToolName) -> ToolCall {
    let key = call.key.as_ref().map(|key| key_instead(key, tool));
    ToolCall { tool: tool.to_string(), key, ..call.clone() }
}

/// The key of the call of `tool` that stands in for the one with `key`.
pub(crate) fn key_instead(key: &IdempotencyKey, tool: &ToolName) -> IdempotencyKey {
    IdempotencyKey::derived(&[b"fallback", key.as_str().as_bytes(), tool.as_str().as_bytes()])
}

/// What cannot be recorded is not served.
fn unrecorded(failed: CallReport, error: &journal::Error) -> CallReport {
    CallReport { outcome: Outcome::Failure(crate::refusal::journal_unavailable(error)), ..failed }
}
