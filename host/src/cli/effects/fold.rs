//! A directory that came to be or went with everything in it is one line, where its entries would be a screen of them.

use toolhold_core::effect::{Change, ChangeKind, EntryKind, Properties};

use super::super::ui::{Tone, paint};
use super::change::{self, sign};
use super::size::size;
use super::total::counted;
use super::{Depth, path};

/// With more entries than this a directory is one line.
const MOST: usize = 20;

/// What is shown of changes.
pub(super) enum Shown<'a> {
    /// A change of its own.
    One(&'a Change),
    /// A directory, and what came or went with it.
    Folded { directory: &'a Change, entries: usize, bytes: u64 },
}

impl Shown<'_> {
    /// Adds its lines.
    pub(super) fn write(&self, lines: &mut Vec<String>, depth: Depth) {
        match self {
            Self::One(change) => change::write(lines, change, depth),
            Self::Folded { directory, entries, bytes } => {
                let within = counted(u64::try_from(*entries).unwrap_or(u64::MAX), "entr");
                let facts = format!("with {within} in it, {}; `--json` lists them", size(*bytes));
                let name = paint(Tone::Strong, &path(&directory.path));
                lines.push(format!("{} {name}/  {}", sign(&directory.kind), paint(Tone::Faint, &facts)));
            }
        }
    }
}

/// The changes in the order of their paths, large directories folded.
pub(super) fn changes(changes: &[Change]) -> impl Iterator<Item = Shown<'_>> {
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    let mut hidden = vec![false; sorted.len()];
    let mut shown = Vec::with_capacity(sorted.len());
    for (index, change) in sorted.iter().enumerate() {
        if hidden.get(index) == Some(&true) {
            continue;
        }
        let within = entries(&sorted, change);
        if within.len() <= MOST {
            shown.push(Shown::One(change));
            continue;
        }
        let bytes = within.iter().filter_map(|(_, entry)| Some(properties(entry)?.size)).fold(0, u64::saturating_add);
        shown.push(Shown::Folded { directory: change, entries: within.len(), bytes });
        for (entry, _) in within {
            if let Some(hidden) = hidden.get_mut(entry) {
                *hidden = true;
            }
        }
    }
    shown.into_iter()
}

/// What came or went with a directory that came or went: where it is in `sorted`, and what it is.
fn entries<'a>(sorted: &[&'a Change], directory: &Change) -> Vec<(usize, &'a Change)> {
    let is_whole = matches!(directory.kind, ChangeKind::Created | ChangeKind::Deleted);
    if !is_whole || properties(directory).is_none_or(|entry| entry.kind != EntryKind::Directory) {
        return Vec::new();
    }
    let below = format!("{}/", directory.path.trim_end_matches('/'));
    let first = sorted.partition_point(|change| change.path < below);
    let all = sorted.iter().enumerate().skip(first).take_while(|(_, change)| change.path.starts_with(&below));
    all.filter(|(_, change)| change.kind == directory.kind).map(|(index, change)| (index, *change)).collect()
}

fn properties(change: &Change) -> Option<&Properties> {
    change.after.as_ref().or(change.before.as_ref())
}
