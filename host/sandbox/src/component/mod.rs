//! Components: what they are, before and after they are compiled. Nothing here runs one.

mod adapt;
mod describe;
mod exit;
mod inspect;
mod typed;
mod world;

pub(crate) use adapt::{adapt, without_section};
pub use describe::Error as DescriptionError;
pub(crate) use describe::{from_guest, from_json, to_json};
pub use inspect::Error as InspectError;
pub(crate) use inspect::{Inspected, inspect};
pub(crate) use typed::{Function, Surface, merge, needs_of};
pub use typed::{MergeError, Refused, TooMany};
pub use world::{Error as WorldError, Kind, Lane};
pub(crate) use world::{SUPPORTED, is_describe, is_invoke, is_run, kind_of, lane_of};
