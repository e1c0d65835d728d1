//! Names of time zones, with the nearest name for one that does not exist.

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use toolhold_sdk::prelude::*;

/// Names in a suggestion.
const SUGGESTIONS: usize = 3;
/// Largest distance to a suggested name.
const MAX_DISTANCE: usize = 3;

/// The zone of a name such as `Europe/Berlin`, or of an offset such as `+02:00`; UTC if there is none.
///
/// # Errors
/// `invalid-args` with the nearest names.
pub(crate) fn find(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(TimeZone::UTC) };
    if name.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    let offset_or_name =
        name.starts_with(['+', '-']).then(|| DateTimeParser::new().parse_time_zone(name).ok()).flatten();
    offset_or_name.or_else(|| TimeZone::get(name).ok()).ok_or_else(|| unknown(name))
}

/// Names that contain all words of a query, shortest first.
pub(crate) fn matching(query: &str) -> Vec<String> {
    let words: Vec<String> =
        query.split([' ', '_', '/', ',']).map(str::to_lowercase).filter(|word| !word.is_empty()).collect();
    let mut names: Vec<String> =
        all().filter(|name| words.iter().all(|word| name.to_lowercase().contains(word))).collect();
    names.sort_by(|left, right| left.len().cmp(&right.len()).then(left.cmp(right)));
    names
}

fn all() -> impl Iterator<Item = String> {
    jiff::tz::db().available().map(|name| name.as_str().to_owned())
}

fn unknown(name: &str) -> Error {
    let mut proposals = matching(name);
    if proposals.is_empty() {
        proposals = nearest(name);
    }
    let quoted: Vec<String> = proposals.iter().take(SUGGESTIONS).map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => Error::invalid_args(format!(
            "no time zone `{name}`; use an IANA name such as `Europe/Berlin`, an offset such as `+02:00`, or look it up with `zones`"
        )),
        names => Error::invalid_args(format!("no time zone `{name}`; did you mean {}?", names.join(" or "))),
    }
}

/// Names that differ by a few letters, as a whole or in the part behind the last slash.
fn nearest(name: &str) -> Vec<String> {
    let wanted = name.to_lowercase().replace(' ', "_");
    let distance = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or(&known);
        strsim::damerau_levenshtein(&wanted, &known).min(strsim::damerau_levenshtein(&wanted, city))
    };
    let mut scored: Vec<(usize, String)> =
        all().map(|known| (distance(&known), known)).filter(|(distance, _)| *distance <= MAX_DISTANCE).collect();
    scored.sort();
    scored.into_iter().map(|(_, known)| known).collect()
}
