//! Where a table comes from and how it is read: text or file, delimiter, quote, encoding, header.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};

use csv_parser::{Reader, ReaderBuilder, StringRecord};
use toolhold_sdk::prelude::*;

mod decode;

/// Bytes looked at to find encoding and delimiter.
const HEAD: usize = 64 * 1024;
/// Delimiters that are looked for, in this order where two fit as well.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A table: exactly one of `path` and `text`.
#[args]
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Absolute path of the file.
    path: Option<String>,
    /// The text itself.
    text: Option<String>,
    /// What separates cells: one character, or `tab`; found by itself if left out.
    delimiter: Option<String>,
    /// What surrounds cells that contain the delimiter: one character; `"` if left out.
    quote: Option<String>,
    /// Whether the first row names the columns; true if left out. Otherwise they are called `1`, `2`, ….
    header: Option<bool>,
    /// Encoding of the file by its name in HTML, such as `windows-1252` or `shift_jis`; found by itself if left out.
    encoding: Option<String>,
}

/// A table being read.
pub(crate) struct Rows {
    reader: Reader<Box<dyn Read>>,
    /// The first row where it is not a header.
    first: Option<StringRecord>,
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// What separates cells.
    pub(crate) delimiter: u8,
    /// Name of the encoding.
    pub(crate) encoding: &'static str,
}

impl Table {
    /// Begins to read.
    ///
    /// # Errors
    /// The arguments contradict each other, or the file cannot be read.
    pub(crate) fn open(&self) -> Result<Rows> {
        let quote = byte(self.quote.as_deref().unwrap_or("\""), "quote")?;
        let (head, rest) = self.head()?;
        let encoding = decode::encoding(self.encoding.as_deref(), &head)?;
        let text = decode::Decoded::new(Cursor::new(head).chain(rest), encoding);
        let mut text = BufReader::with_capacity(HEAD, text);
        let delimiter = match &self.delimiter {
            Some(given) => byte(given, "delimiter")?,
            None => find_delimiter(text.fill_buf().map_err(failed)?, quote),
        };
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).quote(quote).flexible(true).has_headers(false);
        let mut rows = Rows {
            reader: builder.from_reader(Box::new(text)),
            first: None,
            columns: Vec::new(),
            delimiter,
            encoding: encoding.name(),
        };
        rows.begin(self.has_header())?;
        Ok(rows)
    }

    /// The file that is read.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Whether the first row names the columns.
    pub(crate) fn has_header(&self) -> bool {
        self.header.unwrap_or(true)
    }

    fn head(&self) -> Result<(Vec<u8>, Box<dyn Read>)> {
        match (&self.path, &self.text) {
            (Some(path), None) => {
                let path = granted::path::check(path)?;
                let explain = |error| granted::path::explain(path, error);
                let mut file = File::open(path).map_err(explain)?;
                if file.metadata().map_err(explain)?.is_dir() {
                    return Err(explain(std::io::ErrorKind::IsADirectory.into()));
                }
                let mut head = Vec::new();
                Read::by_ref(&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(explain)?;
                Ok((head, Box::new(file)))
            }
            (None, Some(text)) => Ok((text.clone().into_bytes(), Box::new(std::io::empty()))),
            _ => Err(Error::invalid_args("`table`: give either `path` or `text`")),
        }
    }
}

impl Rows {
    fn begin(&mut self, header: bool) -> Result<()> {
        let mut row = StringRecord::new();
        if !self.read(&mut row)? {
            return Ok(());
        }
        if !header {
            self.columns = (1..=row.len()).map(|number| number.to_string()).collect();
            self.first = Some(row);
            return Ok(());
        }
        for (index, name) in row.iter().enumerate() {
            let name = name.trim();
            let name = if name.is_empty() { (index + 1).to_string() } else { name.to_owned() };
            let taken = self.columns.contains(&name);
            self.columns.push(if taken { format!("{name} ({})", index + 1) } else { name });
        }
        Ok(())
    }

    /// Reads the next row over the one that was read before, whose room is used again: a row of its own for each costs more than
    /// reading it. It may have fewer or more cells than there are columns. False at the end.
    ///
    /// # Errors
    /// As the file, or it is not text in its encoding.
    pub(crate) fn read(&mut self, row: &mut StringRecord) -> Result<bool> {
        if let Some(first) = self.first.take() {
            *row = first;
            return Ok(true);
        }
        self.reader.read_record(row).map_err(|error| failed(error.into()))
    }

    /// Line of the row that was read last.
    pub(crate) fn line(row: &StringRecord) -> u64 {
        row.position().map_or(0, csv_parser::Position::line)
    }

    /// Which column a name means.
    ///
    /// # Errors
    /// None: the columns are named.
    pub(crate) fn column(&self, name: &str) -> Result<usize> {
        let exact = self.columns.iter().position(|column| column == name);
        exact.ok_or_else(|| {
            let names: Vec<String> = self.columns.iter().take(50).map(|name| format!("`{name}`")).collect();
            Error::invalid_args(format!("there is no column `{name}`; there are {}", names.join(", ")))
        })
    }
}

fn failed(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::InvalidData => Error::invalid_args(error),
        _ => Error::from(error),
    }
}

/// One character of ASCII as a byte.
pub(crate) fn byte(text: &str, argument: &str) -> Result<u8> {
    match text.as_bytes() {
        _ if text == "tab" || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ => Err(Error::invalid_args(format!("`{argument}` is one character of ASCII, or `tab`; `{text}` is not"))),
    }
}

/// The delimiter that cuts the first lines into the same number of cells, and into most.
fn find_delimiter(head: &[u8], quote: u8) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let counts = counts(head, delimiter, quote);
        let first = counts.first().copied().unwrap_or_default();
        let alike = counts.iter().filter(|count| **count == first).count();
        let score = if first > 0 && alike * 10 >= counts.len() * 9 { 1000 + first } else { first };
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

/// How often a byte is outside of quotes in each of the first lines.
fn counts(head: &[u8], delimiter: u8, quote: u8) -> Vec<usize> {
    let (mut counts, mut count, mut quoted, mut empty) = (Vec::new(), 0, false, true);
    for byte in head {
        match *byte {
            byte if byte == quote => quoted = !quoted,
            b'\n' if !quoted && !empty => {
                counts.push(count);
                (count, empty) = (0, true);
                continue;
            }
            byte if byte == delimiter && !quoted => count += 1,
            _ => {}
        }
        empty &= byte.is_ascii_whitespace();
    }
    if counts.is_empty() {
        counts.push(count);
    }
    counts.truncate(20);
    counts
}
