//! Approvals: one service behind which every face is that lets people decide on calls.
//!
//! A call that a rule asks about is shown what it would do ([`rehearsal`]), written down, and waited for or parked ([`asking`]); people
//! list, look and decide through [`Approvals`]; what they say is on disk before anybody acts on it, and the call is then decided again
//! from the start. [`keeper`] lets questions expire and takes decisions that are left beside the journal ([`wish`]) by a command that
//! cannot open it; [`webhook`] tells who wants to be told; [`age`] removes what is old.
//!
//! No call, tool or client of a host gets hold of [`Approvals::decide`]: fronts give it to people only.

pub(crate) mod age;
mod asking;
mod desk;
mod error;
mod keeper;
mod rehearsal;
mod service;
mod webhook;
pub(crate) mod wish;

pub use self::asking::Asking;
pub use self::error::Error;
pub use self::service::{ApprovalRecord, Approvals, Decider};
pub use crate::journal::ApprovalFilter;
pub use toolhold_core::approval::{Approval, ApprovalScope, ApprovalState, Foreseen, Verdict};

pub(crate) use self::desk::Desk;
pub(crate) use self::webhook::Hook;
