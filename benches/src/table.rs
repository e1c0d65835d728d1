//! Tables in markdown, and numbers as they stand in them.

use comfy_table::{CellAlignment, Table, presets};

/// A table whose first `texts` columns are words; the rest are numbers.
pub(crate) fn table<const N: usize>(texts: usize, columns: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(columns);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A measure with one decimal; from a thousand on without, and with thousands apart.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() < 1000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// A count, with thousands apart.
pub(crate) fn count(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    let text = number(value as f64);
    text.trim_end_matches(".0").to_owned()
}

/// How many times `base` the `value` is; a dash where there is no base.
pub(crate) fn ratio(value: f64, base: f64) -> String {
    let ratio = value / base;
    if ratio.is_finite() { format!("{ratio:.2}") } else { "–".to_owned() }
}

/// Bytes as mebibytes.
pub(crate) fn mebibytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "bytes of one process are far below 2^52")]
    let bytes = bytes as f64;
    format!("{:.1}", bytes / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_decimal_or_groups_of_thousands() {
        let shown = [0.04, 14.94, 999.9, 1000.0, 54_321.7, 1_234_567.0, -4321.0, f64::NAN].map(number);
        assert_eq!(shown, ["0.0", "14.9", "999.9", "1,000", "54,322", "1,234,567", "-4,321", "–"]);
        assert_eq!([0, 20, 999, 1000, 100_000].map(count), ["0", "20", "999", "1,000", "100,000"]);
        assert_eq!(mebibytes(3 << 19), "1.5");
    }

    #[test]
    fn a_ratio_without_a_base_is_a_dash() {
        assert_eq!(ratio(3.0, 2.0), "1.50");
        assert_eq!(ratio(3.0, 0.0), "–");
        assert_eq!(ratio(0.0, 0.0), "–");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut rows = table(1, ["case", "µs"]);
        rows.add_row(["echo", "1.5"]);
        assert_eq!(rows.to_string(), "| case |  µs |\n|------|-----|\n| echo | 1.5 |");
    }
}
