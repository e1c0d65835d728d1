//! Keys about asking people.

use crate::manifest::approvals::APPROVALS;
use crate::manifest::text;

use super::{Key, Otherwise, Shape, Table, key, setting_keys};

/// The words of `risk`.
pub static RISKS: [(&str, &str); 4] = [
    ("low", "little is at stake"),
    ("medium", "something is"),
    ("high", "much is"),
    ("critical", "what cannot be made good again"),
];

/// `[approvals]`.
pub static APPROVALS_TABLE: Table = Table {
    name: "[approvals]",
    doc: "How people are asked about calls that an `ask` rule matches.",
    keys: &approval_keys(),
};

/// Who is told.
pub static WEBHOOK: Table = Table {
    name: "[approvals.webhook]",
    doc: "Is told that a question waits and what came of it, in signed notifications without arguments. No call waits for it.",
    keys: &[
        key(
            "url",
            Shape::Text(&text::approvals::URL),
            Otherwise::Required,
            "`https://…`, or `http://` on this machine",
        ),
        key(
            "secret",
            Shape::Text(&text::http::SECRET),
            Otherwise::Required,
            "the name in `[secrets]` of what notifications are signed with",
        ),
    ],
};

const BESIDE: [Key; 2] = [
    key("webhook", Shape::Table(&WEBHOOK), Otherwise::Is("nobody"), "who is told that a question waits"),
    key(
        "clients",
        Shape::List { of: &text::approvals::CLIENT, may_be_empty: false },
        Otherwise::Is("none"),
        "names of MCP clients that are trusted to put questions to a person; all others can only wait for an answer from elsewhere",
    ),
];

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where an index out of bounds is a compile error"
)]
const fn approval_keys() -> [Key; APPROVALS.len() + 2] {
    let settings = setting_keys(&APPROVALS);
    let [webhook, clients] = BESIDE;
    let mut keys = [webhook; APPROVALS.len() + 2];
    let mut index = 0;
    while index < settings.len() {
        keys[index] = settings[index];
        index += 1;
    }
    keys[index + 1] = clients;
    keys
}
