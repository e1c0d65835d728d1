//! What a cell means where it is compared, summed or given a type.

use std::cmp::Ordering;

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Number;

/// A cell as a number, if it is one: surrounding blanks do not matter, words such as `inf` are none.
pub(crate) fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Numbers by size, and before texts; texts by their characters.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (number(left), number(right)) {
        // What is rounded alike is told apart by its digits, all kinds of numbers alike: an order has no circles.
        (Some(first), Some(second)) => {
            first.partial_cmp(&second).unwrap_or(Ordering::Equal).then_with(|| by_digits(left, right))
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// How a number is to another where rows are chosen; `None` if one of the two is none. Whole numbers are never rounded: they are
/// what keys and large amounts are. Others count as the floating point number next to them: files print that with more or
/// fewer digits.
pub(crate) fn numbers(left: &str, right: &str) -> Option<Ordering> {
    let order = number(left)?.partial_cmp(&number(right)?)?;
    Some(if order.is_eq() && is_whole(left) && is_whole(right) { by_digits(left, right) } else { order })
}

/// Whether a number is written without fraction and exponent.
fn is_whole(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The order of two numbers by all of their digits.
fn by_digits(left: &str, right: &str) -> Ordering {
    let (left, right) = (Digits::of(left), Digits::of(right));
    let size = || left.point.cmp(&right.point).then_with(|| left.compare(&right));
    left.sign.cmp(&right.sign).then_with(|| match left.sign {
        0 => Ordering::Equal,
        1 => size(),
        _ => size().reverse(),
    })
}

/// A number taken apart: its digits, without the zeros before them, and where among them the point is.
struct Digits<'a> {
    sign: i8,
    whole: &'a str,
    fraction: &'a str,
    point: i64,
}

impl<'a> Digits<'a> {
    /// Of a text that is a number.
    fn of(number: &'a str) -> Self {
        let number = number.trim();
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        // One that has no room is that of a number next to zero: a larger one would not be finite.
        let exponent = exponent.parse::<i64>().unwrap_or(i64::MIN);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let significant = if whole.is_empty() { fraction.trim_start_matches('0') } else { fraction };
        let before = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let skipped = i64::try_from(fraction.len() - significant.len()).unwrap_or(i64::MAX);
        let zero = [whole, significant].iter().all(|digits| digits.bytes().all(|digit| digit == b'0'));
        let sign = if zero { 0 } else { 1 - 2 * i8::from(negative) };
        Self { sign, whole, fraction: significant, point: exponent.saturating_add(before - skipped) }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let length = (self.whole.len() + self.fraction.len()).max(other.whole.len() + other.fraction.len());
        self.padded().take(length).cmp(other.padded().take(length))
    }

    fn padded(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes()).chain(std::iter::repeat(b'0'))
    }
}

/// A cell as the JSON that prints as the same text, or as its text: `007`, `1.50` and integers that do not fit stay texts.
pub(crate) fn typed(cell: &str) -> Value {
    match cell {
        "" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => exact(cell).map_or_else(|| Value::from(cell), Value::Number),
    }
}

fn exact(cell: &str) -> Option<Number> {
    if let Ok(integer) = cell.parse::<i64>() {
        return (integer.to_string() == cell).then(|| integer.into());
    }
    let float = number(cell)?;
    (float.to_string() == cell).then(|| Number::from_f64(float)).flatten()
}

/// A sum: exact while all numbers are whole, else as floating point numbers add up.
pub(crate) struct Sum {
    whole: Option<i128>,
    float: f64,
}

impl Default for Sum {
    fn default() -> Self {
        Self { whole: Some(0), float: 0.0 }
    }
}

impl Sum {
    /// Takes a cell that is this number.
    pub(crate) fn add(&mut self, cell: &str, number: f64) {
        self.float += number;
        if let Some(sum) = self.whole {
            let cell = cell.trim();
            // Nearly all fit into 64 bits, with which the target counts by itself.
            let whole = cell.parse::<i64>().map(i128::from).or_else(|_| cell.parse());
            self.whole = whole.ok().and_then(|whole| sum.checked_add(whole));
        }
    }

    /// The sum as JSON.
    pub(crate) fn value(&self) -> Value {
        let whole = self.whole.and_then(Number::from_i128);
        whole.map_or_else(|| json(self.float), Value::Number)
    }

    /// The arithmetic mean of so many.
    #[expect(clippy::cast_precision_loss, reason = "a mean of so many numbers is not exact anyway")]
    pub(crate) fn mean(&self, count: u64) -> f64 {
        self.whole.map_or(self.float, |whole| whole as f64) / count as f64
    }

    /// The mean as JSON: that of whole numbers without rounding, where it is whole.
    pub(crate) fn mean_value(&self, count: u64) -> Value {
        let count_of = i128::from(count);
        let whole = self.whole.filter(|whole| whole.checked_rem(count_of) == Some(0)).map(|whole| whole / count_of);
        whole.and_then(Number::from_i128).map_or_else(|| json(self.mean(count)), Value::Number)
    }
}

/// A computed number as JSON: whole ones without a fraction.
fn json(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exact")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_prints_the_same_becomes_a_number() {
        let kept = ["007", "1.50", "+1", " 1", "1e3", "12345678901234567890", "NaN", "inf", "-0", "0x1", "1_000"];
        for text in kept {
            assert_eq!(typed(text), json!(text));
        }
        assert_eq!(
            [typed("7"), typed("-1.5"), typed("true"), typed("")],
            [json!(7), json!(-1.5), json!(true), json!(null)]
        );
    }

    #[test]
    fn numbers_come_by_size_and_before_texts() {
        let mut cells = ["b", "10", "9", "a", "-1.5"];
        cells.sort_by(|left, right| compare(left, right));
        assert_eq!(cells, ["-1.5", "9", "10", "a", "b"]);
        assert_eq!(number("infinity"), None);
    }

    #[test]
    fn the_order_of_numbers_is_that_of_all_their_digits() {
        let ascending = [
            "-1e300",
            "-100000000000000000001",
            "-100000000000000000000.5",
            "-1e20",
            "-0.5",
            "-1e-400",
            "0",
            "1e-999",
            "1e-400",
            ".05",
            "0.5",
            "0.50000000000000000001",
            "9007199254740992",
            "9007199254740992.5",
            "9007199254740993",
            "1e20",
            "100000000000000000001",
            "1.1e300",
        ];
        for (left, first) in ascending.iter().enumerate() {
            for (right, second) in ascending.iter().enumerate() {
                assert_eq!(compare(first, second), left.cmp(&right), "{first} {second}");
            }
        }
        let alike = [
            ("-0", "0.0"),
            ("007", "7"),
            ("+1", " 1.0 "),
            ("1e2", "100"),
            ("100", "1000e-1"),
            ("0.010", ".01"),
            ("10.", "1E1"),
            ("0e5", "0"),
            ("1e-99999999999999999999", "1e-99999999999999999998"),
        ];
        for (left, right) in alike {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} {right}");
            assert_eq!(numbers(left, right), Some(Ordering::Equal), "{left} {right}");
        }
        assert_eq!(numbers("9007199254740993", "9007199254740992"), Some(Ordering::Greater));
        assert_eq!(numbers("0.10000000000000000555", "0.1"), Some(Ordering::Equal), "the same floating point number");
        assert_eq!(numbers("1", "x"), None);
    }
}
