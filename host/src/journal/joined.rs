//! Whether an export of what was removed from the audit joins on to what is left.

use std::io::BufRead;

use serde::Deserialize;
use serde_json::value::RawValue;
use toolhold_core::chain::{Broken, Head, Link, Why};
use toolhold_core::id::Digest;

use super::error::Error;

/// Most bytes of one line: no entry is as long.
const LONGEST: u64 = 16 << 20;

/// A line of an export.
#[derive(Deserialize)]
struct Line<'a> {
    sequence: u64,
    previous: Digest,
    hash: Digest,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Goes through an export from its first entry, and returns its end. It has to have what is `expected`, unless that is after its end.
pub(super) fn check(export: &mut dyn BufRead, start: &Head, expected: Option<&Head>) -> Result<Head, Error> {
    let mut head = Head::default();
    let mut text = Vec::new();
    let mut joins = start.sequence == 0;
    loop {
        text.clear();
        let read = std::io::Read::take(&mut *export, LONGEST).read_until(b'\n', &mut text);
        if read.map_err(unreadable)? == 0 {
            break;
        }
        let at = head.sequence + 1;
        let not_read = |why: serde_json::Error| Error::NoExport { line: at, why: why.to_string() };
        let line: Line<'_> = serde_json::from_slice(&text).map_err(not_read)?;
        let link = Link { sequence: line.sequence, previous: line.previous, hash: line.hash, body: line.body.get() };
        head.follow(&link)?;
        if expected.is_some_and(|expected| expected.sequence == head.sequence && expected.hash != head.hash) {
            return Err(Broken { at: head.sequence, why: Why::Replaced }.into());
        }
        joins |= head == *start;
    }
    if joins { Ok(head) } else { Err(Broken { at: start.sequence, why: Why::Unjoined }.into()) }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::Io { action: "read", path: "the export".into(), why: error.to_string() }
}
