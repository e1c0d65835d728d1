//! Times as commits have them, in the form of RFC 3339.

use crate::object::Signature;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The time of a signature, in its own zone.
pub(crate) fn text(signature: &Signature) -> String {
    let local = signature.seconds.saturating_add(i64::from(signature.offset) * 60);
    let (year, month, day) = date(local.div_euclid(DAY));
    let second = local.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let sign = if signature.offset < 0 { '-' } else { '+' };
    let offset = signature.offset.unsigned_abs();
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{sign}{:02}:{:02}",
        offset / 60,
        offset % 60
    )
}

/// Year, month and day of days since 1970, in the calendar that is counted back from today's: eras of 400 years, from March on.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_their_own_zone() {
        let at = |seconds, offset| text(&Signature { seconds, offset, ..Signature::default() });
        assert_eq!(at(0, 0), "1970-01-01T00:00:00+00:00");
        assert_eq!(at(951_782_400, 330), "2000-02-29T05:30:00+05:30");
        assert_eq!(at(1_700_000_000, -480), "2023-11-14T14:13:20-08:00");
        assert_eq!(at(-1, 0), "1969-12-31T23:59:59+00:00");
    }
}
