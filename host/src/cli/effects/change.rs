//! One change: a sign, the path, what is different, and the diff below.

use toolhold_core::effect::{Change, ChangeKind, Content, EntryKind, Properties};
use toolhold_core::id::Digest;

use super::super::ui::{Tone, paint};
use super::size::{from_to, size};
use super::total::counted;
use super::{Depth, diff, path};

/// How many digits of a hash are shown. Enough to tell two apart; `--json` has all.
const HASH_SHOWN: usize = 12;

/// Adds the lines of `change`.
pub(super) fn write(lines: &mut Vec<String>, change: &Change, depth: Depth) {
    let facts = facts(change);
    let facts = if facts.is_empty() { String::new() } else { format!("  {}", paint(Tone::Faint, &facts.join(", "))) };
    lines.push(format!("{} {}{facts}", sign(&change.kind), name(change)));
    if let (Content::Text { diff, cut, .. }, Depth::Diffs) = (&change.content, depth) {
        diff::write(lines, diff, *cut);
    }
}

/// What happened, as one character that says it without its colour.
pub(super) fn sign(kind: &ChangeKind) -> String {
    match kind {
        ChangeKind::Created => paint(Tone::Good, "+"),
        ChangeKind::Changed => paint(Tone::Notice, "~"),
        ChangeKind::Deleted => paint(Tone::Bad, "-"),
        ChangeKind::Moved { .. } => paint(Tone::Notice, "→"),
        ChangeKind::Metadata => paint(Tone::Notice, "m"),
    }
}

fn name(change: &Change) -> String {
    let is_directory = current(change).is_some_and(|entry| entry.kind == EntryKind::Directory);
    let slash = if is_directory { "/" } else { "" };
    let to = format!("{}{slash}", paint(Tone::Strong, &path(&change.path)));
    match &change.kind {
        ChangeKind::Moved { from } => format!("{}{slash} → {to}", path(from)),
        _ => to,
    }
}

/// What is there, or was.
fn current(change: &Change) -> Option<&Properties> {
    change.after.as_ref().or(change.before.as_ref())
}

fn facts(change: &Change) -> Vec<String> {
    let mut facts = Vec::new();
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            facts.extend(other_kind(before, after));
            facts.extend(sizes(before, after, change));
            facts.extend(target(after));
            facts.extend(metadata(before, after, &change.kind));
        }
        (Some(one), None) | (None, Some(one)) => {
            facts.extend((one.kind == EntryKind::File).then(|| size(one.size)));
            facts.extend(target(one));
        }
        (None, None) => {}
    }
    facts.extend(content(change));
    facts
}

fn other_kind(before: &Properties, after: &Properties) -> Option<String> {
    let word = |kind| match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symbolic link",
    };
    (before.kind != after.kind).then(|| format!("was a {}", word(before.kind)))
}

fn sizes(before: &Properties, after: &Properties, change: &Change) -> Option<String> {
    let both_files = before.kind == EntryKind::File && after.kind == EntryKind::File;
    let says_something = before.size != after.size || change.content != Content::Same;
    (both_files && says_something).then(|| from_to(before.size, after.size))
}

fn target(entry: &Properties) -> Option<String> {
    entry.target.as_ref().map(|target| format!("symbolic link to {}", path(target)))
}

/// Mode, and where nothing else is different the time.
fn metadata(before: &Properties, after: &Properties, kind: &ChangeKind) -> Vec<String> {
    let mut facts = Vec::new();
    if before.kind == after.kind && before.mode != after.mode {
        facts.push(format!("mode {:03o} → {:03o}", before.mode & 0o7777, after.mode & 0o7777));
    }
    if *kind == ChangeKind::Metadata && before.modified != after.modified {
        facts.push(format!("modified {} → {}", time(before.modified), time(after.modified)));
    }
    facts
}

/// A moment, in UTC.
pub(in super::super) fn time(micros: u64) -> String {
    crate::shown::time(micros)
}

fn content(change: &Change) -> Option<String> {
    match &change.content {
        Content::Same => None,
        Content::Text { added, removed, .. } => Some(match change.kind {
            ChangeKind::Created => counted(*added, "line"),
            ChangeKind::Deleted => counted(*removed, "line"),
            _ => format!("+{added} -{removed} lines"),
        }),
        Content::Binary => Some(format!("binary{}", hashes(change))),
        Content::TooLarge => Some(format!("too large to be compared here{}", hashes(change))),
    }
}

fn hashes(change: &Change) -> String {
    let hash = |entry: &Option<Properties>| entry.as_ref().and_then(|entry| entry.sha256);
    match (hash(&change.before), hash(&change.after)) {
        (Some(before), Some(after)) => format!(", sha256 {} → {}", short(before), short(after)),
        (Some(one), None) | (None, Some(one)) => format!(", sha256 {}", short(one)),
        (None, None) => String::new(),
    }
}

fn short(digest: Digest) -> String {
    digest.hex().chars().take(HASH_SHOWN).collect()
}
