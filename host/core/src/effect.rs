//! Effects: what crossed the boundary between a guest and the world.
//!
//! Observed, not claimed: the sandbox writes these down where an effect crosses. Nothing here names the host: paths are guest
//! paths, and a secret is its name. [`Notes`] is the diary of a call; a [`Change`] is what is different of one path when it
//! is over; a [`Request`] is what was sent, or would have been; an [`EffectReport`] is all of it, for people and programs.

mod change;
mod note;
mod report;
mod request;

pub use change::{Change, ChangeKind, Content, EntryKind, Properties};
pub use note::{Notes, Operation, Refusal, Touch, Touched, Why};
pub use report::{Basis, EffectReport, NOT_OBSERVED, Unknown};
pub use request::{Departed, Request, RequestState};
