//! `now`: the only tool that reads the clock.

use jiff::Timestamp;
use toolhold_sdk::prelude::*;

use crate::moment::Moment;
use crate::zone;

/// Tells the current time in a time zone.
#[tool(title = "Current time", hints(read_only))]
pub(crate) fn now(
    /// IANA name such as `Europe/Berlin`, or an offset such as `+02:00`; UTC if left out.
    zone: Option<String>,
) -> Result<Moment> {
    at(Timestamp::now(), zone.as_deref())
}

/// An instant in a zone, without the clock.
///
/// # Errors
/// There is no such zone.
pub(crate) fn at(instant: Timestamp, zone: Option<&str>) -> Result<Moment> {
    // Nobody asks for the nanosecond.
    let instant = Timestamp::from_second(instant.as_second()).map_err(Error::failed)?;
    Ok(Moment::new(&instant.to_zoned(zone::find(zone)?), None))
}
