//! A change of one path: what was there before and what is there after.

use serde::{Deserialize, Serialize};

use crate::id::Digest;

/// What is different of one path when a call is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The guest path, such as `/work/notes.md`. Any text: escape before showing.
    pub path: String,
    /// What kind of difference.
    #[serde(flatten)]
    pub kind: ChangeKind,
    /// What was there; `None` where nothing was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Properties>,
    /// What is there; `None` where nothing is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<Properties>,
    /// How the content differs.
    #[serde(skip_serializing_if = "Content::is_same", default)]
    pub content: Content,
}

/// The kinds of difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Something is where nothing was.
    Created,
    /// Its content is another one.
    Changed,
    /// It is gone. Of a directory, everything in it is listed on its own.
    Deleted,
    /// It was elsewhere. Of a directory, everything in it moved along and is not listed unless it changed too.
    Moved {
        /// The guest path where it was. Any text: escape before showing.
        from: String,
    },
    /// Only its times or its mode are others.
    Metadata,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Properties {
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; of a directory 0.
    pub size: u64,
    /// SHA-256 of a file's content; `None` where it was too large to be read for a report, and of anything else.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Digest>,
    /// When its content was last changed, in microseconds since 1970; earlier times are 0.
    pub modified: u64,
    /// Permission bits.
    pub mode: u32,
    /// Where a symbolic link leads. Any text: escape before showing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// How the content of a file differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Content {
    /// It does not, or there is none.
    #[default]
    Same,
    /// Both sides are text: a unified diff with three lines around each difference, without the two header lines. Any
    /// text: escape before showing.
    Text {
        /// The diff.
        diff: String,
        /// Lines that are new.
        added: u64,
        /// Lines that are gone.
        removed: u64,
        /// How many bytes of the diff were cut off at its end.
        cut: u64,
    },
    /// A side is not UTF-8 text. The sizes and hashes tell the rest.
    Binary,
    /// Too large to be compared for a report. The sizes tell the rest.
    TooLarge,
}

impl Content {
    fn is_same(&self) -> bool {
        *self == Self::Same
    }
}
