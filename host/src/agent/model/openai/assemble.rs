//! Puts a turn together from the pieces of a streamed answer, or from a whole one.
//!
//! Providers differ in almost everything that the protocol leaves open, so the pieces are read by shape, not by a fixed
//! type. Reading them is lenient where only one meaning is possible; where two are, the answer is an error. No size or
//! number in an answer makes it allocate more than the bytes that were received.

use serde_json::Value;

use super::super::{Error, Finish, Tokens, Turn};
use super::refusal;
use toolhold_core::run::RequestedCall;

/// Calls in one answer. Far more than any run allows; what is beyond is cut.
const MOST_CALLS: usize = 256;

/// A turn in the making.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    calls: Vec<Piece>,
    finish: Option<String>,
    done: bool,
    cut: bool,
    room: usize,
    usage: Option<Tokens>,
    served_by: Option<String>,
}

/// A call in the making.
#[derive(Debug, Default)]
struct Piece {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// What one entry of `tool_calls` says.
struct Entry<'a> {
    index: Option<u64>,
    id: String,
    name: &'a str,
    arguments: Option<&'a Value>,
}

impl Assembly {
    /// An empty one that keeps at most `bytes` of text and arguments.
    pub(super) fn new(bytes: usize) -> Self {
        Self { room: bytes, ..Self::default() }
    }

    /// Whether nothing more will be kept, so that the rest need not be read.
    pub(super) fn is_full(&self) -> bool {
        self.cut || self.done
    }

    /// Whether the provider said why the turn ended, so that nothing of it can be missing.
    pub(super) fn has_ended(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes the data of one event. Returns the text in it.
    pub(super) fn event(&mut self, data: &str) -> Result<String, Error> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        // An event that is no JSON was cut off, by the server or by what lies between.
        let chunk: Value = serde_json::from_str(data).map_err(|_| Error::Truncated)?;
        self.answer(&chunk, "delta")
    }

    /// Takes a whole, unstreamed answer. Returns the text in it.
    pub(super) fn whole(&mut self, answer: &Value) -> Result<String, Error> {
        self.done = true;
        self.answer(answer, "message")
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
            if let (Some(input), Some(output)) = (input, output) {
                self.usage = Some(Tokens { input, output, estimated: false });
            }
        }
        if let Some(model) = answer.get("model").and_then(Value::as_str).filter(|model| !model.is_empty()) {
            self.served_by = Some(model.chars().take(200).collect());
        }
    }

    fn message(&mut self, message: &Value) -> Result<String, Error> {
        match message.get("role").and_then(Value::as_str) {
            None | Some("" | "assistant") => {}
            Some(role) => return Err(Error::Malformed(format!("it speaks as `{}`", shortened(role)))),
        }
        let mut text = content(message.get("content"))?;
        text.push_str(message.get("refusal").and_then(Value::as_str).unwrap_or_default());
        let kept = self.keep(&text);
        text.truncate(kept);
        self.text.push_str(&text);
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
        if self.keep_whole(size) {
            let place = self.place(entry);
            if let Some(piece) = self.calls.get_mut(place) {
                piece.take(entry, &arguments);
            }
        }
    }

    /// Which call an entry belongs to; a new one where it belongs to none.
    fn place(&mut self, entry: &Entry<'_>) -> usize {
        let known = match entry.index {
            Some(index) => self.calls.iter().rposition(|piece| piece.index == Some(index)),
            None if !entry.id.is_empty() => self.calls.iter().rposition(|piece| piece.id == entry.id),
            None => self.calls.len().checked_sub(1),
        };
        if let Some(place) = known.filter(|place| self.calls.get(*place).is_some_and(|piece| piece.continues(entry))) {
            return place;
        }
        if self.calls.len() >= MOST_CALLS {
            self.cut = true;
            return usize::MAX;
        }
        self.calls.push(Piece { index: entry.index, ..Piece::default() });
        self.calls.len() - 1
    }

    /// How many bytes of `text` there is room for. Cuts between characters.
    fn keep(&mut self, text: &str) -> usize {
        let kept = text.floor_char_boundary(self.room);
        self.room -= kept;
        self.cut |= kept < text.len();
        kept
    }

    fn keep_whole(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.room && !self.cut;
        self.cut |= !fits;
        self.room -= if fits { bytes } else { 0 };
        fits
    }

    /// The turn. `sent` is the size of the request in bytes, for a guess where the provider does not count.
    pub(super) fn finish(self, sent: usize) -> Result<Turn, Error> {
        let finish = match self.finish.as_deref() {
            _ if self.cut => Finish::Length,
            Some(word) => finish(word)?,
            // Without a reason, calls may be incomplete; text at most lacks its end, where the server says it is done.
            None if self.done && self.calls.is_empty() => Finish::Other("unsaid".into()),
            None => return Err(Error::Truncated),
        };
        let written = self.text.len() + self.calls.iter().map(Piece::size).sum::<usize>();
        let guess = Tokens { input: tokens_in(sent), output: tokens_in(written), estimated: true };
        let calls = self.calls.into_iter().map(Piece::requested).collect();
        Ok(Turn { text: self.text, calls, finish, tokens: self.usage.unwrap_or(guess), served_by: self.served_by })
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

    fn size(&self) -> usize {
        self.name.len() + self.arguments.len()
    }

    fn requested(self) -> RequestedCall {
        RequestedCall { id: self.id, name: self.name, arguments: self.arguments }
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

/// About four bytes of English or JSON are a token.
fn tokens_in(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
