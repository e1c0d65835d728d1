//! What the API's document says of records that are shown as they are stored. Nothing makes a value of these types.
#![expect(dead_code, reason = "only their schemas are used; tests compare those with what is really shown")]

mod approval;
mod audit;
mod call;
mod effect;
mod health;
mod run;
mod tool;

pub(crate) use self::approval::{Approval, ApprovalRecord, Approved};
pub(crate) use self::audit::Verified;
pub(crate) use self::call::{CallRecord, Failure, Mode, ServedBy, SideOutput};
pub(crate) use self::effect::{EffectReport, Notes, Undone};
pub(crate) use self::health::Overview;
pub(crate) use self::run::{Message, Origin, RunRecord, RunReport, RunState};
pub(crate) use self::tool::{Explanation, Hints, Need, PathExplanation};
