//! What surrounds one run of a tool, for every front: whether it is started at all, made again, or stood in for.
//!
//! In the order in which a call meets it:
//!
//! * [`join`]: a call whose key belongs to one that is running waits for that one's outcome;
//! * [`turnstile`]: rates and the tool's breaker let it through, or it ends at once;
//! * [`again`]: attempts, each decided anew, as far as [`toolhold_core::classify`] and [`toolhold_core::retry`] allow;
//! * [`unknown`]: what nobody knows is parked, and settled by a person;
//! * [`fallback`]: what stands in for a tool whose dependencies failed.
//!
//! [`dependencies`] remembers what the last calls said of a tool or a remote host, and [`time`] is the clock, the sleep and the
//! dice of all of this. Nothing here decides: that is `toolhold_core`'s.

mod again;
mod dependencies;
mod fallback;
mod join;
mod shelf;
mod time;
mod turnstile;
mod unknown;

pub use dependencies::{Dependencies, DependencyState};
pub use time::{HostTime, Time};
pub use unknown::Resolution;

pub(crate) use again::{Attempted, acted, evidence, told};
pub(crate) use dependencies::{WeakDependencies, remembered};
pub(crate) use fallback::key_instead;
pub(crate) use join::Running;
pub(crate) use turnstile::LetThrough;
pub(crate) use unknown::unknown_outcome;
