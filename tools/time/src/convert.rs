//! `convert`: one moment in other zones.

use toolhold_sdk::prelude::*;

use crate::moment::Moment;
use crate::{instant, zone};

/// Zones in one call.
const MAX_ZONES: usize = 50;

/// One moment, several times.
#[output]
pub(crate) struct Converted {
    /// In the order of the arguments.
    moments: Vec<Moment>,
    /// Set if the local time was ambiguous or did not exist, with what was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Tells what a time is in other time zones.
#[tool(title = "Convert between time zones", hints(read_only, idempotent))]
pub(crate) fn convert(
    /// The time, in any form that `parse` reads.
    time: String,
    /// Zone of `time` if it names none: IANA name or offset; UTC if left out.
    zone: Option<String>,
    /// Zones to convert to: IANA names or offsets.
    #[schemars(length(min = 1, max = 50))]
    to: Vec<String>,
) -> Result<Converted> {
    if to.is_empty() || to.len() > MAX_ZONES {
        return Err(Error::invalid_args(format!("`to` names {} zones; give 1 to {MAX_ZONES}", to.len())));
    }
    let read = instant::read(&time, &zone::find(zone.as_deref())?)?;
    let convert =
        |name: &String| zone::find(Some(name)).map(|zone| Moment::new(&read.zoned.with_time_zone(zone), None));
    let moments = to.iter().map(convert).collect::<Result<_>>()?;
    Ok(Converted { moments, note: read.note })
}
