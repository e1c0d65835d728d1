//! Which format a file has: what its first bytes say, and its name only where they say nothing.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use toolhold_sdk::prelude::*;

/// A format.
#[args]
#[derive(Debug, Clone, Copy, PartialEq, Eq, toolhold_sdk::serde::Serialize)]
pub(crate) enum Format {
    /// Zip, stored or deflated.
    Zip,
    /// Tar without compression.
    Tar,
    /// Tar compressed by gzip.
    TarGz,
    /// One file compressed by gzip.
    Gz,
}

/// Where a tar says that it is one.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

impl Format {
    /// What the name of a file says.
    pub(crate) fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".tar.gz", ".tgz"]) {
            return Some(Self::TarGz);
        }
        if ends(&[".zip", ".jar", ".whl", ".docx", ".xlsx", ".odt", ".epub"]) {
            return Some(Self::Zip);
        }
        if ends(&[".tar"]) {
            return Some(Self::Tar);
        }
        ends(&[".gz"]).then_some(Self::Gz)
    }

    /// What the bytes of a file say. The file is at its beginning afterwards.
    ///
    /// # Errors
    /// They say nothing, and neither does the name.
    pub(crate) fn of_file(file: &mut File, path: &Path) -> Result<Self> {
        let explain = |error| granted::path::explain(path, error);
        let head = head(&mut *file).map_err(explain)?;
        file.rewind().map_err(explain)?;
        let found = if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            Some(Self::Zip)
        } else if head.starts_with(b"\x1F\x8B") {
            let inner = head_of_gz(&mut *file);
            file.rewind().map_err(explain)?;
            Some(if is_tar(&inner) { Self::TarGz } else { Self::Gz })
        } else if is_tar(&head) {
            Some(Self::Tar)
        } else {
            Self::of_name(path).filter(|format| *format == Self::Tar)
        };
        found.ok_or_else(|| {
            Error::invalid_args(format!("`{}` is no archive of a known format: zip, tar, tar.gz or gz", path.display()))
        })
    }
}

fn head(file: impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head)?;
    Ok(head)
}

/// What a broken stream begins with is found out when all of it is read.
fn head_of_gz(file: impl Read) -> Vec<u8> {
    head(MultiGzDecoder::new(file)).unwrap_or_default()
}

fn is_tar(head: &[u8]) -> bool {
    head.get(TAR_MAGIC) == Some(b"ustar")
}
