//! The file: one record in each line. A line that is no record is kept as it is, whatever is done to the others, and every answer
//! names it: nothing that somebody wrote is lost because something broke it.

use std::path::{Path, PathBuf};

use granted::Existing;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{from_str, to_string};

use crate::record::Record;

/// Bytes of the file.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Name of the file where none is given.
const DEFAULT_NAME: &str = "memory.jsonl";
/// Damaged lines named.
const NAMED: usize = 20;

/// A line of the file.
#[derive(Debug)]
struct Line {
    /// What it says, if that can be read.
    record: Option<Record>,
    /// As it stands in the file; nothing for a record that is new or changed.
    text: Option<String>,
}

/// All that is remembered.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    lines: Vec<Line>,
    changed: bool,
    damaged: Vec<String>,
}

impl Memory {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// It cannot be read, or is too large.
    pub(crate) fn load(path: Option<&str>) -> Result<Self> {
        let path = match path {
            Some(path) => granted::path::check(path)?.to_owned(),
            None => default_path()?,
        };
        let text = match granted::load_text(&path, MAX_BYTES) {
            Ok(text) => text,
            Err(Error::NotFound(_)) if path.parent().is_some_and(Path::is_dir) => String::new(),
            Err(error) => return Err(error),
        };
        let mut memory = Self { path, lines: Vec::new(), changed: false, damaged: Vec::new() };
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            memory.read(index + 1, line);
        }
        Ok(memory)
    }

    fn read(&mut self, number: usize, line: &str) {
        let record = match from_str::<Record>(line) {
            Ok(record) if self.records().any(|known| known.is_same(&record)) => {
                self.damaged.push(format!("line {number}: there is another {} before it", record.label()));
                None
            }
            Ok(record) => Some(record),
            Err(problem) => {
                self.damaged.push(format!("line {number}: {problem}"));
                None
            }
        };
        self.lines.push(Line { record, text: Some(line.to_owned()) });
    }

    /// Everything that could be read, in the order of the file.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.lines.iter().filter_map(|line| line.record.as_ref())
    }

    /// Lines that are kept but say nothing, with the reason: at most 20.
    pub(crate) fn damaged(&self) -> Vec<String> {
        self.damaged.iter().take(NAMED).cloned().collect()
    }

    /// Adds a record at the end.
    pub(crate) fn add(&mut self, record: Record) {
        self.changed = true;
        self.lines.push(Line { record: Some(record), text: None });
    }

    /// Changes every record that `change` changes, and counts them.
    pub(crate) fn update(&mut self, mut change: impl FnMut(&mut Record) -> bool) -> usize {
        let mut count = 0;
        for line in &mut self.lines {
            if line.record.as_mut().is_some_and(&mut change) {
                line.text = None;
                count += 1;
            }
        }
        self.changed |= count > 0;
        count
    }

    /// Removes every record that fits, and counts them. What could not be read stays.
    pub(crate) fn remove(&mut self, fits: impl Fn(&Record) -> bool) -> usize {
        let before = self.lines.len();
        self.lines.retain(|line| !line.record.as_ref().is_some_and(&fits));
        let count = before - self.lines.len();
        self.changed |= count > 0;
        count
    }

    /// Writes the file if something changed.
    ///
    /// # Errors
    /// As the host says, or it would be too large to be read again.
    pub(crate) fn save(&self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let mut text = String::new();
        for line in &self.lines {
            match (&line.text, &line.record) {
                (Some(as_it_was), _) => text.push_str(as_it_was),
                (None, Some(record)) => text.push_str(&to_string(record)?),
                (None, None) => continue,
            }
            text.push('\n');
        }
        if text.len() as u64 > MAX_BYTES {
            return Err(Error::failed(format!(
                "the memory would have more than {MAX_BYTES} bytes; delete what is not needed"
            )));
        }
        granted::store(&self.path, text.as_bytes(), Existing::Replace)
    }
}

fn default_path() -> Result<PathBuf> {
    let directory = toolhold_sdk::directories().into_iter().next();
    let directory = directory.ok_or_else(|| Error::denied("no directory is granted, so nothing can be remembered"))?;
    Ok(Path::new(&directory).join(DEFAULT_NAME))
}
