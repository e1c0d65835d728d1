//! What both tools take alike: headers, and how the answer is read.

use std::collections::BTreeMap;

use toolhold_sdk::prelude::*;

use crate::page::Format;

/// Characters returned unless asked otherwise: about 8,000 tokens.
const DEFAULT_MAX_CHARS: usize = 32_000;
/// Characters returned at most.
const MAX_CHARS: usize = 400_000;
/// Bytes of an answer's body that are read unless asked otherwise.
const DEFAULT_MAX_BYTES: usize = 2 << 20;
/// Bytes of an answer's body that are read at most.
const MAX_BYTES: usize = 16 << 20;
/// Redirects that are followed unless asked otherwise.
const DEFAULT_REDIRECTS: usize = 5;
/// Redirects that are followed at most.
const MAX_REDIRECTS: usize = 10;

/// Headers that the host or the protocol sets.
const NOT_SET_HERE: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te"];

/// How an answer is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) format: Format,
    pub(crate) max_bytes: usize,
    pub(crate) start: usize,
    pub(crate) max_chars: usize,
}

impl Reading {
    pub(crate) fn new(format: Format, max_bytes: Option<usize>, start: Option<usize>, chars: Option<usize>) -> Self {
        Self {
            format,
            max_bytes: max_bytes.unwrap_or(DEFAULT_MAX_BYTES).clamp(1, MAX_BYTES),
            start: start.unwrap_or(0),
            max_chars: chars.unwrap_or(DEFAULT_MAX_CHARS).clamp(1, MAX_CHARS),
        }
    }
}

pub(crate) fn redirects(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_REDIRECTS).min(MAX_REDIRECTS)
}

/// Headers in the form in which they are sent, with what is sent unless the model says otherwise.
///
/// # Errors
/// A name or value that no header can have, or one that is not the model's to set.
pub(crate) fn headers(given: &BTreeMap<String, String>, defaults: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for (name, value) in given {
        let name = name.trim().to_ascii_lowercase();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(Error::invalid_args(format!("`{name}` is no header name; use letters, digits and `-`")));
        }
        if NOT_SET_HERE.contains(&name.as_str()) {
            return Err(Error::invalid_args(format!("`{name}` is set for you; leave it out")));
        }
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(Error::invalid_args(format!("the value of `{name}` has a line break or control character")));
        }
        all.push((name, value.trim().to_owned()));
    }
    for (name, value) in defaults {
        if !all.iter().any(|(given, _)| given == name) {
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    Ok(all)
}
