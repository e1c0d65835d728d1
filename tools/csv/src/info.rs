//! `info`: what a table is, column by column, in one pass.

use std::collections::HashSet;

use csv_parser::StringRecord;
use toolhold_sdk::prelude::*;

use crate::cell;
use crate::source::{Rows, Table};

/// Different values of a column that are counted.
const MAX_DISTINCT: usize = 10_000;
/// Columns described.
const MAX_COLUMNS: usize = 500;
/// Values shown of a column.
const EXAMPLES: usize = 3;
/// Characters shown of a value.
const SHOWN: usize = 80;
/// Rows named that have too few or too many cells.
const NAMED_LINES: usize = 10;

/// What the cells of a column are.
#[output]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None has anything in it.
    Empty,
    /// All are whole numbers.
    Integer,
    /// All are numbers.
    Number,
    /// Some are something else.
    Text,
}

/// One column.
#[output]
pub(crate) struct Column {
    /// Its name.
    name: String,
    /// What its cells are, empty ones aside.
    kind: Kind,
    /// Cells with something in them.
    filled: u64,
    /// Cells with nothing in them.
    empty: u64,
    /// Different values; 10000 means that or more.
    distinct: usize,
    /// The least value: numbers by size, texts by their characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<String>,
    /// The greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    greatest: Option<String>,
    /// Sum, if all are numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<Value>,
    /// Arithmetic mean, if all are numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    /// The first values.
    examples: Vec<String>,
}

/// A table.
#[output]
pub(crate) struct Info {
    /// Rows, without the header.
    rows: u64,
    /// Columns, at most 500.
    columns: Vec<Column>,
    /// What separates cells.
    delimiter: String,
    /// Encoding of the file.
    encoding: String,
    /// Rows that have fewer or more cells than there are columns.
    ragged: u64,
    /// Lines of the first of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    ragged_lines: Vec<u64>,
}

/// Describes a table (CSV, TSV): columns with types, counts, least, greatest, sums and examples; delimiter and encoding. The
/// first call on a file that is not known.
#[tool(
    title = "Describe a table",
    hints(read_only, idempotent),
    needs(read("/**", "reads the file it is asked about"))
)]
pub(crate) fn info(
    /// Either `path` or `text`, and how to read it where that cannot be found.
    table: Table,
) -> Result<Info> {
    let mut rows = table.open()?;
    let mut columns: Vec<Tally> = rows.columns.iter().take(MAX_COLUMNS).map(|_| Tally::default()).collect();
    let (mut count, mut ragged, mut ragged_lines) = (0, 0, Vec::new());
    let mut row = StringRecord::new();
    while rows.read(&mut row)? {
        count += 1;
        if row.len() != rows.columns.len() {
            ragged += 1;
            if ragged_lines.len() < NAMED_LINES {
                ragged_lines.push(Rows::line(&row));
            }
        }
        for (index, tally) in columns.iter_mut().enumerate() {
            tally.add(row.get(index).unwrap_or_default());
        }
    }
    let columns = rows.columns.iter().zip(columns).map(|(name, tally)| tally.column(name)).collect();
    let delimiter = char::from(rows.delimiter).to_string();
    Ok(Info { rows: count, columns, delimiter, encoding: rows.encoding.to_lowercase(), ragged, ragged_lines })
}

/// What is known of a column so far.
#[derive(Default)]
struct Tally {
    filled: u64,
    empty: u64,
    integers: u64,
    numbers: u64,
    sum: cell::Sum,
    distinct: HashSet<String>,
    least: Option<String>,
    greatest: Option<String>,
    examples: Vec<String>,
}

impl Tally {
    fn add(&mut self, cell: &str) {
        if cell.is_empty() {
            self.empty += 1;
            return;
        }
        self.filled += 1;
        if let Some(number) = cell::number(cell) {
            self.numbers += 1;
            self.integers += u64::from(number.fract() == 0.0 && !cell.contains(['.', 'e', 'E']));
            self.sum.add(cell, number);
        }
        let replaces = |known: &Option<String>, order| match known {
            None => true,
            Some(known) => cell::compare(cell, known) == order,
        };
        if replaces(&self.least, std::cmp::Ordering::Less) {
            self.least = Some(cell.to_owned());
        }
        if replaces(&self.greatest, std::cmp::Ordering::Greater) {
            self.greatest = Some(cell.to_owned());
        }
        let new = self.distinct.len() < MAX_DISTINCT && !self.distinct.contains(cell);
        if new {
            self.distinct.insert(short(cell, 1024));
            if self.examples.len() < EXAMPLES {
                self.examples.push(short(cell, SHOWN));
            }
        }
    }

    fn column(self, name: &str) -> Column {
        let kind = match self.filled {
            0 => Kind::Empty,
            filled if filled == self.integers => Kind::Integer,
            filled if filled == self.numbers => Kind::Number,
            _ => Kind::Text,
        };
        let numeric = matches!(kind, Kind::Integer | Kind::Number);
        let mean = numeric.then(|| self.sum.mean(self.filled));
        Column {
            name: name.to_owned(),
            kind,
            filled: self.filled,
            empty: self.empty,
            distinct: self.distinct.len(),
            least: self.least.map(|text| short(&text, SHOWN)),
            greatest: self.greatest.map(|text| short(&text, SHOWN)),
            sum: numeric.then(|| self.sum.value()),
            mean,
            examples: self.examples,
        }
    }
}

fn short(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
