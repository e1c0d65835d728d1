//! `diff`: how long it is from one moment to another.

use jiff::Unit;
use toolhold_sdk::prelude::*;

use crate::{instant, zone};

/// The largest unit of a result.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Largest {
    /// Years, months, days and time.
    #[default]
    Years,
    /// Months, days and time.
    Months,
    /// Weeks, days and time.
    Weeks,
    /// Days and time.
    Days,
    /// Hours, minutes, seconds.
    Hours,
    /// Seconds.
    Seconds,
}

/// A span of time.
#[output]
pub(crate) struct Difference {
    /// ISO 8601, such as `P1M2DT3H`; negative if `to` lies before `from`.
    iso: String,
    /// The same for people, such as `1mo 2d 3h`.
    text: String,
    /// All of it in seconds.
    seconds: f64,
    /// Calendar days between the two dates.
    days: i64,
}

/// Tells how long it is from one time to another, by the calendar of the zone and in seconds.
#[tool(title = "Time between", hints(read_only, idempotent))]
pub(crate) fn diff(
    /// The first time, in any form that `parse` reads.
    from: String,
    /// The second time.
    to: String,
    /// Zone of times that name none, and whose calendar counts: IANA name or offset; UTC if left out.
    zone: Option<String>,
    /// Largest unit of the result: `years`, `months`, `weeks`, `days`, `hours` or `seconds`; `years` if left out.
    #[serde(default)]
    largest: Largest,
) -> Result<Difference> {
    let zone = zone::find(zone.as_deref())?;
    let from = instant::read(&from, &zone)?.zoned.with_time_zone(zone.clone());
    let to = instant::read(&to, &zone)?.zoned.with_time_zone(zone);
    let unit = match largest {
        Largest::Years => Unit::Year,
        Largest::Months => Unit::Month,
        Largest::Weeks => Unit::Week,
        Largest::Days => Unit::Day,
        Largest::Hours => Unit::Hour,
        Largest::Seconds => Unit::Second,
    };
    let span = from
        .until((unit, &to))
        .map_err(|problem| Error::invalid_args(format!("the difference is out of range: {problem}")))?;
    let days = from.date().until((Unit::Day, to.date())).map_err(Error::failed)?;
    let seconds = to.timestamp().duration_since(from.timestamp()).as_secs_f64();
    Ok(Difference { iso: span.to_string(), text: format!("{span:#}"), seconds, days: i64::from(days.get_days()) })
}
