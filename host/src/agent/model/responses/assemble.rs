//! Puts a turn together from the events of a response, or from a whole one.
//!
//! The protocol says most things twice: in pieces, and again in full. What is said in full completes the pieces, and where
//! it contradicts them the answer is an error: nobody could say which of the two was meant.

use serde_json::Value;

use super::super::draft::{Draft, Piece, Usage, shortened, text_at};
use super::super::protocol::Assembly;
use super::super::{Error, Finish, Turn, refusal};

/// A turn in the making.
#[derive(Debug)]
pub(super) struct ResponseAssembly {
    draft: Draft,
    finish: Option<Finish>,
    done: bool,
    usage: Usage,
}

impl Assembly for ResponseAssembly {
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
        let event: Value = serde_json::from_str(data).map_err(|_| Error::Truncated)?;
        if let Some(error) = refusal::reported(&event) {
            return Err(error);
        }
        let index = event.get("output_index").and_then(Value::as_u64);
        match text_at(&event, "type") {
            "response.output_text.delta" | "response.refusal.delta" => {
                let text = delta(&event)?.to_owned();
                return Ok(self.draft.say(text));
            }
            "response.output_item.added" => self.begin(index, event.get("item")),
            "response.function_call_arguments.delta" => self.append(&event, index)?,
            "response.function_call_arguments.done" => {
                let place = self.place(index, "").ok_or_else(not_begun)?;
                self.complete(place, event.get("arguments"))?;
            }
            "response.output_item.done" => self.item(index, event.get("item"))?,
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.done = true;
                return self.end(event.get("response").unwrap_or(&Value::Null));
            }
            "error" => return Err(refusal::report(&event)),
            _ => self.draft.serve(event.pointer("/response/model").and_then(Value::as_str)),
        }
        Ok(String::new())
    }

    fn whole(&mut self, answer: &Value) -> Result<String, Error> {
        self.done = true;
        if let Some(error) = refusal::reported(answer) {
            return Err(error);
        }
        if !answer.get("output").is_some_and(Value::is_array) {
            return Err(Error::Malformed("it has no `output`".into()));
        }
        self.end(answer)
    }

    fn finish(self: Box<Self>, sent: usize) -> Result<Turn, Error> {
        let finish = match self.finish {
            _ if self.draft.is_cut() => Finish::Length,
            Some(Finish::Stop) if !self.draft.calls.is_empty() => Finish::ToolCalls,
            Some(finish) => finish,
            None if self.done && self.draft.calls.is_empty() => Finish::Other("unsaid".into()),
            None => return Err(Error::Truncated),
        };
        Ok(self.draft.finish(finish, self.usage, sent))
    }
}

impl ResponseAssembly {
    /// An empty one that keeps at most `bytes` of text and arguments.
    pub(super) fn new(bytes: usize) -> Self {
        Self { draft: Draft::new(bytes), finish: None, done: false, usage: Usage::default() }
    }

    /// A call begins.
    fn begin(&mut self, index: Option<u64>, item: Option<&Value>) {
        let Some(item) = item.filter(|item| text_at(item, "type") == "function_call") else { return };
        let piece = piece(index, item);
        if self.draft.keep(piece.id.len() + piece.name.len() + piece.arguments.len()) {
            self.draft.begin(piece);
        }
    }

    fn append(&mut self, event: &Value, index: Option<u64>) -> Result<(), Error> {
        let place = self.place(index, "").ok_or_else(not_begun)?;
        self.draft.append(place, delta(event)?);
        Ok(())
    }

    /// The call of this number, or else of this id; the last one where there is neither.
    fn place(&self, index: Option<u64>, id: &str) -> Option<usize> {
        let calls = &self.draft.calls;
        let by_index = index.and_then(|index| self.draft.place_of(index));
        let by_index = by_index.filter(|place| {
            calls.get(*place).is_some_and(|piece| id.is_empty() || piece.id.is_empty() || piece.id == id)
        });
        let by_id = || calls.iter().position(|piece| !id.is_empty() && piece.id == id);
        let last = || calls.len().checked_sub(1).filter(|_| index.is_none() && id.is_empty());
        by_index.or_else(by_id).or_else(last)
    }

    /// An item in full.
    fn item(&mut self, index: Option<u64>, item: Option<&Value>) -> Result<(), Error> {
        let Some(item) = item.filter(|item| text_at(item, "type") == "function_call") else { return Ok(()) };
        let whole = piece(index, item);
        let Some(place) = self.place(index, &whole.id) else {
            self.begin(index, Some(item));
            return Ok(());
        };
        let known = self.draft.calls.get(place).map(|piece| piece.name.clone()).unwrap_or_default();
        if known != whole.name && !whole.name.is_empty() {
            let (known, whole) = (shortened(&known), shortened(&whole.name));
            return Err(Error::Malformed(format!("one of its calls is of `{known}` and of `{whole}`")));
        }
        self.complete(place, item.get("arguments"))
    }

    /// The arguments of a call in full.
    fn complete(&mut self, place: usize, arguments: Option<&Value>) -> Result<(), Error> {
        let (whole, known) = (as_text(arguments), self.draft.calls.get(place).map(|piece| piece.arguments.as_str()));
        match known {
            Some(known) if known == whole || whole.is_empty() || self.draft.is_cut() => Ok(()),
            Some("") => {
                self.draft.append(place, &whole);
                Ok(())
            }
            _ => Err(Error::Malformed("the arguments of a call are not what its pieces were".into())),
        }
    }

    /// The response in full. Returns the text in it that had not come in pieces.
    fn end(&mut self, response: &Value) -> Result<String, Error> {
        if let Some(error) = refusal::reported(response) {
            return Err(error);
        }
        self.draft.serve(response.get("model").and_then(Value::as_str));
        self.account(response);
        self.finish = Some(match text_at(response, "status") {
            "completed" | "" => Finish::Stop,
            "incomplete" => incomplete(response),
            status => return Err(Error::Malformed(format!("its `status` is `{}`", shortened(status)))),
        });
        let items = response.get("output").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut text = String::new();
        for (index, item) in items.iter().enumerate() {
            self.item(Some(index as u64), Some(item))?;
            text.push_str(&said(item)?);
        }
        Ok(if self.draft.text.is_empty() { self.draft.say(text) } else { String::new() })
    }

    fn account(&mut self, response: &Value) {
        let number = |pointer| response.pointer(pointer).and_then(Value::as_u64);
        self.usage = Usage {
            input: number("/usage/input_tokens"),
            output: number("/usage/output_tokens"),
            cached: number("/usage/input_tokens_details/cached_tokens").unwrap_or_default(),
        };
    }
}

/// What an unfinished response is: cut, whatever the reason, so that no call of it is made.
fn incomplete(response: &Value) -> Finish {
    match response.pointer("/incomplete_details/reason").and_then(Value::as_str) {
        Some("content_filter") => Finish::ContentFilter,
        _ => Finish::Length,
    }
}

/// The text of a message item.
fn said(item: &Value) -> Result<String, Error> {
    if text_at(item, "type") != "message" {
        return Ok(String::new());
    }
    match text_at(item, "role") {
        "" | "assistant" => {}
        role => return Err(Error::Malformed(format!("it speaks as `{}`", shortened(role)))),
    }
    match item.get("content") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            Ok(parts.iter().map(|part| format!("{}{}", text_at(part, "text"), text_at(part, "refusal"))).collect())
        }
        Some(_) => Err(Error::Malformed("its `content` is no text".into())),
    }
}

fn piece(index: Option<u64>, item: &Value) -> Piece {
    let id = Some(text_at(item, "call_id")).filter(|id| !id.is_empty()).unwrap_or(text_at(item, "id"));
    let (id, name) = (id.to_owned(), text_at(item, "name").to_owned());
    Piece { index, id, name, arguments: as_text(item.get("arguments")) }
}

fn delta(event: &Value) -> Result<&str, Error> {
    event.get("delta").and_then(Value::as_str).ok_or_else(|| Error::Malformed("one of its `delta`s is no text".into()))
}

fn as_text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn not_begun() -> Error {
    Error::Malformed("it holds arguments of a call that did not begin".into())
}
