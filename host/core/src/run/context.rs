//! What of a long conversation a model is shown: all of what is new, and of what is old as much as fits.
//!
//! The rule: a result that is larger than [`RunLimits::result_bytes`] is shown in parts. Where the conversation is larger than
//! [`RunLimits::context_bytes`], results, long texts and long arguments of older turns give way, oldest first, until half of
//! that is free again: seldom, so that a provider can keep what it has cached. The rules, the task, what a person said and the
//! last turn always stay. Nothing is lost: the run keeps everything, and a model that wants a part of a result asks for it with
//! [`PART`], which runs nothing.
//!
//! [`RunLimits::result_bytes`]: super::RunLimits::result_bytes
//! [`RunLimits::context_bytes`]: super::RunLimits::context_bytes

use std::borrow::Cow;

use serde_json::{Value, json};

use super::message::{Message, RequestedCall};
use super::tool::ToolSpec;
use crate::id::ToolName;

/// The tool by which a model asks for a part of a result.
pub(crate) const PART: &str = "toolhold.part";
/// How a model spells it.
const SPELLED: &str = "toolhold__part";

/// What is shorter than this stays as it is, however old.
const SHORT: usize = 400;

/// What a model is told of [`PART`]. `None` where a tool of the run has its name.
pub(crate) fn spec(tools: &[ToolSpec]) -> Option<ToolSpec> {
    let name: ToolName = PART.parse().ok().filter(|name| tools.iter().all(|tool| tool.name != *name))?;
    Some(ToolSpec {
        name,
        description: "Returns a part of an earlier result that was too long to be shown, or is not shown any more."
            .into(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "The id that stands where the result is cut."},
                "start": {"type": "integer", "minimum": 0, "description": "The byte to begin with; 0 if left out."},
            },
            "required": ["id"],
            "additionalProperties": false,
        }),
        digest: None,
    })
}

/// What was asked for with [`PART`].
pub(crate) fn asked(arguments: &Value) -> Option<(String, u64)> {
    let id = arguments.get("id")?.as_str()?.to_owned();
    let start = arguments.get("start").map_or(Some(0), Value::as_u64)?;
    let known = ["id", "start"];
    arguments.as_object()?.keys().all(|key| known.contains(&key.as_str())).then_some((id, start))
}

/// A result as it is shown, and whether that is not all of it.
pub(crate) fn shown(id: &str, content: &str, most_bytes: usize) -> (String, bool) {
    if content.len() <= most_bytes {
        return (content.to_owned(), false);
    }
    (part(id, content, 0, most_bytes), true)
}

/// A part of a result: its text, and where the next one begins.
pub(crate) fn part(id: &str, content: &str, start: u64, most_bytes: usize) -> String {
    let of = content.len();
    let start = content.floor_char_boundary(usize::try_from(start).unwrap_or(usize::MAX).min(of));
    let end = content.floor_char_boundary(start.saturating_add(most_bytes).min(of));
    let note = if end < of {
        format!(
            "bytes {start} to {end} of {of}; for more call {SPELLED} with {{\"id\": {}, \"start\": {end}}}",
            json!(id)
        )
    } else {
        format!("bytes {start} to {end} of {of}, the end")
    };
    json!({"truncated": note, "data": content.get(start..end)}).to_string()
}

/// How far back a conversation of this size is shown whole; `before` is how far back it was.
pub(crate) fn boundary(messages: &[Message], before: usize, most_bytes: usize) -> usize {
    let shown = bytes(messages, before);
    if shown <= most_bytes {
        return before;
    }
    let last_turn = messages.iter().rposition(|message| matches!(message, Message::Assistant { .. })).unwrap_or(0);
    let mut left = most_bytes / 2;
    let kept = messages.iter().enumerate().rev().take_while(|(_, message)| {
        let size = size(message, false);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    let first_kept = kept.last().map_or(messages.len(), |(index, _)| index);
    first_kept.min(last_turn).max(before)
}

/// How long the conversation is as a model is shown it.
pub(crate) fn bytes(messages: &[Message], boundary: usize) -> usize {
    messages.iter().enumerate().map(|(index, message)| size(message, index < boundary)).sum()
}

/// The conversation as a model is shown it: what stands before `boundary` is shortened.
pub(crate) fn view(messages: &[Message], boundary: usize) -> Cow<'_, [Message]> {
    if boundary == 0 {
        return Cow::Borrowed(messages);
    }
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| if index < boundary { older(message) } else { message.clone() })
        .collect()
}

fn size(message: &Message, is_older: bool) -> usize {
    let short = |length: usize| if is_older { length.min(SHORT) } else { length };
    match message {
        Message::System(text) | Message::User(text) => text.len(),
        Message::Tool { content, .. } => short(content.len()),
        Message::Assistant { text, calls } => {
            short(text.len()) + calls.iter().map(|call| call.name.len() + short(call.arguments.len())).sum::<usize>()
        }
    }
}

fn older(message: &Message) -> Message {
    match message {
        Message::Tool { id, content } if content.len() > SHORT => {
            let note = format!(
                "an older result of {} bytes; to see it again call {SPELLED} with {{\"id\": {}}}",
                content.len(),
                json!(id)
            );
            Message::Tool { id: id.clone(), content: json!({"omitted": note}).to_string() }
        }
        Message::Assistant { text, calls } => {
            let start = text.get(..text.floor_char_boundary(SHORT)).unwrap_or_default();
            let text = if start.len() < text.len() { format!("{start}…") } else { text.clone() };
            Message::Assistant { text, calls: calls.iter().map(older_call).collect() }
        }
        other => other.clone(),
    }
}

fn older_call(call: &RequestedCall) -> RequestedCall {
    if call.arguments.len() <= SHORT {
        return call.clone();
    }
    let arguments = json!({"omitted": format!("{} bytes", call.arguments.len())}).to_string();
    RequestedCall { arguments, ..call.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(id: usize, bytes: usize) -> Message {
        Message::Tool { id: id.to_string(), content: "x".repeat(bytes) }
    }

    fn turn(id: usize, bytes: usize) -> [Message; 2] {
        let call = RequestedCall { id: id.to_string(), name: "a__b".into(), arguments: "{}".into() };
        [Message::Assistant { text: String::new(), calls: vec![call] }, tool(id, bytes)]
    }

    #[test]
    fn parts_of_a_result_are_the_whole_result_and_none_splits_a_character() {
        let content = "aé漢".repeat(500);
        for most in [1, 2, 3, 7, 100, 10_000] {
            let (mut start, mut whole) = (0, String::new());
            for _ in 0..10_000 {
                let shown: Value = serde_json::from_str(&part("i", &content, start, most.max(4))).unwrap();
                let data = shown["data"].as_str().unwrap();
                whole.push_str(data);
                start += data.len() as u64;
                if shown["truncated"].as_str().unwrap().ends_with("the end") {
                    break;
                }
            }
            assert_eq!(whole, content, "{most}");
        }
        assert!(part("i", "abc", 99, 10).contains("bytes 3 to 3 of 3, the end"));
    }

    #[test]
    fn old_results_give_way_until_half_is_free_and_the_last_turn_stays() {
        let mut messages = vec![Message::System("s".repeat(1000)), Message::User("t".repeat(1000))];
        let mut boundary = 0;
        let mut moves = 0;
        for id in 0..40 {
            messages.extend(turn(id, 10_000));
            let next = super::boundary(&messages, boundary, 100_000);
            moves += usize::from(next != boundary);
            assert!(next >= boundary);
            boundary = next;
            let shown = view(&messages, boundary);
            let bytes: usize = shown.iter().map(|message| size(message, false)).sum();
            assert!(bytes <= 110_000, "{id}: {bytes}");
            assert_eq!(shown.last(), messages.last());
            assert_eq!(shown[..2], messages[..2]);
            assert_eq!(shown.len(), messages.len());
        }
        assert!((5..=12).contains(&moves), "{moves}");
    }

    #[test]
    fn the_last_turn_stays_even_if_it_is_too_large() {
        let mut messages = vec![Message::User("t".into())];
        messages.extend(turn(1, 5_000));
        messages.extend(turn(2, 500_000));
        let boundary = boundary(&messages, 0, 1_000);
        assert_eq!(boundary, 3);
        let shown = view(&messages, boundary);
        assert_eq!(shown[4], messages[4]);
        let Message::Tool { content, .. } = &shown[2] else { panic!() };
        assert!(content.contains("5000 bytes") && content.contains(r#"{\"id\": \"1\"}"#), "{content}");
    }

    #[test]
    fn only_well_formed_requests_for_a_part_count() {
        assert_eq!(asked(&json!({"id": "a"})), Some(("a".into(), 0)));
        assert_eq!(asked(&json!({"id": "a", "start": 7})), Some(("a".into(), 7)));
        for wrong in [json!({}), json!({"id": 1}), json!({"id": "a", "start": -1}), json!({"id": "a", "other": 1})] {
            assert_eq!(asked(&wrong), None, "{wrong}");
        }
    }
}
