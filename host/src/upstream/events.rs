//! Server-sent events, as far as this protocol uses them: bytes in, messages out.
//!
//! Bounded: a line or event that never ends is refused at the size of a message, and each byte is looked at once.

/// An event stream of which no event can be told any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Takes an event stream apart.
#[derive(Debug)]
pub(super) struct Events {
    /// Bytes of a line and of an event.
    most: usize,
    line: Vec<u8>,
    data: Vec<u8>,
    after_return: bool,
}

impl Events {
    /// A stream none of whose events has more bytes than `most`.
    pub(super) fn within(most: usize) -> Self {
        Self { most, line: Vec::new(), data: Vec::new(), after_return: false }
    }

    /// Takes the next bytes and gives every event that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line(&mut events)?;
                }
                _ if self.line.len() > self.most => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    /// The event that has no end, if there is one: some servers leave the last empty line away.
    pub(super) fn finish(&mut self) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut events = Vec::new();
        self.end_line(&mut events)?;
        if !self.data.is_empty() {
            events.push(std::mem::take(&mut self.data));
        }
        Ok(events)
    }

    fn end_line(&mut self, events: &mut Vec<Vec<u8>>) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
            return Ok(());
        }
        let Some(value) = line.strip_prefix(b"data:") else { return Ok(()) };
        if self.data.len() + value.len() > self.most {
            return Err(TooLong);
        }
        if !self.data.is_empty() {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::MAX_MESSAGE;
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut stream = Events::within(MAX_MESSAGE);
        let mut all: Vec<Vec<u8>> = pieces.iter().flat_map(|piece| stream.push(piece).unwrap()).collect();
        all.extend(stream.finish().unwrap());
        all.into_iter().map(|event| String::from_utf8(event).unwrap()).collect()
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let text = b": hello\n\nid: 1\nevent: message\ndata: {\"a\":\ndata: 1}\r\n\r\ndata:2\n\ndata: last";
        let expected = ["{\"a\":\n1}", "2", "last"];
        assert_eq!(events(&[text]), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(events(&bytes), expected);
    }

    #[test]
    fn a_line_or_event_without_an_end_is_refused() {
        let mut stream = Events::within(MAX_MESSAGE);
        assert_eq!(stream.push(&vec![b'x'; MAX_MESSAGE + 2]), Err(TooLong));
        let mut stream = Events::within(MAX_MESSAGE);
        let line = [b"data:".as_slice(), &vec![b'x'; MAX_MESSAGE / 2], b"\n"].concat();
        assert!(stream.push(&line).is_ok());
        assert!(stream.push(&line).is_ok_and(|events| events.is_empty()));
        assert_eq!(stream.push(&line), Err(TooLong));
    }
}
