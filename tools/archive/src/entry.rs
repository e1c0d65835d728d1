//! One entry: what it is, and where it goes, if that is below the target and nowhere else.

use toolhold_sdk::prelude::*;

/// Bytes of a path.
const MAX_PATH_BYTES: usize = 1024;
/// Directories within each other.
const MAX_DEPTH: usize = 64;

/// What an entry is.
#[output]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic or hard link.
    Link,
    /// A device, a pipe, a sparse file or something else that is no file.
    Special,
}

/// An entry as the archive says.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Path in the archive, as it stands there.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Bytes that it takes in the archive, where that is known.
    pub(crate) packed: Option<u64>,
    /// Why it cannot be unpacked whatever its name.
    pub(crate) problem: Option<String>,
}

/// The path of an entry below the target, with `/` between its parts.
///
/// # Errors
/// What is wrong with the name.
pub(crate) fn path(name: &str) -> std::result::Result<String, String> {
    if name.len() > MAX_PATH_BYTES {
        return Err(format!("its path has more than {MAX_PATH_BYTES} bytes"));
    }
    if name.starts_with('/') {
        return Err("its path is absolute".to_owned());
    }
    if let Some(bad) = name.chars().find(|character| character.is_control() || *character == '\\') {
        return Err(format!("its path contains the character {}", bad.escape_default()));
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("its path contains `..`".to_owned()),
            drive if parts.is_empty() && is_drive(drive) => return Err("its path names a drive".to_owned()),
            part => parts.push(part),
        }
    }
    match parts.len() {
        0 => Ok(String::new()),
        depth if depth > MAX_DEPTH => Err(format!("its path is deeper than {MAX_DEPTH} directories")),
        _ => Ok(parts.join("/")),
    }
}

fn is_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_target_are_paths() {
        assert_eq!(path("a/b.txt").unwrap(), "a/b.txt");
        assert_eq!(path("./a//b/").unwrap(), "a/b");
        assert_eq!(path("./").unwrap(), "");
        assert_eq!(path("a..b/...").unwrap(), "a..b/...");
        let deep = "a/".repeat(65);
        let long = "a".repeat(2000);
        for bad in
            ["/etc/passwd", "../a", "a/../../b", "a/..", "..", "a\\..\\b", "C:/a", "c:a", "a\0b", "a\nb", &deep, &long]
        {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
