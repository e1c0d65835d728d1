//! Why a decision is none.

use toolhold_core::policy::Denial;
use toolhold_core::schema::Violations;

use crate::journal;

/// Why a decision is none. For the person who decides.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such approval, it has expired or is decided, or nothing can be written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The new arguments are none of the tool's.
    #[error("the new arguments do not fit the tool: {0}")]
    Invalid(Box<Violations>),
    /// A rule denies the call with the new arguments, and no person stands above a rule.
    #[error("the call is denied with the new arguments: {}{}", .0.kind.as_str(), .0.rule.as_ref().map_or(String::new(), |rule| format!(": {rule}")))]
    Denied(Box<Denial>),
    /// A grant does not cover the call with the new arguments, or the tool will not do it.
    #[error("with the new arguments the call would come to nothing: {0}")]
    Refused(String),
    /// What was asked about is not what would run.
    #[error("{0} since it was asked: reject it, and let the call be made again")]
    Changed(&'static str),
}
