//! What the API's document says of records that are shown as they are stored. Nothing makes a value of these types.
#![expect(dead_code, reason = "only their schemas are used; tests compare those with what is really shown")]

mod approval;
mod audit;
mod call;
mod effect;
mod health;
mod run;
mod tool;

pub(crate) use self::approval::{Answer, Approval, ApprovalRecord, Approved, Foreseen};
pub(crate) use self::audit::Verified;
pub(crate) use self::call::{CallRecord, Exceeded, Failure, FailureClass, LogLine, Mode, ServedBy, SideOutput};
pub(crate) use self::effect::{Change, Content, EffectReport, Notes, Properties, Refusal, Request, Touch, Undone};
pub(crate) use self::health::{Away, Health, Overview, ToolSet, Unusual};
pub(crate) use self::run::{
    CallSummary, FailureSummary, Identity, Message, Origin, RunRecord, RunReport, RunState, Tokens,
};
pub(crate) use self::tool::{Explanation, Hints, Need, PathExplanation, RuleRef};
