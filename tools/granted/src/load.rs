//! A file as a whole, with a bound: what is larger is an error that says so, never a part that looks like all of it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::path;

/// Byte order mark of UTF-8, which is not part of the text.
const MARK: &str = "\u{FEFF}";

/// The bytes of a file.
///
/// # Errors
/// It cannot be read, or has more than `max_bytes`.
pub fn load(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| path::explain(path, error))?;
    let metadata = file.metadata().map_err(|error| path::explain(path, error))?;
    if metadata.is_dir() {
        return Err(path::explain(path, std::io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(max_bytes)).unwrap_or_default());
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| path::explain(path, error))?;
    if bytes.len() as u64 > max_bytes {
        let message = format!("`{}` has more than {max_bytes} bytes, which is the most that is read", path.display());
        return Err(Error::invalid_args(message));
    }
    Ok(bytes)
}

/// The text of a file, without its byte order mark.
///
/// # Errors
/// As [`load`], or it is not UTF-8.
pub fn load_text(path: &Path, max_bytes: u64) -> Result<String> {
    let text = String::from_utf8(load(path, max_bytes)?).map_err(|problem| {
        let place = problem.utf8_error().valid_up_to();
        Error::invalid_args(format!("`{}` is not UTF-8 text: the byte at {place} is not part of any", path.display()))
    })?;
    Ok(text.strip_prefix(MARK).map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "\u{FEFF}grün").unwrap();
        assert_eq!(load_text(&path, 100).unwrap(), "grün");
        assert_eq!(load(&path, 8).unwrap().len(), 8);
        assert!(load(&path, 7).unwrap_err().message().contains("more than 7 bytes"));
        std::fs::write(&path, b"ab\xFF").unwrap();
        assert!(load_text(&path, 100).unwrap_err().message().contains("the byte at 2"));
        assert!(load(directory.path(), 100).unwrap_err().message().contains("is a directory"));
        assert!(matches!(load(&directory.path().join("b"), 1), Err(Error::NotFound(_))));
    }
}
