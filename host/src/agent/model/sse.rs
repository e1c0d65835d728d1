//! Server-sent events, as far as models use them: bytes in, `data` texts out.
//!
//! Pure and bounded: a line or event that never ends is refused at a size, and each byte is looked at once, so that a
//! server which sends one byte at a time costs no more than one that does not. Reconnecting is not supported: a broken
//! answer is void.

use super::Error;

/// The longest line and the longest event, in bytes.
pub(super) const EVENT_BYTES: usize = 1 << 20;

/// Takes an event stream apart.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    data: Option<String>,
    after_return: bool,
    started: bool,
}

impl Decoder {
    /// Takes the next bytes and appends every event that they complete to `events`.
    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<String>) -> Result<(), Error> {
        for &byte in bytes {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line(events)?;
                }
                _ if self.line.len() >= EVENT_BYTES => return Err(Error::TooLarge(EVENT_BYTES)),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// Takes the end of the stream. Some servers leave the last line or the last empty line away.
    pub(super) fn end(mut self, events: &mut Vec<String>) -> Result<(), Error> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        events.extend(self.data.take());
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<String>) -> Result<(), Error> {
        let line = std::mem::take(&mut self.line);
        let line = if std::mem::replace(&mut self.started, true) {
            line.as_slice()
        } else {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line)
        };
        if line.is_empty() {
            events.extend(self.data.take());
            return Ok(());
        }
        let Some(value) = data_of(line) else { return Ok(()) };
        let value = std::str::from_utf8(value).map_err(|_| Error::Malformed("it is not UTF-8".into()))?;
        let data = self.data.get_or_insert_default();
        if data.len() + value.len() >= EVENT_BYTES {
            return Err(Error::TooLarge(EVENT_BYTES));
        }
        if !data.is_empty() {
            data.push('\n');
        }
        data.push_str(value);
        Ok(())
    }
}

/// The value of a `data` field. Other fields do not matter: what models send names its kind within the data.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data")?;
    match value.strip_prefix(b":") {
        Some(value) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        None if value.is_empty() => Some(value),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Result<Vec<String>, Error> {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.feed(piece, &mut events)?;
        }
        decoder.end(&mut events)?;
        Ok(events)
    }

    #[test]
    fn events_end_at_empty_lines_in_any_line_ending() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", vec!["a", "b"]),
            ("data: a\r\n\r\ndata:b\r\rdata\n\n", vec!["a", "b", ""]),
            ("\u{feff}data: a\ndata: b\n\n", vec!["a\nb"]),
            (": comment\nid: 1\nevent: x\nretry: 3\ndatax: no\n\n", vec![]),
            ("data: a\n\ndata: [DONE]", vec!["a", "[DONE]"]),
            ("", vec![]),
        ] {
            assert_eq!(decode(&[stream.as_bytes()]).unwrap(), expected, "{stream:?}");
        }
    }

    #[test]
    fn what_never_ends_is_refused_at_a_size() {
        let long = vec![b'x'; EVENT_BYTES + 1];
        assert_eq!(decode(&[&long]), Err(Error::TooLarge(EVENT_BYTES)));
        let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
        assert_eq!(decode(&vec![line.as_slice(); 1100]), Err(Error::TooLarge(EVENT_BYTES)));
        assert!(matches!(decode(&[b"data: \xff\n\n"]), Err(Error::Malformed(_))));
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_into_pieces_does_not_matter(bytes in "(data: ?[a-é]{0,3}|:|\r|\n|\r\n){0,20}", at in 0usize..60) {
            let bytes = bytes.as_bytes();
            let (head, tail) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(decode(&[bytes]), decode(&[head, tail]));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _either_is_fine = decode(&[&bytes]);
        }
    }
}
