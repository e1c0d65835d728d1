//! The states of an approval and the one table of how they change. What is not in [`TRANSITIONS`] is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use ApprovalState as S;
use ApprovalStep as T;

/// Where an approval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// A person has not decided.
    Waiting,
    /// The call may be made as it was asked for.
    Approved,
    /// The call is not made.
    Rejected,
    /// The call may be made with other arguments.
    Modified,
    /// The time for a decision, or for using it, is over. Means no.
    Expired,
    /// The call was made, and the answer is good for no other.
    Used,
    /// A person took the question or the answer back. Means that it is asked again.
    Withdrawn,
}

/// What happens to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalStep {
    /// A person said yes.
    Grant,
    /// A person said no.
    Reject,
    /// A person said yes to other arguments.
    Modify,
    /// Its time was over.
    Expire,
    /// A call was made with it, and others may be.
    Use,
    /// A call was made with it, and no other may be.
    UseUp,
    /// A person took it back.
    Withdraw,
}

/// Every transition there is.
pub const TRANSITIONS: [(ApprovalState, ApprovalStep, ApprovalState); 14] = [
    (S::Waiting, T::Grant, S::Approved),
    (S::Waiting, T::Reject, S::Rejected),
    (S::Waiting, T::Modify, S::Modified),
    (S::Waiting, T::Expire, S::Expired),
    (S::Waiting, T::Withdraw, S::Withdrawn),
    (S::Approved, T::Use, S::Approved),
    (S::Approved, T::UseUp, S::Used),
    (S::Approved, T::Expire, S::Expired),
    (S::Approved, T::Withdraw, S::Withdrawn),
    (S::Modified, T::Use, S::Modified),
    (S::Modified, T::UseUp, S::Used),
    (S::Modified, T::Expire, S::Expired),
    (S::Modified, T::Withdraw, S::Withdrawn),
    (S::Rejected, T::Withdraw, S::Withdrawn),
];

/// A step that an approval cannot take where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {state} already")]
pub struct Refused {
    /// Where it is.
    pub state: ApprovalState,
    /// What was to happen.
    pub step: ApprovalStep,
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [Self; 7] = [S::Waiting, S::Approved, S::Rejected, S::Modified, S::Expired, S::Used, S::Withdrawn];

    /// Where `step` leads.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the table has no such transition.
    pub fn apply(self, step: ApprovalStep) -> Result<Self, Refused> {
        let listed = TRANSITIONS.iter().find(|(from, happened, _)| (*from, *happened) == (self, step));
        listed.map(|(_, _, to)| *to).ok_or(Refused { state: self, step })
    }

    /// Whether a call may be made with it.
    #[must_use]
    pub fn is_granted(self) -> bool {
        matches!(self, S::Approved | S::Modified)
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            S::Waiting => "waiting",
            S::Approved => "approved",
            S::Rejected => "rejected",
            S::Modified => "modified",
            S::Expired => "expired",
            S::Used => "used",
            S::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for ApprovalState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
