//! Reads an answer in whichever of the two forms it comes, bounded in size.

use reqwest::header::CONTENT_ENCODING;

use super::protocol::Assembly;
use super::transport::Answer;
use super::{Error, refusal, sse};

/// Bytes of a streamed answer, everything included. A token costs about 250 on the wire.
const STREAM_BYTES: usize = 16 << 20;
/// Bytes of an answer in one piece. Parsed, it takes several times as much.
const BODY_BYTES: usize = 2 << 20;
/// Bytes of a refusal that are read.
const REFUSAL_BYTES: usize = 64 << 10;

/// Is told of text as it arrives.
pub(super) type OnText<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Reads a successful answer into `assembly`.
pub(super) async fn read(answer: &mut Answer, assembly: &mut dyn Assembly, on_text: OnText<'_>) -> Result<(), Error> {
    let coding =
        answer.headers.get(CONTENT_ENCODING).filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if let Some(coding) = coding {
        let coding: String = String::from_utf8_lossy(coding.as_bytes()).chars().take(60).collect();
        return Err(Error::Malformed(format!("it is encoded as `{coding}`, which was not asked for")));
    }
    let mut first = Vec::new();
    // Some servers send empty lines while they think.
    let mut empty = 0;
    while first.is_empty() {
        let piece = answer.piece().await?.ok_or(Error::Truncated)?;
        // Each byte is looked at once, however small the pieces are.
        if piece.trim_ascii_start().is_empty() {
            empty += piece.len().max(1);
        } else {
            first.extend(piece);
        }
        if empty > BODY_BYTES || first.len() > BODY_BYTES {
            return Err(Error::TooLarge(BODY_BYTES));
        }
    }
    match first.trim_ascii_start().first() {
        Some(b'{') => {
            let body = answer.rest(first, BODY_BYTES).await?.ok_or(Error::TooLarge(BODY_BYTES))?;
            if toolhold_core::schema::is_heavy(&body) {
                return Err(Error::TooLarge(BODY_BYTES));
            }
            let whole = serde_json::from_slice(&body).map_err(|error| match error.classify() {
                serde_json::error::Category::Eof => Error::Truncated,
                _ => Error::Malformed("it is no JSON".into()),
            })?;
            on_text(&assembly.whole(&whole)?);
            Ok(())
        }
        Some(b'<') => Err(Error::Malformed("it is a web page; check the base URL".into())),
        _ => read_stream(answer, &first, assembly, on_text).await,
    }
}

async fn read_stream(
    answer: &mut Answer,
    first: &[u8],
    assembly: &mut dyn Assembly,
    on_text: OnText<'_>,
) -> Result<(), Error> {
    let (mut decoder, mut events, mut total) = (sse::Decoder::default(), Vec::new(), first.len());
    decoder.feed(first, &mut events)?;
    loop {
        take(&mut events, assembly, on_text)?;
        if assembly.is_full() {
            return Ok(());
        }
        let piece = match answer.piece().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            // The answer was whole before the connection broke or the server forgot to close it.
            Err(_) if assembly.has_ended() => return Ok(()),
            Err(error) => return Err(error),
        };
        total += piece.len();
        if total > STREAM_BYTES {
            return Err(Error::TooLarge(STREAM_BYTES));
        }
        decoder.feed(&piece, &mut events)?;
    }
    decoder.end(&mut events)?;
    take(&mut events, assembly, on_text)
}

/// Hands events to the assembly and their text to whoever follows.
fn take(events: &mut Vec<String>, assembly: &mut dyn Assembly, on_text: OnText<'_>) -> Result<(), Error> {
    for event in events.drain(..) {
        let text = assembly.event(&event)?;
        if !text.is_empty() {
            on_text(&text);
        }
        if assembly.is_full() {
            break;
        }
    }
    Ok(())
}

/// Reads a refusal. One that breaks off is still a refusal: what came of its words is enough.
pub(super) async fn refused(answer: &mut Answer) -> Error {
    let body = answer.rest(Vec::new(), REFUSAL_BYTES).await.ok().flatten().unwrap_or_default();
    refusal::status(answer.status, &answer.headers, &String::from_utf8_lossy(&body))
}
