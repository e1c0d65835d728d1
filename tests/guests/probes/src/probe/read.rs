//! `read`: a file through `wasi:filesystem`, as its text or as length and digest, streamed so that any size fits.

use std::fs::File;
use std::io::Read;

use sha2::{Digest, Sha256};
use toolhold_sdk::prelude::*;

use super::sha256::hex;

/// Bytes per read: as much as a host hands out at once.
const CHUNK: usize = 64 * 1024;

/// What to return.
#[args]
#[derive(Default, PartialEq)]
pub(crate) enum Form {
    /// The length alone.
    #[default]
    Length,
    /// Length and SHA-256.
    Sha256,
    /// Length and the text, which must be UTF-8.
    Text,
}

/// What was read.
#[output]
pub(crate) struct Contents {
    /// Length in bytes.
    bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Reads a whole file and returns its length, and its SHA-256 or text on demand.
#[tool(title = "Read a file", hints(read_only, idempotent), needs(read("/**", "reads the file it is asked for")))]
pub(crate) fn read(
    /// Path of the file.
    path: String,
    /// What to return: `length`, `sha256` or `text`.
    #[serde(default)]
    form: Form,
) -> Result<Contents> {
    match form {
        Form::Text => text(&path),
        form => stream(&path, form == Form::Sha256),
    }
    .with_context(|| format!("`{path}`"))
}

fn text(path: &str) -> Result<Contents> {
    let text = std::fs::read_to_string(path)?;
    Ok(Contents { bytes: text.len() as u64, sha256: None, text: Some(text) })
}

fn stream(path: &str, digest: bool) -> Result<Contents> {
    let mut file = File::open(path)?;
    let mut hasher = digest.then(Sha256::new);
    let mut buffer = vec![0_u8; CHUNK];
    let mut bytes = 0_u64;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        if let Some(hasher) = &mut hasher {
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
    }
    Ok(Contents { bytes, sha256: hasher.map(|hasher| hex(&hasher.finalize())), text: None })
}
