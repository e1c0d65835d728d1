//! The life of one agent run, as a pure function of what happened to it.
//!
//! A run is the fold of its [`RunEvent`]s: a [`Machine`] takes them one by one, and says what is to be done next. It does
//! nothing itself. Whoever drives it asks a model, makes a call, waits, and hands back what came of it as the next event;
//! time is a number that comes with each. A run that is read back from a journal is therefore where a live one was, and
//! goes on from there by the same code.
//!
//! Reading order: [`machine`] is the loop; [`event`] what can happen; [`turn`] and [`message`] what goes to a model and
//! comes from it; [`intake`] what of it is let through; [`result`] what the model sees of a call, [`context`] what it sees of a long conversation; [`guard`] what is done in
//! vain; [`limits`] every bound; [`report`] what remains. Where a run may be at all is said in [`crate::state`].

mod answer;
mod context;
pub mod event;
mod guard;
mod intake;
pub mod limits;
pub mod machine;
pub mod message;
mod milliseconds;
mod names;
mod prompt;
pub mod reflect;
pub mod report;
mod result;
mod tool;
pub mod turn;

pub use self::event::{Occurrence, RequeueAt, RunEvent, Start};
pub use self::limits::{RunLimit, RunLimits};
pub use self::machine::{Ask, Machine, Next, PendingApproval, PendingCall};
pub use self::message::{Message, RequestedCall};
pub use self::names::for_model as name_for_model;
pub use self::report::{CallSummary, FailureSummary, Reason, RunReport};
pub use self::result::of_call as result_of_call;
pub use self::tool::ToolSpec;
pub use self::turn::{Finish, Identity, Kind, Retry, Tokens, Turn};
