//! `#[tool]` from outside: what an author writes, and what the host sees of it.

use toolhold_sdk::prelude::*;
use toolhold_sdk::testing::{call, call_cancelled, tools};
use toolhold_sdk::{Effect, Level};

/// Adds two numbers.
///
/// The sum must fit 64 bits.
#[tool(hints(read_only, idempotent))]
fn add(
    /// First summand.
    left: i64,
    /// Second summand; 1 if left out.
    right: Option<i64>,
) -> Result<i64> {
    left.checked_add(right.unwrap_or(1)).ok_or_else(|| Error::invalid_args("the sum does not fit 64 bits"))
}

#[args]
struct Greeting {
    /// Whom to greet.
    name: String,
    /// How.
    #[serde(default)]
    tone: Tone,
}

#[args]
#[derive(Default)]
enum Tone {
    #[default]
    Friendly,
    VeryFormal,
}

#[output]
struct Greeted {
    /// The greeting.
    text: String,
}

/// Greets somebody
#[tool(
    name = "greet-somebody",
    title = "Greet",
    hints(additive),
    needs(write("/out/**", "keeps greetings"), network("*", "asks for names"))
)]
fn greet(args: Greeting) -> Greeted {
    let word = match args.tone {
        Tone::Friendly => "Hi",
        Tone::VeryFormal => "Good day",
    };
    log!(info, "greeting {}", args.name);
    progress(1.0, 2.0, "greeting");
    emit("partial");
    Greeted { text: format!("{word} {}", args.name) }
}

/// Reads a file that is not there
#[tool]
fn broken() -> Result<()> {
    check_cancelled()?;
    let text = std::fs::read_to_string("/nowhere/at/all").context("`/nowhere/at/all`")?;
    drop(text);
    Ok(())
}

/// An error type of the author's own.
struct Own;

impl From<Own> for Error {
    fn from(_: Own) -> Self {
        Error::other("own-code", "own message")
    }
}

/// Fails in its own way
#[tool]
fn own(r#type: String) -> std::result::Result<String, Own> {
    if r#type.is_empty() { Err(Own) } else { Ok(r#type) }
}

toolhold_sdk::component!(add, greet, broken, own);

#[test]
fn the_function_stays_a_function() {
    assert_eq!(add(1, Some(2)).unwrap(), 3);
}

#[test]
fn a_tool_is_described_from_its_source() {
    let [add, greet, broken, _] = tools(&COMPONENT).try_into().unwrap();
    assert_eq!((add.name.as_str(), add.title.as_str()), ("add", "Adds two numbers"));
    assert_eq!(add.description, "Adds two numbers.\n\nThe sum must fit 64 bits.");
    let schema = json!({
        "type": "object",
        "properties": {
            "left": {"type": "integer", "description": "First summand."},
            "right": {"type": ["integer", "null"], "description": "Second summand; 1 if left out."},
        },
        "required": ["left"],
        "additionalProperties": false,
    });
    assert_eq!(add.input_schema, schema.to_string());
    assert_eq!(add.output_schema.as_deref(), Some(r#"{"type":"integer"}"#));
    assert!(add.hints.read_only && !add.hints.destructive && add.hints.idempotent);

    assert_eq!((greet.name.as_str(), greet.title.as_str()), ("greet-somebody", "Greet"));
    assert!(!greet.hints.destructive && !greet.hints.read_only && greet.hints.open_world);
    let needs: Vec<(Effect, &str)> = greet.needs.iter().map(|need| (need.effect, need.target.as_str())).collect();
    assert_eq!(needs, [(Effect::Write, "/out/**"), (Effect::Network, "*")]);
    let schema: Value = serde_json::from_str(&greet.input_schema).unwrap();
    assert_eq!(schema["properties"]["tone"]["enum"], json!(["friendly", "very_formal"]));

    assert!(broken.hints.destructive, "a tool without hints counts as one that destroys");
    assert_eq!(broken.input_schema, r#"{"type":"object","properties":{},"additionalProperties":false}"#);
}

#[test]
fn a_call_parses_runs_and_prints() {
    assert_eq!(call(&COMPONENT, "add", json!({"left": 41})).value(), json!(42));
    let greeted = call(&COMPONENT, "greet-somebody", json!({"name": "Ada", "tone": "very_formal"}));
    assert_eq!(greeted.log, [(Level::Info, "greeting Ada".to_owned())]);
    assert_eq!((greeted.progress[0].done, greeted.progress[0].total), (1.0, Some(2.0)));
    assert_eq!(greeted.emitted, ["partial"]);
    assert_eq!(greeted.value(), json!({"text": "Good day Ada"}));
    assert_eq!(call(&COMPONENT, "own", json!({"type": "x"})).value(), json!("x"));
}

#[test]
fn failures_keep_their_kind() {
    let error = |tool: &str, arguments: Value| call(&COMPONENT, tool, arguments).error();
    assert_eq!(error("add", json!({"left": i64::MAX})), Error::invalid_args("the sum does not fit 64 bits"));
    assert!(
        matches!(error("add", json!({"left": 1, "extra": 2})), Error::InvalidArgs(message) if message.contains("unknown field `extra`"))
    );
    assert!(matches!(error("add", json!({})), Error::InvalidArgs(message) if message.contains("missing field `left`")));
    assert_eq!(error("broken", json!({})), Error::not_found("`/nowhere/at/all`: does not exist"));
    assert_eq!(error("own", json!({"type": ""})), Error::other("own-code", "own message"));
    assert!(
        matches!(error("nope", json!({})), Error::NotFound(message) if message.contains("`add`, `greet-somebody`"))
    );
    assert_eq!(call_cancelled(&COMPONENT, "broken", json!({})).error(), Error::Cancelled);
}

use toolhold_sdk::serde_json;
