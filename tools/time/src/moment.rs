//! A moment as every tool returns it: the same instant in each form that a model may need next.

use jiff::Zoned;
use jiff::tz::{Dst, TimeZone};
use toolhold_sdk::prelude::*;

/// One moment in one zone.
#[output]
#[derive(Debug)]
pub(crate) struct Moment {
    /// RFC 3339 with the offset of the zone.
    time: String,
    /// IANA name of the zone, or its offset.
    zone: String,
    /// RFC 3339 in UTC.
    utc: String,
    /// Seconds since 1970-01-01 UTC.
    unix: i64,
    /// Day of the week in English.
    weekday: String,
    /// ISO week, such as `2026-W47`.
    iso_week: String,
    /// Day of the year, from 1.
    day_of_year: i16,
    /// Whether daylight saving time is in force.
    dst: bool,
    /// Set if the local time was ambiguous or did not exist, with what was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Moment {
    /// The moment as a tool returns it.
    pub(crate) fn new(zoned: &Zoned, note: Option<String>) -> Self {
        let week = zoned.date().iso_week_date();
        Moment {
            time: rfc3339(zoned),
            zone: zone_name(zoned),
            utc: zoned.timestamp().to_string(),
            unix: zoned.timestamp().as_second(),
            weekday: zoned.strftime("%A").to_string(),
            iso_week: format!("{:04}-W{:02}", week.year(), week.week()),
            day_of_year: zoned.day_of_year(),
            dst: zoned.time_zone().to_offset_info(zoned.timestamp()).dst() == Dst::Yes,
            note,
        }
    }
}

/// RFC 3339 with the offset of the zone; `Z` in UTC.
fn rfc3339(zoned: &Zoned) -> String {
    if *zoned.time_zone() == TimeZone::UTC {
        return zoned.timestamp().to_string();
    }
    zoned.timestamp().display_with_offset(zoned.offset()).to_string()
}

fn zone_name(zoned: &Zoned) -> String {
    zoned.time_zone().iana_name().map_or_else(|| zoned.offset().to_string(), ToOwned::to_owned)
}
