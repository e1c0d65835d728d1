//! Durable runs: an agent's run that survives whoever works on it.
//!
//! Each step of a run is in the journal before anything is built on it ([`recorder`]). So a run that was cut off is put
//! together again from its steps ([`past`]) and goes on where it was ([`work`]): an answer of a model that is on record is not
//! asked for again, and a call that was started is made again under the same key, so that the journal of calls tells what
//! became of it. Before any of that, [`preflight`] says what can be known. What fails for good is kept as a dead letter, with everything that it knew.
//! [`service`] works on many of them in a server.

mod at_work;
mod cancel;
mod error;
mod guarded;
mod known;
mod past;
mod pause;
mod places;
pub mod preflight;
mod recorder;
mod replay;
pub mod service;
mod tools;
mod work;

pub(crate) use self::at_work::AtWork;
pub use self::cancel::{cancel, request as request_cancel};
pub use self::error::Error;
pub use self::past::{OPEN, Past};
pub use self::places::Seat;
pub use self::recorder::JournalEngine;
pub use self::replay::{Replay, replay};
pub use self::tools::HostTools;
pub use self::work::{Ended, Ready, Worker, limits};
pub(crate) use self::work::{expire, outlived};
