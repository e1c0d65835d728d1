//! OpenAI's responses as they are, as they are meant, and as they go wrong.

use serde_json::{Value, json};
use toolhold_core::manifest::Api;

use super::asking::{ask, ask_with, broken_transport, calls, conversation, each_is, then};
use super::server::{Act, Reply, http, sse};
use crate::agent::model::{Finish, Request, Retry};

const API: Api = Api::OpenAiResponses;
const CREATED: &str = r#"{"type":"response.created","response":{"id":"r","status":"in_progress","model":"gpt-x","output":[],"usage":null,"error":null}}"#;
const ARGUMENTS: &str = r#"{"path":"/a"}"#;

fn text(words: &str) -> String {
    json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": words}).to_string()
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": "files__read", "arguments": arguments})
}

fn added(index: u64, id: &str) -> String {
    json!({"type": "response.output_item.added", "output_index": index, "item": call(id, "")}).to_string()
}

fn piece(index: u64, arguments: &str) -> String {
    json!({"type": "response.function_call_arguments.delta", "output_index": index, "delta": arguments}).to_string()
}

fn all(index: u64, arguments: &str) -> String {
    json!({"type": "response.function_call_arguments.done", "output_index": index, "arguments": arguments}).to_string()
}

fn done(index: u64, item: Value) -> String {
    json!({"type": "response.output_item.done", "output_index": index, "item": item}).to_string()
}

fn said(words: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": words}]})
}

fn response(status: &str, output: &Value) -> Value {
    let usage = json!({"input_tokens": 11, "input_tokens_details": {"cached_tokens": 9}, "output_tokens": 5});
    json!({"id": "r", "object": "response", "status": status, "model": "gpt-x", "output": output, "usage": usage, "error": null})
}

fn ended(output: &Value) -> String {
    json!({"type": "response.completed", "response": response("completed", output)}).to_string()
}

/// A stream that begins, holds these events and is completed with this output.
fn stream(events: &[String], output: &Value) -> Reply {
    let end = ended(output);
    let events = events.iter().map(String::as_str);
    sse(&[CREATED].into_iter().chain(events).chain([end.as_str()]).collect::<Vec<_>>())
}

fn whole(response: &Value) -> Reply {
    http(200, &[("content-type", "application/json")], &response.to_string())
}

#[tokio::test]
async fn text_comes_through_every_form_of_answer() {
    for (name, reply) in [
        ("in pieces", stream(&[text("hel"), text("lo")], &json!([said("hello")]))),
        ("in pieces alone", stream(&[text("hello")], &json!([]))),
        ("at the end alone", stream(&[], &json!([said("hello")]))),
        (
            "with a line of another protocol",
            then(stream(&[text("hello")], &json!([])), Act::Send(b"data: [DONE]\n\n".to_vec())),
        ),
        ("in one piece", whole(&response("completed", &json!([{"type": "reasoning"}, said("hello")])))),
    ] {
        let asked = ask(API, vec![reply]).await;
        let turn = asked.turn.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((turn.text.as_str(), asked.text.as_str(), turn.finish), ("hello", "hello", Finish::Stop), "{name}");
        let tokens = turn.tokens;
        assert_eq!((tokens.input, tokens.cached, tokens.output, tokens.estimated), (11, 9, 5, false), "{name}");
        assert_eq!(turn.served_by.as_deref(), Some("gpt-x"), "{name}");
    }
}

#[tokio::test]
async fn calls_come_through_every_form_of_answer() {
    let one = [("c1", "files__read", ARGUMENTS)];
    let two = [("c1", "files__read", "{}"), ("c2", "files__read", ARGUMENTS)];
    let without_index = |event: String| event.replace("\"output_index\":0,", "");
    for (name, reply, expected) in [
        (
            "said three times",
            stream(
                &[
                    added(0, "c1"),
                    piece(0, "{\"path\""),
                    piece(0, ":\"/a\"}"),
                    all(0, ARGUMENTS),
                    done(0, call("c1", ARGUMENTS)),
                ],
                &json!([call("c1", ARGUMENTS)]),
            ),
            one.as_slice(),
        ),
        ("in pieces alone", stream(&[added(0, "c1"), piece(0, ARGUMENTS)], &json!([])), &one),
        ("as items alone", stream(&[done(0, call("c1", ARGUMENTS))], &json!([])), &one),
        ("at the end alone", stream(&[], &json!([call("c1", ARGUMENTS)])), &one),
        ("after text in pieces", stream(&[text("hi")], &json!([said("hi"), call("c1", ARGUMENTS)])), &one),
        (
            "without an index",
            stream(
                &[without_index(added(0, "c1")), without_index(piece(0, ARGUMENTS))],
                &json!([call("c1", ARGUMENTS)]),
            ),
            &one,
        ),
        (
            "interleaved",
            stream(
                &[added(1, "c1"), added(2, "c2"), piece(2, ARGUMENTS), piece(1, "{}")],
                &json!([{"type": "reasoning"}, call("c1", "{}"), call("c2", ARGUMENTS)]),
            ),
            &two,
        ),
        (
            "with one id twice",
            stream(
                &[added(0, "c"), piece(0, "{}"), added(1, "c"), piece(1, ARGUMENTS), done(1, call("c", ARGUMENTS))],
                &json!([]),
            ),
            &[("c", "files__read", "{}"), ("c", "files__read", ARGUMENTS)],
        ),
        ("in one piece", whole(&response("completed", &json!([call("c1", "{}"), call("c2", ARGUMENTS)]))), &two),
    ] {
        let turn = ask(API, vec![reply]).await.turn.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((calls(&turn).as_slice(), &turn.finish), (expected, &Finish::ToolCalls), "{name}");
    }
}

#[tokio::test]
async fn an_unfinished_response_is_cut_and_none_of_its_calls_is_whole() {
    for (reason, finish) in [
        (Some("max_output_tokens"), Finish::Length),
        (Some("content_filter"), Finish::ContentFilter),
        (Some("whim"), Finish::Length),
        (None, Finish::Length),
    ] {
        let mut cut = response("incomplete", &json!([]));
        cut["incomplete_details"] = reason.map_or(Value::Null, |reason| json!({"reason": reason}));
        let end = json!({"type": "response.incomplete", "response": cut}).to_string();
        let turn = ask(API, vec![sse(&[CREATED, &added(0, "c1"), &piece(0, "{\"pa"), &end])]).await.turn.unwrap();
        assert_eq!((turn.finish.clone(), turn.finish.is_cut()), (finish, true), "{reason:?}");
    }
}

#[tokio::test]
async fn what_is_broken_or_contradicts_itself_is_an_error_and_never_a_turn() {
    each_is(API, broken_transport()).await;
    let other_name = json!({"type": "function_call", "call_id": "c1", "name": "files__delete", "arguments": ARGUMENTS});
    let failed = json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "x"}}});
    let unsaid = json!({"type": "response.failed", "response": {"status": "failed", "error": null}});
    let user = json!({"type": "message", "role": "user", "content": "x"});
    let no_text = text("x").replace("\"x\"", "7");
    let (hello, call_1, args) = (text("hello"), added(0, "c1"), piece(0, ARGUMENTS));
    each_is(
        API,
        vec![
            ("an end within text", sse(&[CREATED, &hello]), "model-truncated"),
            ("an end within a call", sse(&[CREATED, &call_1, &args]), "model-truncated"),
            ("a call that is done without an end", sse(&[CREATED, &call_1, &args, "[DONE]"]), "model-truncated"),
            ("silence within text", then(sse(&[CREATED, &hello]), Act::Stall), "model-stalled"),
            ("arguments of no call", stream(std::slice::from_ref(&args), &json!([])), "model-malformed"),
            (
                "two kinds of arguments",
                stream(&[call_1.clone(), args.clone(), all(0, "{}")], &json!([])),
                "model-malformed",
            ),
            (
                "other arguments at the end",
                stream(&[call_1.clone(), args.clone()], &json!([call("c1", "{}")])),
                "model-malformed",
            ),
            (
                "another name at the end",
                stream(&[call_1.clone(), args.clone()], &json!([other_name])),
                "model-malformed",
            ),
            ("another role", stream(&[], &json!([user])), "model-malformed"),
            ("a delta that is no text", stream(&[no_text], &json!([])), "model-malformed"),
            ("another status", whole(&response("queued", &json!([]))), "model-malformed"),
            ("output that is no list", whole(&response("completed", &json!("x"))), "model-malformed"),
            ("a failure", sse(&[CREATED, &failed.to_string()]), "model-error"),
            ("a failure without a reason", sse(&[CREATED, &unsaid.to_string()]), "model-malformed"),
            (
                "an error within",
                sse(&[CREATED, &hello, r#"{"type":"error","code":"server_error","message":"x"}"#]),
                "model-error",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn errors_say_whether_asking_again_can_help() {
    for (code, retry) in [
        ("server_error", Retry::Later),
        ("rate_limit_exceeded", Retry::Later),
        ("invalid_prompt", Retry::Never),
        ("insufficient_quota", Retry::Never),
    ] {
        let event = json!({"type": "error", "code": code, "message": "x"}).to_string();
        assert_eq!(ask(API, vec![sse(&[CREATED, &event])]).await.turn.unwrap_err().retry(), retry, "{code}");
    }
}

#[tokio::test]
async fn the_request_holds_what_it_should_and_the_key_in_one_header_only() {
    let messages = conversation();
    let wish = |request| Request { messages: &messages, ..request };
    let asked = ask_with(API, vec![stream(&[text("hello")], &json!([]))], wish).await;
    let request = asked.server.asked().remove(0);
    assert!(request.head.starts_with("POST /v1/responses HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.head.matches("sk-very-secret").count(), 1);
    assert!(request.head.contains("authorization: Bearer sk-very-secret"));
    let expected = json!({
        "model": "some-model",
        "input": [
            {"role": "user", "content": "do it"},
            {"role": "assistant", "content": "let me see"},
            {"type": "function_call", "call_id": "c1", "name": "files__read", "arguments": ARGUMENTS},
            {"type": "function_call", "call_id": "c 2", "name": "files__read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "{\"data\":\"c1\"}"},
            {"type": "function_call_output", "call_id": "c 2", "output": "{\"data\":\"c 2\"}"},
            {"role": "user", "content": "go on"},
        ],
        "stream": true,
        "store": false,
        "max_output_tokens": 100,
        "instructions": "be good",
        "tools": [{"type": "function", "name": "files__read", "description": "reads", "parameters": {"type": "object"}, "strict": false}],
    });
    assert_eq!(request.body, expected);
}
