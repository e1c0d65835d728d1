//! Rows as objects, one after another.

use std::io::Write;

use csv_parser::StringRecord;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Map, to_writer};

use super::Format;
use crate::cell;
use crate::source::{Rows, Table};

/// Writes a table as JSON.
///
/// # Errors
/// As reading or writing fails, or a row has more cells than there are columns.
pub(super) fn run(table: &Table, format: Format, typed: bool, out: &mut dyn Write) -> Result<u64> {
    let mut rows = table.open()?;
    let mut count = 0;
    let array = format == Format::Json;
    if array {
        out.write_all(b"[")?;
    }
    let mut row = StringRecord::new();
    while rows.read(&mut row)? {
        let before: &[u8] = match (array, count) {
            (true, 0) => b"\n",
            (true, _) => b",\n",
            (false, _) => b"",
        };
        out.write_all(before)?;
        to_writer(&mut *out, &object(&rows, &row, typed)?).map_err(|error| Error::from(std::io::Error::from(error)))?;
        if !array {
            out.write_all(b"\n")?;
        }
        count += 1;
    }
    if array {
        out.write_all(b"\n]\n")?;
    }
    Ok(count)
}

/// A row as an object. Cells that are missing are left out; a cell without a column would be lost, so it is an error.
fn object(rows: &Rows, row: &StringRecord, typed: bool) -> Result<Value> {
    if row.len() > rows.columns.len() {
        let (line, cells, columns) = (Rows::line(row), row.len(), rows.columns.len());
        return Err(Error::failed(format!(
            "line {line} has {cells} cells, but there are {columns} columns; is `delimiter` right?"
        )));
    }
    let value = |cell: &str| if typed { cell::typed(cell) } else { Value::from(cell) };
    let cells = rows.columns.iter().cloned().zip(row.iter().map(value));
    Ok(Value::Object(cells.collect::<Map<_, _>>()))
}
