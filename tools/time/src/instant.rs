//! A moment from what people and programs write. Formats that mean two days (`03/04/2026`) are refused, not guessed.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::fmt::{rfc2822, temporal::DateTimeParser};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use toolhold_sdk::prelude::*;

/// Formats tried for text that is neither ISO 8601 nor RFC 2822, with their name.
const FORMATS: [&str; 16] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %b %Y",
    "%b %d, %Y %H:%M:%S",
    "%b %d, %Y %H:%M",
    "%b %d, %Y",
    "%a %b %d %H:%M:%S %Y",
    "%Y%m%d",
];

/// A moment, how it was written, and what was unclear.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) zoned: Zoned,
    pub(crate) format: String,
    pub(crate) note: Option<String>,
}

/// Reads a moment. `zone` holds for text that names neither a zone nor an offset.
///
/// # Errors
/// `invalid-args` with forms that would do.
pub(crate) fn read(text: &str, zone: &TimeZone) -> Result<Read> {
    let text = text.trim();
    if let Some(read) = unix(text, zone) {
        return read;
    }
    if let Some(read) = iso(text, zone) {
        return read;
    }
    if let Ok(zoned) = rfc2822::parse(text) {
        return Ok(Read { zoned, format: "RFC 2822".to_owned(), note: None });
    }
    if let Ok(parsed) = strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text) {
        return from_parts(&parsed, &TimeZone::UTC, "HTTP date");
    }
    for format in FORMATS {
        if let Ok(parsed) = strtime::parse(format, text) {
            return from_parts(&parsed, zone, format);
        }
    }
    Err(unreadable(text))
}

/// Reads a moment in a format of `strptime`.
///
/// # Errors
/// `invalid-args` with what did not fit.
pub(crate) fn read_as(text: &str, format: &str, zone: &TimeZone) -> Result<Read> {
    let parsed = strtime::parse(format, text.trim());
    let parsed = parsed
        .map_err(|problem| Error::invalid_args(format!("`{text}` does not have the format `{format}`: {problem}")))?;
    from_parts(&parsed, zone, format)
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
fn unix(text: &str, zone: &TimeZone) -> Option<Result<Read>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten()?;
    let (stamp, unit) = match digits.len() {
        // Eight digits are a date without separators.
        8 => return None,
        ..=11 => (Timestamp::from_second(number), "seconds"),
        12..=14 => (Timestamp::from_millisecond(number), "milliseconds"),
        15..=17 => (Timestamp::from_microsecond(number), "microseconds"),
        _ => (Timestamp::from_nanosecond(i128::from(number)), "nanoseconds"),
    };
    Some(match stamp {
        Ok(stamp) => Ok(Read { zoned: stamp.to_zoned(zone.clone()), format: format!("Unix {unit}"), note: None }),
        Err(_) => Err(Error::invalid_args(format!("`{text}` lies outside of the years -9999 to 9999"))),
    })
}

fn iso(text: &str, zone: &TimeZone) -> Option<Result<Read>> {
    let parser = DateTimeParser::new();
    if let Ok(zoned) = parser.parse_zoned(text) {
        return Some(Ok(Read { zoned, format: "RFC 9557".to_owned(), note: None }));
    }
    if let Ok(stamp) = parser.parse_timestamp(text) {
        let zoned = stamp.to_zoned(offset_of(text).unwrap_or_else(|| zone.clone()));
        return Some(Ok(Read { zoned, format: "RFC 3339".to_owned(), note: None }));
    }
    let date_time = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(Date::into));
    date_time.ok().map(|date_time| local(date_time, zone, "ISO 8601"))
}

/// The offset at the end of an RFC 3339 text, so that its local time is kept.
fn offset_of(text: &str) -> Option<TimeZone> {
    if text.ends_with(['Z', 'z']) {
        return Some(TimeZone::UTC);
    }
    let time_at = text.find(['T', 't', ' '])?;
    let sign = text.get(time_at..)?.find(['+', '-'])? + time_at;
    DateTimeParser::new().parse_time_zone(text.get(sign..)?).ok()
}

fn from_parts(parsed: &BrokenDownTime, zone: &TimeZone, format: &str) -> Result<Read> {
    if let Ok(zoned) = parsed.to_zoned() {
        return Ok(Read { zoned, format: format.to_owned(), note: None });
    }
    let date_time = parsed.to_datetime().or_else(|_| parsed.to_date().map(Date::into));
    let date_time =
        date_time.map_err(|problem| Error::invalid_args(format!("the text names no day that exists: {problem}")))?;
    local(date_time, zone, format)
}

/// A local time in a zone; what daylight saving makes unclear is resolved as calendars do it, and said.
fn local(date_time: DateTime, zone: &TimeZone, format: &str) -> Result<Read> {
    let ambiguous = zone.to_ambiguous_zoned(date_time);
    let note = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { .. } => {
            Some("this local time does not exist: clocks are put forward; a time after the gap was taken")
        }
        AmbiguousOffset::Fold { .. } => Some("this local time happens twice: clocks are put back; the first was taken"),
    };
    let zoned = ambiguous
        .compatible()
        .map_err(|problem| Error::invalid_args(format!("`{date_time}` is out of range: {problem}")))?;
    Ok(Read { zoned, format: format.to_owned(), note: note.map(ToOwned::to_owned) })
}

fn unreadable(text: &str) -> Error {
    let parts: Vec<&str> = text.split(|character: char| !character.is_ascii_digit()).collect();
    let two_meanings =
        text.contains('/') && matches!(parts.as_slice(), [first, second, ..] if first.len() <= 2 && second.len() <= 2);
    if two_meanings {
        return Error::invalid_args(format!(
            "`{text}` may mean day/month or month/day; write it as `YYYY-MM-DD`, or use `parse` with a `format` such as `%m/%d/%Y`"
        ));
    }
    Error::invalid_args(format!(
        "`{text}` is no time that can be read; write `2026-11-22T05:30:00+01:00`, `2026-11-22 05:30` with a `zone`, or Unix seconds"
    ))
}
