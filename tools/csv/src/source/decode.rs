//! Bytes in any encoding that browsers know as a stream of UTF-8. What is no text in an encoding that was found and not given is an
//! error with its place: replaced characters would be found in nobody's table.

use std::io::{self, ErrorKind, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, WINDOWS_1252};
use toolhold_sdk::prelude::*;

/// Bytes read at once.
const CHUNK: usize = 32 * 1024;

/// The encoding that was given, or else what a byte order mark says, UTF-8 if the head is, or else Windows-1252.
///
/// # Errors
/// There is no such encoding.
pub(super) fn encoding(given: Option<&str>, head: &[u8]) -> Result<&'static Encoding> {
    if let Some(name) = given {
        return Encoding::for_label(name.as_bytes()).ok_or_else(|| {
            Error::invalid_args(format!(
                "there is no encoding `{name}`; for example `utf-8`, `utf-16le` or `windows-1252`"
            ))
        });
    }
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Ok(encoding);
    }
    let text = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(problem) => problem.error_len().is_none(), // the head may end within a character
    };
    Ok(if text { UTF_8 } else { WINDOWS_1252 })
}

/// The stream.
pub(super) struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    encoding: &'static Encoding,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    read: u64,
    ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder();
        Self { inner, decoder, encoding, raw: vec![0; CHUNK], text: Vec::new(), given: 0, read: 0, ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        (self.given, self.text) = (0, std::mem::take(&mut self.text));
        self.text.clear();
        while self.text.is_empty() && !self.ended {
            let count = self.inner.read(&mut self.raw)?;
            self.ended = count == 0;
            let raw = self.raw.get(..count).unwrap_or_default();
            let room = self.decoder.max_utf8_buffer_length(count).unwrap_or(CHUNK * 4);
            self.text.resize(room, 0);
            let (result, _, written, broken) = self.decoder.decode_to_utf8(raw, &mut self.text, self.ended);
            debug_assert_eq!(result, CoderResult::InputEmpty, "the buffer holds the longest text");
            self.text.truncate(written);
            if broken {
                return Err(io::Error::new(ErrorKind::InvalidData, self.problem()));
            }
            self.read += count as u64;
        }
        Ok(())
    }

    fn problem(&self) -> String {
        let (name, from, to) = (self.encoding.name(), self.read, self.read + CHUNK as u64);
        format!("bytes {from} to {to} are not text in {name}; set `encoding`, for example `windows-1252`")
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            self.refill()?;
        }
        let left = self.text.get(self.given..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), left.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}
