//! Anthropic's messages as they are, as they are meant, and as they go wrong.

use std::time::Duration;

use serde_json::{Value, json};
use toolhold_core::manifest::Api;

use super::asking::{Asked, ask, ask_with, broken_transport, calls, conversation, each_is, then};
use super::server::{Act, Reply, http, sse};
use crate::agent::model::{Error, Finish, Retry};

const API: Api = Api::Anthropic;
const START: &str = r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-x","content":[],"usage":{"input_tokens":11,"cache_creation_input_tokens":20,"cache_read_input_tokens":300,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const PING: &str = r#"{"type":"ping"}"#;

fn text(index: u64, words: &str) -> String {
    json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": words}}).to_string()
}

fn begin(index: u64, id: &str, name: &str) -> String {
    let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
    json!({"type": "content_block_start", "index": index, "content_block": block}).to_string()
}

fn input(index: u64, json: &str) -> String {
    let delta = json!({"type": "input_json_delta", "partial_json": json});
    json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string()
}

fn end(index: u64) -> String {
    json!({"type": "content_block_stop", "index": index}).to_string()
}

fn because(reason: &str) -> String {
    json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}}).to_string()
}

/// A stream of these events between a start and a stop.
fn message(events: &[String], reason: &str) -> Reply {
    let reason = because(reason);
    let events = events.iter().map(String::as_str);
    sse(&[START].into_iter().chain(events).chain([reason.as_str(), STOP]).collect::<Vec<_>>())
}

fn whole(content: &Value, reason: &str) -> Reply {
    let body = json!({"type": "message", "role": "assistant", "model": "claude-x", "content": content,
        "stop_reason": reason, "usage": {"input_tokens": 7, "output_tokens": 3}});
    http(200, &[("content-type", "application/json")], &body.to_string())
}

#[tokio::test]
async fn text_comes_through_with_its_reason_and_what_it_took() {
    for (reason, finish) in [
        ("end_turn", Finish::Stop),
        ("stop_sequence", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("model_context_window_exceeded", Finish::Length),
        ("refusal", Finish::ContentFilter),
        ("pause_turn", Finish::Other("pause_turn".into())),
    ] {
        let asked = ask(API, vec![message(&[text(0, "hel"), PING.into(), text(0, "lo"), end(0)], reason)]).await;
        let turn = asked.turn.unwrap();
        assert_eq!((turn.text.as_str(), asked.text.as_str(), turn.finish), ("hello", "hello", finish), "{reason}");
        assert_eq!(turn.served_by.as_deref(), Some("claude-x"));
        let tokens = turn.tokens;
        assert_eq!((tokens.input, tokens.cached, tokens.output, tokens.estimated), (331, 300, 5, false));
    }
    let turn = ask(API, vec![whole(&json!([{"type": "text", "text": "hello"}]), "end_turn")]).await.turn.unwrap();
    assert_eq!((turn.text.as_str(), turn.finish, turn.tokens.total()), ("hello", Finish::Stop, 10));
}

#[tokio::test]
async fn calls_come_through_every_form_of_answer() {
    let one = [("t1", "files__read", r#"{"path":"/a"}"#)];
    let two = [("t1", "files__read", "{}"), ("t2", "files__read", r#"{"n":2}"#)];
    let given = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "tool_use", "id": "t1", "name": "files__read", "input": {"path": "/a"}}});
    let used = |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "files__read", "input": input});
    for (name, reply, expected) in [
        (
            "in pieces",
            message(
                &[begin(0, "t1", "files__read"), input(0, ""), input(0, "{\"pa"), input(0, "th\":\"/a\"}"), end(0)],
                "tool_use",
            ),
            one.as_slice(),
        ),
        (
            "interleaved",
            message(
                &[
                    begin(1, "t1", "files__read"),
                    begin(2, "t2", "files__read"),
                    input(2, "{\"n\""),
                    input(1, "{}"),
                    input(2, ":2}"),
                ],
                "tool_use",
            ),
            &two,
        ),
        (
            "all under one index",
            message(
                &[begin(0, "t1", "files__read"), input(0, "{}"), begin(0, "t2", "files__read"), input(0, "{\"n\":2}")],
                "tool_use",
            ),
            &two,
        ),
        ("given at once", message(&[given.to_string(), end(0)], "tool_use"), &one),
        (
            "without arguments",
            message(&[begin(0, "t1", "files__read"), end(0)], "tool_use"),
            &[("t1", "files__read", "")],
        ),
        (
            "without an id",
            message(&[begin(0, "", "files__read"), input(0, "{}")], "tool_use"),
            &[("", "files__read", "{}")],
        ),
        (
            "with one id twice",
            message(
                &[begin(0, "t", "files__read"), input(0, "{}"), begin(1, "t", "files__read"), input(1, "{}")],
                "tool_use",
            ),
            &[("t", "files__read", "{}"), ("t", "files__read", "{}")],
        ),
        (
            "cut off within the arguments",
            message(&[begin(0, "t1", "files__read"), input(0, "{\"path\":\"/")], "tool_use"),
            &[("t1", "files__read", "{\"path\":\"/")],
        ),
        (
            "in one piece",
            whole(&json!([used("t1", json!({})), used("t2", json!({"n": 2}))]), "tool_use"),
            &[("t1", "files__read", ""), ("t2", "files__read", r#"{"n":2}"#)],
        ),
        ("with a text as input", whole(&json!([used("t1", json!("{"))]), "tool_use"), &[("t1", "files__read", "{")]),
    ] {
        let turn = ask(API, vec![reply]).await.turn.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((calls(&turn).as_slice(), &turn.finish), (expected, &Finish::ToolCalls), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_taken_for_an_answer() {
    let thinking =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}});
    let block =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "hm"}});
    let other = json!({"type": "surprise", "text": "x"});
    let turn = ask(
        API,
        vec![message(&[block.to_string(), thinking.to_string(), other.to_string(), text(1, "hello")], "end_turn")],
    )
    .await
    .turn
    .unwrap();
    assert_eq!(turn.text, "hello");
}

#[tokio::test]
async fn what_is_broken_is_an_error_and_never_a_turn() {
    each_is(API, broken_transport()).await;
    let user = START.replace("assistant", "user");
    let stream = |events: &[&str]| sse(events);
    let (call, more, hello) = (begin(0, "t1", "files__read"), input(0, "{}"), text(0, "hello"));
    let (stray, over) = (input(7, "{}"), because("end_turn"));
    let no_text =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 7}}).to_string();
    each_is(
        API,
        vec![
            ("an end within text", stream(&[START, &hello]), "model-truncated"),
            ("an end within a call", stream(&[START, &call, &more]), "model-truncated"),
            ("a call without a reason but done", stream(&[START, &call, &more, STOP]), "model-truncated"),
            ("silence within text", then(stream(&[START, &hello]), Act::Stall), "model-stalled"),
            ("another role", stream(&[&user, &hello, &over, STOP]), "model-malformed"),
            ("arguments of no call", stream(&[START, &stray, &over, STOP]), "model-malformed"),
            ("a delta that is no text", stream(&[START, &no_text, &over, STOP]), "model-malformed"),
            ("content that is no list", whole(&json!("x"), "end_turn"), "model-malformed"),
            (
                "an error within",
                stream(&[
                    START,
                    &hello,
                    r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                ]),
                "model-error",
            ),
            ("an error without words", stream(&[START, r#"{"type":"error"}"#]), "model-error"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_was_whole_outlives_its_connection() {
    let over = because("end_turn");
    for reply in [sse(&[START, &text(0, "hello"), &over]), then(sse(&[START, &text(0, "hello"), &over]), Act::Stall)] {
        assert_eq!(ask(API, vec![reply]).await.turn.unwrap().text, "hello");
    }
    let turn = ask(API, vec![sse(&[START, &text(0, "hello"), STOP])]).await.turn.unwrap();
    assert_eq!(turn.finish, Finish::Other("unsaid".into()));
}

#[tokio::test]
async fn endless_repetition_is_cut_at_a_size_without_reading_on() {
    let endless = |event: String| {
        let events: Vec<_> = [START.to_owned()].into_iter().chain(vec![event; 2000]).collect();
        then(sse(&events.iter().map(String::as_str).collect::<Vec<_>>()), Act::Stall)
    };
    let turn = ask(API, vec![endless(text(0, "hello"))]).await.turn.unwrap();
    assert_eq!((turn.text.len(), turn.finish), (4096, Finish::Length));
    let turn = ask(API, vec![endless(begin(0, "t", "n"))]).await.turn.unwrap();
    assert_eq!((turn.calls.len(), turn.finish), (256, Finish::Length));
}

#[tokio::test]
async fn refusals_say_whether_and_when_asking_again_can_help() {
    let error = |kind: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"no"}}}}"#);
    let wait = Duration::from_secs(7);
    for (status, kind, retry_after, retry) in [
        (429, "rate_limit_error", Some("7"), Retry::After(wait)),
        (529, "overloaded_error", Some("7"), Retry::After(wait)),
        (529, "overloaded_error", None, Retry::Later),
        (500, "api_error", None, Retry::Later),
        (400, "invalid_request_error", None, Retry::Never),
        (401, "authentication_error", None, Retry::Never),
        (413, "request_too_large", None, Retry::Never),
    ] {
        let headers: Vec<_> = retry_after.iter().map(|wait| ("retry-after", *wait)).collect();
        let Asked { turn, .. } = ask(API, vec![http(status, &headers, &error(kind))]).await;
        let found = turn.unwrap_err();
        assert!(matches!(found, Error::Status { status: is, .. } if is == status), "{found}");
        assert_eq!(found.retry(), retry, "{status} {kind}");
    }
    for (kind, retry) in
        [("overloaded_error", Retry::Later), ("api_error", Retry::Later), ("invalid_request_error", Retry::Never)]
    {
        let found = ask(API, vec![sse(&[START, &error(kind)])]).await.turn.unwrap_err();
        assert_eq!((found.code(), found.retry()), ("model-error", retry), "{kind}");
    }
}

#[tokio::test]
async fn the_request_holds_what_it_should_and_the_key_in_one_header_only() {
    let messages = conversation();
    let reply = message(&[text(0, "hello")], "end_turn");
    let asked =
        ask_with(API, vec![reply], |request| crate::agent::model::Request { messages: &messages, ..request }).await;
    let request = asked.server.asked().remove(0);
    let head = request.head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/messages http/1.1\r\n"), "{head}");
    assert!(head.contains("x-api-key: sk-very-secret") && head.contains("anthropic-version: 2023-06-01"), "{head}");
    assert!(head.matches("sk-very-secret").count() == 1 && !head.contains("authorization"));
    let other_id = request.body["messages"][1]["content"][2]["id"].as_str().unwrap().to_owned();
    assert!(other_id.starts_with("call_") && !other_id.contains(' '));
    let expected = json!({
        "model": "some-model",
        "max_tokens": 100,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "do it"}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "let me see"},
                {"type": "tool_use", "id": "c1", "name": "files__read", "input": {"path": "/a"}},
                {"type": "tool_use", "id": other_id, "name": "files__read", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "{\"data\":\"c1\"}"},
                {"type": "tool_result", "tool_use_id": other_id, "content": "{\"data\":\"c 2\"}"},
                {"type": "text", "text": "go on"},
            ]},
        ],
        "stream": true,
        "system": "be good",
        "tools": [{"name": "files__read", "description": "reads", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
    });
    assert_eq!(request.body, expected);
}

#[tokio::test]
async fn a_last_answer_names_the_tools_that_are_gone_and_forbids_them() {
    let messages = conversation();
    let reply = message(&[text(0, "hello")], "end_turn");
    let last = |request| crate::agent::model::Request { messages: &messages, tools: &[], last: true, ..request };
    let body = ask_with(API, vec![reply], last).await.server.asked().remove(0).body;
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert_eq!((body["tools"].as_array().unwrap().len(), &body["tools"][0]["name"]), (1, &json!("files__read")));
}
