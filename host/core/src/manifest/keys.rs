//! Every key of a manifest: its shape, default and meaning, in one table.
//!
//! The checker, the JSON Schema for editors and the reference page walk this table, so none of them can know a key that
//! another does not. A test compares it with the wire form.

mod approvals;
mod commands;
mod models;
mod network;
mod reliability;
mod servers;
mod signing;

use crate::limit::{LIMITS, Unit};

use super::settings::{HOST, Setting};
use super::text::{self, Text};

pub use approvals::{APPROVALS_TABLE, RISKS, WEBHOOK};
pub use commands::{COMMAND, RESULTS};
pub use models::{APIS, MODEL, MODEL_PRICES, MODEL_TIMEOUTS};
pub use network::{HTTP, SECRET, SECRET_USE};
pub use reliability::{BREAKER_TABLE, CLIENTS, FALLBACK, RETRY_TABLE, TOOL};
pub use servers::{SERVER, SERVER_SECRET};
pub use signing::{SIGNER, UNNAMED, UNSIGNED};

/// A table of the document.
#[derive(Debug)]
pub struct Table {
    /// How messages name it, such as `[run]`.
    pub name: &'static str,
    /// What it is for, for the reference page.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// What applies if it does not stand there.
    pub otherwise: Otherwise,
    /// One line for the reference page and the editor.
    pub doc: &'static str,
}

/// What applies where a key is missing.
#[derive(Debug, Clone, Copy)]
pub enum Otherwise {
    /// It must not be missing.
    Required,
    /// In words.
    Is(&'static str),
    /// This number.
    Amount(u64),
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// The version of the form.
    Version,
    /// A string of one kind.
    Text(&'static Text),
    /// `true` or `false`.
    Flag,
    /// One of these strings, each with its meaning.
    Choice(&'static [(&'static str, &'static str)]),
    /// An integer or a string with a unit.
    Amount {
        /// The unit.
        unit: Unit,
        /// The smallest that makes sense.
        least: u64,
    },
    /// An array of strings of one kind.
    List {
        /// The kind.
        of: &'static Text,
        /// Whether it may be empty.
        may_be_empty: bool,
    },
    /// An array of integers.
    Numbers {
        /// What each is.
        what: &'static str,
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A table with keys of the author's choice.
    Map {
        /// What the keys are.
        key: &'static Text,
        /// What stands at each.
        of: &'static Shape,
    },
    /// A table with known keys.
    Table(&'static Table),
    /// An array of such tables.
    Tables(&'static Table),
    /// A JSON Schema over arguments.
    Condition,
    /// Any value that JSON has too.
    Json,
}

pub(super) const fn key(name: &'static str, shape: Shape, otherwise: Otherwise, doc: &'static str) -> Key {
    Key { name, shape, otherwise, doc }
}

const GLOBS: Shape = Shape::List { of: &text::GLOB, may_be_empty: true };

/// Of directories and of requests.
const LABELS: Key = key(
    "labels",
    Shape::List { of: &text::LABEL, may_be_empty: false },
    Otherwise::Is("none"),
    "what is said of all that is read there: `private`, `untrusted`, any name; a run that read it carries them, see `when-labels`",
);

/// The whole document.
pub static MANIFEST: Table = Table {
    name: "the manifest",
    doc: "The whole file.",
    keys: &[
        key("version", Shape::Version, Otherwise::Required, "version of this form; only 1 exists"),
        key(
            "mode",
            Shape::Choice(&MODES),
            Otherwise::Is("`live`"),
            "whether the calls that rules allow change anything",
        ),
        key(
            "tools",
            Shape::Map { key: &text::COMPONENT, of: &Shape::Table(&COMPONENT) },
            Otherwise::Is("no tools"),
            "components by the name that their tools begin with: the tool `read` of `[tools.files]` is called `files.read`",
        ),
        key(
            "secrets",
            Shape::Map { key: &text::http::SECRET, of: &Shape::Table(&SECRET) },
            Otherwise::Is("no secrets"),
            "secrets that the host adds to requests, by name",
        ),
        key(
            "signers",
            Shape::Map { key: &text::signing::SIGNER, of: &Shape::Table(&SIGNER) },
            Otherwise::Is("nobody"),
            "who signs components, by name",
        ),
        key(
            "unsigned",
            Shape::Choice(&UNSIGNED),
            Otherwise::Is("`allow`"),
            "what becomes of components without `signed-by`",
        ),
        key(
            "models",
            Shape::Map { key: &text::model::NAME, of: &Shape::Table(&MODEL) },
            Otherwise::Is("no models"),
            "models that runs may be given, by name",
        ),
        key(
            "limits",
            Shape::Table(&LIMITS_TABLE),
            Otherwise::Is("the built-in limits"),
            "limits of each call, for all components",
        ),
        key(
            "rules",
            Shape::Tables(&RULE),
            Otherwise::Is("every call is denied"),
            "what may be called; their order has no meaning",
        ),
        key("run", Shape::Table(&RUN_TABLE), Otherwise::Is("the built-in bounds"), "bounds of one run of an agent"),
        key("host", Shape::Table(&HOST_TABLE), Otherwise::Is("the built-in bounds"), "bounds of the whole host"),
        key("retry", Shape::Table(&RETRY_TABLE), Otherwise::Is("the built-in values"), "how calls are tried again"),
        key(
            "breaker",
            Shape::Table(&BREAKER_TABLE),
            Otherwise::Is("the built-in values"),
            "when a tool or remote host that fails is left alone",
        ),
        key("clients", Shape::Table(&CLIENTS), Otherwise::Is("no bound"), "bounds of each client"),
        key(
            "approvals",
            Shape::Table(&APPROVALS_TABLE),
            Otherwise::Is("the built-in bounds"),
            "how people are asked about calls that an `ask` rule matches",
        ),
    ],
};

/// The words of `mode`.
pub static MODES: [(&str, &str); 2] = [
    ("live", "calls do what their rules say"),
    ("preview", "every call runs as a preview, whatever rule allows it; nothing changes unless a person applies it"),
];

/// One component.
pub static COMPONENT: Table = Table {
    name: "[tools.NAME]",
    doc: "A component and what is granted to each of its tools, as far as the tool declares to need it.",
    keys: &[
        key(
            "source",
            Shape::Text(&text::SOURCE),
            Otherwise::Required,
            "the component's file, relative to the manifest; `oci://HOST/REPOSITORY:TAG` or `https://…`, which `toolhold add` fetches; or an MCP server: `mcp:stdio` or `mcp:https://…`",
        ),
        key(
            "signed-by",
            Shape::List { of: &text::signing::SIGNER, may_be_empty: false },
            Otherwise::Is("nobody has to"),
            "whose signature it must have: that of any of these `[signers]`",
        ),
        key("signed-as", Shape::Text(&text::COMPONENT), Otherwise::Is("NAME"), "what the signers call it"),
        key(
            "expose",
            Shape::List { of: &text::LOCAL, may_be_empty: false },
            Otherwise::Is("all of its tools"),
            "only these tools of the component exist for callers",
        ),
        key("directories", Shape::Tables(&DIRECTORY), Otherwise::Is("no files"), "directories that its tools see"),
        key("http", Shape::Tables(&HTTP), Otherwise::Is("no requests"), "requests that its tools may send"),
        key(
            "env",
            Shape::Map { key: &text::ENV_NAME, of: &Shape::Text(&text::ENV_VALUE) },
            Otherwise::Is("no variables"),
            "environment variables; nothing of the host's own environment is passed on",
        ),
        key(
            "clock",
            Shape::Text(&text::CLOCK),
            Otherwise::Is("`host`"),
            "`host`, or `fixed:` and an RFC 3339 instant at which time stands still",
        ),
        key(
            "random",
            Shape::Text(&text::RANDOM),
            Otherwise::Is("`host`"),
            "`host`, or `seed:` and a number for a repeatable sequence",
        ),
        key("limits", Shape::Table(&LIMITS_TABLE), Otherwise::Is("`[limits]`"), "limits of each call of its tools"),
        key("retry", Shape::Table(&RETRY_TABLE), Otherwise::Is("`[retry]`"), "how calls of its tools are tried again"),
        key("breaker", Shape::Table(&BREAKER_TABLE), Otherwise::Is("`[breaker]`"), "when its tools are left alone"),
        key(
            "rate",
            Shape::Text(&text::RATE),
            Otherwise::Is("no bound"),
            "how often each of its tools may be called, such as `30/m`",
        ),
        key(
            "tool",
            Shape::Map { key: &text::LOCAL, of: &Shape::Table(&TOOL) },
            Otherwise::Is("as above"),
            "what holds for a single tool of the component, by its name without the component's",
        ),
        key(
            "commands",
            Shape::Map { key: &text::LOCAL, of: &Shape::Table(&COMMAND) },
            Otherwise::Is("as the component says"),
            "for a component that is a program: its tools, and how each is called",
        ),
        key(
            "server",
            Shape::Table(&SERVER),
            Otherwise::Is("no server"),
            "for an MCP server: how it is started or reached, and what you say of its tools",
        ),
    ],
};

/// One directory grant.
pub static DIRECTORY: Table = Table {
    name: "[[tools.NAME.directories]]",
    doc: "A host directory at a guest path. Patterns are relative to it; `dir/**` is `dir` and everything below, `**/x` is `x` anywhere.",
    keys: &[
        key(
            "host",
            Shape::Text(&text::HOST_PATH),
            Otherwise::Required,
            "the directory on the host, relative to the manifest",
        ),
        key("guest", Shape::Text(&text::GUEST_PATH), Otherwise::Required, "where tools see it, such as `/work`"),
        key("read", GLOBS, Otherwise::Is("nothing"), "what may be read, listed and asked about"),
        key(
            "write",
            GLOBS,
            Otherwise::Is("nothing"),
            "what may be created, changed and deleted; does not imply `read`",
        ),
        key("deny", GLOBS, Otherwise::Is("nothing"), "what may not be touched at all; wins over `read` and `write`"),
        key(
            "symlinks",
            Shape::Choice(&SYMLINKS),
            Otherwise::Is("`deny`"),
            "what symbolic links may do; none ever leaves the directory",
        ),
        key(
            "atomic",
            Shape::Flag,
            Otherwise::Is("`true`"),
            "changes are staged, land together when the call succeeds, and can be undone; `false` for files too large to copy",
        ),
        LABELS,
    ],
};

/// The words of `symlinks`.
pub static SYMLINKS: [(&str, &str); 3] = [
    ("deny", "a path that meets a symbolic link is refused"),
    ("follow", "links that stay inside are followed"),
    ("create", "such links are followed and may be created"),
];

/// One rule.
pub static RULE: Table = Table {
    name: "[[rules]]",
    doc: "A rule matches a call if one of its `tools` patterns and its `when` do. Of the rules that match, `deny` beats `ask` beats \
          `preview` beats `allow`; a call that none matches is denied.",
    keys: &[
        key(
            "name",
            Shape::Text(&text::RULE_NAME),
            Otherwise::Required,
            "unique; what explanations and the audit trail call it",
        ),
        key("decision", Shape::Choice(&DECISIONS), Otherwise::Required, "what happens to a call that it matches"),
        key(
            "tools",
            Shape::List { of: &text::TOOL_PATTERN, may_be_empty: false },
            Otherwise::Required,
            "tool names; `*` stands for any characters of one part: `files.*`, `*.read`",
        ),
        key(
            "when",
            Shape::Condition,
            Otherwise::Is("any arguments"),
            "a JSON Schema that the arguments must satisfy for the rule to match",
        ),
        key(
            "when-labels",
            Shape::List { of: &text::LABEL, may_be_empty: false },
            Otherwise::Is("whatever the run has read"),
            "the rule matches only in a run of an agent that has read data with one of these labels before",
        ),
        key(
            "risk",
            Shape::Choice(&RISKS),
            Otherwise::Is("`medium`"),
            "how much is at stake; shown to the person who decides, and changes no decision",
        ),
        key(
            "every-time",
            Shape::Flag,
            Otherwise::Is("`false`"),
            "of a rule that asks: an approval is good for one call, whatever the person says",
        ),
        key(
            "reason",
            Shape::Text(&text::SENTENCE),
            Otherwise::Is("nothing"),
            "why the rule exists; shown to people, never to a model or tool",
        ),
        key(
            "advice",
            Shape::Text(&text::SENTENCE),
            Otherwise::Is("a general sentence"),
            "what a model is told to do instead when the rule refuses its call",
        ),
    ],
};

/// The words of `decision`, strongest last.
pub static DECISIONS: [(&str, &str); 4] = [
    ("allow", "the call runs"),
    ("preview", "the call runs and shows what it would change; nothing changes unless a person applies it"),
    ("ask", "a person decides"),
    ("deny", "the call is refused"),
];

/// `[limits]`, of all components or of one.
pub static LIMITS_TABLE: Table = Table {
    name: "[limits]",
    doc: "Bounds of one call. `[tools.NAME.limits]` wins over `[limits]`, which wins over the default; a run can only lower them.",
    keys: &limit_keys(),
};

/// `[run]`.
pub static RUN_TABLE: Table =
    Table { name: "[run]", doc: "Bounds of one run of an agent, and its models.", keys: &models::run_keys() };

/// `[host]`.
pub static HOST_TABLE: Table = Table { name: "[host]", doc: "Bounds of the whole host.", keys: &setting_keys(&HOST) };

/// All tables with known keys, in the order of the reference page.
pub static TABLES: [&Table; 24] = [
    &MANIFEST,
    &COMPONENT,
    &DIRECTORY,
    &HTTP,
    &SECRET_USE,
    &SECRET,
    &SIGNER,
    &RULE,
    &TOOL,
    &FALLBACK,
    &COMMAND,
    &SERVER,
    &SERVER_SECRET,
    &CLIENTS,
    &MODEL,
    &MODEL_PRICES,
    &APPROVALS_TABLE,
    &WEBHOOK,
    &MODEL_TIMEOUTS,
    &LIMITS_TABLE,
    &RUN_TABLE,
    &HOST_TABLE,
    &RETRY_TABLE,
    &BREAKER_TABLE,
];

const EMPTY: Key = key("", Shape::Version, Otherwise::Required, "");

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where an index out of bounds is a compile error"
)]
const fn limit_keys() -> [Key; LIMITS.len()] {
    let mut keys = [EMPTY; LIMITS.len()];
    let mut index = 0;
    while index < keys.len() {
        let row = &LIMITS[index];
        keys[index] =
            key(row.key, Shape::Amount { unit: row.unit, least: row.least }, Otherwise::Amount(row.default), row.doc);
        index += 1;
    }
    keys
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where an index out of bounds is a compile error"
)]
const fn setting_keys<T, const ROWS: usize>(rows: &[Setting<T>; ROWS]) -> [Key; ROWS] {
    let mut keys = [EMPTY; ROWS];
    let mut index = 0;
    while index < ROWS {
        let row = &rows[index];
        keys[index] =
            key(row.key, Shape::Amount { unit: row.unit, least: row.least }, Otherwise::Amount(row.default), row.doc);
        index += 1;
    }
    keys
}

impl Table {
    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}
