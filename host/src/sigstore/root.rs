//! A trusted root: the certificate authorities and logs of one sigstore instance, as its operators publish them.

use std::io::Read as _;
use std::path::Path;

use sigstore_verify::Verifier;
use sigstore_verify::trust_root::TrustedRoot;

use super::Error;

/// Largest file, in bytes: a hundred times what the public instance has.
const MAX_BYTES: u64 = 1 << 20;

/// What every trusted root says of itself, in one of two spellings.
const KINDS: [&str; 2] =
    ["application/vnd.dev.sigstore.trustedroot+json;version=0.", "application/vnd.dev.sigstore.trustedroot.v0."];

/// Reads the trusted root at `path`.
pub(super) fn read(path: &Path) -> Result<Verifier, Error> {
    let fail = |why: String| Error::Root { path: path.to_owned(), why };
    let text = text(path).map_err(|error| fail(format!("it cannot be read: {error}")))?;
    let root = TrustedRoot::from_json(&text)
        .map_err(|error| fail(toolhold_core::escape::short(&error.to_string(), 200).into_owned()))?;
    if !KINDS.iter().any(|kind| root.media_type.starts_with(kind)) {
        return Err(fail("its `mediaType` is not that of a trusted root".into()));
    }
    for (missing, what) in [
        (root.certificate_authorities.is_empty(), "certificate authority"),
        (root.tlogs.is_empty(), "transparency log"),
        (root.ctlogs.is_empty(), "log of certificates"),
    ] {
        if missing {
            return Err(fail(format!("it has no {what}, without which nothing can be checked")));
        }
    }
    Verifier::new(&root).map_err(|error| fail(toolhold_core::escape::short(&error.to_string(), 200).into_owned()))
}

fn text(path: &Path) -> std::io::Result<String> {
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(text)
}
