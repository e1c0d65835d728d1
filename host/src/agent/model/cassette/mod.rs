//! Recordings of what went over the wire: made once against a real model, played back without one.
//!
//! A cassette is JSON Lines: a head that says how requests are made, then one exchange per line, as bytes, before anything
//! took them apart. Played back, each request is made anew and compared with the recorded one; the first difference is an
//! error that names it. Known secrets are not in it: what records one cannot be made without what takes them out.
//!
//! Reading order: [`format`] is a line, [`record`] writes, [`replay`] reads, [`difference`] compares.

mod difference;
mod format;
mod record;
mod replay;

pub(super) use self::format::{Exchange, Head, Taken};
pub use self::record::{RecordError, Recorder};
pub use self::replay::CassetteError;
pub(super) use self::replay::{Cassette, Replay};
