//! Files that hold a secret: a key of a model, a secret of the manifest.
//!
//! Who can write such a file chooses the secret, who can read it has it: a file that is not this user's alone is refused.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

/// Longer, in bytes, is no secret but the wrong file or the wrong program.
pub(crate) const LONGEST_SECRET: usize = 8 << 10;

/// Why there is no secret in a file.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It belongs to somebody else.
    #[error("`{0}` belongs to another user; make a copy of your own with `install -m 600 {0} NEW`")]
    Foreign(String),
    /// Others could read or replace it.
    #[error("`{0}` can be used by others on this machine; run `chmod 600 {0}`")]
    Shared(String),
    /// It holds too much.
    #[error("`{0}` is longer than {max} bytes, so it is no secret; name the right file", max = LONGEST_SECRET)]
    TooLong(String),
    /// It does not hold text.
    #[error("`{0}` is not UTF-8 text; write the secret into it in base64, or name the right file")]
    NotText(String),
}

/// The text of a file that only this user may use. Pipes, which have no owner to check, are read too.
///
/// # Errors
///
/// [`PrivateFileError`]; none of them holds anything of the text.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, PrivateFileError> {
    let unreadable = |error| PrivateFileError::Unreadable { path: path.to_owned(), error };
    let shown = || path.display().to_string();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    match exposure(&metadata) {
        Exposure::None => {}
        Exposure::Foreign => return Err(PrivateFileError::Foreign(shown())),
        Exposure::Shared => return Err(PrivateFileError::Shared(shown())),
    }
    // All the room at once: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_SECRET + 1));
    file.take(LONGEST_SECRET as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LONGEST_SECRET {
        return Err(PrivateFileError::TooLong(shown()));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| PrivateFileError::NotText(shown()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Who else has to do with a file.
enum Exposure {
    None,
    Foreign,
    Shared,
}

fn exposure(metadata: &std::fs::Metadata) -> Exposure {
    use std::os::unix::fs::MetadataExt as _;
    if !metadata.is_file() {
        return Exposure::None;
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Exposure::Foreign;
    }
    if metadata.mode() & 0o077 != 0 { Exposure::Shared } else { Exposure::None }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_of_this_user_alone_is_read_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let read_as = |content: &[u8], mode| {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        assert_eq!(read_as(b"s\n", 0o600).unwrap().as_str(), "s\n");
        assert_eq!(read_as(b"s", 0o400).unwrap().as_str(), "s");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o601, 0o610] {
            assert!(matches!(read_as(b"s", mode), Err(PrivateFileError::Shared(_))), "{mode:o}");
        }
        assert!(matches!(read_as(&[b'k'; LONGEST_SECRET + 1], 0o600), Err(PrivateFileError::TooLong(_))));
        assert!(matches!(read_as(&[0xff, b'k'], 0o600), Err(PrivateFileError::NotText(_))));
        assert!(matches!(read(&folder.path().join("none")), Err(PrivateFileError::Unreadable { .. })));
        assert!(matches!(read(folder.path()), Err(PrivateFileError::Unreadable { .. })));
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        // Every process may look at its own, and this one belongs to the superuser or to nobody.
        let path = Path::new("/etc/hostname");
        if rustix::process::geteuid().is_root() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key");
            std::fs::write(&path, "s").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
            assert!(matches!(read(&path), Err(PrivateFileError::Foreign(_))));
        } else if path.exists() {
            assert!(matches!(read(path), Err(PrivateFileError::Foreign(_))));
        }
    }
}
