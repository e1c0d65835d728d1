//! A unified diff of bounded size, for a model that wants to see what it did.

use std::collections::HashMap;

use similar::udiff::UnifiedHunkHeader;
use similar::{DiffOp, DiffTag, TextDiff, group_diff_ops};
use toolhold_sdk::prelude::*;

/// Longest diff in bytes; whoever changed more reads the file.
const MAX_BYTES: usize = 16 * 1024;
/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// Lines on one side only, up to which the shortest difference is looked for: that takes time by the square of their number.
const MAX_DIFFERENT: usize = 2000;

/// A diff and what it leaves out.
#[output]
#[derive(Debug)]
pub(crate) struct Diff {
    /// Unified diff with three lines of context.
    pub(crate) diff: String,
    /// Lines added.
    pub(crate) added: usize,
    /// Lines removed.
    pub(crate) removed: usize,
    /// True if the diff was cut; read the file to see all of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub(crate) diff_truncated: bool,
}

/// Compares two texts line by line. Where too much differs for the shortest difference to be found, it is one that is quick.
pub(crate) fn unified(path: &str, old: &str, new: &str) -> Diff {
    let sides = Sides::new(old, new);
    if sides.differ_much() {
        return sides.diff(path);
    }
    let compared = TextDiff::from_lines(old, new);
    let (mut added, mut removed) = (0, 0);
    for change in compared.iter_all_changes() {
        match change.tag() {
            similar::ChangeTag::Insert => added += 1,
            similar::ChangeTag::Delete => removed += 1,
            similar::ChangeTag::Equal => {}
        }
    }
    let diff = compared.unified_diff().context_radius(CONTEXT).header(path, path).to_string();
    cut(diff, added, removed)
}

fn cut(mut diff: String, added: usize, removed: usize) -> Diff {
    let diff_truncated = diff.len() > MAX_BYTES;
    diff.truncate(diff.floor_char_boundary(MAX_BYTES));
    Diff { diff, added, removed, diff_truncated }
}

/// The lines of two texts, and how many at both ends are the same.
struct Sides<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    head: usize,
    tail: usize,
}

impl<'a> Sides<'a> {
    fn new(old: &'a str, new: &'a str) -> Self {
        let lines = |text: &'a str| text.split_inclusive('\n').collect::<Vec<_>>();
        let (old, new) = (lines(old), lines(new));
        let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let room = old.len().min(new.len()) - head;
        let tail = old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(old, new)| old == new).count();
        Self { old, new, head, tail }
    }

    /// What lies between the ends.
    fn middles(&self) -> (&[&'a str], &[&'a str]) {
        let middle = |lines: &'_ [&'a str]| self.head..lines.len() - self.tail;
        let (old, new) = (middle(&self.old), middle(&self.new));
        (self.old.get(old).unwrap_or_default(), self.new.get(new).unwrap_or_default())
    }

    /// Whether so many lines are on one side only that the shortest difference costs more than it is worth.
    fn differ_much(&self) -> bool {
        let (old, new) = self.middles();
        if old.is_empty() || new.is_empty() || old.len() + new.len() <= MAX_DIFFERENT {
            return false;
        }
        let mut surplus: HashMap<&str, i64> = HashMap::new();
        for line in old {
            *surplus.entry(line).or_default() += 1;
        }
        for line in new {
            *surplus.entry(line).or_default() -= 1;
        }
        surplus.values().map(|count| count.unsigned_abs()).sum::<u64>() > MAX_DIFFERENT as u64
    }

    /// Line by line where both have as many, as after replacing words everywhere; else all between the ends as replaced.
    fn ops(&self) -> Vec<DiffOp> {
        let (old, new) = self.middles();
        let mut ops = vec![DiffOp::Equal { old_index: 0, new_index: 0, len: self.head }];
        if old.len() == new.len() {
            let mut at = self.head;
            let pairs: Vec<bool> = old.iter().zip(new).map(|(old, new)| old == new).collect();
            for run in pairs.chunk_by(|left, right| left == right) {
                let len = run.len();
                ops.push(match run.first() {
                    Some(true) => DiffOp::Equal { old_index: at, new_index: at, len },
                    _ => DiffOp::Replace { old_index: at, old_len: len, new_index: at, new_len: len },
                });
                at += len;
            }
        } else {
            let (old_index, new_index) = (self.head, self.head);
            ops.push(DiffOp::Replace { old_index, old_len: old.len(), new_index, new_len: new.len() });
        }
        let (old_index, new_index) = (self.old.len() - self.tail, self.new.len() - self.tail);
        ops.push(DiffOp::Equal { old_index, new_index, len: self.tail });
        ops.retain(|op| !op.old_range().is_empty());
        ops
    }

    fn diff(&self, path: &str) -> Diff {
        let ops = self.ops();
        let replaced = || ops.iter().filter(|op| op.tag() == DiffTag::Replace);
        let removed = replaced().map(|op| op.old_range().len()).sum();
        let added = replaced().map(|op| op.new_range().len()).sum();
        let mut text = format!("--- {path}\n+++ {path}\n");
        for hunk in group_diff_ops(ops, CONTEXT) {
            if text.len() > MAX_BYTES {
                break;
            }
            text.push_str(&format!("{}\n", UnifiedHunkHeader::new(&hunk)));
            for op in &hunk {
                let same = op.tag() == DiffTag::Equal;
                put(&mut text, if same { ' ' } else { '-' }, self.old.get(op.old_range()).unwrap_or_default());
                put(&mut text, '+', self.new.get(op.new_range()).filter(|_| !same).unwrap_or_default());
            }
        }
        cut(text, added, removed)
    }
}

/// Writes lines, as many as are shown.
fn put(text: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        if text.len() > MAX_BYTES {
            return;
        }
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(lines: impl Iterator<Item = usize>, word: &str) -> String {
        lines.map(|number| format!("{word} {number}\n")).collect()
    }

    /// Both ways make the same of what both can do.
    #[test]
    fn the_quick_difference_is_in_the_same_form() {
        let cases = [
            ("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n", "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nK\n"),
            ("a\nb\nc\nd\ne", "a\nB\nc\nd\ne"),
            ("a\nb", "a\nc"),
            ("x\n", "1\n2\n"),
        ];
        for (old, new) in cases {
            let (exact, quick) = (unified("/a", old, new), Sides::new(old, new).diff("/a"));
            assert_eq!((&quick.diff, quick.added, quick.removed), (&exact.diff, exact.added, exact.removed));
        }
    }

    #[test]
    fn what_differs_everywhere_is_quickly_said() {
        let (old, new) = (numbered(0..20_000, "old"), numbered(0..20_000, "new"));
        let diff = unified("/a", &format!("top\n{old}end\n"), &format!("top\n{new}end\n"));
        assert_eq!((diff.added, diff.removed, diff.diff_truncated), (20_000, 20_000, true));
        assert!(diff.diff.starts_with("--- /a\n+++ /a\n@@ -1,20002 +1,20002 @@\n top\n-old 0\n-old 1\n"));
        assert!(Sides::new(&old, &new).differ_much(), "which is not looked through by the square");
        let fewer = unified("/a", &old, &numbered(0..15_000, "new"));
        assert_eq!((fewer.added, fewer.removed), (15_000, 20_000));
        let every_tenth: String =
            (0..20_000).map(|number| format!("{} {number}\n", if number % 10 == 0 { "new" } else { "old" })).collect();
        let tenth = unified("/a", &old, &every_tenth);
        assert_eq!((tenth.added, tenth.removed), (2000, 2000));
    }

    #[test]
    fn a_few_changes_far_from_each_other_stay_few() {
        let old = numbered(0..20_000, "line");
        let new = old.replace("line 5\n", "line 5\nnew\n").replace("line 19000\n", "");
        let diff = unified("/a", &old, &new);
        assert_eq!((diff.added, diff.removed, diff.diff_truncated), (1, 1, false));
        assert!(!Sides::new(&old, &new).differ_much());
    }
}
