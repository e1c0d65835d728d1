//! What a call touched of the file system and what it was refused there, in the order in which it happened.
//!
//! Bounded: a guest that loops fills no memory. Paths are guest paths; nothing here names the host.

use std::collections::BTreeSet;
use std::fmt;

/// How many refusals and how many touches are kept of one call; the rest is counted.
const KEPT: usize = 1000;

/// What a guest tried to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Open a file or a directory.
    Open,
    /// Ask for the properties of a path.
    Stat,
    /// List a directory.
    List,
    /// Create a directory.
    CreateDirectory,
    /// Remove a file or a link.
    RemoveFile,
    /// Remove a directory.
    RemoveDirectory,
    /// Move something.
    Rename,
    /// Create a hard link.
    HardLink,
    /// Create a symbolic link.
    Symlink,
    /// Read a symbolic link.
    ReadLink,
    /// Set times.
    SetTimes,
    /// Set a file's size.
    SetSize,
    /// Make changes last.
    Sync,
}

/// Why it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// No pattern of `read` matches.
    NotReadable,
    /// No pattern of `write` matches.
    NotWritable,
    /// The grant has no `write` at all.
    ReadOnly,
    /// A pattern of `deny` matches the path or a directory above it.
    Denied,
    /// It belongs to Toolhold.
    Protected,
    /// It meets a symbolic link where the grant's `symlinks` does not allow it.
    Symlink,
    /// It leads out of the directory that it started from.
    Escape,
    /// It is neither a regular file nor a directory.
    SpecialFile,
    /// It crosses a mount point.
    MountPoint,
    /// It would join two grants.
    AcrossGrants,
    /// Moving or linking it there would make readable what is not, or move what may not be changed.
    MovesForbidden,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotReadable => "no `read` pattern of the grant matches it",
            Self::NotWritable => "no `write` pattern of the grant matches it",
            Self::ReadOnly => "the grant has no `write` pattern",
            Self::Denied => "a `deny` pattern of the grant matches it",
            Self::Protected => "it belongs to Toolhold",
            Self::Symlink => "it meets a symbolic link, which the grant's `symlinks` does not allow",
            Self::Escape => "it leads out of the granted directory",
            Self::SpecialFile => "it is neither a regular file nor a directory",
            Self::MountPoint => "it crosses a mount point; grant the mounted directory itself",
            Self::AcrossGrants => "it would join two grants",
            Self::MovesForbidden => "it would move or reveal something that the grant does not cover",
        })
    }
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The guest path of the grant, such as `/work`.
    pub grant: String,
    /// The path below it: resolved, as far as that went. Any text: escape before showing.
    pub path: String,
    /// What was tried.
    pub operation: Operation,
    /// Why it was refused.
    pub why: Why,
}

/// What happened to a path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touched {
    /// A file was opened for reading, or a link read.
    Read,
    /// A directory was listed.
    Listed,
    /// A file was opened for writing or truncated, or its size or times were set.
    Written,
    /// A file, directory or link came to be.
    Created,
    /// A file, directory or link is gone.
    Deleted,
    /// It is now at this path of the same grant.
    Renamed(String),
}

/// One touch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Touch {
    /// The guest path of the grant.
    pub grant: String,
    /// The resolved path below it. Any text: escape before showing.
    pub path: String,
    /// What happened.
    pub touched: Touched,
}

/// What one call was refused and what it touched, oldest first.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Notes {
    /// What was refused; at most 1,000 are kept.
    pub refusals: Vec<Refusal>,
    /// What was touched; at most 1,000 are kept, repetitions in a row count once.
    pub touches: Vec<Touch>,
    /// How many of both are not in the lists.
    pub left_out: u64,
    /// The grants, by guest path, of which a file was opened for reading, a link read or a directory listed. All of them.
    pub sources: BTreeSet<String>,
}

impl Notes {
    /// Notes a refusal.
    pub fn refused(&mut self, grant: &str, path: &str, operation: Operation, why: Why) {
        if self.refusals.len() >= KEPT {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.refusals.push(Refusal { grant: grant.to_owned(), path: path.to_owned(), operation, why });
    }

    /// Notes a touch.
    pub fn touched(&mut self, grant: &str, path: &str, touched: Touched) {
        if matches!(touched, Touched::Read | Touched::Listed) && !self.sources.contains(grant) {
            self.sources.insert(grant.to_owned());
        }
        let again = |last: &Touch| last.touched == touched && last.path == path && last.grant == grant;
        if self.touches.last().is_some_and(again) {
            return;
        }
        if self.touches.len() >= KEPT {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.touches.push(Touch { grant: grant.to_owned(), path: path.to_owned(), touched });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_when_the_list_is_full() {
        let mut notes = Notes::default();
        (0..KEPT).for_each(|number| notes.touched("/work", &number.to_string(), Touched::Written));
        assert!(notes.sources.is_empty());
        notes.touched("/private", "key", Touched::Read);
        notes.touched("/inbox", "", Touched::Listed);
        assert_eq!((notes.touches.len(), notes.left_out), (KEPT, 2));
        assert!(notes.sources.iter().eq(["/inbox", "/private"]), "{:?}", notes.sources);
    }
}
