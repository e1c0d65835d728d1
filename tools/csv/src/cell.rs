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
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
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

/// A sum as JSON: whole numbers without a fraction.
pub(crate) fn sum(number: f64) -> Value {
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
}
