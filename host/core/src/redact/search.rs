//! Finds every secret in every view of a text.
//!
//! Matches may overlap, and all of them count: were only the first one taken, the end of a second secret that begins within
//! it would stay.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::MIN_SECRET_BYTES;
use super::pattern::{self, Border, Pattern};
use super::view::{Escape, View};

/// How many layers of escapes are undone: JSON within JSON with a URL in it is three.
const LAYERS: usize = 3;

/// Escapes that may stand within each other.
const NESTED: [Escape; 3] = [Escape::Backslash, Escape::Percent, Escape::Entity];

/// Escapes that are looked at last: what is within them is looked at without them too.
const LAST: [Escape; 2] = [Escape::Form, Escape::LineBreak];

/// Everything that is searched for.
pub(super) struct Searcher {
    names: Vec<Arc<str>>,
    patterns: Vec<Pattern>,
    /// `None` if it cannot be built: then every text counts as secret.
    automaton: Option<AhoCorasick>,
    /// Whether a secret holds a space: only then a `+` can stand for a part of one.
    spaces: bool,
}

/// What was found in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Where, in order and apart from each other.
    pub(super) ranges: Vec<Range<usize>>,
    /// Numbers of the secrets.
    pub(super) secrets: BTreeSet<usize>,
}

impl Findings {
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl Searcher {
    /// `None` if there is nothing to search for.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let (mut names, mut patterns, mut spaces) = (Vec::new(), Vec::new(), false);
        for (name, value) in secrets.into_iter().filter(|(_, value)| value.len() >= MIN_SECRET_BYTES) {
            patterns.extend(pattern::of(names.len(), value));
            names.push(Arc::from(name));
            spaces |= value.contains(' ');
        }
        // Its size grows with the secrets, not with their number times the alphabet, as a table's would.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns.iter().map(|pattern| &pattern.bytes))
            .ok();
        (!names.is_empty()).then_some(Self { names, patterns, automaton, spaces })
    }

    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Every secret in `text`, however it is escaped.
    pub(super) fn search(&self, text: &[u8]) -> Findings {
        let mut found = Findings::default();
        match &self.automaton {
            // More than any position can be counted in: nobody can say what is in there.
            Some(automaton) if u32::try_from(text.len()).is_ok() => {
                self.descend(automaton, &View::of_text(text), LAYERS, &mut found);
                found.ranges = merged(found.ranges);
            }
            _ => found.ranges.push(0..text.len()),
        }
        found
    }

    /// Bytes of the longest secret.
    pub(super) fn longest(&self) -> usize {
        // Any other form of it is longer by a factor that those who hold text back allow for.
        self.patterns
            .iter()
            .filter(|pattern| pattern.border == Border::Clean)
            .map(|one| one.bytes.len() / 2)
            .max()
            .unwrap_or(0)
    }

    /// How many bytes at the end of `text` may be the begin of a secret, however it is escaped: what follows decides.
    pub(super) fn open_end(&self, text: &[u8]) -> usize {
        let mut start = text.len();
        self.open(&View::of_text(text), LAYERS, &mut start);
        text.len() - start
    }

    /// Moves `start` to where an end that is open begins in the text, in `view` and in everything within it.
    fn open(&self, view: &View<'_>, layers: usize, start: &mut usize) {
        let cut = view.escape_at_end();
        *start = (*start).min(view.place(cut).unwrap_or(*start));
        let heads = if cut < view.bytes().len() {
            vec![view.head(cut), view.head(view.bytes().len())]
        } else {
            vec![view.head(cut)]
        };
        for head in &heads {
            self.begun(head, start);
            for escape in LAST {
                if (self.spaces || escape != Escape::Form)
                    && let Some(undone) = head.undo(escape)
                {
                    self.begun(&View::of_undone(head, &undone), start);
                }
            }
            for escape in NESTED {
                if layers > 0
                    && let Some(undone) = head.undo(escape)
                {
                    self.open(&View::of_undone(head, &undone), layers - 1, start);
                }
            }
        }
    }

    /// The longest end of `view` that some form of a secret begins with.
    fn begun(&self, view: &View<'_>, start: &mut usize) {
        #[cfg(test)]
        count(view.bytes().len() * self.patterns.len());
        for pattern in &self.patterns {
            let length = pattern.begun_at_end_of(view.bytes());
            let at = view.bytes().len() - length;
            let at = match pattern.border {
                Border::Shared if length > 0 => with_neighbours(view.bytes(), at..at + length).start,
                _ => at,
            };
            *start = (*start).min(view.place(at).unwrap_or(*start));
        }
    }

    /// Searches `view` and everything within it.
    fn descend(&self, automaton: &AhoCorasick, view: &View<'_>, layers: usize, found: &mut Findings) {
        self.look(automaton, view, found);
        for escape in LAST {
            if (self.spaces || escape != Escape::Form)
                && let Some(undone) = view.undo(escape)
            {
                self.look(automaton, &View::of_undone(view, &undone), found);
            }
        }
        if layers > 0 {
            for escape in NESTED {
                if let Some(undone) = view.undo(escape) {
                    self.descend(automaton, &View::of_undone(view, &undone), layers - 1, found);
                }
            }
        }
    }

    fn look(&self, automaton: &AhoCorasick, view: &View<'_>, found: &mut Findings) {
        #[cfg(test)]
        count(view.bytes().len());
        for one in automaton.find_overlapping_iter(view.bytes()) {
            let Some(pattern) = self.patterns.get(one.pattern().as_usize()) else { continue };
            let range = match pattern.border {
                Border::Clean => one.range(),
                Border::Shared => with_neighbours(view.bytes(), one.range()),
            };
            if let Some(range) = view.in_text(range) {
                found.secrets.insert(pattern.secret);
                push(&mut found.ranges, range);
            }
        }
    }
}

/// A text of the same secret over and over has as many matches as bytes: those that continue the last one are one with it.
fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.start <= range.start && range.start <= last.end => last.end = last.end.max(range.end),
        _ => ranges.push(range),
    }
}

/// The characters of base64 beside a run hold up to four bits of its ends.
fn with_neighbours(text: &[u8], run: Range<usize>) -> Range<usize> {
    let shared = |at: usize| text.get(at).is_some_and(|byte| is_base64(*byte));
    let start = run.start.checked_sub(1).filter(|before| shared(*before)).unwrap_or(run.start);
    let end = if shared(run.end) { run.end + 1 } else { run.end };
    start..end
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// In order, and what overlaps or touches as one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut all: Vec<Range<usize>> = Vec::new();
    ranges.into_iter().for_each(|range| push(&mut all, range));
    all
}

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Takes down what a search costs.
#[cfg(test)]
fn count(bytes: usize) {
    LOOKED_AT.with(|looked_at| looked_at.set(looked_at.get() + bytes));
}

/// How many bytes the searches of this thread have looked at.
#[cfg(test)]
pub(super) fn looked_at() -> usize {
    LOOKED_AT.with(std::cell::Cell::get)
}
