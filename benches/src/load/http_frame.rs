//! Answers of HTTP/1.1, as far as our own server sends them: a length or chunks, JSON or events.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The longest answer that is taken, in bytes.
const LONGEST: usize = 16 << 20;

/// What came back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The session that the server has begun.
    pub(crate) session: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The last message in the body: the body itself, or the data of the last event that has some.
    pub(crate) fn message(&self) -> &[u8] {
        let data = |line: &'_ [u8]| line.starts_with(b"data: {");
        let mut lines = self.body.split(|byte| *byte == b'\n').rev();
        lines.find(|line| data(line)).and_then(|line| line.get(6..)).unwrap_or(&self.body)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        let said = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", said()))
    }
}

/// How long the body is.
enum Length {
    Bytes(usize),
    Chunks,
}

/// Reads one answer whole; the connection can then be used again.
pub(crate) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Answer> {
    let mut line = Vec::new();
    read_line(from, &mut line).await?;
    let status = text(&line)?.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut answer = Answer { status: status.context("no status")?, ..Answer::default() };
    let mut length = Length::Bytes(0);
    loop {
        read_line(from, &mut line).await?;
        if line.is_empty() {
            break;
        }
        let (name, value) = text(&line)?.split_once(':').context("no header")?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Bytes(value.parse()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            length = Length::Chunks;
        } else if name.eq_ignore_ascii_case("mcp-session-id") {
            answer.session = Some(value.to_owned());
        }
    }
    match length {
        Length::Bytes(bytes) => append(from, bytes, &mut answer.body).await?,
        Length::Chunks => loop {
            read_line(from, &mut line).await?;
            let size = usize::from_str_radix(text(&line)?, 16).context("no size of a chunk")?;
            append(from, size, &mut answer.body).await?;
            read_line(from, &mut line).await?;
            ensure!(line.is_empty(), "a chunk is longer than it says");
            if size == 0 {
                break;
            }
        },
    }
    Ok(answer)
}

async fn append(from: &mut (impl AsyncBufRead + Unpin), bytes: usize, body: &mut Vec<u8>) -> Result<()> {
    let before = body.len();
    ensure!(bytes <= LONGEST && before <= LONGEST, "the answer is too long");
    body.resize(before + bytes, 0);
    let (_, rest) = body.split_at_mut(before);
    from.read_exact(rest).await?;
    Ok(())
}

/// A line without its end.
async fn read_line(from: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> Result<()> {
    line.clear();
    from.read_until(b'\n', line).await?;
    ensure!(line.ends_with(b"\r\n"), "the answer is cut off");
    line.truncate(line.len() - 2);
    Ok(())
}

fn text(line: &[u8]) -> Result<&str> {
    Ok(std::str::from_utf8(line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut bytes: &[u8]) -> Result<(Answer, usize)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let answer = runtime.block_on(read(&mut bytes))?;
        Ok((answer, bytes.len()))
    }

    #[test]
    fn an_answer_with_a_length_ends_where_it_says() {
        let (answer, left) =
            read_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nMcp-Session-Id: a1\r\n\r\n{\"\"}HTTP/1.1 200").unwrap();
        assert_eq!((answer.status, answer.session.as_deref(), left), (200, Some("a1"), 12));
        assert_eq!(answer.message(), b"{\"\"}");
    }

    #[test]
    fn chunks_are_put_together_and_the_last_event_counts() {
        let parts = ["id: 0\ndata", ": \n\ndata: {\"id\":1}\nevent:", " x\n\n: \n\n", ""];
        let chunks: String = parts.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).collect();
        let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        let (answer, left) = read_all(text.as_bytes()).unwrap();
        assert_eq!((answer.status, left), (200, 0));
        assert_eq!(answer.message(), b"{\"id\":1}");
    }

    #[test]
    fn what_is_cut_off_or_no_answer_is_an_error() {
        for bytes in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
            b"HTTP/1.1 x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        ] {
            assert!(read_all(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
