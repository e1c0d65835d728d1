//! The kinds of string in a case file.

use super::super::problem::Code;
use super::super::text::{Complaint, Text};

fn complain(message: &str, help: &str) -> Result<(), Complaint> {
    Err(Complaint { code: Code::Case, message: message.to_owned(), help: (!help.is_empty()).then(|| help.to_owned()) })
}

pub(super) static ANY: Text = Text { what: "a text", pattern: "", check: |_| Ok(()) };

pub(super) static NAME: Text = Text {
    what: "the name of a case",
    pattern: "^.+$",
    check: |text| {
        if text.trim().is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
            return complain("this is not the name of a case", "say in one line of at most 200 bytes what must hold");
        }
        Ok(())
    },
};

pub(super) static FILE: Text = Text {
    what: "the guest path of a file",
    pattern: "^(/[^/]+)+/?$",
    check: |text| {
        let rest = text.strip_suffix('/').unwrap_or(text);
        let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
        let is_path = rest.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain));
        if is_path && text.len() <= 1024 && (rest.matches('/').count() > 1 || text.ends_with('/')) {
            return Ok(());
        }
        complain(
            "this is not the guest path of a file",
            "write it in full, within a directory: `/work/notes.md`; an empty directory ends with `/`",
        )
    },
};

pub(super) static JSON: Text = Text {
    what: "JSON as a text",
    pattern: "",
    check: |text| match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(()),
        Err(error) => complain(&format!("this is not JSON: {error}"), "write it as in `'{\"limit\": null}'`"),
    },
};

pub(super) static POINTER: Text = Text {
    what: "a JSON pointer",
    pattern: "^(/.*)?$",
    check: |text| {
        if text.is_empty() || text.starts_with('/') {
            return Ok(());
        }
        complain("a JSON pointer begins with `/`", "the first name of the list `names` is `/names/0`")
    },
};

pub(super) static SHA256: Text = Text {
    what: "64 hexadecimal digits",
    pattern: "^[0-9a-f]{64}$",
    check: |text| {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Ok(());
        }
        complain("this is not a SHA-256", "write its 64 digits in lower case, as `sha256sum` prints them")
    },
};

pub(super) static STATUS: Text = Text {
    what: "a status as a string",
    pattern: "^[1-5][0-9][0-9]$",
    check: |text| match text.parse::<u16>() {
        Ok(200..=599) => Ok(()),
        _ => complain("this is not the status of an answer", "write it like `\"404\"`"),
    },
};
