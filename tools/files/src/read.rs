//! `read`: the arguments and the choice between lines, the last lines, and bytes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::encoding::{self, Encoding};
use crate::path;

mod bytes;
mod range;

/// Bytes returned unless asked otherwise: about 16,000 tokens.
const DEFAULT_MAX_BYTES: usize = 64 * 1024;
/// Bytes returned at most.
const MAX_BYTES: usize = 1024 * 1024;
/// Bytes fetched at once, and looked at to find the encoding.
const BUFFER: usize = 64 * 1024;
/// Largest UTF-16 file whose lines can be read: it is decoded as a whole.
const MAX_UTF16_BYTES: u64 = 16 * 1024 * 1024;

/// What to read.
#[args]
#[derive(Debug, Default)]
pub(crate) struct ReadArgs {
    /// Absolute path of the file.
    pub(crate) path: String,
    /// First line, counted from 1.
    #[schemars(range(min = 1))]
    pub(crate) start_line: Option<u64>,
    /// Last line, included.
    #[schemars(range(min = 1))]
    pub(crate) end_line: Option<u64>,
    /// Instead of a range of lines: the last so many.
    #[schemars(range(min = 1))]
    pub(crate) tail: Option<usize>,
    /// Instead of lines: first byte, counted from 0. A character that begins before it is left out.
    pub(crate) offset: Option<u64>,
    /// With `offset`: how many bytes.
    pub(crate) length: Option<u64>,
    /// How to show the bytes; `auto` if left out.
    #[serde(default)]
    pub(crate) encoding: Encoding,
    /// Bytes to return, at most 1048576; 65536 if left out.
    pub(crate) max_bytes: Option<usize>,
    /// Put its number and a tab before each line.
    #[serde(default)]
    pub(crate) line_numbers: bool,
}

/// What was read.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The text, or base64.
    pub(crate) text: String,
    /// Encoding of the file.
    pub(crate) encoding: String,
    /// Size of the whole file in bytes.
    pub(crate) bytes: u64,
    /// First line in `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_line: Option<u64>,
    /// Last line in `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_line: Option<u64>,
    /// Lines in the file, if all of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_lines: Option<u64>,
    /// True if `max_bytes` cut the text short.
    pub(crate) truncated: bool,
    /// To go on, pass this as `start_line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_line: Option<u64>,
    /// To go on, pass this as `offset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<u64>,
    /// True if lines end with CR LF in the file; `text` has LF.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub(crate) crlf: bool,
}

/// Reads a file: all of it, a range of lines, the last lines, or a range of bytes. A result that was cut says where to
/// go on. Binary files are read with `encoding: "base64"`.
#[tool(title = "Read a file", hints(read_only, idempotent), needs(read("/**", "reads the file it is asked for")))]
pub(crate) fn read(args: ReadArgs) -> Result<Contents> {
    contents(&args, DEFAULT_MAX_BYTES)
}

/// Reads a file as asked, with a limit for those who did not ask for one.
///
/// # Errors
/// The file cannot be read, is binary, or the range makes no sense.
pub(crate) fn contents(args: &ReadArgs, default_max_bytes: usize) -> Result<Contents> {
    check_ranges(args)?;
    let path = path::check(&args.path)?;
    let max_bytes = args.max_bytes.unwrap_or(default_max_bytes).clamp(1, MAX_BYTES);
    let file = File::open(path).map_err(|error| path::explain(path, error))?;
    let metadata = file.metadata().map_err(|error| path::explain(path, error))?;
    if metadata.is_dir() {
        return Err(path::explain(path, std::io::ErrorKind::IsADirectory.into()));
    }
    let size = metadata.len();
    if args.offset.is_some() || args.length.is_some() || args.encoding == Encoding::Base64 {
        return bytes::read(args, file, size, max_bytes).map_err(|error| path::explain(path, error));
    }
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let head = reader.fill_buf().map_err(|error| path::explain(path, error))?;
    let encoding = text_encoding(args.encoding, head, path)?;
    let mark = if head.starts_with(encoding.mark()) { encoding.mark().len() } else { 0 };
    reader.consume(mark);
    let mut read = if encoding.is_bytewise() {
        let request = range::Request { args, encoding, max_bytes, start: mark as u64, size };
        range::read(&request, &mut reader, path)?
    } else {
        let text = decoded_whole(&mut reader, encoding, size, path)?;
        // The lines are those of the decoded text, so an offset into the file cannot be given.
        let request = range::Request { args, encoding: Encoding::Utf8, max_bytes, start: 0, size: text.len() as u64 };
        let read = range::read(&request, &mut std::io::Cursor::new(text), path)?;
        Contents { next_offset: None, ..read }
    };
    read.encoding = encoding.name().to_owned();
    read.bytes = size;
    Ok(read)
}

fn check_ranges(args: &ReadArgs) -> Result<()> {
    let lines = args.start_line.is_some() || args.end_line.is_some();
    let bytes = args.offset.is_some() || args.length.is_some();
    if [lines, bytes, args.tail.is_some()].into_iter().filter(|given| *given).count() > 1 {
        return Err(Error::invalid_args(
            "give one of: `start_line` and `end_line`, or `tail`, or `offset` and `length`",
        ));
    }
    match (args.start_line, args.end_line) {
        (Some(0), _) | (_, Some(0)) => Err(Error::invalid_args("lines are counted from 1")),
        (Some(start), Some(end)) if start > end => {
            Err(Error::invalid_args(format!("`start_line` {start} lies behind `end_line` {end}")))
        }
        _ => Ok(()),
    }
}

fn text_encoding(asked: Encoding, head: &[u8], path: &Path) -> Result<Encoding> {
    if asked != Encoding::Auto {
        return Ok(asked);
    }
    let binary = || {
        Error::invalid_args(format!(
            "`{}` is binary; read it with `encoding: \"base64\"`, in parts with `offset` and `length`",
            path.display()
        ))
    };
    encoding::detect(head).ok_or_else(binary)
}

fn decoded_whole(reader: &mut impl Read, encoding: Encoding, size: u64, path: &Path) -> Result<String> {
    if size > MAX_UTF16_BYTES {
        let message =
            format!("`{}` is UTF-16 of {size} bytes; read it in parts with `offset` and `length`", path.display());
        return Err(Error::invalid_args(message));
    }
    let mut bytes = Vec::new();
    reader.take(MAX_UTF16_BYTES).read_to_end(&mut bytes).map_err(|error| path::explain(path, error))?;
    Ok(encoding::decode(&bytes, encoding))
}
