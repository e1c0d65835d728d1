//! The agent: a loop around a model that may ask for tools, and a host that decides whether it gets them.
//!
//! The agent holds no authority. It turns what a model says into calls, hands them to the host, and shows the model what
//! came of them; it cannot run, allow or widen anything. Whatever a model sends, a run ends, within its limits, in a
//! state with a reason.
//!
//! What is to be done is decided by the state machine of [`toolhold_core::run`], which does nothing; [`drive`] does it, and
//! an [`Engine`] sees to it that everything is done once, also where a run is cut off and taken up again. [`model`] is who
//! is asked.

mod clock;
mod drive;
mod engine;
pub mod model;
mod tools;

#[cfg(test)]
mod tests;

pub use toolhold_core::run::{
    CallSummary, FailureSummary, Machine, Message, Occurrence, Reason, RequestedCall, RunEvent, RunLimit, RunLimits,
    RunReport, Start, ToolSpec, name_for_model,
};

pub use self::clock::{Clock, TokioClock};
pub use self::drive::{Agent, Models, Observer, Stopped, Task, prices};
pub use self::engine::{Act, Engine, Forgetful, Unrecorded};
pub use self::tools::Tools;
