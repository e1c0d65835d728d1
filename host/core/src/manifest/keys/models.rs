//! The tables of models.

use super::{Key, Otherwise, Shape, Table, key, setting_keys};
use crate::limit::Unit;
use crate::manifest::model::TIMEOUTS;
use crate::manifest::settings::RUN;
use crate::manifest::text::{RATE, http, model as text};

/// The words of `api`.
pub static APIS: [(&str, &str); 3] = [
    ("openai", "OpenAI's chat completions, which most servers and gateways speak"),
    ("openai-responses", "OpenAI's responses"),
    ("anthropic", "Anthropic's messages"),
];

/// One model.
pub static MODEL: Table = Table {
    name: "[models.NAME]",
    doc: "A model that runs may be given. `[run] models` says which, and in which order; `--model NAME` takes one of them.",
    keys: &[
        key("api", Shape::Choice(&APIS), Otherwise::Required, "the protocol that its server speaks"),
        key("model", Shape::Text(&text::MODEL), Otherwise::Required, "the provider's name for it"),
        key(
            "url",
            Shape::Text(&text::BASE_URL),
            Otherwise::Is("the provider's own address"),
            "the server's address, up to and including the version",
        ),
        key(
            "key",
            Shape::Text(&http::SECRET),
            Otherwise::Is("no key is sent"),
            "the name in `[secrets]` of its key; sent over TLS or to this machine only",
        ),
        key(
            "ca",
            Shape::Text(&http::SECRET_FILE),
            Otherwise::Is("the system's alone"),
            "a PEM file with further authorities that may vouch for the server, relative to the manifest",
        ),
        key(
            "max-output-tokens",
            Shape::Amount { unit: Unit::Count, least: 1 },
            Otherwise::Is("`max-tokens-per-turn` of `[run]`"),
            "tokens that it may write in one turn; can only lower what the run allows",
        ),
        key(
            "system",
            Shape::Text(&text::PROMPT),
            Otherwise::Is("nothing"),
            "what this model is told at the end of its instructions; never a safety measure",
        ),
        key(
            "timeouts",
            Shape::Table(&MODEL_TIMEOUTS),
            Otherwise::Is("the built-in bounds"),
            "how long it is waited for",
        ),
        key("prices", Shape::Table(&MODEL_PRICES), Otherwise::Is("its cost is not known"), "what it costs"),
        key(
            "rate",
            Shape::Text(&RATE),
            Otherwise::Is("no bound"),
            "how often it may be asked, such as `30/m`, by all runs of the host together",
        ),
    ],
};

/// How long a model is waited for.
pub static MODEL_TIMEOUTS: Table = Table {
    name: "[models.NAME.timeouts]",
    doc: "How long a model is waited for. Each has an error code of its own, which names the key.",
    keys: &setting_keys(&TIMEOUTS),
};

/// What a model costs.
pub static MODEL_PRICES: Table = Table {
    name: "[models.NAME.prices]",
    doc: "Dollars per million tokens, as text with up to six decimals. Costs are counted in whole micro-dollars, rounded up.",
    keys: &[
        key("input", Shape::Text(&text::PRICE), Otherwise::Required, "for what it reads"),
        key("output", Shape::Text(&text::PRICE), Otherwise::Required, "for what it writes"),
        key(
            "cached-input",
            Shape::Text(&text::PRICE),
            Otherwise::Is("the price of `input`"),
            "for what it reads and the provider had kept from an earlier request",
        ),
    ],
};

const CHAIN: Key = key(
    "models",
    Shape::List { of: &text::NAME, may_be_empty: false },
    Otherwise::Is("none: a run names its model"),
    "names in `[models]`: the first is asked, the next ones are for when it fails",
);

/// The bounds of `[run]`, and its models.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where an index out of bounds is a compile error"
)]
pub(super) const fn run_keys() -> [Key; RUN.len() + 1] {
    let settings = setting_keys(&RUN);
    let mut keys = [CHAIN; RUN.len() + 1];
    let mut index = 0;
    while index < settings.len() {
        keys[index] = settings[index];
        index += 1;
    }
    keys
}
