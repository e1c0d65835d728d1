//! A call that a rule asks about: an answer that stands is used, a question that waits is joined, or a new one is put.

use std::sync::Arc;
use std::time::Duration;

use toolhold_core::approval::{Approval, ApprovalState, Asker, Standing};
use toolhold_core::call::ToolCall;
use toolhold_core::id::{ApprovalId, CallId, RunId};
use toolhold_core::outcome::{CallReport, Class, Failure, Outcome};
use toolhold_core::policy::Question;
use toolhold_core::run::{Occurrence, RunEvent};
use toolhold_sandbox::Caller;

use crate::host::{CallOptions, Entry, Host};
use crate::journal::{self, Ask, Asked, ScopedKey};
use crate::refusal::{Refusal, journal_unavailable};
use crate::telemetry::Stage;
use crate::{clock, report};

/// What becomes of a call that a rule asks about, where nobody has answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asking {
    /// It is denied: nobody can be asked.
    #[default]
    Refuse,
    /// It is put to people and ends: the same call after the decision is made by it.
    Park,
    /// It is put to people and waits for so long, and then ends the same way.
    Wait(Duration),
}

/// How often one call is put to people: another rule may ask once the first one is answered.
const MOST_QUESTIONS: usize = 4;

/// What is known of a question.
enum Known {
    /// A person said yes.
    Stands(Standing),
    /// It is over, for this reason.
    Over(Box<Failure>),
    /// It waits.
    Waits(ApprovalId),
    /// Nothing.
    Nothing,
}

impl Host {
    /// Makes a call that a rule asks about, if a person lets it.
    pub(crate) async fn asked(
        &self,
        id: CallId,
        call: &ToolCall,
        question: Box<Question>,
        options: &CallOptions,
    ) -> CallReport {
        let until = self.until(options.asking);
        let agent = options.agent.clone().or_else(|| self.agent_of(&call.run));
        let options = &CallOptions { agent, ..options.clone() };
        let (mut call, mut question) = (call.clone(), question);
        for _ in 0..MOST_QUESTIONS {
            let answer = self.answer(&id, &call, &question, options, until);
            let standing = match self.0.telemetry.stage_of(Stage::Ask, answer).await {
                Ok(Ok(standing)) => standing,
                Ok(Err(failure)) => {
                    return self.refuse(id, &call, Refusal::asked(&question, *failure)).await;
                }
                Err(error) => return report::refused(id, &call, None, journal_unavailable(&error)),
            };
            if let Some(arguments) = standing.arguments() {
                arguments.clone_into(&mut call.arguments);
            }
            // From the start: schema, rules, grants. What the run has read meanwhile counts.
            match self.check_in(&call, options, &options.scope, Some(&standing)) {
                Ok(Entry::Checked(checked)) => {
                    let report = alone(self.admitted(id, &call, checked, options).await, &standing);
                    if let Err(error) = self.approvals().publish_as_stored(standing.id()) {
                        tracing::warn!(%error, "the use of an approval is not told");
                    }
                    return report;
                }
                Ok(Entry::Asks(another)) => question = another,
                Err(refusal) => return self.refuse(id, &call, *refusal).await,
            }
        }
        let failure = needs_approval(&question);
        self.refuse(id, &call, Refusal::asked(&question, failure)).await
    }

    /// Whose run it is and on whose behalf, if it is one that is on record.
    fn agent_of(&self, run: &RunId) -> Option<Arc<str>> {
        let first = self.0.journal.reader().ok()?.first_run_event(run).ok()??;
        match serde_json::from_str::<Occurrence>(&first.body).ok()?.event {
            RunEvent::RunStarted(start) => Some(start.asker().into()),
            _ => None,
        }
    }

    /// The yes of a person, or why there is none.
    async fn answer(
        &self,
        id: &CallId,
        call: &ToolCall,
        question: &Question,
        options: &CallOptions,
        until: Option<u64>,
    ) -> Result<Result<Standing, Box<Failure>>, journal::Error> {
        let mut known = self.known(call, question, options)?;
        let mut room = None;
        if matches!(known, Known::Nothing) && options.asking != Asking::Refuse {
            // Few at once, and looked up once more: of calls that come together, the first one puts the question, and no more are run for
            // it than may ask.
            room = self.0.desk.room().await;
            known = self.known(call, question, options)?;
        }
        let waits = match known {
            Known::Stands(standing) => return Ok(Ok(standing)),
            Known::Over(failure) => return Ok(Err(failure)),
            Known::Nothing | Known::Waits(_) if options.asking == Asking::Refuse => {
                return Ok(Err(Box::new(needs_approval(question))));
            }
            Known::Waits(waits) => waits,
            Known::Nothing => match self.put(id, call, question, options).await? {
                Ok(waits) => waits,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        drop(room);
        let Some(until) = until else { return Ok(Err(Box::new(awaiting(question, &waits)))) };
        let answered = tokio::select! {
            biased;
            answered = self.wait_for(&waits, until, options) => answered?,
            // Nobody can approve any more what was asked under the manifest before: the same call asks anew.
            () = self.0.replaced.cancelled() => return Ok(Err(Box::new(awaiting(question, &waits)))),
        };
        Ok(match self.said(&answered, call, options) {
            Known::Stands(standing) if standing.covers(&question.rule.name, question.every_time) => Ok(standing),
            Known::Over(failure) => Err(failure),
            _ if options.cancel.is_cancelled() => Err(Box::new(cancelled())),
            // It waits still, or was for another run.
            _ => Err(Box::new(awaiting(question, &waits))),
        })
    }

    /// What the journal knows of a question.
    fn known(&self, call: &ToolCall, question: &Question, options: &CallOptions) -> Result<Known, journal::Error> {
        let reader = self.0.journal.reader()?;
        if let Some(key) = &call.key {
            // A repeat is told what came of it, whatever has become of the approval.
            let key = ScopedKey { scope: options.client.clone(), key: key.clone() };
            let earlier = reader.keyed(&key, question.mode)?;
            let by = earlier.map(|earlier| reader.approval_of_call(&earlier.call)).transpose()?.flatten();
            if let Some(standing) = by.filter(|by| by.binding == question.binding).and_then(|by| by.for_repeat()) {
                return Ok(Known::Stands(standing));
            }
        }
        let all = reader.approvals_of(&question.binding)?;
        let said = all.iter().map(|approval| (approval, self.said(approval, call, options)));
        let mut waits = None;
        for (approval, said) in said {
            match said {
                Known::Stands(standing) if standing.covers(&question.rule.name, question.every_time) => {
                    return Ok(Known::Stands(standing));
                }
                Known::Over(failure) if approval.state == ApprovalState::Rejected => return Ok(Known::Over(failure)),
                Known::Waits(id) if approval.rule == question.rule.name => waits = Some(id),
                _ => {}
            }
        }
        Ok(waits.map_or(Known::Nothing, Known::Waits))
    }

    /// What an approval says to whoever makes the call.
    fn said(&self, approval: &Approval, call: &ToolCall, options: &CallOptions) -> Known {
        let (now, asker) = (self.0.dependencies.time().micros(), asker(call, options));
        if !asker.asked(approval) {
            return Known::Nothing;
        }
        if let Some(standing) = approval.standing(&asker, now) {
            return Known::Stands(standing);
        }
        if let Some(reason) = approval.rejection(&asker, now) {
            return Known::Over(Box::new(rejected(&approval.id, reason)));
        }
        match approval.state {
            ApprovalState::Waiting if !approval.is_over(now) => Known::Waits(approval.id.clone()),
            ApprovalState::Waiting | ApprovalState::Expired => Known::Over(Box::new(expired(&approval.id))),
            ApprovalState::Withdrawn => Known::Over(Box::new(withdrawn(&approval.id))),
            _ => Known::Nothing,
        }
    }

    /// Puts a new question to people. `Err` where there are too many.
    async fn put(
        &self,
        id: &CallId,
        call: &ToolCall,
        question: &Question,
        options: &CallOptions,
    ) -> Result<Result<ApprovalId, Box<Failure>>, journal::Error> {
        let bounds = self.policy().manifest().approvals().limits.clone();
        let now = self.0.dependencies.time().micros();
        let room = self.0.journal.reader()?.room_for_question(now, bounds.max_waiting, bounds.prompts_per_minute)?;
        if let Some(failure) = room.and_then(too_many) {
            // Before anything is run for it.
            return Ok(Err(Box::new(failure)));
        }
        let turn = (Caller::new(&options.client, "rehearsals"), options.cancel.clone());
        let foreseen = self.rehearse(id, &question.rehearsal, turn).await.foreseen;
        let approval = self.approval(id, call, question, options);
        let asked = Ask {
            approval: approval.clone(),
            foreseen,
            max_waiting: bounds.max_waiting,
            per_minute: bounds.prompts_per_minute,
        };
        let asked = self.0.journal.ask(asked).await?;
        Ok(match asked {
            Asked::New => {
                let id = approval.id.clone();
                self.0.desk.publish(approval, now);
                self.keep_approvals();
                Ok(id)
            }
            Asked::Joined(known) => Ok(known),
            other => Err(Box::new(too_many(other).unwrap_or_else(|| needs_approval(question)))),
        })
    }

    fn approval(&self, id: &CallId, call: &ToolCall, question: &Question, options: &CallOptions) -> Approval {
        let now = self.0.dependencies.time().micros();
        let manifest = self.policy().manifest();
        Approval {
            id: clock::new_approval(),
            call: id.clone(),
            run: call.run.clone(),
            client: options.client.to_string(),
            agent: options.agent.as_deref().map(str::to_owned),
            tool: question.call.tool().clone(),
            digest: question.call.digest(),
            manifest: manifest.digest(),
            mode: question.mode,
            arguments: self.0.redactor.redact_json(question.call.text()).into_owned(),
            arguments_digest: question.call.arguments_digest(),
            binding: question.binding,
            rule: question.rule.name.clone(),
            reason: question.reason.clone(),
            risk: question.risk,
            every_time: question.every_time,
            secrets: question.secrets.iter().map(ToString::to_string).collect(),
            asked_at: now,
            expires_at: now.saturating_add(manifest.approvals().limits.lifetime),
            state: ApprovalState::Waiting,
            answer: None,
            uses: 0,
        }
    }

    /// Waits until a person has decided, at most until then, and says how it stands.
    pub(crate) async fn wait_for(
        &self,
        id: &ApprovalId,
        until: u64,
        options: &CallOptions,
    ) -> Result<Approval, journal::Error> {
        let mut changes = self.0.desk.subscribe();
        let _waiting = self.0.desk.waits(id);
        loop {
            let found = self.0.journal.reader()?.approval(id)?;
            let (approval, _) = found.ok_or_else(|| journal::Error::NoApproval(id.clone()))?;
            let now = self.0.dependencies.time().micros();
            if approval.state != ApprovalState::Waiting || now >= until.min(approval.expires_at) {
                return Ok(approval);
            }
            let sleep = self.0.dependencies.time().sleep(until.min(approval.expires_at) - now);
            tokio::pin!(sleep);
            loop {
                tokio::select! {
                    biased;
                    () = options.cancel.cancelled() => return Ok(approval),
                    () = options.later.cancelled() => return Ok(approval),
                    changed = changes.recv() => match changed {
                        Ok(changed) if changed.id != *id => {}
                        // Decided, or so much was that nobody can tell.
                        _ => break,
                    },
                    () = &mut sleep => break,
                }
            }
        }
    }

    /// Waits until a person has decided on a parked call, or nobody did in time. Whoever waits may go away.
    pub(crate) async fn decision(&self, id: &ApprovalId) -> Result<(), Failure> {
        let waited = self.wait_for(id, u64::MAX, &CallOptions::default()).await;
        let approval = match waited {
            Ok(approval) => approval,
            Err(journal::Error::NoApproval(_)) => return Err(withdrawn(id)),
            Err(error) => return Err(journal_unavailable(&error)),
        };
        match approval.state {
            // One that is used may be that of a repeat: the journal tells it what it came to.
            ApprovalState::Approved | ApprovalState::Modified | ApprovalState::Used => Ok(()),
            ApprovalState::Rejected => {
                let reason = approval.answer.as_ref().and_then(|answer| answer.reason.as_deref());
                Err(rejected(id, reason.unwrap_or_default()))
            }
            ApprovalState::Withdrawn => Err(withdrawn(id)),
            ApprovalState::Waiting | ApprovalState::Expired => Err(expired(id)),
        }
    }

    /// Until when a call waits, in microseconds since 1970; `None` where it does not.
    fn until(&self, asking: Asking) -> Option<u64> {
        match asking {
            Asking::Wait(longest) => {
                let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
                Some(self.0.dependencies.time().micros().saturating_add(micros))
            }
            Asking::Refuse | Asking::Park => None,
        }
    }
}

/// Nothing stands in for a call with a person's arguments that was not made with them: what asked has others.
fn alone(mut report: CallReport, standing: &Standing) -> CallReport {
    if let Outcome::Failure(failure) = &mut report.outcome
        && standing.arguments().is_some()
        && report.approved.is_none()
    {
        failure.dependency = false;
    }
    report
}

fn asker<'a>(call: &'a ToolCall, options: &'a CallOptions) -> Asker<'a> {
    Asker { client: &options.client, agent: options.agent.as_deref(), run: &call.run }
}

/// A rule asks for a person, and there is no way to ask one.
fn needs_approval(question: &Question) -> Failure {
    let message = "denied: this call needs a person's approval, and nobody can be asked here. Do something else, or say what you need";
    let detail =
        format!("{} asks for approval, and this caller is no way to a person: see `docs/approvals.md`", question.rule);
    Failure::new(Class::Denied, "needs-approval", message).with_detail(detail)
}

fn awaiting(question: &Question, id: &ApprovalId) -> Failure {
    let message = format!(
        "this call needs a person's approval, which is asked for (approval {id}); nothing was done. Make exactly the same call again \
         once a person has decided, and go on with something else until then"
    );
    let detail =
        format!("{} asks; look at it with `toolhold approvals show {id}`, and approve or reject it", question.rule);
    let failure = Failure::new(Class::AwaitingApproval, "awaiting-approval", message).with_detail(detail);
    Failure { approval: Some(id.clone()), ..failure }
}

fn rejected(id: &ApprovalId, reason: &str) -> Failure {
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let message = format!("denied: a person rejected this call{because}. Do not make it again unchanged");
    over(id, "approval-rejected", message)
}

pub(crate) fn expired(id: &ApprovalId) -> Failure {
    let message = "denied: nobody approved this call in time. Do something else, or say what you need";
    over(id, "approval-expired", message.to_owned())
}

fn withdrawn(id: &ApprovalId) -> Failure {
    over(id, "approval-withdrawn", "denied: the question about this call was taken back. Do something else".to_owned())
}

fn over(id: &ApprovalId, code: &str, message: String) -> Failure {
    let detail = format!("`toolhold approvals show {id}` has it");
    let failure = Failure::new(Class::Denied, code, message).with_detail(detail);
    Failure { approval: Some(id.clone()), ..failure }
}

fn cancelled() -> Failure {
    Failure::new(Class::Cancelled, "cancelled", "the call was cancelled while it waited for a person; nothing was done")
}

/// `None` where there is room.
fn too_many(asked: Asked) -> Option<Failure> {
    let (code, what, wait, key) = match asked {
        Asked::New | Asked::Joined(_) => return None,
        Asked::TooMany => ("approvals-full", "too many calls wait for a person already", None, "max-waiting"),
        Asked::TooOften => {
            ("prompts-limited", "people were asked too often in the last minute", Some(60), "prompts-per-minute")
        }
    };
    let message = format!("{what}, so this one is not asked about; nothing was done. Go on with something else");
    let detail = format!("`{key}` of `[approvals]` bounds it");
    let failure = Failure::new(Class::Unavailable, code, message).with_detail(detail);
    Some(Failure { retry_after: wait, ..failure })
}
