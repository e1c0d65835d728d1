//! `merge`, `merge_file`: changes of two hands to one text, line by line.
//!
//! What only one side changed is taken; what both changed alike is taken once; everything else is a conflict. Changes that touch
//! each other count as one: lines beside each other are rarely independent.

use std::ops::Range;

use granted::Existing;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use toolhold_sdk::prelude::*;

use crate::side::Side;

/// Bytes of a text that is returned.
const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// The three versions.
#[args]
#[derive(Debug)]
pub(crate) struct Versions {
    /// What both began with: either `text` or `path`.
    base: Side,
    /// One side's version.
    ours: Side,
    /// The other side's version.
    theirs: Side,
}

/// A merged text.
#[output]
#[derive(Debug)]
pub(crate) struct Merged {
    /// The text; conflicts stand between `<<<<<<< ours`, `||||||| base`, `=======` and `>>>>>>> theirs`.
    text: String,
    /// How many conflicts there are.
    conflicts: usize,
    /// Lines of `text` where they begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    conflict_lines: Vec<usize>,
}

/// What was written.
#[output]
#[derive(Debug)]
pub(crate) struct Written {
    /// How many conflicts there are in the file.
    conflicts: usize,
    /// Bytes of the file.
    bytes: usize,
}

/// Merges the changes of two sides to a common base, line by line, and returns the text, with marks around what both changed.
#[tool(
    title = "Merge three versions",
    hints(read_only, idempotent),
    needs(read("/**", "reads the versions it is asked to merge"))
)]
pub(crate) fn merge(
    /// The three versions.
    versions: Versions,
) -> Result<Merged> {
    let merged = three(&versions)?;
    if merged.text.len() > MAX_RESULT_BYTES {
        return Err(Error::failed(format!("the result has more than {MAX_RESULT_BYTES} bytes; use `merge_file`")));
    }
    Ok(merged)
}

/// Merges as `merge` does, into a file. With conflicts nothing is written unless `conflicts` allows it.
#[tool(
    title = "Merge three versions into a file",
    hints(destructive),
    needs(
        read("/**", "reads the versions it is asked to merge"),
        write("/**", "writes the file it is asked to write")
    )
)]
pub(crate) fn merge_file(
    /// The three versions.
    versions: Versions,
    /// Absolute path of the file to write; it may be one of the versions.
    path: String,
    /// Replace a file that is there already.
    #[serde(default)]
    overwrite: bool,
    /// Write the file also if there are conflicts, with marks around them.
    #[serde(default)]
    conflicts: bool,
) -> Result<Written> {
    let path = granted::path::check(&path)?;
    let merged = three(&versions)?;
    if merged.conflicts > 0 && !conflicts {
        return Err(Error::failed(format!(
            "nothing was written: {} conflicts; `merge` shows them, `conflicts` writes them with marks",
            merged.conflicts
        )));
    }
    granted::store(path, merged.text.as_bytes(), Existing::from_overwrite(overwrite))?;
    Ok(Written { conflicts: merged.conflicts, bytes: merged.text.len() })
}

fn three(versions: &Versions) -> Result<Merged> {
    let (base, ours) = (versions.base.read("base")?, versions.ours.read("ours")?);
    let theirs = versions.theirs.read("theirs")?;
    Ok(merge_texts(&base, &ours, &theirs))
}

/// Lines of the base and what a side has in their place.
type Change = (Range<usize>, Range<usize>);

fn merge_texts(base: &str, ours: &str, theirs: &str) -> Merged {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    let (ours_changes, theirs_changes) = (changes(&base, &ours), changes(&base, &theirs));
    let mut merged = Merged { text: String::new(), conflicts: 0, conflict_lines: Vec::new() };
    let mut at = 0;
    for region in regions(&ours_changes, &theirs_changes) {
        merged.text.extend(base.get(at..region.start).unwrap_or_default().iter().copied());
        at = region.end;
        let was = base.get(region.clone()).unwrap_or_default();
        let one = ours.get(seen_by(&ours_changes, &region)).unwrap_or_default();
        let other = theirs.get(seen_by(&theirs_changes, &region)).unwrap_or_default();
        if one == other || other == was {
            merged.text.extend(one.iter().copied());
        } else if one == was {
            merged.text.extend(other.iter().copied());
        } else {
            merged.conflict(one, was, other);
        }
    }
    merged.text.extend(base.get(at..).unwrap_or_default().iter().copied());
    merged
}

impl Merged {
    fn conflict(&mut self, ours: &[&str], base: &[&str], theirs: &[&str]) {
        self.end_line();
        self.conflicts += 1;
        self.conflict_lines.push(1 + self.text.matches('\n').count());
        let parts = [("<<<<<<< ours\n", ours), ("||||||| base\n", base), ("=======\n", theirs)];
        for (mark, lines) in parts {
            self.text.push_str(mark);
            self.text.extend(lines.iter().copied());
            self.end_line();
        }
        self.text.push_str(">>>>>>> theirs\n");
    }

    fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

fn changes(base: &[&str], side: &[&str]) -> Vec<Change> {
    let operations = capture_diff_slices(Algorithm::Myers, base, side);
    let changed = operations.into_iter().filter(|operation| !matches!(operation, DiffOp::Equal { .. }));
    changed.map(|operation| (operation.old_range(), operation.new_range())).collect()
}

/// Parts of the base that a side changed, as large as changes that touch each other make them.
fn regions(ours: &[Change], theirs: &[Change]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = ours.iter().chain(theirs).map(|(range, _)| range.clone()).collect();
    all.sort_by_key(|range| (range.start, range.end));
    let mut regions: Vec<Range<usize>> = Vec::new();
    for range in all {
        match regions.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => regions.push(range),
        }
    }
    regions
}

/// The lines that a side has in place of a region of the base.
fn seen_by(changes: &[Change], region: &Range<usize>) -> Range<usize> {
    let delta = |before: &dyn Fn(&Change) -> bool| -> isize {
        let sizes = changes
            .iter()
            .filter(|change| before(change))
            .map(|(old, new)| new.len().cast_signed() - old.len().cast_signed());
        sizes.sum()
    };
    // A change that begins at the region belongs to it, also if it takes no line of the base.
    let start = region.start.saturating_add_signed(delta(&|(old, _)| old.start < region.start));
    let end = region.end.saturating_add_signed(delta(&|(old, _)| old.start < region.start || old.end <= region.end));
    start..end
}
