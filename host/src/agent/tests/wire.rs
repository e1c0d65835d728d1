//! Servers as they are found in the wild: what each sends, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use toolhold_core::state::State;

use super::server::{Act, Reply, Server, http, sse};
use super::support::{ManualClock, Played, TestClock, play};
use crate::agent::model::{Client, Error, Finish, Model, Request, Settings, Turn};
use crate::agent::{Message, RunLimits, ToolSpec};

const DONE: &str = "[DONE]";
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const TOOL_CALLS: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}]}"#;

/// An event with these `tool_calls`.
fn calling(entries: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":{entries}}}}}]}}"#)
}

/// A stream that calls with these `tool_calls`, one event each, and ends well.
fn called(entries: &[&str]) -> Reply {
    let events: Vec<_> = entries.iter().map(|entry| calling(entry)).collect();
    let mut events: Vec<_> = events.iter().map(String::as_str).collect();
    events.extend([TOOL_CALLS, DONE]);
    sse(&events)
}

/// A whole answer with this message.
fn whole(message: &str, finish: &str) -> Reply {
    let body = format!(
        r#"{{"choices":[{{"message":{message},"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3}}}}"#
    );
    http(200, &[("content-type", "application/json")], &body)
}

fn then(mut reply: Reply, act: Act) -> Reply {
    reply.push(act);
    reply
}

fn spec() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: "files.read".parse().unwrap(),
        description: "reads".into(),
        input_schema: json!({"type": "object"}),
        digest: None,
    }]
}

fn model(server: &Server, clock: &TestClock) -> Client {
    let settings = Settings {
        key: Some(SecretString::from("sk-very-secret")),
        ..Settings::new("some-model", server.base.parse().unwrap())
    };
    Client::new(settings, Arc::new(clock.clone())).unwrap()
}

struct Asked {
    turn: Result<Turn, Error>,
    text: String,
    server: Server,
}

/// Asks a server for one turn.
async fn ask(replies: Vec<Reply>) -> Asked {
    let clock = TestClock(Arc::new(ManualClock::default()));
    let server = Server::start(replies, clock.clone()).await;
    let mut model = model(&server, &clock);
    let (messages, tools) = ([Message::User("do it".into())], spec());
    let request = Request { messages: &messages, tools: &tools, tokens: 100, bytes: 4096, ..Request::default() };
    let mut text = String::new();
    let turn = model.turn(request, &mut |piece| text.push_str(piece)).await;
    Asked { turn, text, server }
}

/// Lets a whole run work with a server.
async fn run(replies: Vec<Reply>) -> (Played, Server) {
    let clock = TestClock(Arc::new(ManualClock::hurried()));
    let server = Server::start(replies, clock.clone()).await;
    let played = play(&mut model(&server, &clock), RunLimits::default(), clock).await;
    (played, server)
}

#[tokio::test]
async fn text_comes_through_every_form_of_answer() {
    let parts = r#"{"choices":[{"delta":{"content":[{"type":"text","text":"hel"},{"type":"image"},{"type":"text","text":"lo"}]}}]}"#;
    let cut_line = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}";
    for (name, reply, finish) in [
        ("streamed", sse(&[HELLO, STOP, DONE]), Finish::Stop),
        ("without a last line", sse(&[HELLO, STOP]), Finish::Stop),
        ("without an empty line at the end", http(200, &[], cut_line), Finish::Stop),
        ("without a reason but done", sse(&[HELLO, DONE]), Finish::Other("unsaid".into())),
        ("with an unknown reason", sse(&[HELLO, &STOP.replace("stop", "whim"), DONE]), Finish::Other("whim".into())),
        ("with a reason of another provider", sse(&[HELLO, &STOP.replace("stop", "end_turn")]), Finish::Stop),
        ("cut", sse(&[HELLO, &STOP.replace("stop", "length"), DONE]), Finish::Length),
        ("withheld", sse(&[HELLO, &STOP.replace("stop", "content_filter"), DONE]), Finish::ContentFilter),
        ("in parts", sse(&[parts, STOP, DONE]), Finish::Stop),
        ("in one piece", whole(r#"{"role":"assistant","content":"hello"}"#, "stop"), Finish::Stop),
        ("after empty lines", after_empty_lines(), Finish::Stop),
        ("with other events between", sse(&["{}", r#"{"choices":[]}"#, HELLO, r#"{"usage":{}}"#, STOP]), Finish::Stop),
        ("with a second choice", sse(&[HELLO, &HELLO.replace(r#""index":0"#, r#""index":1"#), STOP]), Finish::Stop),
        ("and silence after the end", then(sse(&[HELLO, STOP]), Act::Stall), Finish::Stop),
        ("and silence after done", then(sse(&[HELLO, STOP, DONE]), Act::Stall), Finish::Stop),
    ] {
        let asked = ask(vec![reply]).await;
        let turn = asked.turn.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((turn.text.as_str(), asked.text.as_str(), turn.finish), ("hello", "hello", finish), "{name}");
        assert!(turn.calls.is_empty(), "{name}");
    }
}

fn after_empty_lines() -> Reply {
    let body = format!("data: {HELLO}\r\n\r\ndata: {STOP}\r\n\r\n");
    http(200, &[("content-type", "text/event-stream")], &format!("\r\n: thinking\r\n\r\n\n{body}"))
}

#[tokio::test]
async fn calls_are_put_together_in_every_form() {
    let one = [("c1", "files__read", r#"{"path":"/a"}"#)];
    let two = [("c1", "files__read", "{}"), ("c2", "files__read", r#"{"n":2}"#)];
    let start = r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":""}}]"#;
    let legacy = r#"{"choices":[{"delta":{"function_call":{"name":"files__read","arguments":"{\"path\":\"/a\"}"}}}]}"#;
    for (name, reply, expected) in [
        (
            "in pieces",
            called(&[
                start,
                r#"[{"index":0,"function":{"arguments":"{\"pa"}}]"#,
                r#"[{"index":0,"function":{"arguments":"th\":\"/a\"}"}}]"#,
            ]),
            one.as_slice(),
        ),
        (
            "with the name again in each piece",
            called(&[
                r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{\"path\":"}}]"#,
                r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"\"/a\"}"}}]"#,
            ]),
            &one,
        ),
        (
            "with the name in pieces",
            called(&[
                r#"[{"index":0,"id":"c1","function":{"name":"files__"}}]"#,
                r#"[{"index":0,"function":{"name":"read","arguments":"{\"path\":\"/a\"}"}}]"#,
            ]),
            &one,
        ),
        (
            "without an index",
            called(&[
                r#"[{"id":"c1","function":{"name":"files__read","arguments":"{\"path\":"}}]"#,
                r#"[{"function":{"arguments":"\"/a\"}"}}]"#,
            ]),
            &one,
        ),
        (
            "with an index as text",
            called(&[
                r#"[{"index":"0","id":"c1","function":{"name":"files__read","arguments":"{\"path\":"}}]"#,
                r#"[{"index":"0","function":{"arguments":"\"/a\"}"}}]"#,
            ]),
            &one,
        ),
        (
            "as an object",
            called(&[r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":{"path":"/a"}}}]"#]),
            &one,
        ),
        (
            "as one entry instead of a list",
            called(&[r#"{"index":0,"id":"c1","function":{"name":"files__read","arguments":{"path":"/a"}}}"#]),
            &one,
        ),
        (
            "with gaps between indices",
            called(&[
                r#"[{"index":7,"id":"c1","function":{"name":"files__read","arguments":"{}"}}]"#,
                r#"[{"index":4000000000,"id":"c2","function":{"name":"files__read","arguments":"{\"n\":2}"}}]"#,
            ]),
            &two,
        ),
        (
            "all under one index",
            called(&[
                r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{}"}}]"#,
                r#"[{"index":0,"id":"c2","function":{"name":"files__read","arguments":"{\"n\":2}"}}]"#,
            ]),
            &two,
        ),
        (
            "interleaved",
            called(&[
                r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{"}},{"index":1,"id":"c2","function":{"name":"files__read","arguments":"{\"n\""}}]"#,
                r#"[{"index":1,"function":{"arguments":":2}"}},{"index":0,"function":{"arguments":"}"}}]"#,
            ]),
            &two,
        ),
        (
            "in one piece",
            whole(
                r#"{"content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"files__read","arguments":"{\"path\":\"/a\"}"}}]}"#,
                "tool_calls",
            ),
            &one,
        ),
        (
            "in one piece, two without ids",
            whole(
                r#"{"tool_calls":[{"function":{"name":"files__read","arguments":"{}"}},{"function":{"name":"files__read","arguments":"{\"n\":2}"}}]}"#,
                "stop",
            ),
            &[("", "files__read", "{}"), ("", "files__read", r#"{"n":2}"#)],
        ),
        (
            "as the old `function_call`",
            sse(&[legacy, &STOP.replace("stop", "function_call")]),
            &[("", "files__read", r#"{"path":"/a"}"#)],
        ),
        (
            "with a number as id",
            called(&[r#"[{"index":0,"id":17,"function":{"name":"files__read"}}]"#]),
            &[("17", "files__read", "")],
        ),
        (
            "with null everywhere",
            called(&[r#"[{"index":null,"id":null,"type":null,"function":{"name":"files__read","arguments":null}}]"#]),
            &[("", "files__read", "")],
        ),
        ("without a function", called(&[r#"[{"index":0,"id":"c1"}]"#]), &[("c1", "", "")]),
        (
            "cut off within the arguments",
            called(&[r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{\"path\":\"/"}}]"#]),
            &[("c1", "files__read", r#"{"path":"/"#)],
        ),
    ] {
        let turn = ask(vec![reply]).await.turn.unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<_> =
            turn.calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_broken_is_an_error_and_never_a_turn() {
    let call = calling(r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{}"}}]"#);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let error = r#"{"error":{"message":"overloaded","code":529}}"#;
    let json = |body: &str| http(200, &[("content-type", "application/json")], body);
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\ndata: ";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\ndata: ";
    for (name, reply, code) in [
        ("nothing at all", vec![], "model-unreachable"),
        ("no HTTP", vec![Act::Send(b"220 smtp ready\r\n".to_vec())], "model-unreachable"),
        ("silence", vec![Act::Stall], "model-first-byte-timeout"),
        ("silence after the head", then(http(200, &[], ""), Act::Stall), "model-first-byte-timeout"),
        ("silence within text", then(sse(&[HELLO]), Act::Stall), "model-stalled"),
        ("an empty answer", sse(&[]), "model-truncated"),
        ("an end within text", sse(&[HELLO]), "model-truncated"),
        ("an end within a call", sse(&[&call]), "model-truncated"),
        ("a call without a reason but done", sse(&[&call, DONE]), "model-truncated"),
        ("an event cut within", http(200, &[], "data: {\"choices\":[{\"delta\":{\"content\":\"he"), "model-truncated"),
        ("an event that is no JSON", sse(&["oops", STOP, DONE]), "model-truncated"),
        ("only comments", http(200, &[], ": a\n\n: b\n\n"), "model-truncated"),
        ("less than announced", vec![Act::Send(short.into())], "model-truncated"),
        ("a chunk cut off", vec![Act::Send(chunked.into())], "model-truncated"),
        ("JSON cut off", json("{\"choices\": ["), "model-truncated"),
        ("broken JSON", json("{\"choices\": ]"), "model-malformed"),
        ("JSON without choices", json("{\"object\": \"x\"}"), "model-malformed"),
        ("choices that are no list", json("{\"choices\": 7}"), "model-malformed"),
        ("content that is no text", whole(r#"{"content": 7}"#, "stop"), "model-malformed"),
        ("calls that are no list", whole(r#"{"tool_calls": "x"}"#, "stop"), "model-malformed"),
        ("a web page", http(200, &[("content-type", "text/html")], "<html>Log in</html>"), "model-malformed"),
        ("another role", sse(&[&HELLO.replace("assistant", "system"), STOP]), "model-malformed"),
        ("the role of a tool", whole(r#"{"role":"tool","content":"x"}"#, "stop"), "model-malformed"),
        (
            "bytes that are no UTF-8",
            vec![Act::Send(b"HTTP/1.1 200 OK\r\n\r\ndata: \"\xff\"\n\n".to_vec())],
            "model-malformed",
        ),
        ("nesting", json(&format!("{{\"choices\":{deep}}}")), "model-malformed"),
        ("an error in a whole answer", json(error), "model-error"),
        ("an error in a stream", sse(&[HELLO, error]), "model-error"),
        ("an error as a reason", sse(&[HELLO, &STOP.replace("stop", "error")]), "model-error"),
        ("a redirect", http(307, &[("location", "http://127.0.0.1:9/")], ""), "model-refused"),
        ("a refusal", http(400, &[], r#"{"error":{"message":"no"}}"#), "model-refused"),
        ("a refusal cut off", http(503, &[("content-length", "999")], "bus"), "model-refused"),
        ("an endless line", http(200, &[], &format!("data: {}", "x".repeat(2 << 20))), "model-too-large"),
        ("a huge answer", json(&format!("{{\"x\":\"{}\"}}", "x".repeat(3 << 20))), "model-too-large"),
        ("a flood of comments", http(200, &[], &": x\n".repeat(5 << 20)), "model-too-large"),
    ] {
        let asked = ask(vec![reply]).await;
        let error = asked.turn.expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(error.to_string().len() < 1000, "{name}");
    }
}

#[tokio::test]
async fn endless_repetition_is_cut_at_a_size_without_reading_on() {
    let endless = vec![HELLO; 2000];
    let asked = ask(vec![then(sse(&endless), Act::Stall)]).await;
    let turn = asked.turn.unwrap();
    assert_eq!((turn.text.len(), turn.finish), (4096, Finish::Length));
    assert_eq!(asked.text.len(), 4096);
    let entry = calling(r#"[{"index":0,"id":"c","function":{"name":"files__read","arguments":"xxxxxxxxxxxxxxxx"}}]"#);
    let turn = ask(vec![then(sse(&vec![entry.as_str(); 2000]), Act::Stall)]).await.turn.unwrap();
    assert_eq!((turn.calls.len(), turn.finish), (1, Finish::Length));
    let many: Vec<_> = (0..3000).map(|index| calling(&format!(r#"[{{"index":{index},"function":{{}}}}]"#))).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let turn = ask(vec![then(sse(&many), Act::Stall)]).await.turn.unwrap();
    assert_eq!((turn.calls.len(), turn.finish), (256, Finish::Length));
}

#[tokio::test]
async fn tokens_are_the_providers_or_a_guess_that_says_so() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5}}"#;
    let turn = ask(vec![sse(&[HELLO, STOP, usage, DONE])]).await.turn.unwrap();
    assert_eq!((turn.tokens.input, turn.tokens.output, turn.tokens.estimated), (11, 5, false));
    for odd in
        [r#"{"usage":null}"#, r#"{"usage":{"prompt_tokens":-1,"completion_tokens":1e99}}"#, r#"{"usage":"many"}"#]
    {
        let turn = ask(vec![sse(&[HELLO, odd, STOP, DONE])]).await.turn.unwrap();
        assert!(turn.tokens.estimated && turn.tokens.input > 10 && turn.tokens.output == 2, "{odd}: {:?}", turn.tokens);
    }
}

#[tokio::test]
async fn the_request_holds_what_it_should_and_the_key_in_one_header_only() {
    let asked = ask(vec![sse(&[HELLO, STOP])]).await;
    let request = asked.server.asked().remove(0);
    assert!(request.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.head.matches("sk-very-secret").count(), 1);
    assert!(request.head.contains("authorization: Bearer sk-very-secret"));
    let expected = json!({
        "model": "some-model",
        "messages": [{"role": "user", "content": "do it"}],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 100,
        "tools": [{"type": "function", "function":
            {"name": "files__read", "description": "reads", "parameters": {"type": "object"}}}],
    });
    assert_eq!(request.body, expected);
}

#[tokio::test]
async fn a_key_that_a_provider_quotes_is_not_passed_on() {
    for reply in [
        http(401, &[], r#"{"error":{"message":"wrong key sk-very-secret"}}"#),
        http(401, &[], "sk-very-secret"),
        sse(&[r#"{"error":{"message":"sk-very-secret","code":"sk-very-secret"}}"#]),
        sse(&[&HELLO.replace("assistant", "sk-very-secret")]),
    ] {
        let error = ask(vec![reply]).await.turn.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("very-secret") && shown.contains("[redacted]"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_wants_another_dialect_gets_it_and_is_remembered() {
    let refuse = |words: &str| http(400, &[], &format!(r#"{{"error":{{"message":"{words}"}}}}"#));
    let whole = whole(r#"{"content":"hello"}"#, "stop");
    let asked = ask(vec![
        refuse("Unknown parameter: stream_options"),
        refuse("max_tokens is not supported, use max_completion_tokens"),
        refuse("streaming is not supported"),
        whole,
    ])
    .await;
    assert_eq!(asked.turn.unwrap().text, "hello");
    let last = asked.server.asked().pop().unwrap().body;
    assert_eq!((&last["stream"], &last["max_completion_tokens"]), (&json!(false), &json!(100)));
    assert!(last.get("stream_options").is_none() && last.get("max_tokens").is_none());
    let asked = ask(vec![refuse("unsupported: stream_options stream max_tokens max_completion_tokens")]).await;
    assert_eq!((asked.turn.unwrap_err().code(), asked.server.asked().len()), ("model-refused", 4));
}

#[tokio::test]
async fn the_wait_that_a_server_asks_for_is_in_the_error() {
    for status in [429, 503, 529] {
        let asked = ask(vec![http(status, &[("retry-after", "7")], r#"{"error":{"message":"later"}}"#)]).await;
        let Err(Error::Status { retry_after, passing, status: is, .. }) = asked.turn else { panic!("{status}") };
        assert_eq!((retry_after, passing, is), (Some(Duration::from_secs(7)), true, status));
    }
}

#[tokio::test]
async fn a_run_outlives_what_passes() {
    let busy = http(429, &[("retry-after", "2")], "{}");
    let broken = sse(&[HELLO]);
    let call = called(&[r#"[{"index":0,"id":"c1","function":{"name":"files__read","arguments":"{}"}}]"#]);
    let (played, server) = run(vec![busy.clone(), call, broken, http(529, &[], ""), sse(&[HELLO, STOP, DONE])]).await;
    assert_eq!((played.report.state, played.report.answer.as_deref()), (State::Completed, Some("hello")));
    assert_eq!((played.report.turns, server.asked().len(), played.reached()), (2, 5, vec!["files.read"]));
    assert!(played.report.called_a_model());
    let history = &server.asked()[4].body["messages"];
    assert_eq!(history[2]["tool_calls"][0]["function"], json!({"name": "files__read", "arguments": "{}"}));
    assert_eq!(history[3], json!({"role": "tool", "tool_call_id": "c1", "content": r#"{"data":{"text":"hello"}}"#}));
    assert_eq!(history.as_array().unwrap().len(), 4, "nothing of a broken answer is kept");
}

#[tokio::test]
async fn a_run_gives_up_on_what_does_not_pass() {
    for (reply, attempts) in [
        (http(429, &[], ""), 3),
        (http(429, &[("retry-after", "86400")], ""), 1),
        (http(401, &[], ""), 1),
        (sse(&[HELLO]), 3),
        (http(200, &[], "<html>"), 3),
    ] {
        let (played, server) = run(vec![reply]).await;
        assert_eq!((played.report.state, server.asked().len()), (State::Failed, attempts), "{}", played.reason());
        assert!(played.reached().is_empty());
    }
}
