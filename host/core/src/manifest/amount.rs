//! Numbers with units: `"64MiB"`, `"5s"`, `"2G"`.
//!
//! Whole numbers only and exact arithmetic only: a limit is what it says. A plain integer is in the base unit.

use std::fmt::Write as _;

use crate::limit::Unit;

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No digits in front.
    #[error("`{0}` does not begin with a whole number")]
    NoNumber(String),
    /// No text.
    #[error("an empty text is no amount")]
    Empty,
    /// Digits and a point.
    #[error("`{0}` is not a whole number of a unit; use a smaller unit")]
    Fraction(String),
    /// No such unit.
    #[error("`{0}` is not a unit here")]
    Unit(String),
    /// A duration or a sum of money without a unit.
    #[error("a time or a sum of money needs a unit")]
    NoUnit,
    /// More than 64 bits.
    #[error("`{0}` is larger than any limit can be")]
    Overflow(String),
}

/// A day in microseconds, without a thought to leap seconds and summer time.
const DAY: u64 = 24 * 3_600_000_000;

/// The suffixes of `unit` and what each multiplies by, smallest first.
#[must_use]
pub fn suffixes(unit: Unit) -> &'static [(&'static str, u64)] {
    match unit {
        Unit::Count => &[("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)],
        Unit::Bytes => &[
            ("B", 1),
            ("kB", 1_000),
            ("KiB", 1 << 10),
            ("MB", 1_000_000),
            ("MiB", 1 << 20),
            ("GB", 1_000_000_000),
            ("GiB", 1 << 30),
        ],
        Unit::Micros => {
            &[("us", 1), ("ms", 1_000), ("s", 1_000_000), ("min", 60_000_000), ("h", 3_600_000_000), ("d", DAY)]
        }
        Unit::MicroDollars => &[("uUSD", 1), ("ct", 10_000), ("USD", 1_000_000)],
    }
}

/// Reads digits (with `_` between them, as in TOML) and a unit.
///
/// # Errors
///
/// What is wrong with `text`.
pub fn parse(text: &str, unit: Unit) -> Result<u64, Error> {
    let shown = || text.chars().take(40).collect::<String>();
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '_').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    if text.is_empty() {
        return Err(Error::Empty);
    }
    if suffix.starts_with(['.', ',']) {
        return Err(Error::Fraction(shown()));
    }
    if !digits.starts_with(|char: char| char.is_ascii_digit()) || digits.ends_with('_') {
        return Err(Error::NoNumber(shown()));
    }
    let factor = factor(suffix.trim_start(), unit)?;
    let number: u64 = digits.replace('_', "").parse().map_err(|_| Error::Overflow(shown()))?;
    number.checked_mul(factor).ok_or_else(|| Error::Overflow(shown()))
}

fn factor(suffix: &str, unit: Unit) -> Result<u64, Error> {
    match (suffix, unit) {
        ("", Unit::Micros | Unit::MicroDollars) => Err(Error::NoUnit),
        ("", _) => Ok(1),
        _ => suffixes(unit)
            .iter()
            .find_map(|(name, factor)| (*name == suffix).then_some(*factor))
            .ok_or_else(|| Error::Unit(suffix.chars().take(20).collect())),
    }
}

/// The shortest exact spelling, as [`parse`] reads it.
#[must_use]
pub fn show(amount: u64, unit: Unit) -> String {
    let exact = |(_, factor): &&(&str, u64)| amount >= *factor && amount.is_multiple_of(*factor);
    let shortest = suffixes(unit).iter().filter(exact).min_by_key(|(_, factor)| amount / factor);
    let mut out = String::new();
    let written = match shortest {
        Some((name, factor)) => write!(out, "{}{name}", amount / factor),
        None if unit == Unit::Micros => write!(out, "{amount}us"),
        None if unit == Unit::MicroDollars => write!(out, "{amount}uUSD"),
        None => write!(out, "{amount}"),
    };
    debug_assert!(written.is_ok(), "writing to a string does not fail");
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_a_whole_number_and_a_unit() {
        for (text, unit, expected) in [
            ("64MiB", Unit::Bytes, 64 << 20),
            ("64 MiB", Unit::Bytes, 64 << 20),
            ("1_000", Unit::Bytes, 1_000),
            ("2G", Unit::Count, 2_000_000_000),
            ("5s", Unit::Micros, 5_000_000),
            ("0s", Unit::Micros, 0),
            ("14d", Unit::Micros, 14 * DAY),
        ] {
            assert_eq!(parse(text, unit), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let unit = |text: &str| Error::Unit(text.into());
        for (text, of, error) in [
            ("", Unit::Bytes, Error::Empty),
            ("MiB", Unit::Bytes, Error::NoNumber("MiB".into())),
            ("-1", Unit::Count, Error::NoNumber("-1".into())),
            ("1.5GiB", Unit::Bytes, Error::Fraction("1.5GiB".into())),
            ("64Mib", Unit::Bytes, unit("Mib")),
            ("5", Unit::Micros, Error::NoUnit),
            ("5m", Unit::Micros, unit("m")),
            ("99999999999999999999", Unit::Count, Error::Overflow("99999999999999999999".into())),
            ("99999999999T", Unit::Count, Error::Overflow("99999999999T".into())),
        ] {
            assert_eq!(parse(text, of), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(amount: u64, scale in 0_u32..40, unit in prop::sample::select(vec![Unit::Count, Unit::Bytes, Unit::Micros, Unit::MicroDollars])) {
            let amount = amount >> scale >> scale.min(23);
            prop_assert_eq!(parse(&show(amount, unit), unit), Ok(amount));
        }
    }
}
