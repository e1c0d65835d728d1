//! The keys about what fails: retries, breakers, rates, fallbacks.

use crate::manifest::settings::{BREAKER, RETRY};
use crate::manifest::text;

use super::{Otherwise, Shape, Table, key, setting_keys};

/// One tool of a component.
pub static TOOL: Table = Table {
    name: "[tools.NAME.tool.TOOL]",
    doc: "What holds for a single tool, where it differs from its component.",
    keys: &[
        key("retry", Shape::Table(&RETRY_TABLE), Otherwise::Is("as its component"), "how its calls are tried again"),
        key("breaker", Shape::Table(&BREAKER_TABLE), Otherwise::Is("as its component"), "when it is left alone"),
        key(
            "rate",
            Shape::Text(&text::RATE),
            Otherwise::Is("as its component"),
            "how often it may be called, such as `30/m`",
        ),
        key(
            "fallback",
            Shape::Table(&FALLBACK),
            Otherwise::Is("nothing"),
            "what stands in for it while what it depends on fails",
        ),
    ],
};

/// What stands in for a tool.
pub static FALLBACK: Table = Table {
    name: "[tools.NAME.tool.TOOL.fallback]",
    doc: "What stands in for a tool while what it depends on fails: one of the two. Results are labelled.",
    keys: &[
        key(
            "tool",
            Shape::Text(&text::TOOL_NAME),
            Otherwise::Is("no tool"),
            "another tool, which is called with the same arguments and decided on by its own rules and grants",
        ),
        key(
            "value",
            Shape::Json,
            Otherwise::Is("no value"),
            "a fixed result; must conform to the tool's output schema",
        ),
    ],
};

/// `[clients]`.
pub static CLIENTS: Table = Table {
    name: "[clients]",
    doc: "Bounds of each client: of each token, agent or local user that hands calls in.",
    keys: &[key(
        "rate",
        Shape::Text(&text::RATE),
        Otherwise::Is("no bound"),
        "how often one client may call tools, such as `600/h`",
    )],
};

/// `[retry]`, of all tools, of a component or of one tool.
pub static RETRY_TABLE: Table = Table {
    name: "[retry]",
    doc: "How a call that may be made again is tried again. The call's `limits.time` holds for all of its attempts together.",
    keys: &setting_keys(&RETRY),
};

/// `[breaker]`, of all tools and remote hosts, of a component or of one tool.
pub static BREAKER_TABLE: Table = Table {
    name: "[breaker]",
    doc: "When a tool, or a remote host of a component, is left alone because it fails.",
    keys: &setting_keys(&BREAKER),
};
