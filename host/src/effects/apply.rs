//! Applying a preview: exactly what it showed, or nothing.

use std::sync::Arc;

use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::effect::EffectReport;
use toolhold_core::event;
use toolhold_core::id::CallId;
use toolhold_core::limit::Usage;
use toolhold_core::outcome::{CallReport, Failure, Outcome};
use toolhold_core::policy::{Decision, Facts};
use toolhold_sandbox::capability::fs::commit::Plan;

use super::land::{Landing, Runs};
use crate::host::{CallOptions, Host};
use crate::journal::{Admission, CallRecord, Intent, PlanKind, PlanRecord, PlanState, Settlement};
use crate::refusal::{journal_unavailable, not_applicable};
use crate::{clock, report};

/// A preview that may be applied.
struct Applicable {
    call: ToolCall,
    record: CallRecord,
    plan: Plan,
    stored: PlanRecord,
    intent: Intent,
}

impl Host {
    /// Lands exactly what the preview `preview` showed, or refuses. No tool runs: the result is the preview's.
    ///
    /// Refused where the manifest is another one than then, the tool's bytes are, a rule denies the call by now, the preview
    /// was applied or has expired, or somebody changed the same files since. An `ask` or `preview` rule does not stand in
    /// the way: whoever applies is the person that these rules wait for.
    pub async fn apply(&self, preview: &CallId, options: CallOptions) -> CallReport {
        self.without_secrets(self.applied(preview, options).await)
    }

    async fn applied(&self, preview: &CallId, options: CallOptions) -> CallReport {
        let id = clock::new_call();
        let found = self.applicable(&id, preview, &options);
        let Applicable { call, record, plan, stored, intent } = match found {
            Ok(found) => *found,
            Err((call, failure)) => return report::refused(id, &call, None, *failure),
        };
        let refused = |failure| report::refused(id.clone(), &call, Some(record.digest), failure);
        match self.0.journal.admit(intent).await {
            Ok(Admission::Fresh) => {}
            Ok(_) => return refused(not_applicable("the call cannot be admitted")),
            Err(error) => return refused(journal_unavailable(&error)),
        }
        let effects: EffectReport = serde_json::from_str(&stored.effects).unwrap_or_default();
        let outcome: Arc<str> = stored.outcome.as_str().into();
        let at = clock::micros();
        let landing = Landing {
            id: id.clone(),
            kind: PlanKind::Apply(preview.clone()),
            effects: effects.clone(),
            outcome: Arc::clone(&outcome),
            settlement: Settlement::success(outcome, Usage::default(), event::Effects::Staged, at),
            acted: false,
        };
        let (staging, durable) = (self.0.effects.staging.clone(), self.0.effects.durable);
        match self.land(landing, Runs::Elsewhere, move |_| plan.prepared(&staging, durable)).await {
            Ok(()) => {
                let value = serde_json::from_str(&stored.outcome).unwrap_or_default();
                CallReport { outcome: Outcome::Success(value), effects, ..refused(not_applicable("")) }
            }
            Err(failure) => refused(*failure),
        }
    }

    /// Whether the preview may be applied, and with what.
    fn applicable(
        &self,
        id: &CallId,
        preview: &CallId,
        options: &CallOptions,
    ) -> Result<Box<Applicable>, (ToolCall, Box<Failure>)> {
        let unknown = || ToolCall::new("", "{}");
        let fail = |call: ToolCall, why: &str| Err((call, Box::new(not_applicable(why))));
        let read = || {
            let reader = self.0.journal.reader()?;
            Ok((reader.get(preview)?, reader.plan(preview)?))
        };
        let (record, stored) = match read() {
            Ok((Some(record), Some(stored))) => (record, stored),
            Ok(_) => return fail(unknown(), "there is no such preview, or it would change nothing"),
            Err(error) => return Err((unknown(), Box::new(journal_unavailable(&error)))),
        };
        let arguments = stored.arguments.clone().unwrap_or_default();
        let call = ToolCall { run: record.run.clone(), ..ToolCall::new(record.tool.as_str(), arguments) };
        match stored.state {
            PlanState::Preview => {}
            PlanState::Applied => return fail(call, "it was applied already"),
            PlanState::Expired => return fail(call, "it has expired; make a new one"),
            _ => return fail(call, "the call is not a preview"),
        }
        if stored.manifest != Some(self.0.policy.manifest().digest()) {
            return fail(call, "the manifest is another one since; make a new preview");
        }
        let Ok(plan) = serde_json::from_str::<Plan>(&stored.plan) else {
            return fail(call, "its plan cannot be read; make a new preview");
        };
        match self.permitted(id, &call, &record, options) {
            Ok(intent) => Ok(Box::new(Applicable { call, record, plan, stored, intent })),
            Err(failure) => Err((call, failure)),
        }
    }

    /// Decides the call again, from the start.
    fn permitted(
        &self,
        id: &CallId,
        call: &ToolCall,
        record: &CallRecord,
        options: &CallOptions,
    ) -> Result<Intent, Box<Failure>> {
        let changed = || Box::new(not_applicable("the tool is another one since; make a new preview"));
        let tool = self.0.catalog.get(&call.tool).map_err(|_| changed())?;
        if tool.digest() != record.digest {
            return Err(changed());
        }
        let validated = tool.validate(&call.arguments).map_err(|_| changed())?;
        let labels = options.labels.as_ref().map(|run| run.so_far()).unwrap_or_default();
        let facts = Facts::new(Mode::Live, &options.scope).after(&labels);
        if let Decision::Deny(denial) = self.0.policy.decide(validated.clone(), tool, &facts) {
            return Err(Box::new(denial.into()));
        }
        let (run, effects) = (record.run.clone(), event::Effects::Staged);
        Ok(Intent::new(id.clone(), run, &validated, Mode::Live, effects, clock::micros()))
    }
}
