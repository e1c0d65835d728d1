//! A patch as text: headers, hunks, lines. Every mistake names its line in the patch and, where that can be known, what to write.

use toolhold_sdk::prelude::*;

/// The changes of one file.
#[derive(Debug, Clone)]
pub(super) struct FilePatch {
    old: String,
    new: String,
    /// Line of the patch where it begins.
    line: usize,
    pub(super) hunks: Vec<Hunk>,
}

/// Lines that stand together.
#[derive(Debug, Clone)]
pub(super) struct Hunk {
    /// Line of the old file where it begins, from 1; 0 for a file without lines.
    pub(super) old_start: usize,
    pub(super) new_start: usize,
    pub(super) lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: LineKind,
    pub(super) text: String,
    /// Whether a newline follows; the last line of a file may have none.
    pub(super) newline: bool,
}

/// Where a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// In both versions.
    Both,
    /// In the old one.
    Old,
    /// In the new one.
    New,
}

/// What stands for a file that is not there.
const NOTHING: &str = "/dev/null";

impl FilePatch {
    pub(super) fn creates(&self) -> bool {
        self.old == NOTHING
    }

    pub(super) fn deletes(&self) -> bool {
        self.new == NOTHING
    }

    pub(super) fn reversed(self) -> Self {
        let hunks = self.hunks.into_iter().map(Hunk::reversed).collect();
        Self { old: self.new, new: self.old, line: self.line, hunks }
    }

    /// The path below the directory.
    ///
    /// # Errors
    /// It leads elsewhere, or is another before than after.
    pub(super) fn path(&self) -> Result<String> {
        let wrong = |what: &str| Error::invalid_args(format!("line {} of the patch: {what}", self.line));
        let (old, new) = (self.old.as_str(), self.new.as_str());
        let path = match (self.creates(), self.deletes()) {
            (true, true) => return Err(wrong("both versions are `/dev/null`")),
            (true, false) => new,
            (false, true) => old,
            (false, false) if old == new => new,
            (false, false) => {
                return Err(wrong(&format!(
                    "`{old}` becomes `{new}`; rename the file first, and patch it by its new name"
                )));
            }
        };
        let parts: Vec<&str> = path.split('/').collect();
        let leads_out = path.starts_with('/') || parts.iter().any(|part| matches!(*part, "" | "." | ".."));
        if leads_out || path.contains(['\\', '\0']) {
            return Err(Error::denied(format!(
                "line {} of the patch: `{path}` is no path below the directory",
                self.line
            )));
        }
        Ok(path.to_owned())
    }
}

/// The names of both versions without the `a/` and `b/` that git puts before them.
fn names(old: &str, new: &str) -> (String, String) {
    let (old, new) = (name(old), name(new));
    let (plain_old, plain_new) = (old.strip_prefix("a/"), new.strip_prefix("b/"));
    match (plain_old, plain_new) {
        (Some(plain_old), Some(plain_new)) => (plain_old.to_owned(), plain_new.to_owned()),
        (Some(plain_old), None) if new == NOTHING => (plain_old.to_owned(), new),
        (None, Some(plain_new)) if old == NOTHING => (old, plain_new.to_owned()),
        _ => (old, new),
    }
}

impl Hunk {
    fn reversed(self) -> Self {
        let lines = self.lines.into_iter().map(|line| Line {
            kind: match line.kind {
                LineKind::Both => LineKind::Both,
                LineKind::Old => LineKind::New,
                LineKind::New => LineKind::Old,
            },
            ..line
        });
        Self { old_start: self.new_start, new_start: self.old_start, lines: lines.collect() }
    }
}

/// The files of a patch.
///
/// # Errors
/// `invalid-args` with the line of the patch.
pub(super) fn parse(patch: &str) -> Result<Vec<FilePatch>> {
    let lines: Vec<&str> = patch.split('\n').collect();
    let (mut files, mut at) = (Vec::<FilePatch>::new(), 0);
    // A header of git's whose file has no names and hunks after it: an empty file, or a mode.
    let mut bare: Option<usize> = None;
    while let Some(line) = lines.get(at) {
        let line = line.trim_end_matches('\r');
        if let Some(old) = line.strip_prefix("--- ")
            && let Some(new) = lines.get(at + 1).and_then(|next| next.trim_end_matches('\r').strip_prefix("+++ "))
        {
            let (old, new) = names(old, new);
            bare = None;
            files.push(FilePatch { old, new, line: at + 1, hunks: Vec::new() });
            at += 2;
        } else if line.starts_with("@@") {
            let Some(file) = files.last_mut() else {
                return Err(wrong(at, "a hunk before the names of a file; write `--- a/name` and `+++ b/name` first"));
            };
            let (hunk, next) = hunk(&lines, at)?;
            file.hunks.push(hunk);
            at = next;
        } else if ["rename from ", "copy from ", "Binary files ", "GIT binary patch", "old mode "]
            .iter()
            .any(|word| line.starts_with(word))
        {
            return Err(wrong(at, &format!("`{line}` is not applied: only contents of text files are")));
        } else if line.starts_with(['+', '-', ' '])
            && files.last().is_some_and(|file| !file.hunks.is_empty())
            && !matches!(line.trim(), "" | "--")
        {
            return Err(wrong(at, "more lines than the header of the hunk says; correct its counts"));
        } else {
            // `diff --git`, `index`, and words around the patch.
            if line.starts_with("diff --git ") {
                refuse_bare(bare.replace(at))?;
            }
            at += 1;
        }
    }
    refuse_bare(bare)?;
    if files.is_empty() {
        return Err(Error::invalid_args("`patch` names no file; it begins with `--- a/name` and `+++ b/name`"));
    }
    Ok(files)
}

fn refuse_bare(line: Option<usize>) -> Result<()> {
    let message = "this file has no lines that change: an empty file, or a mode, which is not applied; leave it out";
    line.map_or(Ok(()), |at| Err(wrong(at, message)))
}

/// A name as it stands in a header, without the time that may follow.
fn name(text: &str) -> String {
    text.split('\t').next().unwrap_or_default().trim_end().to_owned()
}

fn hunk(lines: &[&str], at: usize) -> Result<(Hunk, usize)> {
    let header = lines.get(at).copied().unwrap_or_default();
    let ((old_start, old_count), (new_start, new_count)) = ranges(header).ok_or_else(|| {
        wrong(at, &format!("`{}` is no header of a hunk; write `@@ -line,count +line,count @@`", header.trim_end()))
    })?;
    let mut hunk = Hunk { old_start, new_start, lines: Vec::new() };
    let (mut old, mut new, mut next) = (0, 0, at + 1);
    while old < old_count || new < new_count {
        let Some(line) = lines.get(next) else { break };
        let (kind, text) = match line.chars().next() {
            Some('+') => (LineKind::New, line.get(1..)),
            Some('-') => (LineKind::Old, line.get(1..)),
            Some(' ') => (LineKind::Both, line.get(1..)),
            // An empty line of context whose blank was lost on the way.
            None if next + 1 < lines.len() => (LineKind::Both, Some("")),
            Some('\\') => {
                no_newline(&mut hunk);
                next += 1;
                continue;
            }
            _ => break,
        };
        old += usize::from(kind != LineKind::New);
        new += usize::from(kind != LineKind::Old);
        hunk.lines.push(Line { kind, text: text.unwrap_or_default().to_owned(), newline: true });
        next += 1;
    }
    if (old, new) != (old_count, new_count) {
        let right = format!("@@ -{old_start},{old} +{new_start},{new} @@");
        return Err(wrong(
            at,
            &format!(
                "the header says {old_count} old and {new_count} new lines, but there are {old} and {new}: `{right}`"
            ),
        ));
    }
    if lines.get(next).is_some_and(|line| line.starts_with('\\')) {
        no_newline(&mut hunk);
        next += 1;
    }
    Ok((hunk, next))
}

fn no_newline(hunk: &mut Hunk) {
    if let Some(last) = hunk.lines.last_mut() {
        last.newline = false;
    }
}

/// `@@ -start,count +start,count @@`; a count that is left out is 1.
fn ranges(header: &str) -> Option<((usize, usize), (usize, usize))> {
    let inner = header.strip_prefix("@@ ")?;
    let (inner, _) = inner.split_once(" @@")?;
    let (old, new) = inner.split_once(' ')?;
    let range = |text: &str| -> Option<(usize, usize)> {
        match text.split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    Some((range(old.strip_prefix('-')?)?, range(new.strip_prefix('+')?)?))
}

fn wrong(at: usize, what: &str) -> Error {
    Error::invalid_args(format!("line {} of the patch: {what}", at + 1))
}
