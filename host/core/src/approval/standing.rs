//! An answer that stands: the fact that a decision takes in place of the person.

use super::record::Approval;
use super::scope::ApprovalScope;
use super::state::ApprovalState;
use crate::id::{ApprovalId, Digest, RunId};

/// Who makes a call, as far as answers are told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Which client.
    pub client: &'a str,
    /// Which agent, if it is a run of one.
    pub agent: Option<&'a str>,
    /// Which run.
    pub run: &'a RunId,
}

impl Asker<'_> {
    /// Whether it is the one who asked, whichever of its runs this is.
    #[must_use]
    pub fn asked(&self, approval: &Approval) -> bool {
        self.client == approval.client && self.agent == approval.agent.as_deref()
    }
}

/// An answer that stands. Only an [`Approval`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    id: ApprovalId,
    binding: Digest,
    rule: String,
    scope: ApprovalScope,
    by: String,
    arguments: Option<String>,
}

impl Approval {
    /// The answer, if it is a yes that stands for whoever asks now.
    #[must_use]
    pub fn standing(&self, asker: &Asker<'_>, now: u64) -> Option<Standing> {
        let is_of_run = self.answer.as_ref()?.scope? != ApprovalScope::Run || *asker.run == self.run;
        let stands = self.state.is_granted() && !self.is_over(now) && asker.asked(self) && is_of_run;
        if stands { self.as_standing() } else { None }
    }

    /// The answer that an earlier call was made with, for a repeat of that call under its key. It lets the repeat as far as the
    /// journal, which tells what the call came to; for a call of its own, the journal takes no answer that does not stand.
    #[must_use]
    pub fn for_repeat(&self) -> Option<Standing> {
        self.as_standing()
    }

    /// The no of a person that stands for whoever asks now: the same is not asked again for a while.
    #[must_use]
    pub fn rejection(&self, asker: &Asker<'_>, now: u64) -> Option<&str> {
        let stands = self.state == ApprovalState::Rejected && !self.is_over(now) && asker.asked(self);
        stands.then(|| self.answer.as_ref().and_then(|answer| answer.reason.as_deref()).unwrap_or_default())
    }

    fn as_standing(&self) -> Option<Standing> {
        let answer = self.answer.as_ref()?;
        Some(Standing {
            id: self.id.clone(),
            binding: answer.binding.unwrap_or(self.binding),
            rule: self.rule.clone(),
            scope: answer.scope?,
            by: answer.by.clone(),
            arguments: answer.arguments.clone(),
        })
    }
}

impl Standing {
    /// Which approval.
    #[must_use]
    pub fn id(&self) -> &ApprovalId {
        &self.id
    }

    /// Who gave it.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The arguments with which the call is made instead of those that it was asked with.
    #[must_use]
    pub fn arguments(&self) -> Option<&str> {
        self.arguments.as_deref()
    }

    /// Whether it can be the answer to a question of `rule`. Who chose the arguments of one call has answered for that call; everyone
    /// else was shown one rule, and another one asks about something else.
    #[must_use]
    pub fn covers(&self, rule: &str, every_time: bool) -> bool {
        let chose = self.arguments.is_some() && self.scope == ApprovalScope::Once;
        let knows = self.rule == rule || chose;
        let reaches = !every_time || self.scope == ApprovalScope::Once;
        knows && reaches
    }

    /// Whether it answers a question of `rule` about what has this `binding`.
    #[must_use]
    pub fn answers(&self, binding: Digest, rule: &str, every_time: bool) -> bool {
        self.binding == binding && self.covers(rule, every_time)
    }
}
