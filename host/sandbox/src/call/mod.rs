//! One call of a guest: its state, its limits, its run and its end.

mod execute;
mod failure;
mod guest;
mod limiter;
mod linker;
mod state;
mod stop;
mod value;
mod wait;

#[cfg(test)]
pub(crate) use execute::test_state;
pub(crate) use execute::{Answer, Ended, Job, Request, Staging, on_calling_thread, on_fiber};
pub(crate) use failure::HostFault;
pub(crate) use failure::Stopped;
pub use failure::{RunFailure, ToolError, Trap};
pub(crate) use guest::{Guest, Room};
pub(crate) use limiter::HostMemory;
pub(crate) use linker::LaneLinker;
pub(crate) use state::{CallState, Exit, Gate};
pub(crate) use stop::{Crossing, Stop};
pub(crate) use wait::block_on;
