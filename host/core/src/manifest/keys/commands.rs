//! The table of programs that are tools.

use super::{Key, Otherwise, Shape, Table, key};
use crate::manifest::text;

const STATUSES: Shape = Shape::Numbers { what: "an exit status", least: 0, most: 255 };

/// A hint that is false where nothing is said, and one that is true.
const fn hint(name: &'static str, otherwise: &'static str, doc: &'static str) -> Key {
    key(name, Shape::Flag, Otherwise::Is(otherwise), doc)
}

/// One tool that is a program.
pub static COMMAND: Table = Table {
    name: "[tools.NAME.commands.TOOL]",
    doc: "How a program (`wasi:cli/run`, or a module for WASI preview 1) is called as the tool `NAME.TOOL`. One program may be several tools.",
    keys: &[
        key(
            "description",
            Shape::Text(&text::DESCRIPTION),
            Otherwise::Required,
            "what the tool does, for models and people; at most 4 KiB",
        ),
        key("title", Shape::Text(&text::SENTENCE), Otherwise::Is("its name"), "a short name for people"),
        key(
            "input",
            Shape::Json,
            Otherwise::Is("no arguments"),
            "JSON Schema of its arguments; `type = \"object\"` and `additionalProperties = false` hold where it does not say otherwise",
        ),
        key(
            "output",
            Shape::Json,
            Otherwise::Is("as `result` says"),
            "JSON Schema of its result; what does not conform is a failure",
        ),
        key(
            "argv",
            Shape::List { of: &text::ENTRY, may_be_empty: true },
            Otherwise::Is("nothing"),
            "the command line after the program's name: literal entries, `{argument}`, `{argument:--flag}`; what is not given is left out",
        ),
        key(
            "stdin",
            Shape::Text(&text::ENTRY),
            Otherwise::Is("nothing"),
            "what it reads on standard input: a text with `{argument}`; `{}` is all arguments as JSON",
        ),
        key(
            "env",
            Shape::Map { key: &text::ENV_NAME, of: &Shape::Text(&text::ENTRY) },
            Otherwise::Is("nothing"),
            "environment variables of this tool, each a text with `{argument}`",
        ),
        key("result", Shape::Choice(&RESULTS), Otherwise::Is("`text`"), "what of its output is the result"),
        key("success", STATUSES, Otherwise::Is("`[0]`"), "exit statuses that mean success"),
        key(
            "invalid-args",
            STATUSES,
            Otherwise::Is("none"),
            "exit statuses that mean that the arguments make no sense",
        ),
        key("not-found", STATUSES, Otherwise::Is("none"), "exit statuses that mean that what was named does not exist"),
        hint(
            "read-only",
            "`false`",
            "it changes nothing outside of the sandbox; for people and models, grants nothing",
        ),
        hint("destructive", "`true`", "it may delete or overwrite what was there before"),
        hint("idempotent", "`false`", "a second call with the same arguments has no further effect"),
        hint("open-world", "`true`", "it talks to things outside of the granted directories"),
    ],
};

/// The words of `result`.
pub static RESULTS: [(&str, &str); 5] = [
    ("text", "standard output as a text, without the newline at its end"),
    ("lines", "standard output as a list of lines"),
    ("json", "standard output is a JSON value"),
    ("base64", "standard output as bytes in base64"),
    ("all", "an object with `status`, `stdout` and `stderr`"),
];
