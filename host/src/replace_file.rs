//! Writes a file whole or not at all: a reader sees the old content or the new one, also after a crash.
//!
//! The new file lies beside the old one until it takes its name. What is beside a file of Toolhold's under such a name is out of reach of
//! every grant, as that file is: no tool can change it in between.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use toolhold_sandbox::capability::fs::UNFINISHED;

/// Replaces the file at `path` with `content`. Who may read it stays the same; a new one is an ordinary file. Where `path` is a link, it
/// stays one, and what it leads to is replaced.
///
/// # Errors
///
/// Whatever the file system says, with the path.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_at(path, content)
        .map_err(|error| io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", path.display())))
}

fn replace_at(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = path.canonicalize().ok().filter(|_| path.is_symlink());
    let path = target.as_deref().unwrap_or(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    // Before it takes the name: a private file is private at every moment.
    let mode = std::fs::metadata(path).map_or(0o644, |found| found.permissions().mode() & 0o777);
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_may_read_it_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        replace(&path, b"one").unwrap();
        assert_eq!(mode(), 0o644);
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real/file"), folder.path().join("link"));
        std::fs::create_dir(folder.path().join("real")).unwrap();
        std::fs::write(&real, "one").unwrap();
        std::os::unix::fs::symlink("real/file", &link).unwrap();
        replace(&link, b"two").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"two");
    }

    #[test]
    fn an_error_names_the_path() {
        let error = replace(Path::new("/nowhere/at/all"), b"").unwrap_err();
        assert!(error.to_string().contains("`/nowhere/at/all`"), "{error}");
    }
}
