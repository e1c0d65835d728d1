//! `convert`, `convert_file`: tables to JSON and back, and to other delimiters, as a stream.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;

use csv_parser::{StringRecord, Terminator, Writer, WriterBuilder};
use toolhold_sdk::prelude::*;

use crate::source::{Table, byte};

mod from_json;
mod to_json;

use from_json::Records;

/// Bytes returned; more goes into a file.
const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// What to make.
#[args]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Rows of cells with a delimiter between them.
    Csv,
    /// One JSON array with an object for each row.
    Json,
    /// JSON Lines: an object for each row in a line of its own.
    JsonLines,
}

/// From what to what.
#[args]
#[derive(Debug)]
pub(crate) struct Conversion {
    /// A table to convert: either `path` or `text`. Give either this or `records`.
    table: Option<Table>,
    /// JSON to make a table of: objects, or arrays of cells.
    records: Option<Records>,
    /// What to make.
    to: Format,
    /// Delimiter of what is made, one character or `tab`; `,` if left out.
    to_delimiter: Option<String>,
    /// Give cells of JSON types: numbers, `true`, `false`, and `null` for empty ones, where that prints the same text. Otherwise all are texts.
    #[serde(default)]
    typed: bool,
}

/// The text.
#[output]
pub(crate) struct Converted {
    /// The text that was made.
    text: String,
    /// Rows, without a header.
    rows: u64,
}

/// What was written.
#[output]
pub(crate) struct Written {
    /// Rows, without a header.
    rows: u64,
    /// Bytes.
    bytes: u64,
}

/// Converts a table (CSV, TSV) to JSON or JSON Lines, or to another delimiter, or JSON records to a table, and returns the text.
#[tool(
    title = "Convert a table",
    hints(read_only, idempotent),
    needs(read("/**", "reads the file it is asked to convert"))
)]
pub(crate) fn convert(
    /// From what to what.
    conversion: Conversion,
) -> Result<Converted> {
    let mut text = Vec::new();
    let rows = run(&conversion, &mut Bounded { text: &mut text })?;
    Ok(Converted { text: String::from_utf8(text)?, rows })
}

/// Converts as `convert` does, of any size, into a file.
#[tool(
    title = "Convert a table into a file",
    hints(destructive, idempotent),
    needs(read("/**", "reads the file it is asked to convert"), write("/**", "writes the file it is asked to write"))
)]
pub(crate) fn convert_file(
    /// From what to what.
    conversion: Conversion,
    /// Absolute path of the file to write.
    path: String,
    /// Replace a file that is there already.
    #[serde(default)]
    overwrite: bool,
) -> Result<Written> {
    let path = granted::path::check(&path)?;
    if conversion.reads(path) {
        return Err(Error::invalid_args("a file cannot be converted into itself; choose another `path`"));
    }
    if !overwrite && granted::path::exists(path) {
        return Err(Error::failed(format!(
            "`{}` exists already; choose another name, or set `overwrite`",
            path.display()
        )));
    }
    let explain = |error| granted::path::explain(path, error);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(explain)?;
    let mut counted = Counted { inner: BufWriter::new(file), bytes: 0 };
    let rows = run(&conversion, &mut counted)?;
    counted.inner.flush().map_err(explain)?;
    Ok(Written { rows, bytes: counted.bytes })
}

impl Conversion {
    /// Whether what is read is at `path`, under whatever name: it would be emptied before it is read.
    fn reads(&self, path: &Path) -> bool {
        let paths = [self.table.as_ref().and_then(Table::path), self.records.as_ref().and_then(Records::path)];
        paths.into_iter().flatten().map(Path::new).any(|read| read == path || granted::is_same(read, path))
    }
}

fn run(conversion: &Conversion, out: &mut dyn Write) -> Result<u64> {
    match (&conversion.table, &conversion.records, conversion.to) {
        (Some(table), None, Format::Csv) => copy(table, &mut writer(conversion, out)?),
        (Some(table), None, format) => to_json::run(table, format, conversion.typed, out),
        (None, Some(records), Format::Csv) => records.write(&mut writer(conversion, out)?),
        (None, Some(_), _) => {
            Err(Error::invalid_args("`records` become `csv`; between forms of JSON use the tools for JSON"))
        }
        _ => Err(Error::invalid_args("give either `table` or `records`")),
    }
}

fn writer<'a>(conversion: &Conversion, out: &'a mut dyn Write) -> Result<Writer<&'a mut dyn Write>> {
    let delimiter = byte(conversion.to_delimiter.as_deref().unwrap_or(","), "to_delimiter")?;
    let mut builder = WriterBuilder::new();
    Ok(builder.delimiter(delimiter).flexible(true).terminator(Terminator::Any(b'\n')).from_writer(out))
}

fn copy(table: &Table, writer: &mut Writer<&mut dyn Write>) -> Result<u64> {
    let mut rows = table.open()?;
    let mut count = 0;
    if table.has_header() && !rows.columns.is_empty() {
        writer.write_record(&rows.columns).map_err(failed)?;
    }
    let mut row = StringRecord::new();
    while rows.read(&mut row)? {
        writer.write_record(&row).map_err(failed)?;
        count += 1;
    }
    writer.flush()?;
    Ok(count)
}

fn failed(error: csv_parser::Error) -> Error {
    Error::from(std::io::Error::from(error))
}

/// A text that ends with an error where it grows too large.
struct Bounded<'a> {
    text: &'a mut Vec<u8>,
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.text.len() + bytes.len() > MAX_RESULT_BYTES {
            let message = format!("the result has more than {MAX_RESULT_BYTES} bytes; use `convert_file`");
            return Err(std::io::Error::other(message));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A writer that counts.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
