//! Puts a turn together from the pieces of a streamed answer, or from a whole one.
//!
//! Providers differ in almost everything that the protocol leaves open, so the pieces are read by shape, not by a fixed
//! type. Reading them is lenient where only one meaning is possible; where two are, the answer is an error.

use serde_json::Value;

use super::super::draft::{Draft, Piece, Usage, shortened};
use super::super::protocol::Assembly;
use super::super::{Error, Finish, Turn, refusal};

/// A turn in the making.
#[derive(Debug)]
pub(super) struct ChatAssembly {
    draft: Draft,
    finish: Option<String>,
    done: bool,
    usage: Usage,
}

/// What one entry of `tool_calls` says.
struct Entry<'a> {
    index: Option<u64>,
    id: String,
    name: &'a str,
    arguments: Option<&'a Value>,
}

impl Assembly for ChatAssembly {
    fn is_full(&self) -> bool {
        self.draft.is_cut() || self.done
    }

    fn has_ended(&self) -> bool {
        self.finish.is_some()
    }

    fn event(&mut self, data: &str) -> Result<String, Error> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        // An event that is no JSON was cut off, by the server or by what lies between.
        let chunk: Value = serde_json::from_str(data).map_err(|_| Error::Truncated)?;
        self.answer(&chunk, "delta")
    }

    fn whole(&mut self, answer: &Value) -> Result<String, Error> {
        self.done = true;
        self.answer(answer, "message")
    }

    fn finish(self: Box<Self>, sent: usize) -> Result<Turn, Error> {
        let finish = match self.finish.as_deref() {
            _ if self.draft.is_cut() => Finish::Length,
            Some(word) => finish(word)?,
            // Without a reason, calls may be incomplete; text at most lacks its end, where the server says it is done.
            None if self.done && self.draft.calls.is_empty() => Finish::Other("unsaid".into()),
            None => return Err(Error::Truncated),
        };
        Ok(self.draft.finish(finish, self.usage, sent))
    }
}

impl ChatAssembly {
    /// An empty one that keeps at most `bytes` of text and arguments.
    pub(super) fn new(bytes: usize) -> Self {
        Self { draft: Draft::new(bytes), finish: None, done: false, usage: Usage::default() }
    }

    fn answer(&mut self, answer: &Value, part: &str) -> Result<String, Error> {
        if let Some(error) = refusal::reported(answer) {
            return Err(error);
        }
        self.account(answer);
        let choices = match answer.get("choices") {
            Some(Value::Array(choices)) => choices.as_slice(),
            None | Some(Value::Null) if answer.get("usage").is_some() || part == "delta" && answer.is_object() => &[],
            _ => return Err(Error::Malformed("it has no `choices`".into())),
        };
        let Some(choice) = choices.iter().find(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0)
        else {
            return Ok(String::new());
        };
        if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str).filter(|finish| !finish.is_empty()) {
            self.finish = Some(finish.chars().take(60).collect());
        }
        match choice.get(part) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(message) => self.message(message),
        }
    }

    fn account(&mut self, answer: &Value) {
        if let Some(usage) = answer.get("usage").filter(|usage| usage.is_object()) {
            let number = |name| usage.get(name).and_then(Value::as_u64);
            let (input, output) = (number("prompt_tokens"), number("completion_tokens"));
            if input.is_some() && output.is_some() {
                let cached = usage.pointer("/prompt_tokens_details/cached_tokens").and_then(Value::as_u64);
                self.usage = Usage { input, output, cached: cached.unwrap_or_default() };
            }
        }
        self.draft.serve(answer.get("model").and_then(Value::as_str));
    }

    fn message(&mut self, message: &Value) -> Result<String, Error> {
        match message.get("role").and_then(Value::as_str) {
            None | Some("" | "assistant") => {}
            Some(role) => return Err(Error::Malformed(format!("it speaks as `{}`", shortened(role)))),
        }
        let mut text = content(message.get("content"))?;
        text.push_str(message.get("refusal").and_then(Value::as_str).unwrap_or_default());
        let text = self.draft.say(text);
        self.requested(message)?;
        Ok(text)
    }

    fn requested(&mut self, message: &Value) -> Result<(), Error> {
        match message.get("tool_calls") {
            None | Some(Value::Null) => {}
            Some(Value::Array(entries)) => entries.iter().for_each(|entry| self.entry(&Entry::of(entry))),
            Some(Value::Object(_)) => self.entry(&Entry::of(&message["tool_calls"])),
            Some(_) => return Err(Error::Malformed("its `tool_calls` is no list".into())),
        }
        if let Some(call) = message.get("function_call").filter(|call| call.is_object()) {
            self.entry(&Entry::legacy(call));
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>) {
        let arguments = match entry.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let size = entry.id.len() + entry.name.len() + arguments.len();
        if self.draft.keep(size)
            && let Some(place) = self.place(entry)
            && let Some(piece) = self.draft.calls.get_mut(place)
        {
            piece.take(entry, &arguments);
        }
    }

    /// Which call an entry belongs to; a new one where it belongs to none.
    fn place(&mut self, entry: &Entry<'_>) -> Option<usize> {
        let calls = &self.draft.calls;
        let known = match entry.index {
            Some(index) => self.draft.place_of(index),
            None if !entry.id.is_empty() => calls.iter().rposition(|piece| piece.id == entry.id),
            None => calls.len().checked_sub(1),
        };
        let known = known.filter(|place| calls.get(*place).is_some_and(|piece| piece.continues(entry)));
        known.or_else(|| self.draft.begin(Piece { index: entry.index, ..Piece::default() }))
    }
}

impl<'a> Entry<'a> {
    fn of(entry: &'a Value) -> Self {
        let function = entry.get("function").unwrap_or(&Value::Null);
        let index = match entry.get("index") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(index) => index.as_u64(),
            None => None,
        };
        Self { index, id: id_of(entry.get("id")), ..Self::legacy(function) }
    }

    fn legacy(function: &'a Value) -> Self {
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        Self { index: None, id: String::new(), name, arguments: function.get("arguments") }
    }
}

impl Piece {
    /// Whether `entry` is more of this call rather than another one under the same index.
    fn continues(&self, entry: &Entry<'_>) -> bool {
        let other_id = !entry.id.is_empty() && !self.id.is_empty() && entry.id != self.id;
        let other_name = !entry.name.is_empty() && !self.name.is_empty() && !self.arguments.is_empty();
        let same_call = !entry.id.is_empty() && entry.id == self.id || entry.index.is_some() && entry.name == self.name;
        !other_id && (!other_name || same_call)
    }

    fn take(&mut self, entry: &Entry<'_>, arguments: &str) {
        if self.id.is_empty() {
            self.id.clone_from(&entry.id);
        }
        if self.name != entry.name {
            self.name.push_str(entry.name);
        }
        self.arguments.push_str(arguments);
    }
}

fn id_of(id: Option<&Value>) -> String {
    match id {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    }
}

/// Text, or a list of parts of which the text ones count.
fn content(content: Option<&Value>) -> Result<String, Error> {
    match content {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => Ok(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()),
        Some(_) => Err(Error::Malformed("its `content` is no text".into())),
    }
}

fn finish(word: &str) -> Result<Finish, Error> {
    Ok(match word {
        "stop" | "end_turn" | "eos" | "stop_sequence" => Finish::Stop,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "content_filter" | "safety" | "refusal" => Finish::ContentFilter,
        "error" => {
            let message = "the answer ended with `finish_reason` `error`".into();
            return Err(Error::Reported { code: String::new(), message, passing: true });
        }
        other => Finish::Other(other.to_owned()),
    })
}
