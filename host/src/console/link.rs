//! Addresses of pages. Names of runs hold whatever their client chose: in an address they are only ever a part of a path.

use std::fmt::Write as _;

use toolhold_core::id::{ApprovalId, CallId, RunId};

/// The page of a run.
pub(super) fn run(run: &RunId) -> String {
    format!("/runs/{}", segment(run.as_str()))
}

/// The page of a call.
pub(super) fn call(call: &CallId) -> String {
    format!("/calls/{}", segment(call.as_str()))
}

/// The page of an approval.
pub(super) fn approval(approval: &ApprovalId) -> String {
    format!("/approvals/{}", segment(approval.as_str()))
}

/// The page of a tool.
pub(super) fn tool(name: &str) -> String {
    format!("/tools/{}", segment(name))
}

/// `text` as one segment of a path, or a value in a query.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `pairs` as a query, those with an empty value left out.
pub(super) fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", segment(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_within_its_part_of_the_address() {
        assert_eq!(segment("a/../b?c#d\"<é"), "a%2F..%2Fb%3Fc%23d%22%3C%C3%A9");
        assert_eq!(query("/audit", &[("run", "a&b=c"), ("call", "")]), "/audit?run=a%26b%3Dc");
        assert_eq!(query("/audit", &[("run", "")]), "/audit");
    }
}
