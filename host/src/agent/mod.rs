//! The agent: a loop around a model that may ask for tools, and a host that decides whether it gets them.
//!
//! The agent holds no authority. It turns what a model says into calls, hands them to the host, and shows the model what
//! came of them; it cannot run, allow or widen anything. Whatever a model sends, a run ends, within its limits, in a
//! state with a reason.
//!
//! Reading order: [`run`] is the loop; it [`ask`]s a [`model`] and [`act`]s on what [`intake`] lets through; [`result`] is
//! what the model sees of it, [`event`] what everyone else does, [`report`] what remains. [`limits`] has every bound.

mod act;
mod ask;
mod clock;
mod event;
mod guard;
mod intake;
mod limits;
mod message;
pub mod model;
mod names;
mod prompt;
mod report;
mod result;
mod run;
mod tools;

#[cfg(test)]
mod tests;

pub use self::clock::{Clock, TokioClock};
pub use self::event::{Occurrence, RunEvent};
pub use self::limits::{RunLimit, RunLimits};
pub use self::message::{Message, RequestedCall};
pub use self::names::for_model as name_for_model;
pub use self::report::{CallSummary, FailureSummary, Reason, RunReport};
pub use self::run::{Agent, Observer, Task};
pub use self::tools::{ToolSpec, Tools};
