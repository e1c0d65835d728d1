//! The tables of the reference page, generated from the table of keys.

use std::fmt::Write as _;

use crate::limit::Unit;

use super::amount;
use super::keys::{Key, Otherwise, Shape, TABLES, Table};
use super::problem::Code;

/// Markdown: a section per table of the manifest, then the units and the kinds of error.
#[must_use]
pub fn reference() -> String {
    let mut out = String::new();
    for table in TABLES {
        section(&mut out, table);
    }
    line(&mut out, "### Units\n\n| kind | units |\n|---|---|");
    for (what, unit) in
        [("count", Unit::Count), ("bytes", Unit::Bytes), ("time", Unit::Micros), ("money", Unit::MicroDollars)]
    {
        let names: Vec<_> = amount::suffixes(unit).iter().map(|(name, _)| format!("`{name}`")).collect();
        line(&mut out, &format!("| {what} | {} |", names.join(" ")));
    }
    line(&mut out, "\n### Errors\n\n| code | meaning |\n|---|---|");
    for code in Code::ALL.iter().filter(|code| **code != Code::Case) {
        line(&mut out, &format!("| `manifest::{}` | {} |", code.as_str(), code.doc()));
    }
    out
}

/// Markdown: a section per table of a case file.
#[must_use]
pub fn cases_reference() -> String {
    let mut out = String::new();
    super::cases::TABLES.iter().for_each(|table| section(&mut out, table));
    out
}

fn section(out: &mut String, table: &Table) {
    let title = if table.name.starts_with("the ") { "Top level".to_owned() } else { format!("`{}`", table.name) };
    line(out, &format!("### {title}\n\n{}\n\n| key | value | without it | meaning |\n|---|---|---|---|", table.doc));
    for key in table.keys {
        line(
            out,
            &format!(
                "| `{}` | {} | {} | {} |",
                key.name,
                value(&key.shape),
                otherwise(key),
                key.doc.replace('|', "\\|")
            ),
        );
    }
    for key in table.keys {
        if let Shape::Choice(words) = key.shape {
            let words: Vec<_> = words.iter().map(|(word, doc)| format!("`{word}`: {doc}")).collect();
            line(out, &format!("\n`{}` is one of: {}.", key.name, words.join("; ")));
        }
    }
    line(out, "");
}

fn value(shape: &Shape) -> String {
    match shape {
        Shape::Version => "integer".into(),
        Shape::Text(kind) => kind.what.into(),
        Shape::Flag => "boolean".into(),
        Shape::Choice(words) => words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        Shape::Amount { unit: Unit::Count, .. } => "count".into(),
        Shape::Amount { unit: Unit::Bytes, .. } => "bytes".into(),
        Shape::Amount { unit: Unit::Micros, .. } => "time".into(),
        Shape::Amount { unit: Unit::MicroDollars, .. } => "money".into(),
        Shape::List { of, .. } => format!("array: each {}", of.what),
        Shape::Numbers { what, .. } => format!("array: each {what}"),
        Shape::Map { key, of } => format!("table: {} = {}", key.what, value(of)),
        Shape::Table(_) => "table".into(),
        Shape::Tables(_) => "array of tables".into(),
        Shape::Condition => "JSON Schema".into(),
        Shape::Json => "any value".into(),
    }
}

fn otherwise(key: &Key) -> String {
    match (key.otherwise, key.shape) {
        (Otherwise::Required, _) => "required".into(),
        (Otherwise::Is(words), _) => words.into(),
        (Otherwise::Amount(number), Shape::Amount { unit, .. }) => amount::show(number, unit),
        (Otherwise::Amount(number), _) => number.to_string(),
    }
}

fn line(out: &mut String, text: &str) {
    let written = writeln!(out, "{text}");
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}
