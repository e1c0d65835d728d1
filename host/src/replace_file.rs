//! Writes a file whole or not at all: a reader sees the old content or the new one, also after a crash.

use std::io::{self, Write as _};
use std::path::Path;

/// Replaces the file at `path` with `content`.
///
/// # Errors
///
/// Whatever the file system says, with the path.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_at(path, content)
        .map_err(|error| io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", path.display())))
}

fn replace_at(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".toolhold-").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    set_ordinary_mode(file.path())?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// A temporary file is made for its owner alone; what replaces an ordinary file is readable as one.
fn set_ordinary_mode(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
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
    fn an_error_names_the_path() {
        let error = replace(Path::new("/nowhere/at/all"), b"").unwrap_err();
        assert!(error.to_string().contains("`/nowhere/at/all`"), "{error}");
    }
}
