//! What programs are shown of calls, runs and everything beside them: one form of each, for `--json` on a terminal and for the
//! HTTP API alike.
//!
//! Some of it is shown as it is stored. What the API's document says of that is in [`schema`], because the crates that store and decide
//! know of no API; the tests compare both.

mod breaker;
mod call;
mod run;
pub(crate) mod schema;
mod tool;

pub(crate) use self::breaker::Breaker;
pub(crate) use self::call::{Changed, Report, UnknownCall};
pub(crate) use self::run::{DeadLetter, RunStep, StateAt, Whole, dead_letters};
pub(crate) use self::tool::ToolCard;

/// A moment in UTC, as text.
pub(crate) fn time(micros: u64) -> String {
    let moment = i64::try_from(micros).ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    moment.map_or_else(|| format!("{micros} µs after 1970"), |moment| moment.to_string())
}
