//! Components: what they are, before and after they are compiled. Nothing here runs one.

mod describe;
mod inspect;
mod world;

pub use describe::Error as DescriptionError;
pub(crate) use describe::{from_guest, from_json, to_json};
pub use inspect::Error as InspectError;
pub(crate) use inspect::{Inspected, inspect};
pub use world::{Error as WorldError, Kind, Lane};
pub(crate) use world::{SUPPORTED, is_describe, is_invoke, kind_of, lane_of};
