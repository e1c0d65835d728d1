//! `blame`: which commit each line of a file is from.
//!
//! Lines go from a commit to its parents as far as they are there, the newest commit first; what no parent has, the commit made.
//! Renames are not followed.

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use similar::{Algorithm, DiffOp, capture_diff_slices};
use toolhold_sdk::prelude::*;

use crate::object::{Commit, Mode};
use crate::oid::Oid;
use crate::repository::Repository;
use crate::{revision, time, tree};

/// Lines of a file.
const MAX_LINES: usize = 50_000;
/// Lines returned.
const MAX_RETURNED: usize = 5000;
/// Characters of a line.
const MAX_SHOWN: usize = 500;

/// Lines beside each other that are from one commit.
#[output]
#[derive(Debug)]
pub(crate) struct Origin {
    /// The first line, from 1.
    first_line: usize,
    /// The lines.
    lines: Vec<String>,
    /// The commit that they are from.
    commit: String,
    /// Who wrote them.
    author: String,
    /// When.
    written: String,
    /// The first line of the commit's message.
    summary: String,
}

/// The lines of a file.
#[output]
#[derive(Debug)]
pub(crate) struct Blamed {
    /// In the order of the file.
    origins: Vec<Origin>,
    /// Lines that the file has.
    total_lines: usize,
}

/// Says of each line of a file in a git repository which commit it is from. Renames are not followed.
#[tool(title = "Who wrote each line", hints(read_only, idempotent), needs(read("/**", "reads the repository")))]
pub(crate) fn blame(
    /// Absolute path of the working directory or of a bare repository.
    repository: String,
    /// Path of the file, relative to the repository.
    path: String,
    /// The commit in which to look: `HEAD`, a branch, a tag, a commit, `main~3`; `HEAD` if left out.
    revision: Option<String>,
    /// First line, from 1.
    #[schemars(range(min = 1))]
    start_line: Option<usize>,
    /// Last line, included; at most 5000 lines are returned.
    #[schemars(range(min = 1))]
    end_line: Option<usize>,
) -> Result<Blamed> {
    let repository = Repository::open(&repository)?;
    let name = revision.as_deref().unwrap_or("HEAD");
    let start = revision::commit(&repository, name)?;
    let text = text_of(&repository, &repository.commit(start)?, &path)?
        .ok_or_else(|| Error::not_found(format!("there is no file `{path}` in `{name}`")))?;
    let lines: Vec<&str> = lines(&text);
    if lines.len() > MAX_LINES {
        return Err(Error::invalid_args(format!("`{path}` has more than {MAX_LINES} lines")));
    }
    let first = start_line.unwrap_or(1).max(1) - 1;
    let last = end_line.unwrap_or(lines.len()).min(lines.len()).min(first + MAX_RETURNED);
    if first >= last && !lines.is_empty() {
        return Err(Error::invalid_args(format!("`{path}` has {} lines; there are none in this range", lines.len())));
    }
    let origins = Search { repository: &repository, path: &path, open: HashMap::new(), queue: BinaryHeap::new() }
        .run(start, first..last)?;
    Ok(Blamed { origins: grouped(&repository, &origins, &lines)?, total_lines: lines.len() })
}

/// Lines that are looked for in a commit: their number there, and in the file that was asked for.
type Wanted = BTreeMap<usize, usize>;

struct Search<'a> {
    repository: &'a Repository,
    path: &'a str,
    open: HashMap<Oid, Wanted>,
    queue: BinaryHeap<(i64, Oid)>,
}

impl Search<'_> {
    fn run(mut self, start: Oid, range: std::ops::Range<usize>) -> Result<BTreeMap<usize, Oid>> {
        let mut origins = BTreeMap::new();
        self.want(start, range.map(|line| (line, line)).collect())?;
        while let Some((_, oid)) = self.queue.pop() {
            let Some(mut wanted) = self.open.remove(&oid) else { continue };
            let commit = self.repository.commit(oid)?;
            let here = text_of(self.repository, &commit, self.path)?.unwrap_or_default();
            for parent in &commit.parents {
                if wanted.is_empty() {
                    break;
                }
                let there = text_of(self.repository, &self.repository.commit(*parent)?, self.path)?;
                let Some(there) = there else { continue };
                let passed = pass(&lines(&there), &lines(&here), &mut wanted);
                self.want(*parent, passed)?;
            }
            origins.extend(wanted.into_values().map(|line| (line, oid)));
        }
        Ok(origins)
    }

    fn want(&mut self, oid: Oid, wanted: Wanted) -> Result<()> {
        if !wanted.is_empty() {
            self.queue.push((self.repository.commit(oid)?.committer.seconds, oid));
            self.open.entry(oid).or_default().extend(wanted);
        }
        Ok(())
    }
}

/// Takes the lines that are in the parent out of those that are wanted, with their numbers there.
fn pass(there: &[&str], here: &[&str], wanted: &mut Wanted) -> Wanted {
    let mut passed = Wanted::new();
    if there == here {
        return std::mem::take(wanted);
    }
    for operation in capture_diff_slices(Algorithm::Myers, there, here) {
        if let DiffOp::Equal { old_index, new_index, len } = operation {
            for step in 0..len {
                if let Some(line) = wanted.remove(&(new_index + step)) {
                    passed.insert(old_index + step, line);
                }
            }
        }
    }
    passed
}

fn grouped(repository: &Repository, origins: &BTreeMap<usize, Oid>, lines: &[&str]) -> Result<Vec<Origin>> {
    let mut groups: Vec<(Oid, Origin)> = Vec::new();
    for (line, oid) in origins {
        let text: String =
            lines.get(*line).unwrap_or(&"").trim_end_matches(['\n', '\r']).chars().take(MAX_SHOWN).collect();
        match groups.last_mut() {
            Some((last, group)) if last == oid && group.first_line + group.lines.len() == line + 1 => {
                group.lines.push(text)
            }
            _ => groups.push((*oid, origin(repository, *oid, line + 1, text)?)),
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

fn origin(repository: &Repository, oid: Oid, first_line: usize, text: String) -> Result<Origin> {
    let commit = repository.commit(oid)?;
    Ok(Origin {
        first_line,
        lines: vec![text],
        commit: oid.to_string(),
        author: format!("{} <{}>", commit.author.name, commit.author.email),
        written: time::text(&commit.author),
        summary: commit.message.lines().next().unwrap_or_default().to_owned(),
    })
}

/// The text of a file in a commit; none if there is no file.
fn text_of(repository: &Repository, commit: &Commit, path: &str) -> Result<Option<String>> {
    match tree::at(repository, commit.tree, path)? {
        Some(entry) if matches!(entry.mode, Mode::File | Mode::Executable) => {
            Ok(Some(String::from_utf8_lossy(&repository.store.get(entry.oid)?.bytes).into_owned()))
        }
        _ => Ok(None),
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}
