//! `zones`: names of time zones by a part of them.

use toolhold_sdk::prelude::*;

use crate::zone;

/// Names returned at most.
const LIMIT: usize = 50;

/// Names of zones.
#[output]
pub(crate) struct Zones {
    /// IANA names, shortest first.
    zones: Vec<String>,
    /// True if there are more: say more of the name.
    truncated: bool,
}

/// Finds names of time zones by a city, a continent or a part of either: `berlin`, `america new york`.
#[tool(title = "Find time zones", hints(read_only, idempotent))]
pub(crate) fn zones(
    /// Words that the name contains.
    query: String,
) -> Zones {
    let mut zones = zone::matching(&query);
    let truncated = zones.len() > LIMIT;
    zones.truncate(LIMIT);
    Zones { zones, truncated }
}
