//! Lines of a file of any size in constant memory: one line at a time, and of a line no more than is asked for.

use std::io::{self, BufRead};

/// One line, possibly only its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Bytes without the line ending.
    pub(crate) bytes: Vec<u8>,
    /// Bytes that the line takes in the file, its ending included.
    pub(crate) length: u64,
    /// Whether the line ended with a newline; the last one may not.
    pub(crate) terminated: bool,
    /// Whether the newline was preceded by a carriage return.
    pub(crate) crlf: bool,
    /// Whether `bytes` is only the beginning.
    pub(crate) cut: bool,
}

/// Reads the next line and keeps at most `keep` bytes of it. `None` at the end of the file.
///
/// # Errors
/// As the reader.
pub(crate) fn next(reader: &mut impl BufRead, keep: usize) -> io::Result<Option<Line>> {
    let mut line = Line { bytes: Vec::new(), length: 0, terminated: false, crlf: false, cut: false };
    loop {
        let buffered = reader.fill_buf()?;
        if buffered.is_empty() {
            break;
        }
        let end = buffered.iter().position(|byte| *byte == b'\n');
        let body = buffered.get(..end.unwrap_or(buffered.len())).unwrap_or_default();
        let room = keep.saturating_sub(line.bytes.len());
        line.bytes.extend_from_slice(body.get(..room.min(body.len())).unwrap_or_default());
        line.cut |= body.len() > room;
        let used = body.len() + usize::from(end.is_some());
        line.length += used as u64;
        reader.consume(used);
        if end.is_some() {
            line.terminated = true;
            break;
        }
    }
    Ok((line.length > 0).then(|| line.without_carriage_return()))
}

impl Line {
    fn without_carriage_return(mut self) -> Self {
        if self.terminated && !self.cut && self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
            self.crlf = true;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn all(text: &str, keep: usize) -> Vec<(String, u64, bool, bool)> {
        let mut reader = BufReader::with_capacity(4, text.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = next(&mut reader, keep).unwrap() {
            lines.push((String::from_utf8(line.bytes).unwrap(), line.length, line.terminated, line.cut));
        }
        lines
    }

    #[test]
    fn lines_end_with_a_newline_or_the_file() {
        let expected =
            [("one".into(), 5, true, false), (String::new(), 1, true, false), ("last".into(), 4, false, false)];
        assert_eq!(all("one\r\n\nlast", 100), expected);
        assert!(all("", 100).is_empty());
    }

    #[test]
    fn a_long_line_is_cut_and_its_length_is_known() {
        assert_eq!(all("0123456789\nb\n", 3), [("012".into(), 11, true, true), ("b".into(), 2, true, false)]);
    }
}
