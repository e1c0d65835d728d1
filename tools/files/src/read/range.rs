//! A range of lines, or the last lines, in memory that does not grow with the file.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::Path;

use toolhold_sdk::prelude::*;

use super::{Contents, ReadArgs};
use crate::encoding::{self, Encoding};
use crate::lines::{self, Line};
use crate::path;

/// Lines between two questions whether the caller has given up.
const CANCEL_EVERY: u64 = 65_536;

/// What to read from an opened text.
pub(super) struct Request<'a> {
    pub(super) args: &'a ReadArgs,
    pub(super) encoding: Encoding,
    pub(super) max_bytes: usize,
    /// Bytes before the text: the byte order mark.
    pub(super) start: u64,
    /// Size of the text in bytes.
    pub(super) size: u64,
}

/// Reads the lines that were asked for.
///
/// # Errors
/// The reader failed, or there are fewer lines than `start_line`.
pub(super) fn read(request: &Request<'_>, reader: &mut impl BufRead, path: &Path) -> Result<Contents> {
    match request.args.tail {
        Some(count) => tail(request, reader, count, path),
        None => range(request, reader, path),
    }
}

fn range(request: &Request<'_>, reader: &mut impl BufRead, path: &Path) -> Result<Contents> {
    let (first, last) = (request.args.start_line.unwrap_or(1), request.args.end_line.unwrap_or(u64::MAX));
    let mut read = Contents::default();
    let (mut number, mut offset) = (0_u64, request.start);
    read.text.reserve(usize::try_from(request.size).unwrap_or(usize::MAX).min(request.max_bytes));
    while number < last && !read.truncated {
        let keep = if number + 1 < first { 0 } else { request.max_bytes };
        let Some(line) = lines::next(reader, keep).map_err(|error| path::explain(path, error))? else {
            read.total_lines = Some(number);
            break;
        };
        number += 1;
        if number.is_multiple_of(CANCEL_EVERY) {
            check_cancelled()?;
        }
        if number >= first {
            append(&mut read, request, number, offset, &line);
        }
        offset += line.length;
    }
    finish(read, reader, number, first, path)
}

/// Appends a line, or as much of the first as fits, or notes where to go on.
fn append(read: &mut Contents, request: &Request<'_>, number: u64, offset: u64, line: &Line) {
    let text = rendered(request, number, line);
    if !line.cut && read.text.len() + text.len() <= request.max_bytes {
        read.text.push_str(&text);
        read.crlf |= line.crlf;
        read.first_line.get_or_insert(number);
        read.last_line = Some(number);
        return;
    }
    read.truncated = true;
    if read.first_line.is_some() {
        read.next_line = Some(number);
        return;
    }
    let part = text.get(..text.floor_char_boundary(request.max_bytes)).unwrap_or_default();
    let prefix = if request.args.line_numbers { number_prefix(number).len() } else { 0 };
    let shown = part.get(prefix..).unwrap_or_default();
    let in_file = if request.encoding == Encoding::Latin1 { shown.chars().count() } else { shown.len() };
    read.text.push_str(part);
    (read.first_line, read.last_line) = (Some(number), Some(number));
    read.next_offset = Some(offset + in_file as u64);
}

fn finish(mut read: Contents, reader: &mut impl BufRead, number: u64, first: u64, path: &Path) -> Result<Contents> {
    let at_end = reader.fill_buf().map_err(|error| path::explain(path, error))?.is_empty();
    if at_end && !read.truncated {
        read.total_lines = Some(number);
        if number < first && first > 1 {
            return Err(Error::invalid_args(format!(
                "`{}` has {number} lines, so there is no line {first}",
                path.display()
            )));
        }
    } else if read.next_line.is_none() && read.next_offset.is_none() {
        read.next_line = Some(number + 1);
    }
    Ok(read)
}

fn tail(request: &Request<'_>, reader: &mut impl BufRead, count: usize, path: &Path) -> Result<Contents> {
    let mut kept: VecDeque<(u64, Line)> = VecDeque::new();
    let (mut number, mut size, mut dropped_for_size) = (0_u64, 0_usize, false);
    while let Some(line) = lines::next(reader, request.max_bytes).map_err(|error| path::explain(path, error))? {
        number += 1;
        if number.is_multiple_of(CANCEL_EVERY) {
            check_cancelled()?;
        }
        size += line.bytes.len() + 1;
        kept.push_back((number, line));
        dropped_for_size &= kept.len() <= count;
        while kept.len() > count || (size > request.max_bytes && kept.len() > 1) {
            dropped_for_size |= kept.len() <= count;
            size -= kept.pop_front().map_or(0, |(_, line)| line.bytes.len() + 1);
        }
    }
    let mut read = Contents { total_lines: Some(number), ..Contents::default() };
    read.first_line = kept.front().map(|(number, _)| *number);
    read.last_line = kept.back().map(|(number, _)| *number);
    let wanted = (count as u64).min(number);
    read.truncated = dropped_for_size || (kept.len() as u64) < wanted || kept.iter().any(|(_, line)| line.cut);
    for (number, line) in &kept {
        read.text.push_str(&rendered(request, *number, line));
        read.crlf |= line.crlf;
    }
    Ok(read)
}

fn rendered(request: &Request<'_>, number: u64, line: &Line) -> String {
    let mut text = if request.args.line_numbers { number_prefix(number) } else { String::new() };
    text.push_str(&encoding::decode(&line.bytes, request.encoding));
    if line.terminated && !line.cut {
        text.push('\n');
    }
    text
}

fn number_prefix(number: u64) -> String {
    format!("{number:>6}\t")
}
