//! `hash`: digests of a text or of bytes.

use sha2::Digest;
use toolhold_sdk::prelude::*;

use crate::codec::{Format, bytes_of, hex};

/// A digest algorithm.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-224.
    Sha224,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// BLAKE3.
    Blake3,
    /// SHA-1: only to compare with old digests; it is broken.
    Sha1,
    /// MD5: only to compare with old digests; it is broken.
    Md5,
}

/// A digest.
#[output]
pub(crate) struct Hashed {
    /// The digest in lower-case hexadecimal.
    hex: String,
    /// Number of hashed bytes.
    bytes: usize,
}

/// Computes a digest of a text (its UTF-8 bytes), or of bytes given as base64 or hexadecimal.
#[tool(title = "Hash", hints(read_only, idempotent))]
pub(crate) fn hash(
    /// The text, or encoded bytes.
    text: String,
    /// `sha256` if left out.
    #[serde(default)]
    algorithm: Algorithm,
    /// How `text` encodes the bytes; its UTF-8 bytes themselves if left out.
    encoding: Option<Format>,
) -> Result<Hashed> {
    let bytes = match encoding {
        Some(format) => bytes_of(&text, format)?,
        None => text.into_bytes(),
    };
    let hex = match algorithm {
        Algorithm::Sha256 => hex(&sha2::Sha256::digest(&bytes)),
        Algorithm::Sha224 => hex(&sha2::Sha224::digest(&bytes)),
        Algorithm::Sha384 => hex(&sha2::Sha384::digest(&bytes)),
        Algorithm::Sha512 => hex(&sha2::Sha512::digest(&bytes)),
        Algorithm::Blake3 => hex(blake3::hash(&bytes).as_bytes()),
        Algorithm::Sha1 => hex(&sha1::Sha1::digest(&bytes)),
        Algorithm::Md5 => hex(&md5::Md5::digest(&bytes)),
    };
    Ok(Hashed { hex, bytes: bytes.len() })
}
