//! Objects: commits, trees, blobs, tags, as their bytes say.

use toolhold_sdk::prelude::*;

use crate::oid::Oid;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl Kind {
    /// From the word in a loose object or a tag.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "commit" => Self::Commit,
            "tree" => Self::Tree,
            "blob" => Self::Blob,
            "tag" => Self::Tag,
            _ => return None,
        })
    }
}

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

/// Who did something, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// Minutes east of Greenwich.
    pub(crate) offset: i32,
}

/// A commit.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) tree: Oid,
    pub(crate) parents: Vec<Oid>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) oid: Oid,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    File,
    Executable,
    Link,
    Directory,
    /// A commit of another repository.
    Submodule,
}

/// The commit that bytes say.
pub(crate) fn commit(bytes: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(bytes);
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut commit = Commit {
        tree: Oid::parse(field(head, "tree ").next()?)?,
        parents: field(head, "parent ").filter_map(Oid::parse).collect(),
        author: Signature::default(),
        committer: Signature::default(),
        message: message.trim_end().to_owned(),
    };
    commit.author = field(head, "author ").next().map(signature).unwrap_or_default();
    commit.committer = field(head, "committer ").next().map(signature).unwrap_or_default();
    Some(commit)
}

/// The object that a tag is of.
pub(crate) fn tag_target(bytes: &[u8]) -> Option<Oid> {
    let text = String::from_utf8_lossy(bytes);
    field(&text, "object ").next().and_then(Oid::parse)
}

/// The entries that bytes say.
///
/// # Errors
/// They are no tree.
pub(crate) fn tree(mut bytes: &[u8]) -> Result<Vec<Entry>> {
    let damaged = || Error::failed("a tree of the repository is damaged");
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(damaged)?;
        let end = bytes.iter().position(|byte| *byte == 0).filter(|end| *end > space).ok_or_else(damaged)?;
        let mode = match bytes.get(..space) {
            Some(b"40000") => Mode::Directory,
            Some(b"100755") => Mode::Executable,
            Some(b"120000") => Mode::Link,
            Some(b"160000") => Mode::Submodule,
            _ => Mode::File,
        };
        let name = String::from_utf8_lossy(bytes.get(space + 1..end).unwrap_or_default()).into_owned();
        let oid = bytes.get(end + 1..end + 21).and_then(Oid::from_bytes).ok_or_else(damaged)?;
        entries.push(Entry { name, mode, oid });
        bytes = bytes.get(end + 21..).unwrap_or_default();
    }
    Ok(entries)
}

fn field<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.lines().take_while(|line| !line.is_empty()).filter_map(move |line| line.strip_prefix(name))
}

/// `Name <mail> seconds +hhmm`.
fn signature(text: &str) -> Signature {
    let (name, rest) = text.split_once(" <").unwrap_or((text, ""));
    let (email, when) = rest.split_once("> ").unwrap_or((rest, ""));
    let (seconds, zone) = when.split_once(' ').unwrap_or((when, "+0000"));
    let digits: i32 = zone.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let minutes = digits / 100 * 60 + digits % 100;
    Signature {
        name: name.to_owned(),
        email: email.to_owned(),
        seconds: seconds.parse().unwrap_or(0),
        offset: if zone.starts_with('-') { -minutes } else { minutes },
    }
}
