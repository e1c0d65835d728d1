//! The table of MCP servers.

use super::{Key, Otherwise, Shape, Table, key};
use crate::manifest::text;

const TOOLS: Shape = Shape::List { of: &text::OF_SERVER, may_be_empty: true };

const KEYS: &[Key] = &[
    key(
        "command",
        Shape::List { of: &text::http::ARGUMENT, may_be_empty: false },
        Otherwise::Is("required for `mcp:stdio`"),
        "the program's absolute path and its arguments, without a shell; it runs with your rights, outside of any sandbox",
    ),
    key(
        "directory",
        Shape::Text(&text::HOST_PATH),
        Otherwise::Is("`/`"),
        "the folder in which the program runs, relative to the manifest",
    ),
    key(
        "addresses",
        Shape::List { of: &text::http::ADDRESSES, may_be_empty: true },
        Otherwise::Is("public ones only"),
        "ranges beside the public ones that the server's name may lead to; one that the source has as an address is named by that",
    ),
    key("secrets", Shape::Tables(&SERVER_SECRET), Otherwise::Is("nothing"), "what the host hands to the server"),
    key(
        "labels",
        Shape::List { of: &text::LABEL, may_be_empty: true },
        Otherwise::Is("`untrusted`"),
        "what is said of its answers; a run that got one carries them, see `when-labels`",
    ),
    key(
        "read-only",
        TOOLS,
        Otherwise::Is("none"),
        "tools that change nothing, in your words and by the names that they have here: a preview calls them too, and they are called again after failures",
    ),
    key(
        "idempotent",
        TOOLS,
        Otherwise::Is("none"),
        "tools of which a second call has no further effect, in your words and by the names that they have here: they are called again after failures",
    ),
];

/// One MCP server.
pub static SERVER: Table = Table {
    name: "[tools.NAME.server]",
    doc: "How an MCP server is started or reached (`source = \"mcp:…\"`), and what you say of its tools. What it says itself of being \
          read-only counts for nothing. Its effects happen in another program and are not observed: `directories`, `http`, `clock`, \
          `random`, `commands` and signatures are nothing to it, and refused beside it.",
    keys: KEYS,
};

/// One secret of it.
pub static SERVER_SECRET: Table = Table {
    name: "[[tools.NAME.server.secrets]]",
    doc: "A secret that the server gets: in a header of every request to `mcp:https://…`, in a variable of the environment of `mcp:stdio`.",
    keys: &[
        key("secret", Shape::Text(&text::http::SECRET), Otherwise::Required, "its name in `[secrets]`"),
        key("header", Shape::Text(&text::http::HEADER), Otherwise::Is("not there"), "the header whose value it is"),
        key(
            "prefix",
            Shape::Text(&text::http::PREFIX),
            Otherwise::Is("nothing"),
            "what stands before it in the header: `\"Bearer \"`",
        ),
        key("env", Shape::Text(&text::ENV_NAME), Otherwise::Is("not there"), "the variable whose value it is"),
    ],
};
