//! One file, line by line. Memory is reused between files and does not grow with them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use toolhold_sdk::prelude::*;

use super::Output;
use super::matcher::Matcher;
use crate::encoding::{self, Encoding};
use crate::lines;

/// Files up to this size are read whole, which lets most of them be passed over at once.
const WHOLE_BYTES: usize = 1024 * 1024;
/// Bytes looked at to tell text from binary.
const HEAD_BYTES: usize = 8 * 1024;
/// Bytes of a line that are searched.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Bytes of a line that are shown.
const SHOWN_BYTES: usize = 300;

/// Matches of one file.
#[output]
#[derive(Debug)]
pub(crate) struct FileMatches {
    /// Absolute path.
    path: String,
    /// Matching lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    /// The lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<LineMatch>>,
}

/// One matching line.
#[output]
#[derive(Debug)]
pub(crate) struct LineMatch {
    /// Number, from 1.
    line: u64,
    /// The line; long ones are cut around the match.
    text: String,
    /// Lines before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    before: Vec<String>,
    /// Lines after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    after: Vec<String>,
}

/// What came of a file.
pub(super) enum Outcome {
    /// It is text; with its matches, if there are any.
    Searched(Option<Found>),
    /// It is not text.
    Binary,
}

/// Matches and their number.
pub(super) struct Found {
    /// Absent if there was no room for even one.
    pub(super) matches: Option<FileMatches>,
    pub(super) count: usize,
    /// A limit ended the search in this file.
    pub(super) stopped: bool,
}

/// Searches files one after another.
pub(super) struct Scanner {
    matcher: Matcher,
    output: Output,
    context: usize,
    buffer: Vec<u8>,
    shown_bytes: usize,
}

impl Scanner {
    pub(super) fn new(matcher: Matcher, output: Output, context: usize) -> Self {
        Scanner { matcher, output, context, buffer: Vec::new(), shown_bytes: 0 }
    }

    pub(super) fn output(&self) -> Output {
        self.output
    }

    /// Searches a file for at most `room` matches, and at most `max_bytes` of text in all files together.
    ///
    /// # Errors
    /// As the host says.
    pub(super) fn scan(&mut self, path: &Path, room: usize, max_bytes: usize) -> io::Result<Outcome> {
        let mut file = File::open(path)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        (&mut file).take(WHOLE_BYTES as u64).read_to_end(&mut buffer)?;
        // The mark is no part of the first line.
        let text = buffer.strip_prefix(Encoding::Utf8.mark()).unwrap_or(&buffer);
        let head = text.get(..HEAD_BYTES.min(text.len())).unwrap_or_default();
        let outcome = if encoding::is_binary(head) {
            Ok(Outcome::Binary)
        } else if buffer.len() < WHOLE_BYTES {
            if self.matcher.may_match(text) {
                self.lines(path, text, room, max_bytes)
            } else {
                Ok(Outcome::Searched(None))
            }
        } else {
            let rest = BufReader::with_capacity(WHOLE_BYTES, file);
            self.lines(path, text.chain(rest), room, max_bytes)
        };
        self.buffer = buffer;
        outcome
    }

    fn lines(&mut self, path: &Path, mut reader: impl BufRead, room: usize, max_bytes: usize) -> io::Result<Outcome> {
        let mut found: Vec<LineMatch> = Vec::new();
        let mut before: VecDeque<String> = VecDeque::new();
        let (mut number, mut count, mut stopped) = (0_u64, 0_usize, false);
        while let Some(line) = lines::next(&mut reader, MAX_LINE_BYTES)? {
            number += 1;
            let place = self.matcher.find(&line.bytes);
            let shows_context = self.context > 0 && self.output == Output::Lines;
            let shown = shows_context.then(|| shorten(&line.bytes, 0));
            if let (Some(shown), None) = (&shown, &place) {
                self.add_after(&mut found, number, shown);
            }
            if let Some(place) = place {
                if room == 0 || (self.output == Output::Lines && (count >= room || self.shown_bytes > max_bytes)) {
                    stopped = true;
                    break;
                }
                count += 1;
                if self.output == Output::Files {
                    break;
                }
                if self.output == Output::Lines {
                    let text = shorten(&line.bytes, place.start);
                    let earlier: Vec<String> = before.iter().cloned().collect();
                    self.shown_bytes += text.len() + earlier.iter().map(String::len).sum::<usize>();
                    found.push(LineMatch { line: number, text, before: earlier, after: Vec::new() });
                    before.clear();
                    continue;
                }
            }
            if let Some(shown) = shown {
                before.push_back(shown);
                if before.len() > self.context {
                    before.pop_front();
                }
            }
        }
        Ok(Outcome::Searched(self.found(path, count, found, stopped)))
    }

    /// Adds a line to the context behind the last match, if it is near enough.
    fn add_after(&mut self, found: &mut [LineMatch], number: u64, shown: &str) {
        let Some(last) = found.last_mut() else { return };
        if number - last.line <= self.context as u64 {
            self.shown_bytes += shown.len();
            last.after.push(shown.to_owned());
        }
    }

    fn found(&self, path: &Path, count: usize, lines: Vec<LineMatch>, stopped: bool) -> Option<Found> {
        if count == 0 && !stopped {
            return None;
        }
        let matches = FileMatches {
            path: path.display().to_string(),
            count: (self.output == Output::Count).then_some(count),
            lines: (self.output == Output::Lines).then_some(lines),
        };
        Some(Found { matches: (count > 0).then_some(matches), count, stopped })
    }
}

/// A line as text, with what is around byte `place` if it is long.
fn shorten(line: &[u8], place: usize) -> String {
    if line.len() <= SHOWN_BYTES {
        return String::from_utf8_lossy(line).into_owned();
    }
    let start = place.saturating_sub(SHOWN_BYTES / 3);
    let end = line.len().min(start + SHOWN_BYTES);
    let part = String::from_utf8_lossy(line.get(start..end).unwrap_or_default());
    let part = part.trim_matches(char::REPLACEMENT_CHARACTER);
    let (open, close) = (if start > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    format!("{open}{part}{close}")
}
