//! `add`: a span of time before or after a moment, by the calendar of its zone.

use jiff::Span;
use toolhold_sdk::prelude::*;

use crate::moment::Moment;
use crate::{instant, zone};

/// Adds a span to a time, or subtracts a negative one. Years, months and days follow the calendar of the zone (31 January
/// plus one month is the last of February; a day may have 23 hours), hours and below are exact.
#[tool(title = "Add to a time", hints(read_only, idempotent))]
pub(crate) fn add(
    /// The time, in any form that `parse` reads.
    time: String,
    /// What to add: `1 year 2 months`, `3d 12h`, `-90 minutes`, or ISO 8601 such as `P1Y2M3DT4H`.
    span: String,
    /// Zone of `time` if it names none, and whose calendar counts: IANA name or offset.
    zone: Option<String>,
) -> Result<Moment> {
    let given = zone::find(zone.as_deref())?;
    let read = instant::read(&time, &given)?;
    let start = if zone.is_some() { read.zoned.with_time_zone(given) } else { read.zoned };
    let span = parse_span(&span)?;
    let end = start
        .checked_add(span)
        .map_err(|problem| Error::invalid_args(format!("`{time}` plus `{span:#}` is out of range: {problem}")))?;
    Ok(Moment::new(&end, read.note))
}

fn parse_span(text: &str) -> Result<Span> {
    let forms = "write `1 year 2 months`, `3d 12h`, `-90 minutes` or `P1Y2M3DT4H`";
    text.trim()
        .parse::<Span>()
        .map_err(|problem| Error::invalid_args(format!("`{text}` is no span of time: {problem}; {forms}")))
}
