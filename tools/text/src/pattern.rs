//! Regular expressions as tools take them, bounded in size, with errors that a model can repair.

use regex::{Regex, RegexBuilder};
use toolhold_sdk::prelude::*;

/// Bound of a compiled pattern in bytes.
const MAX_COMPILED_BYTES: usize = 2 * 1024 * 1024;

/// How a pattern is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    pub(crate) literal: bool,
    pub(crate) ignore_case: bool,
    pub(crate) dot_matches_newline: bool,
}

/// Compiles a pattern; `^` and `$` match at lines.
///
/// # Errors
/// `invalid-args` with what is wrong with the pattern.
pub(crate) fn compile(pattern: &str, reading: Reading) -> Result<Regex> {
    if pattern.is_empty() {
        return Err(Error::invalid_args("`pattern` is empty; say what to look for"));
    }
    let source = if reading.literal { regex::escape(pattern) } else { pattern.to_owned() };
    let built = RegexBuilder::new(&source)
        .case_insensitive(reading.ignore_case)
        .multi_line(true)
        .dot_matches_new_line(reading.dot_matches_newline)
        .size_limit(MAX_COMPILED_BYTES)
        .build();
    built.map_err(|problem| match problem {
        regex::Error::CompiledTooBig(_) => Error::invalid_args("`pattern` is too large; use smaller repetitions"),
        other => {
            Error::invalid_args(format!("`pattern` is no regular expression (set `literal` for plain text): {other}"))
        }
    })
}
