//! The pattern, compiled twice: for one line, and for a whole file, to pass over files without a match in one go.

use regex::bytes::{Regex, RegexBuilder};
use toolhold_sdk::prelude::*;

use super::SearchArgs;

/// Bound of a compiled pattern in bytes: what a model writes needs far less.
const MAX_COMPILED_BYTES: usize = 2 * 1024 * 1024;

/// A compiled pattern.
pub(super) struct Matcher {
    line: Regex,
    /// Absent where the pattern speaks of the beginning or end of the text, which is another in a whole file.
    file: Option<Regex>,
}

impl Matcher {
    /// Compiles the pattern as the arguments say.
    ///
    /// # Errors
    /// `invalid-args` with what is wrong with the pattern.
    pub(super) fn new(args: &SearchArgs) -> Result<Self> {
        let mut pattern = if args.literal { regex::escape(&args.pattern) } else { args.pattern.clone() };
        if pattern.is_empty() {
            return Err(Error::invalid_args("`pattern` is empty; use `find` to list files"));
        }
        if args.whole_word {
            pattern = format!(r"\b(?:{pattern})\b");
        }
        let build = |whole_file: bool| {
            RegexBuilder::new(&pattern)
                .case_insensitive(args.ignore_case)
                .multi_line(whole_file)
                .crlf(whole_file)
                .size_limit(MAX_COMPILED_BYTES)
                .build()
        };
        let line = build(false).map_err(|problem| explain(&problem))?;
        let speaks_of_ends = [r"\A", r"\z", "(?"].iter().any(|word| args.pattern.contains(word)) && !args.literal;
        let file = if speaks_of_ends { None } else { build(true).ok() };
        Ok(Matcher { line, file })
    }

    /// Where the line matches first.
    pub(super) fn find(&self, line: &[u8]) -> Option<std::ops::Range<usize>> {
        self.line.find(line).map(|found| found.range())
    }

    /// False only if no line of the file can match.
    pub(super) fn may_match(&self, file: &[u8]) -> bool {
        self.file.as_ref().is_none_or(|regex| regex.is_match(file))
    }
}

fn explain(problem: &regex::Error) -> Error {
    match problem {
        regex::Error::CompiledTooBig(_) => Error::invalid_args("`pattern` is too large; use smaller repetitions"),
        other => Error::invalid_args(format!(
            "`pattern` is no regular expression (set `literal` to search for plain text): {other}"
        )),
    }
}
