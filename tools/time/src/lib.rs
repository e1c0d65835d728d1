//! `time`: the calendar arithmetic that models get wrong: zones, daylight saving, lengths of months.
//!
//! The zone database is part of the component, so results do not depend on the machine. The clock is read by `now` alone;
//! it is the host's, which may fix it for a replay.

mod add;
mod convert;
mod diff;
mod instant;
mod moment;
mod now;
mod parse;
mod zone;
mod zones;

toolhold_sdk::component!(now::now, parse::parse, convert::convert, add::add, diff::diff, zones::zones);

#[cfg(test)]
mod tests;
