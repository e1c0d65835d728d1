//! A range of bytes, cut between characters.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{Contents, ReadArgs};
use crate::encoding::{self, Encoding};

/// Bytes at the beginning of a file that tell its encoding.
const HEAD_BYTES: u64 = 8 * 1024;

/// Bytes that a character of UTF-8 has behind its first.
const MAX_WITHIN: usize = 3;

/// Reads `args.length` bytes from `args.offset`, at most `max_bytes`. Bytes that are no text become base64.
///
/// # Errors
/// As the host says.
pub(super) fn read(args: &ReadArgs, mut file: File, size: u64, max_bytes: usize) -> io::Result<Contents> {
    let offset = args.offset.unwrap_or(0);
    let wanted = args.length.unwrap_or(u64::MAX);
    let limit = wanted.min(max_bytes as u64);
    let mut head = Vec::new();
    if offset > 0 {
        if args.encoding == Encoding::Auto {
            (&mut file).take(HEAD_BYTES).read_to_end(&mut head)?;
        }
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(limit.min(size.saturating_sub(offset))).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    let (encoding, within) = match args.encoding {
        Encoding::Auto if offset > 0 => detect(&head, &bytes, offset),
        Encoding::Auto => (encoding::detect(&bytes).unwrap_or(Encoding::Base64), 0),
        asked => (asked, 0),
    };
    // What is left of a character that begins before the range is no text by itself.
    let offset = offset.saturating_add(bytes.drain(..within).len() as u64);
    let at_end = offset.saturating_add(bytes.len() as u64) >= size;
    if !at_end {
        bytes.truncate(whole_characters(&bytes, encoding));
    }
    let end = offset.saturating_add(bytes.len() as u64);
    Ok(Contents {
        text: encoding::decode(&bytes, encoding),
        encoding: encoding.name().to_owned(),
        bytes: size,
        truncated: !at_end && wanted > limit,
        next_offset: (end < size && within + bytes.len() > 0).then_some(end),
        ..Contents::default()
    })
}

/// The encoding of a range that begins behind the head of its file, and how many of its first bytes belong to a character that
/// begins before it.
fn detect(head: &[u8], range: &[u8], offset: u64) -> (Encoding, usize) {
    match encoding::detect(head) {
        Some(utf16 @ (Encoding::Utf16le | Encoding::Utf16be)) => (utf16, range.len().min(usize::from(offset % 2 == 1))),
        Some(Encoding::Latin1) if !encoding::is_binary(range) => (Encoding::Latin1, 0),
        _ => {
            let within = range.iter().take(MAX_WITHIN).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
            match encoding::detect(range.get(within..).unwrap_or_default()) {
                Some(Encoding::Utf8) => (Encoding::Utf8, within),
                _ => (encoding::detect(range).unwrap_or(Encoding::Base64), 0),
            }
        }
    }
}

/// Length of the longest part that does not end within a character.
fn whole_characters(bytes: &[u8], encoding: Encoding) -> usize {
    let incomplete = match encoding {
        Encoding::Utf8 => match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
            _ => 0,
        },
        Encoding::Utf16le | Encoding::Utf16be => bytes.len() % 2,
        _ => 0,
    };
    let whole = bytes.len() - incomplete;
    // A range of less than one character is returned as it is; otherwise a caller would never get past it.
    if whole == 0 { bytes.len() } else { whole }
}
