//! What was asked, by whom, of what, and what came of it.

use serde::{Deserialize, Serialize};

use super::scope::ApprovalScope;
use super::state::{ApprovalState, ApprovalStep, Refused};
use crate::call::{Mode, ValidatedCall, canonical};
use crate::effect::EffectReport;
use crate::id::{ApprovalId, CallId, Digest, RunId, ToolDigest, ToolName};
use crate::manifest::Risk;
use crate::outcome::Failure;
use crate::redact::REDACTED;

/// The longest reason of a person, in bytes. Longer ones are cut.
pub const MAX_REASON_BYTES: usize = 2 << 10;

/// A call that a person decides on. All texts come from models, tools and people: escape them before showing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// The call that asked first.
    pub call: CallId,
    /// Its run.
    pub run: RunId,
    /// Who made the call.
    pub client: String,
    /// The agent whose run it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The tool.
    pub tool: ToolName,
    /// Its bytes.
    pub digest: ToolDigest,
    /// The manifest that asks.
    pub manifest: Digest,
    /// Whether effects would land.
    pub mode: Mode,
    /// The text of the arguments, without known secrets.
    pub arguments: String,
    /// The digest of the canonical arguments as they were asked for.
    pub arguments_digest: Digest,
    /// What the answer is bound to.
    pub binding: Digest,
    /// The rule that asks.
    pub rule: String,
    /// Why the rule exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How much the rule says is at stake.
    pub risk: Risk,
    /// The rule asks each time: only an answer for one call is one.
    pub every_time: bool,
    /// Names of the secrets that the host could add to its requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// When it was asked, in microseconds since 1970.
    pub asked_at: u64,
    /// Until when the question waits, and the answer stands.
    pub expires_at: u64,
    /// Where it is.
    pub state: ApprovalState,
    /// What a person said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// How many calls were made with it.
    pub uses: u64,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who, and where: `terminal:alice`, `api:ops`.
    pub by: String,
    /// When, in microseconds since 1970.
    pub at: u64,
    /// How far it reaches, if it is a yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ApprovalScope>,
    /// Why not, if it is a no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The arguments that the person wants instead: JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// What the answer is bound to where it is not what was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Digest>,
}

/// What the call would do, as far as that can be seen without sending anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Foreseen {
    /// What it would change, and the first request that it wanted to send.
    pub effects: EffectReport,
    /// Why it got no further, if it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Seen with the arguments that a person put in the place of those that were asked with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub modified: bool,
}

/// What a person may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, so far.
    Approve(ApprovalScope),
    /// No, for this reason. The model hears it.
    Reject(String),
    /// Yes, with these arguments: JSON text.
    Modify(String, ApprovalScope),
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// It is not waiting any more.
    #[error(transparent)]
    State(#[from] Refused),
    /// The rule asks each time.
    #[error("rule `{0}` asks every time: approve it once")]
    EveryTime(String),
    /// What stands in the place of a secret would be sent instead of it.
    #[error(
        "the arguments hold `{REDACTED}`, which stands in the place of a secret: approve or reject the call as it is"
    )]
    Redacted,
}

impl Approval {
    /// The same after a person said `verdict`. `modified` is what the call is once the person's arguments are read.
    ///
    /// # Errors
    ///
    /// [`Unanswerable`]: the approval is what it was.
    pub fn answered(
        &self,
        verdict: &Verdict,
        modified: Option<&ValidatedCall>,
        by: &str,
        at: u64,
    ) -> Result<Self, Unanswerable> {
        let mut after = self.clone();
        let answer = Answer { by: by.to_owned(), at, scope: None, reason: None, arguments: None, binding: None };
        let (step, answer) = match verdict {
            Verdict::Approve(scope) => (ApprovalStep::Grant, Answer { scope: Some(*scope), ..answer }),
            Verdict::Reject(reason) => {
                let end = reason.floor_char_boundary(MAX_REASON_BYTES);
                let reason = reason.get(..end).unwrap_or_default().trim();
                let reason = (!reason.is_empty()).then(|| reason.to_owned());
                (ApprovalStep::Reject, Answer { reason, ..answer })
            }
            Verdict::Modify(text, scope) => {
                if text.contains(REDACTED) {
                    return Err(Unanswerable::Redacted);
                }
                let text = modified.map_or_else(|| text.clone(), |call| call.text().to_string());
                let binding = modified.map(|call| binding(call, self.manifest, self.mode));
                (ApprovalStep::Modify, Answer { scope: Some(*scope), arguments: Some(text), binding, ..answer })
            }
        };
        if self.every_time && answer.scope.is_some_and(|scope| scope != ApprovalScope::Once) {
            return Err(Unanswerable::EveryTime(self.rule.clone()));
        }
        after.state = self.state.apply(step)?;
        if let Some(ApprovalScope::For(micros)) = answer.scope {
            after.expires_at = at.saturating_add(micros);
        }
        after.answer = Some(answer);
        Ok(after)
    }

    /// The same after `step`, which no person took.
    ///
    /// # Errors
    ///
    /// [`Refused`]: the approval is what it was.
    pub fn after(&self, step: ApprovalStep) -> Result<Self, Refused> {
        let state = self.state.apply(step)?;
        let used = u64::from(matches!(step, ApprovalStep::Use | ApprovalStep::UseUp));
        Ok(Self { state, uses: self.uses.saturating_add(used), ..self.clone() })
    }

    /// Which step a call takes that is made with it.
    #[must_use]
    pub fn use_step(&self) -> ApprovalStep {
        match self.answer.as_ref().and_then(|answer| answer.scope) {
            Some(ApprovalScope::For(_)) => ApprovalStep::Use,
            // Calls of no run have none in common.
            Some(ApprovalScope::Run) if self.run != RunId::none() => ApprovalStep::Use,
            _ => ApprovalStep::UseUp,
        }
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now: u64) -> bool {
        now >= self.expires_at
    }

    /// Whether what is stored of the arguments is not what was asked for, because a secret was taken out.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        let stored = serde_json::from_str(&self.arguments).map(|value| Digest::of(canonical(&value).as_bytes()));
        stored.ok() != Some(self.arguments_digest)
    }
}

/// What an answer to a call is bound to: the tool's name and bytes, the manifest, the canonical arguments, the mode.
#[must_use]
pub fn binding(call: &ValidatedCall, manifest: Digest, mode: Mode) -> Digest {
    let mode: &[u8] = match mode {
        Mode::Live => b"live",
        Mode::Preview => b"preview",
    };
    Digest::of_parts(&[
        call.tool().as_str().as_bytes(),
        call.digest().as_bytes(),
        manifest.as_bytes(),
        call.arguments_digest().as_bytes(),
        mode,
    ])
}
