//! The bytes of an answer's body, uncompressed. The host passes bytes on as they come, and some servers compress without
//! being asked.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use toolhold_sdk::prelude::*;

use crate::transport::Answer;

/// Undoes the compression of `answer`, whose body is at most `max_bytes` long then.
///
/// # Errors
/// It is compressed in another way than gzip or deflate, or broken.
pub(crate) fn uncompress(answer: &mut Answer, max_bytes: usize) -> Result<()> {
    let encoding = answer.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    let compressed = std::mem::take(&mut answer.body);
    let mut reader: Box<dyn Read + '_> = match encoding.as_str() {
        "" | "identity" => {
            answer.body = compressed;
            return Ok(());
        }
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(compressed.as_slice())),
        // The standard means zlib; some servers send it bare.
        "deflate" if compressed.first().is_some_and(|first| first & 0x0f == 8) => {
            Box::new(ZlibDecoder::new(compressed.as_slice()))
        }
        "deflate" => Box::new(DeflateDecoder::new(compressed.as_slice())),
        other => {
            let message = format!(
                "the server compressed its answer with `{other}`, though it was asked not to; there is no way to read it here"
            );
            return Err(Error::failed(message));
        }
    };
    let mut plain = Vec::new();
    let read = reader.by_ref().take(max_bytes as u64 + 1).read_to_end(&mut plain);
    drop(reader);
    match read {
        Ok(_) => {}
        // What was cut ends in the middle.
        Err(_) if answer.cut && !plain.is_empty() => {}
        Err(error) => {
            return Err(Error::failed(format!("the answer says that it is `{encoding}`, and it is not: {error}")));
        }
    }
    if plain.len() > max_bytes {
        plain.truncate(max_bytes);
        answer.cut = true;
    }
    answer.body = plain;
    Ok(())
}
