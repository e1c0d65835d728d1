//! `.gitignore` and `.ignore`: what the files of a tree say should be left out of it, with the meaning that git gives them.
//!
//! One level per directory that holds such a file. The deepest level that has a rule for a path decides, and within a level
//! `.ignore` before `.gitignore`. A file that cannot be read has no rules; a line that is no pattern is none, as in git.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;

use ::ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The names of files with rules, the strongest first.
const NAMES: [&str; 2] = [".ignore", ".gitignore"];
/// What marks the root of a repository: rules from above it do not count.
const REPOSITORY: &str = ".git";
/// Bytes of one file that are read. A longer one is made by a program and would cost more memory than it saves work.
const MAX_BYTES: u64 = 256 * 1024;

/// The rules that hold in a directory: its own and, through `above`, those of the directories it lies in.
#[derive(Debug)]
pub(crate) struct Level {
    above: Option<Rc<Level>>,
    files: Vec<Gitignore>,
}

impl Level {
    /// The rules that hold around `start`: those of the directories it lies in, up to the root of its repository.
    pub(crate) fn around(start: &Path) -> Option<Rc<Level>> {
        let mut directories: Vec<&Path> = Vec::new();
        let mut inner = start;
        while !inner.join(REPOSITORY).exists() {
            let Some(outer) = inner.parent() else { break };
            directories.push(outer);
            inner = outer;
        }
        directories.into_iter().rev().fold(None, |above, directory| Level::within(directory, above))
    }

    /// The rules that hold in `directory`, which lies in one where `above` holds.
    pub(crate) fn within(directory: &Path, above: Option<Rc<Level>>) -> Option<Rc<Level>> {
        let files: Vec<Gitignore> = NAMES.iter().filter_map(|name| read(directory, name)).collect();
        if files.is_empty() { above } else { Some(Rc::new(Level { above, files })) }
    }

    /// Whether the rules leave out `path`, an entry of a directory in which they hold.
    pub(crate) fn leaves_out(&self, path: &Path, is_directory: bool) -> bool {
        let mut level = Some(self);
        while let Some(Level { above, files }) = level {
            for file in files {
                let found = file.matched(path, is_directory);
                if !found.is_none() {
                    return found.is_ignore();
                }
            }
            level = above.as_deref();
        }
        false
    }
}

fn read(directory: &Path, name: &str) -> Option<Gitignore> {
    let file = File::open(directory.join(name)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok().filter(|read| *read as u64 <= MAX_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut rules = GitignoreBuilder::new(directory);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let _no_pattern = rules.add_line(None, line).is_err();
    }
    rules.build().ok().filter(|rules| !rules.is_empty())
}
