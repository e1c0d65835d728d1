//! A range of bytes, cut between characters.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{Contents, ReadArgs};
use crate::encoding::{self, Encoding};

/// Reads `args.length` bytes from `args.offset`, at most `max_bytes`. Bytes that are no text become base64.
///
/// # Errors
/// As the host says.
pub(super) fn read(args: &ReadArgs, mut file: File, size: u64, max_bytes: usize) -> io::Result<Contents> {
    let offset = args.offset.unwrap_or(0);
    let wanted = args.length.unwrap_or(u64::MAX);
    let limit = wanted.min(max_bytes as u64);
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(limit.min(size.saturating_sub(offset))).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    let encoding = match args.encoding {
        Encoding::Auto => encoding::detect(&bytes).unwrap_or(Encoding::Base64),
        asked => asked,
    };
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
        next_offset: (end < size && !bytes.is_empty()).then_some(end),
        ..Contents::default()
    })
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
