//! The bytes of an answer's body, uncompressed. The host passes bytes on as they come, and some servers compress without
//! being asked. What cannot be uncompressed is no reason to keep the answer back: the request has been answered.

use std::io::Read;

use crate::transport::Answer;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Undoes the compression of `answer`, whose body is at most `max_bytes` long then.
///
/// # Errors
/// It is compressed in another way than gzip or deflate, or broken; the body is as it came then.
pub(crate) fn uncompress(answer: &mut Answer, max_bytes: usize) -> Result<(), String> {
    // An answer without a body has nothing that was compressed, whatever its headers say.
    if answer.body.is_empty() {
        return Ok(());
    }
    let encoding = answer.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    let compressed = answer.body.as_slice();
    let mut reader: Box<dyn Read + '_> = match encoding.as_str() {
        "" | "identity" => return Ok(()),
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(compressed)),
        // The standard means zlib; some servers send it bare.
        "deflate" if compressed.first().is_some_and(|first| first & 0x0f == 8) => {
            Box::new(ZlibDecoder::new(compressed))
        }
        "deflate" => Box::new(DeflateDecoder::new(compressed)),
        other => {
            return Err(format!(
                "the server compressed its answer with `{other}`, though it was asked not to; there is no way to read it here"
            ));
        }
    };
    let mut plain = Vec::new();
    let read = reader.by_ref().take(max_bytes as u64 + 1).read_to_end(&mut plain);
    drop(reader);
    match read {
        Ok(_) => {}
        // What was cut ends in the middle.
        Err(_) if answer.cut && !plain.is_empty() => {}
        Err(error) => return Err(format!("the answer says that it is `{encoding}`, and it is not: {error}")),
    }
    if plain.len() > max_bytes {
        plain.truncate(max_bytes);
        answer.cut = true;
    }
    answer.body = plain;
    Ok(())
}
