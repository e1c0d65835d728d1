//! `parse`: text to a moment.

use toolhold_sdk::prelude::*;

use crate::moment::Moment;
use crate::{instant, zone};

/// A moment and the format it was read in.
#[output]
pub(crate) struct Parsed {
    /// The format that fitted.
    format: String,
    /// The moment.
    moment: Moment,
}

/// Reads a date or time: ISO 8601, RFC 3339, RFC 2822, HTTP dates, Unix seconds to nanoseconds, `22 Nov 2026`,
/// `Nov 22, 2026`, `22.11.2026` and more; or in a format of your own.
#[tool(title = "Read a time", hints(read_only, idempotent))]
pub(crate) fn parse(
    /// The date or time.
    text: String,
    /// Zone for text that names none: IANA name or offset; UTC if left out.
    zone: Option<String>,
    /// Format in the notation of `strptime`, such as `%m/%d/%Y %H:%M`; found out if left out.
    format: Option<String>,
) -> Result<Parsed> {
    let zone = zone::find(zone.as_deref())?;
    let read = match format {
        Some(format) => instant::read_as(&text, &format, &zone)?,
        None => instant::read(&text, &zone)?,
    };
    Ok(Parsed { moment: Moment::new(&read.zoned, read.note), format: read.format })
}
