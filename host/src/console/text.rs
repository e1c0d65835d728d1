//! Numbers, times and JSON as people read them.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;
use toolhold_core::escape;
use toolhold_core::limit::Unit;

/// The longest text that is shown in one place, in bytes. A page is for reading; `--json` on the command line has the rest.
pub(super) const LONGEST: usize = 64 << 10;

/// A moment, for a person who knows what time it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// As programs read it.
    pub(super) iso: String,
    /// To the second, in UTC.
    pub(super) exact: String,
    /// From now.
    pub(super) ago: String,
}

/// The moment `micros` microseconds after 1970, seen from `now`.
pub(super) fn moment(micros: u64, now: u64) -> Moment {
    let stamp = i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let iso = stamp.map_or_else(String::new, |stamp| stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let exact =
        stamp.map_or_else(|| format!("{micros} µs"), |stamp| stamp.strftime("%e %b %Y, %H:%M:%S UTC").to_string());
    let ago = if micros > now { format!("in {}", span(micros - now)) } else { format!("{} ago", span(now - micros)) };
    Moment { iso, exact: exact.trim().to_owned(), ago }
}

/// A time in its largest unit.
pub(super) fn span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A short time, to three digits or so.
pub(super) fn took(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => {
            let seconds = micros / 1_000_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// Bytes in the largest unit of which there is one.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, "KiB");
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    for next in UNITS.iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        (unit, tenths) = (next, tenths / 1024);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A number with its thousands apart.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// A number of this unit.
pub(super) fn amount(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => number(value),
        Unit::Bytes => size(value),
        Unit::Micros => took(value),
        Unit::MicroDollars => dollars(value),
    }
}

/// Money.
pub(super) fn dollars(micro: u64) -> String {
    format!("${}.{:04}", micro / 1_000_000, micro % 1_000_000 / 100)
}

/// `number` of `what`, which is a regular noun.
pub(super) fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The beginning of a text on one line.
pub(super) fn short(text: &str, characters: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// A text, cut where it is too long for a page, with a word about that.
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    let (head, tail) = text.split_at(text.floor_char_boundary(LONGEST));
    if tail.is_empty() {
        Cow::Borrowed(head)
    } else {
        Cow::Owned(format!("{head}\n… ({} more)", size(tail.len() as u64)))
    }
}

/// JSON text over several lines; text that is no JSON as it is.
pub(super) fn json(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => pretty(&value),
        Err(_) => text.to_owned(),
    }
}

/// A value over several lines. Characters that could deceive are written as JSON writes them, so that what is shown is still
/// the same value: a person may send it back.
pub(super) fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
    if !text.chars().any(escape::must_escape) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 32);
    for character in text.chars() {
        if escape::must_escape(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _infallible = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now() {
        let second = 1_000_000;
        let now = 1_700_000_000 * second;
        let then = moment(now - 90 * second, now);
        assert_eq!((then.iso.as_str(), then.ago.as_str()), ("2023-11-14T22:11:50Z", "1 min ago"));
        assert_eq!(then.exact, "14 Nov 2023, 22:11:50 UTC");
        assert_eq!(moment(now + 3_600 * second, now).ago, "in 1 h");
        assert_eq!(moment(u64::MAX, now).exact, format!("{} µs", u64::MAX), "no date is that late");
    }

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        assert_eq!([0, 999, 1_234_567].map(number), ["0", "999", "1\u{a0}234\u{a0}567"]);
        assert_eq!([1023, 1024, 1 << 30].map(size), ["1023 B", "1.0 KiB", "1.0 GiB"]);
        let times = [5, 1_500, 250_000, 2_500_000, 61_000_000].map(took);
        assert_eq!(times, ["5 µs", "1.5 ms", "250 ms", "2.5 s", "1 min 1 s"]);
        assert_eq!(dollars(1_234_500), "$1.2345");
        assert_eq!([1, 2].map(|number| counted(number, "call")), ["1 call", "2 calls"]);
    }

    #[test]
    fn json_stays_the_same_value_with_everything_visible() {
        let value = serde_json::json!({"path": "a\u{202e}b\u{e0041}\u{200b}", "é": "日本"});
        let shown = pretty(&value);
        assert!(!shown.contains(|character| character != '\n' && escape::must_escape(character)), "{shown}");
        assert!(shown.contains("a\\u202eb\\udb40\\udc41\\u200b") && shown.contains("日本"), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(short("a  b\nc", 10), "a b c");
        assert_eq!(short("ääää", 2), "ää…");
        let cut = bounded(&"ä".repeat(LONGEST)).into_owned();
        assert!(cut.ends_with("… (64.0 KiB more)"), "{}", &cut[cut.len() - 40..]);
    }
}
