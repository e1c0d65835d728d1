//! Approvals: a call that a rule wants a person to decide on, from the question to the use of the answer.
//!
//! An [`Approval`] is what was asked and what came of it; [`ApprovalState`] is the one table of how it changes; a [`Verdict`] is what
//! a person says, within an [`ApprovalScope`]; a [`Standing`] answer is the one fact that a decision takes in place of the
//! person. It is bound to the tool's bytes, the manifest, the canonical arguments and the mode, and to the rule that asked: for
//! any other call there is no answer.
//!
//! Nothing here keeps, waits or shows anything, and nothing here reads a clock.

mod record;
mod scope;
pub mod signature;
mod standing;
mod state;

pub use record::{Answer, Approval, Foreseen, MAX_REASON_BYTES, Unanswerable, Verdict, binding};
pub use scope::{ApprovalScope, ScopeError};
pub use standing::{Asker, Standing};
pub use state::{ApprovalState, ApprovalStep, Refused, TRANSITIONS};

#[cfg(test)]
mod tests;
