//! Puts a turn together from the events of a message, or from a whole one.

use serde_json::Value;
use toolhold_core::run::RequestedCall;

use super::super::draft::{Draft, Piece, Usage, shortened, text_at};
use super::super::protocol::Assembly;
use super::super::{Error, Finish, Turn, refusal};
use super::{ANSWER, Form};

/// A turn in the making.
#[derive(Debug)]
pub(super) struct MessageAssembly {
    draft: Draft,
    finish: Option<Finish>,
    done: bool,
    counted: Counted,
    /// How the answer comes as a call, if it does.
    form: Option<Form>,
}

/// What the provider counted. Each number stands for all so far, and may come more than once.
#[derive(Debug, Default)]
struct Counted {
    input: Option<u64>,
    cache_written: u64,
    cache_read: u64,
    output: Option<u64>,
}

impl Assembly for MessageAssembly {
    fn is_full(&self) -> bool {
        self.draft.is_cut() || self.done
    }

    fn has_ended(&self) -> bool {
        self.finish.is_some()
    }

    fn event(&mut self, data: &str) -> Result<String, Error> {
        // An event that is no JSON was cut off, by the server or by what lies between.
        let event: Value = serde_json::from_str(data).map_err(|_| Error::Truncated)?;
        if let Some(error) = refusal::reported(&event) {
            return Err(error);
        }
        let index = event.get("index").and_then(Value::as_u64);
        match text_at(&event, "type") {
            "message_start" => self.head(event.get("message").unwrap_or(&Value::Null))?,
            "content_block_start" => return Ok(self.block(index, event.get("content_block"))),
            "content_block_delta" => return self.delta(index, event.get("delta").unwrap_or(&Value::Null)),
            "message_delta" => {
                self.counted.take(event.get("usage"));
                self.stop(event.get("delta").unwrap_or(&Value::Null));
            }
            "message_stop" => self.done = true,
            "error" => return Err(refusal::report(&event)),
            _ => {}
        }
        Ok(String::new())
    }

    fn whole(&mut self, answer: &Value) -> Result<String, Error> {
        self.done = true;
        if let Some(error) = refusal::reported(answer) {
            return Err(error);
        }
        let Some(Value::Array(blocks)) = answer.get("content") else {
            return Err(Error::Malformed("it has no `content`".into()));
        };
        self.head(answer)?;
        let mut text = String::new();
        for (index, block) in blocks.iter().enumerate() {
            text.push_str(&self.block(Some(index as u64), Some(block)));
        }
        self.stop(answer);
        Ok(text)
    }

    fn finish(mut self: Box<Self>, sent: usize) -> Result<Turn, Error> {
        let finish = match self.finish.take() {
            _ if self.draft.is_cut() => Finish::Length,
            Some(finish) => finish,
            None if self.done && self.draft.calls.is_empty() => Finish::Other("unsaid".into()),
            None => return Err(Error::Truncated),
        };
        let mut turn = self.draft.finish(finish, self.counted.usage(), sent);
        if let Some(form) = self.form {
            answer(&mut turn, form);
        }
        Ok(turn)
    }
}

impl MessageAssembly {
    /// An empty one that keeps at most `bytes` of text and arguments.
    pub(super) fn new(bytes: usize, form: Option<Form>) -> Self {
        Self { draft: Draft::new(bytes), finish: None, done: false, counted: Counted::default(), form }
    }

    fn head(&mut self, message: &Value) -> Result<(), Error> {
        match text_at(message, "role") {
            "" | "assistant" => {}
            role => return Err(Error::Malformed(format!("it speaks as `{}`", shortened(role)))),
        }
        self.draft.serve(message.get("model").and_then(Value::as_str));
        self.counted.take(message.get("usage"));
        Ok(())
    }

    /// A block begins, or is whole. Returns the text in it.
    fn block(&mut self, index: Option<u64>, block: Option<&Value>) -> String {
        let Some(block) = block else { return String::new() };
        match text_at(block, "type") {
            "text" => self.draft.say(text_at(block, "text").to_owned()),
            "tool_use" => {
                // Streamed, what stands here is an empty object, and the arguments follow in pieces.
                let given = block.get("input").filter(|input| input.as_object().is_none_or(|input| !input.is_empty()));
                let arguments = match given {
                    None | Some(Value::Null) => String::new(),
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                };
                let (id, name) = (text_at(block, "id").to_owned(), text_at(block, "name").to_owned());
                if self.draft.keep(id.len() + name.len() + arguments.len()) {
                    self.draft.begin(Piece { index, id, name, arguments });
                }
                String::new()
            }
            _ => String::new(),
        }
    }

    fn delta(&mut self, index: Option<u64>, delta: &Value) -> Result<String, Error> {
        let piece = |key: &str| {
            let text = delta.get(key).and_then(Value::as_str);
            text.ok_or_else(|| Error::Malformed(format!("one of its deltas has no `{key}`")))
        };
        match text_at(delta, "type") {
            "text_delta" => Ok(self.draft.say(piece("text")?.to_owned())),
            "input_json_delta" => {
                let last = || self.draft.calls.len().checked_sub(1);
                let place = index.map_or_else(last, |index| self.draft.place_of(index));
                let not_begun = || Error::Malformed("it holds arguments of a call that did not begin".into());
                self.draft.append(place.ok_or_else(not_begun)?, piece("partial_json")?);
                Ok(String::new())
            }
            _ => Ok(String::new()),
        }
    }

    fn stop(&mut self, of: &Value) {
        self.finish = match text_at(of, "stop_reason") {
            "" => self.finish.take(),
            "end_turn" | "stop_sequence" => Some(Finish::Stop),
            "tool_use" => Some(Finish::ToolCalls),
            "max_tokens" | "model_context_window_exceeded" => Some(Finish::Length),
            "refusal" => Some(Finish::ContentFilter),
            other => Some(Finish::Other(shortened(other))),
        };
    }
}

impl Counted {
    fn take(&mut self, usage: Option<&Value>) {
        let number = |name| usage.and_then(|usage| usage.get(name)).and_then(Value::as_u64);
        self.input = number("input_tokens").or(self.input);
        self.output = number("output_tokens").or(self.output);
        self.cache_written = number("cache_creation_input_tokens").unwrap_or(self.cache_written);
        self.cache_read = number("cache_read_input_tokens").unwrap_or(self.cache_read);
    }

    /// The protocol does not count what is cached as input; everybody else does.
    fn usage(&self) -> Usage {
        let read = |input: u64| input.saturating_add(self.cache_written).saturating_add(self.cache_read);
        Usage { input: self.input.map(read), output: self.output, cached: self.cache_read }
    }
}

/// A call of the answer's own tool becomes the text of the turn. Beside calls of other tools it came too early, and is
/// dropped: the model does not know their results yet.
fn answer(turn: &mut Turn, form: Form) {
    let is_answer = |call: &RequestedCall| call.name == ANSWER;
    let Some(given) = turn.calls.iter().find(|call| is_answer(call)).cloned() else { return };
    turn.calls.retain(|call| !is_answer(call));
    if !turn.calls.is_empty() {
        return;
    }
    let arguments: Option<Value> = serde_json::from_str(&given.arguments).ok().filter(|_| form == Form::Within);
    // What is not as asked for is shown as it is: whoever knows the form says what is wrong with it.
    turn.text = match arguments.as_ref().and_then(|arguments| arguments.get("answer")) {
        Some(answer) => answer.to_string(),
        None => given.arguments,
    };
    if turn.finish == Finish::ToolCalls {
        turn.finish = Finish::Stop;
    }
}
