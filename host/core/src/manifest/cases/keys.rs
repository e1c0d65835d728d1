//! Every key of a case file: its shape, default and meaning, in one table.

use super::super::keys::{Key, LIMITS_TABLE, Otherwise, Shape, Table, key};
use super::super::text::{self, ENV_NAME, ENV_VALUE, GUEST_PATH, LOCAL};
use super::text as own;

const ANY: Shape = Shape::Text(&own::ANY);
const FOLDER: Shape = Shape::Text(&text::HOST_PATH);
const VARIABLE: Shape = Shape::Text(&ENV_VALUE);

const fn text_of(kind: &'static text::Text) -> Shape {
    Shape::Text(kind)
}

/// All tables with known keys, in the order of the reference page.
pub static TABLES: [&Table; 6] = [&CASES, &CASE, &ERROR, &CHANGE, &REQUEST, &ANSWER];

/// The whole document.
pub(super) static CASES: Table = Table {
    name: "the case file",
    doc: "The whole file.",
    keys: &[
        key("version", Shape::Version, Otherwise::Required, "version of this form; only 1 exists"),
        key(
            "cases",
            Shape::Tables(&CASE),
            Otherwise::Required,
            "the cases, each a call of its own in a world of its own",
        ),
    ],
};

static CASE: Table = Table { name: "[[cases]]", doc: "One call and what must come of it.", keys: CASE_KEYS };

const CASE_KEYS: &[Key] = &[
    key("name", text_of(&own::NAME), Otherwise::Required, "unique; what reports and `--only` call it"),
    key("tool", text_of(&LOCAL), Otherwise::Required, "the tool, without its component"),
    key("arguments", Shape::Map { key: &own::ANY, of: &Shape::Json }, Otherwise::Is("`{}`"), "the arguments"),
    key(
        "arguments-json",
        text_of(&own::JSON),
        Otherwise::Is("`arguments`"),
        "instead of `arguments`, the text of them: for what TOML has no word for, such as `null`, and for wrong ones",
    ),
    key(
        "files",
        Shape::Map { key: &own::FILE, of: &ANY },
        Otherwise::Is("no files"),
        "files that the tool finds: guest path = text; a path that ends with `/` is an empty directory",
    ),
    key(
        "directories",
        Shape::Map { key: &GUEST_PATH, of: &FOLDER },
        Otherwise::Is("none"),
        "folders beside the case file, of which the tool gets a copy: guest path = folder; `files` are added to it",
    ),
    key("read-only", Shape::Flag, Otherwise::Is("`false`"), "grants reading only, whatever the tool declares to need"),
    key("env", Shape::Map { key: &ENV_NAME, of: &VARIABLE }, Otherwise::Is("no variables"), "environment variables"),
    key("clock", text_of(&text::CLOCK), Otherwise::Is("`host`"), "`host`, or `fixed:` and an RFC 3339 instant"),
    key("random", text_of(&text::RANDOM), Otherwise::Is("`host`"), "`host`, or `seed:` and a number"),
    key(
        "limits",
        Shape::Table(&LIMITS_TABLE),
        Otherwise::Is("the built-in limits"),
        "limits of the call, as in a manifest",
    ),
    key(
        "answers",
        Shape::Tables(&ANSWER),
        Otherwise::Is("none"),
        "what requests are answered with; nothing is sent anywhere",
    ),
    key("result", Shape::Json, Otherwise::Is("any result"), "the result, exactly; `1` and `1.0` are the same number"),
    key("result-json", text_of(&own::JSON), Otherwise::Is("`result`"), "instead of `result`, the text of it as JSON"),
    key("result-schema", Shape::Json, Otherwise::Is("any result"), "a JSON Schema to which the result must conform"),
    key(
        "result-at",
        Shape::Map { key: &own::POINTER, of: &Shape::Json },
        Otherwise::Is("any result"),
        "values within the result: JSON pointer = value",
    ),
    key("error", Shape::Table(&ERROR), Otherwise::Is("the call succeeds"), "the call fails like this"),
    key(
        "changes",
        Shape::Tables(&CHANGE),
        Otherwise::Is("nothing changes"),
        "what the call would change: these and no others",
    ),
    key(
        "requests",
        Shape::Tables(&REQUEST),
        Otherwise::Is("none"),
        "what the call requests, in this order: these and no others",
    ),
];

static ERROR: Table = Table {
    name: "[cases.error]",
    doc: "How the call fails.",
    keys: &[
        key("kind", Shape::Choice(&CLASSES), Otherwise::Is("any"), "the kind of failure"),
        key(
            "code",
            ANY,
            Otherwise::Is("any"),
            "the code of the failure, such as `not-found`; a code of the tool's own is `tool:CODE`",
        ),
        key("says", ANY, Otherwise::Is("anything"), "what the message for the model contains"),
    ],
};

/// The words of `kind`.
pub(super) static CLASSES: [(&str, &str); 13] = [
    ("unknown-tool", "there is no such tool"),
    ("invalid-arguments", "the arguments do not conform to the schema, or the tool says that they make no sense"),
    ("denied", "policy refused the call, or the tool says that it was refused something"),
    ("tool", "the tool reports that it did not work"),
    ("limit", "a limit was crossed"),
    ("trap", "the guest trapped"),
    ("invalid-output", "the result does not conform to the output schema"),
    ("conflict", "somebody else changed the same files"),
    ("withheld", "a request was not sent, because it could have changed something"),
    ("cancelled", "the call was given up"),
    ("busy", "the host is full"),
    ("unavailable", "what the call depends on is left alone"),
    ("host", "the host failed"),
];

static CHANGE: Table = Table {
    name: "[[cases.changes]]",
    doc: "One path that is different after the call.",
    keys: &[
        key("change", Shape::Choice(&CHANGES), Otherwise::Required, "what happened to it"),
        key(
            "path",
            text_of(&own::FILE),
            Otherwise::Required,
            "its guest path, after the call where there is one; a directory's ends with `/`",
        ),
        key("from", text_of(&own::FILE), Otherwise::Is("anywhere"), "where it was before it was moved"),
        key("content", ANY, Otherwise::Is("any"), "the whole text that is there after the call"),
        key(
            "sha256",
            text_of(&own::SHA256),
            Otherwise::Is("any"),
            "SHA-256 of what is there after the call, for what is no text",
        ),
    ],
};

/// The words of `change`: those of reports.
pub(super) static CHANGES: [(&str, &str); 5] = [
    ("created", "something is where nothing was"),
    ("changed", "its content is another one"),
    ("deleted", "it is gone"),
    ("moved", "it was elsewhere"),
    ("metadata", "only its times or its mode are others"),
];

static REQUEST: Table = Table {
    name: "[[cases.requests]]",
    doc: "One request that the tool makes.",
    keys: &[
        key("method", text_of(&text::http::METHOD), Otherwise::Required, "its method"),
        key("url", ANY, Otherwise::Required, "the whole URL"),
        key("request", Shape::Choice(&REQUESTS), Otherwise::Is("any"), "how far it comes"),
    ],
};

/// The words of `request`: those of reports.
pub(super) static REQUESTS: [(&str, &str); 5] = [
    ("withheld", "it is not sent, because its method may change something"),
    ("answered", "it gets an answer of the case"),
    ("refused", "the tool does not declare to need it"),
    ("not-sent", "the case has no answer for it"),
    ("sent", "it is sent and there is no answer"),
];

static ANSWER: Table = Table {
    name: "[[cases.answers]]",
    doc: "What stands in for a server. `GET`, `HEAD` and `OPTIONS` only: a request that may change something ends the call, as in a dry run.",
    keys: &[
        key("method", text_of(&text::http::METHOD), Otherwise::Is("`GET`"), "the method of the request"),
        key("url", ANY, Otherwise::Required, "the whole URL of the request"),
        key("status", Shape::Text(&own::STATUS), Otherwise::Is("`\"200\"`"), "the status of the answer"),
        key("headers", Shape::Map { key: &text::http::HEADER, of: &ANY }, Otherwise::Is("none"), "its headers"),
        key("body", ANY, Otherwise::Is("nothing"), "its body"),
    ],
};
