//! The tables of requests and secrets.

use super::{Key, LABELS, Otherwise, Shape, Table, key};
use crate::manifest::text::http as text;

const fn list(of: &'static crate::manifest::text::Text, may_be_empty: bool) -> Shape {
    Shape::List { of, may_be_empty }
}

const KEYS: &[Key] = &[
    key(
        "host",
        Shape::Text(&text::HOST),
        Otherwise::Required,
        "one host, `*.example.com` for every host below a name, or `*` for any",
    ),
    key("schemes", list(&text::SCHEME, false), Otherwise::Is("`https`"), "with or without TLS"),
    key(
        "ports",
        Shape::Numbers { what: "a port", least: 1, most: 65_535 },
        Otherwise::Is("443 or 80, as the scheme has it"),
        "ports of the host",
    ),
    key("methods", list(&text::METHOD, false), Otherwise::Is("`GET` and `HEAD`"), "what may be asked for"),
    key(
        "paths",
        list(&text::URL_PATH, false),
        Otherwise::Is("`/**`: every path"),
        "paths, decoded and without query; one that servers could read in two ways matches `/**` only",
    ),
    key(
        "addresses",
        list(&text::ADDRESSES, true),
        Otherwise::Is("public ones only"),
        "ranges beside the public ones that the host may resolve to: `10.0.0.0/8`",
    ),
    key("secrets", Shape::Tables(&SECRET_USE), Otherwise::Is("nothing"), "what the host adds to each request"),
    key(
        "idempotency-header",
        Shape::Text(&text::HEADER),
        Otherwise::Is("none"),
        "a header that gets the same value whenever the same request of the same call is sent again; for methods other than `GET`, `HEAD` and `OPTIONS`",
    ),
    LABELS,
];

/// One grant of requests.
pub static HTTP: Table = Table {
    name: "[[tools.NAME.http]]",
    doc: "Requests that its tools may send, as far as each tool declares to need the origin. Of several grants that cover a request, the first \
          counts. Redirects are not followed: a tool gets them as they are, and its next request is checked like any other.",
    keys: KEYS,
};

/// One secret within it.
pub static SECRET_USE: Table = Table {
    name: "[[tools.NAME.http.secrets]]",
    doc: "A secret that the host adds to every request of the grant, where the tool cannot see it. Exactly one of `header`, `query` and \
          `basic-user` says where it goes; what the tool put there is replaced.",
    keys: &[
        key("secret", Shape::Text(&text::SECRET), Otherwise::Required, "its name in `[secrets]`"),
        key("header", Shape::Text(&text::HEADER), Otherwise::Is("not there"), "the header whose value it is"),
        key(
            "prefix",
            Shape::Text(&text::PREFIX),
            Otherwise::Is("nothing"),
            "what stands before it in the header: `\"Bearer \"`",
        ),
        key("query", Shape::Text(&text::QUERY), Otherwise::Is("not there"), "the query parameter whose value it is"),
        key(
            "basic-user",
            Shape::Text(&text::BASIC_USER),
            Otherwise::Is("not there"),
            "the user of basic authentication whose password it is",
        ),
    ],
};

/// One secret.
pub static SECRET: Table = Table {
    name: "[secrets.NAME]",
    doc: "Where the host finds the value of a secret: exactly one of these. The manifest never holds the value.",
    keys: &[
        key(
            "env",
            Shape::Text(&super::text::ENV_NAME),
            Otherwise::Is("not there"),
            "a variable of the host's environment",
        ),
        key(
            "file",
            Shape::Text(&text::SECRET_FILE),
            Otherwise::Is("not there"),
            "a file, relative to the manifest; no grant of a directory reaches it",
        ),
        key(
            "command",
            list(&text::ARGUMENT, false),
            Otherwise::Is("not there"),
            "a program and its arguments, without a shell; its standard output is the value",
        ),
        key(
            "keyring",
            Shape::Text(&text::KEYRING),
            Otherwise::Is("not there"),
            "an entry of the system's keyring: `service/user`",
        ),
    ],
};
