//! The scripted model: plays turns from a TOML file. It is honest: no model is called, and every report says so.
//!
//! It exists so that everything behind the model can be run, shown and tested without a key or a network. A script may
//! look at the last tool results, to check them or to choose its next turn, and quote them; it computes nothing.

use std::path::{Path, PathBuf};

use futures_util::future::{BoxFuture, ready};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error as ModelError, Finish, Identity, Kind, Model, Request, Tokens, Turn};
use toolhold_core::run::{Message, RequestedCall};

/// The largest script, in bytes.
const LARGEST: u64 = 4 << 20;

/// Opens and closes a quote of the last result: `{{last:/json/pointer}}`.
const QUOTE: (&str, &str) = ("{{last:", "}}");

/// A script, as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What is said when the run asks for a last answer.
    #[serde(default)]
    last_answer: Option<String>,
    /// The turns, in order.
    #[serde(default, rename = "turn")]
    turns: Vec<ScriptTurn>,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptTurn {
    /// The turn is skipped unless the last results contain this.
    #[serde(default)]
    when: Option<String>,
    /// The run fails unless the last results contain this.
    #[serde(default)]
    expect: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default, rename = "call")]
    calls: Vec<ScriptCall>,
    /// The provider's word for why the turn ended; by default what fits.
    #[serde(default)]
    finish: Option<ScriptFinish>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptCall {
    tool: String,
    /// A table; or a text, which goes to the host as it is.
    #[serde(default = "no_arguments")]
    arguments: Value,
    #[serde(default)]
    id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ScriptFinish {
    Stop,
    ToolCalls,
    Length,
    ContentFilter,
}

fn no_arguments() -> Value {
    json!({})
}

/// Why a script cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the script `{}` cannot be read: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not a script.
    #[error("the script `{}` is not usable: {message}", .path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where, and what is wrong.
        message: String,
    },
}

impl Script {
    /// Reads the script at `path`.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        use std::io::Read as _;
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
        let form = |message: String| Error::Form { path: path.to_owned(), message };
        if text.len() as u64 > LARGEST {
            return Err(form(format!("it has more than {LARGEST} bytes")));
        }
        Self::parse(&text).map_err(form)
    }

    /// Parses the text of a script.
    ///
    /// # Errors
    ///
    /// Where and what is wrong, in one or more lines.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

/// Plays a [`Script`].
#[derive(Debug)]
pub struct Scripted {
    identity: Identity,
    script: Script,
    next: usize,
}

impl Scripted {
    /// Starts `script` at its beginning. `name` is what reports call it, such as its path.
    #[must_use]
    pub fn new(name: &str, script: Script) -> Self {
        let identity = Identity { name: format!("scripted:{name}"), kind: Kind::Scripted };
        Self { identity, script, next: 0 }
    }

    fn play(&mut self, request: &Request<'_>) -> Result<Turn, ModelError> {
        let results = last_results(request.messages);
        if request.last {
            let Some(text) = &self.script.last_answer else {
                return Err(self.mismatch("the run asks for a last answer, and the script has no `last_answer`"));
            };
            return Ok(turn(self.quoted(text, &results)?, Vec::new(), None));
        }
        loop {
            let Some(step) = self.script.turns.get(self.next).cloned() else {
                return Err(self.mismatch("the script has ended, and the run has not"));
            };
            self.next += 1;
            let holds = |needle: &String| results.iter().any(|result| result.contains(needle.as_str()));
            if step.when.as_ref().is_some_and(|needle| !holds(needle)) {
                continue;
            }
            if let Some(needle) = step.expect.as_ref().filter(|needle| !holds(needle)) {
                return Err(self.mismatch(&format!("no tool result of the turn before contains `{needle}`")));
            }
            return self.say(step, &results);
        }
    }

    fn say(&self, step: ScriptTurn, results: &[&str]) -> Result<Turn, ModelError> {
        let text = self.quoted(&step.text, results)?;
        let mut calls = Vec::with_capacity(step.calls.len());
        for call in step.calls {
            let arguments = match call.arguments {
                Value::String(text) => text,
                table => self.quoted_within(table, results)?.to_string(),
            };
            calls.push(RequestedCall { id: call.id, name: call.tool, arguments });
        }
        Ok(turn(text, calls, step.finish))
    }

    /// `value` with every quote in its texts replaced. A text that is nothing but a quote becomes the quoted value.
    fn quoted_within(&self, value: Value, results: &[&str]) -> Result<Value, ModelError> {
        match value {
            Value::String(text) => match whole_quote(&text) {
                Some(pointer) => self.last_value(pointer, results),
                None => self.quoted(&text, results).map(Value::String),
            },
            Value::Array(items) => items.into_iter().map(|item| self.quoted_within(item, results)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, value)| Ok((key, self.quoted_within(value, results)?)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
            scalar => Ok(scalar),
        }
    }

    fn quoted(&self, text: &str, results: &[&str]) -> Result<String, ModelError> {
        let (mut whole, mut rest) = (String::new(), text);
        while let Some((before, quote)) = rest.split_once(QUOTE.0) {
            let Some((pointer, after)) = quote.split_once(QUOTE.1) else { break };
            whole.push_str(before);
            match self.last_value(pointer, results)? {
                Value::String(text) => whole.push_str(&text),
                other => whole.push_str(&other.to_string()),
            }
            rest = after;
        }
        whole.push_str(rest);
        Ok(whole)
    }

    fn last_value(&self, pointer: &str, results: &[&str]) -> Result<Value, ModelError> {
        let last = results.last().and_then(|result| serde_json::from_str::<Value>(result).ok());
        let found = last.as_ref().and_then(|result| result.pointer(pointer)).cloned();
        found.ok_or_else(|| self.mismatch(&format!("the last tool result has nothing at `{pointer}`")))
    }

    fn mismatch(&self, what: &str) -> ModelError {
        ModelError::Script(format!("`{}` does not fit the run: {what} (turn {})", self.identity.name, self.next))
    }
}

impl Model for Scripted {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, ModelError>> {
        let turn = self.play(&request);
        if let Ok(turn) = &turn {
            on_text(&turn.text);
        }
        Box::pin(ready(turn))
    }

    /// Plays what was played before, so that it is at the same place of its file.
    fn skip(&mut self, messages: &[Message], turns: &[usize]) {
        for length in turns {
            let messages = messages.get(..*length).unwrap_or(messages);
            let request = Request { messages, tokens: u32::MAX, bytes: usize::MAX, ..Request::default() };
            // A file that does not fit any more says so at the next turn.
            let _fits = self.play(&request).is_ok();
        }
    }
}

fn turn(text: String, calls: Vec<RequestedCall>, finish: Option<ScriptFinish>) -> Turn {
    let finish = match finish {
        Some(ScriptFinish::Stop) => Finish::Stop,
        Some(ScriptFinish::ToolCalls) => Finish::ToolCalls,
        Some(ScriptFinish::Length) => Finish::Length,
        Some(ScriptFinish::ContentFilter) => Finish::ContentFilter,
        None if calls.is_empty() => Finish::Stop,
        None => Finish::ToolCalls,
    };
    Turn { text, calls, finish, tokens: Tokens::default(), served_by: None }
}

/// The tool results since the model last spoke.
fn last_results(messages: &[Message]) -> Vec<&str> {
    let since = messages.iter().rposition(|message| matches!(message, Message::Assistant { .. })).unwrap_or(0);
    let results = messages.iter().skip(since).filter_map(|message| match message {
        Message::Tool { content, .. } => Some(content.as_str()),
        _ => None,
    });
    results.collect()
}

fn whole_quote(text: &str) -> Option<&str> {
    text.strip_prefix(QUOTE.0)?.strip_suffix(QUOTE.1).filter(|pointer| !pointer.contains(QUOTE.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(model: &mut Scripted, results: &[&str]) -> Result<Turn, String> {
        let mut messages = vec![Message::Assistant { text: String::new(), calls: Vec::new() }];
        messages.extend(results.iter().map(|result| Message::Tool { id: "1".into(), content: (*result).into() }));
        let request = Request { messages: &messages, tokens: 1, bytes: 1, ..Request::default() };
        model.play(&request).map_err(|error| error.to_string())
    }

    fn scripted(text: &str) -> Scripted {
        Scripted::new("s.toml", Script::parse(text).unwrap())
    }

    #[test]
    fn turns_are_played_in_order_and_say_what_was_found() {
        let mut model = scripted(
            r#"
            [[turn]]
            text = "look"
            [[turn.call]]
            tool = "files.list"
            arguments = { path = "/in" }

            [[turn]]
            expect = "a.txt"
            text = "found {{last:/data/0/name}} of {{last:/data/0/size}} bytes"
            [[turn.call]]
            tool = "files.read"
            arguments = { path = "/in/{{last:/data/0/name}}", limit = "{{last:/data/0/size}}", deep = [["{{last:/data/0/name}}"]] }
            "#,
        );
        assert_eq!(model.identity.kind, Kind::Scripted);
        let first = ask(&mut model, &[]).unwrap();
        assert_eq!((first.calls[0].arguments.as_str(), first.finish), (r#"{"path":"/in"}"#, Finish::ToolCalls));
        assert_eq!(first.tokens, Tokens::default());
        let second = ask(&mut model, &[r#"{"data":[{"name":"a.txt","size":7}]}"#]).unwrap();
        assert_eq!(second.text, "found a.txt of 7 bytes");
        assert_eq!(second.calls[0].arguments, r#"{"deep":[["a.txt"]],"limit":7,"path":"/in/a.txt"}"#);
        assert!(ask(&mut model, &[]).unwrap_err().contains("the script has ended"));
    }

    #[test]
    fn a_turn_may_depend_on_the_last_results() {
        let text = "[[turn]]\nwhen = \"denied\"\ntext = \"refused\"\n[[turn]]\ntext = \"done\"";
        assert_eq!(ask(&mut scripted(text), &["denied"]).unwrap().text, "refused");
        assert_eq!(ask(&mut scripted(text), &["fine"]).unwrap().text, "done");
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_says_where() {
        for (script, words) in [
            ("[[turn]]\nexpect = \"x\"", "contains `x` (turn 1)"),
            ("[[turn]]\ntext = \"{{last:/data/nothing}}\"", "nothing at `/data/nothing`"),
            ("", "the script has ended"),
        ] {
            let error = ask(&mut scripted(script), &[r#"{"data":{}}"#]).unwrap_err();
            assert!(error.contains(words) && error.contains("scripted:s.toml"), "{error}");
        }
        for (script, words) in [
            ("[[turns]]", "unknown field `turns`"),
            ("[[turn]]\ntool = 1", "unknown field `tool`"),
            ("[[turn]]\nfinish = \"later\"", "unknown variant `later`"),
        ] {
            let error = Script::parse(script).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn text_arguments_reach_the_host_as_they_are() {
        let mut model =
            scripted("[[turn]]\n[[turn.call]]\ntool = \"files.read\"\narguments = '{\"path\": '\nid = \"x\"");
        let call = ask(&mut model, &[]).unwrap().calls.remove(0);
        assert_eq!((call.arguments.as_str(), call.id.as_str()), ("{\"path\": ", "x"));
    }
}
