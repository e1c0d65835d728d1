//! `Retry-After`: how long a server asks to be left alone.
//!
//! A number of seconds, or a date. A date is measured against the answer's own `Date`, so no clock of ours is compared with a
//! clock of theirs. What is not understood is as if it were not there.

/// Longer than this nobody is believed to mean: a day.
pub const MAX_RETRY_AFTER_SECONDS: u64 = 24 * 60 * 60;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The seconds that `value` asks for, at most a day; `date` is the answer's own `Date`.
#[must_use]
pub fn retry_after(value: &str, date: Option<&str>) -> Option<u64> {
    let value = value.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = match is_number {
        // More digits than a number has are still a long time.
        true => value.parse().unwrap_or(u64::MAX),
        false => instant(value)?.saturating_sub(instant(date?)?),
    };
    Some(seconds.min(MAX_RETRY_AFTER_SECONDS))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as seconds since 1970. The other two forms that HTTP once had are not in use.
fn instant(text: &str) -> Option<u64> {
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_sound = (1..=31).contains(&day)
        && (1970..=9999).contains(&year)
        && hour < 24
        && minute < 60
        && second <= 60
        && (words.next(), words.next()) == (Some("GMT"), None);
    is_sound.then(|| days(year, month as u64 + 1, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March here, so that the day that leap years have is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    (of_years + (month * 153 + 2) / 5 + day).saturating_sub(719_469)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(retry_after("120", None), Some(120));
        assert_eq!(retry_after(" 0 ", None), Some(0));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:51:07 GMT", date), Some(90));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(0), "the past is now");
        assert_eq!(instant("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(instant("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(instant("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    }

    #[test]
    fn a_server_cannot_ask_for_more_than_a_day() {
        assert_eq!(retry_after("999999999999999999999999", None), Some(MAX_RETRY_AFTER_SECONDS));
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT", date), Some(MAX_RETRY_AFTER_SECONDS));
    }

    #[test]
    fn anything_else_is_as_if_it_were_not_there() {
        for bad in [
            "",
            "soon",
            "-1",
            "1.5",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(retry_after(bad, Some("Sun, 06 Nov 1994 08:49:37 GMT")), None, "{bad}");
        }
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", None), None, "without a date of its own");
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(value: String, date: Option<String>) {
            prop_assert!(retry_after(&value, date.as_deref()).is_none_or(|seconds| seconds <= MAX_RETRY_AFTER_SECONDS));
        }
    }
}
