//! Asks a server on loopback for one turn, in any protocol.

use std::sync::{Arc, LazyLock};

use secrecy::SecretString;
use serde_json::json;
use toolhold_core::manifest::Api;

use super::server::{Act, Reply, Server};
use super::support::{ManualClock, TestClock};
use crate::agent::model::{Client, Error, Model, Request, Settings, Turn};
use crate::agent::{Message, RequestedCall, ToolSpec};

/// What came of it.
pub(super) struct Asked {
    pub(super) turn: Result<Turn, Error>,
    pub(super) text: String,
    pub(super) server: Server,
}

pub(super) fn manual_clock() -> TestClock {
    TestClock(Arc::new(ManualClock::default()))
}

pub(super) fn settings(api: Api, server: &Server) -> Settings {
    let key = Some(SecretString::from("sk-very-secret"));
    Settings { api, key, ..Settings::new("some-model", server.base.parse().unwrap()) }
}

pub(super) fn tools() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: "files.read".parse().unwrap(),
        description: "reads".into(),
        input_schema: json!({"type": "object"}),
        digest: None,
    }]
}

/// A conversation with everything in it: instructions, a task, text with two calls, their results.
pub(super) fn conversation() -> Vec<Message> {
    let call = |id: &str, arguments: &str| RequestedCall {
        id: id.into(),
        name: "files__read".into(),
        arguments: arguments.into(),
    };
    let result = |id: &str| Message::Tool { id: id.into(), content: format!("{{\"data\":\"{id}\"}}") };
    vec![
        Message::System("be good".into()),
        Message::User("do it".into()),
        Message::Assistant {
            text: "let me see".into(),
            calls: vec![call("c1", r#"{"path":"/a"}"#), call("c 2", "{}")],
        },
        result("c1"),
        result("c 2"),
        Message::User("go on".into()),
    ]
}

static TASK: LazyLock<Vec<Message>> = LazyLock::new(|| vec![Message::User("do it".into())]);
static TOOLS: LazyLock<Vec<ToolSpec>> = LazyLock::new(tools);

/// Asks with the request that a case wishes for.
pub(super) async fn ask_with<'a>(
    api: Api,
    replies: Vec<Reply>,
    wish: impl FnOnce(Request<'a>) -> Request<'a>,
) -> Asked {
    let clock = manual_clock();
    let server = Server::start(replies, clock.clone()).await;
    let mut model = Client::new(settings(api, &server), Arc::new(clock)).unwrap();
    let request = Request { messages: &TASK, tools: &TOOLS, tokens: 100, bytes: 4096, ..Request::default() };
    let mut text = String::new();
    let turn = model.turn(wish(request), &mut |piece| text.push_str(piece)).await;
    Asked { turn, text, server }
}

pub(super) async fn ask(api: Api, replies: Vec<Reply>) -> Asked {
    ask_with(api, replies, |request| request).await
}

/// The calls of a turn: id, name and arguments of each.
pub(super) fn calls(turn: &Turn) -> Vec<(&str, &str, &str)> {
    turn.calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str())).collect()
}

pub(super) fn then(mut reply: Reply, act: Act) -> Reply {
    reply.push(act);
    reply
}

/// Sends these replies, one each, and expects this code of each.
pub(super) async fn each_is(api: Api, cases: Vec<(&str, Reply, &str)>) {
    for (name, reply, code) in cases {
        let asked = ask(api, vec![reply]).await;
        let error = asked.turn.expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(error.to_string().len() < 1000, "{name}");
    }
}

/// What is broken below every protocol.
pub(super) fn broken_transport() -> Vec<(&'static str, Reply, &'static str)> {
    use super::server::http;
    let json = |body: &str| http(200, &[("content-type", "application/json")], body);
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\ndata: ";
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        ("nothing at all", vec![], "model-unreachable"),
        ("no HTTP", vec![Act::Send(b"220 smtp ready\r\n".to_vec())], "model-unreachable"),
        ("silence", vec![Act::Stall], "model-first-byte-timeout"),
        ("silence after the head", then(http(200, &[], ""), Act::Stall), "model-first-byte-timeout"),
        ("silence within the body", then(http(200, &[], ": a\n"), Act::Stall), "model-stalled"),
        ("an empty answer", http(200, &[], ""), "model-truncated"),
        ("only comments", http(200, &[], ": a\n\n: b\n\n"), "model-truncated"),
        ("an event that is no JSON", http(200, &[], "data: oops\n\n"), "model-truncated"),
        ("an event cut within", http(200, &[], "data: {\"type\":\"mess"), "model-truncated"),
        ("less than announced", vec![Act::Send(short.into())], "model-truncated"),
        ("JSON cut off", json("{\"type\": ["), "model-truncated"),
        ("broken JSON", json("{\"type\": ]"), "model-malformed"),
        ("JSON of something else", json("{\"object\": \"x\"}"), "model-malformed"),
        ("nesting", json(&deep), "model-malformed"),
        ("very many values", json(&format!("{{\"a\":[{}0]}}", "[0],".repeat(200_000))), "model-too-large"),
        ("a web page", http(200, &[("content-type", "text/html")], "<html>Log in</html>"), "model-malformed"),
        (
            "bytes that are no UTF-8",
            vec![Act::Send(b"HTTP/1.1 200 OK\r\n\r\ndata: \"\xff\"\n\n".to_vec())],
            "model-malformed",
        ),
        ("compression", http(200, &[("content-encoding", "gzip")], "\u{1f}x"), "model-malformed"),
        ("a redirect", http(307, &[("location", "http://127.0.0.1:9/")], ""), "model-refused"),
        ("a refusal cut off", http(503, &[("content-length", "999")], "bus"), "model-refused"),
        ("an endless line", http(200, &[], &format!("data: {}", "x".repeat(2 << 20))), "model-too-large"),
        ("a huge answer", json(&format!("{{\"x\":\"{}\"}}", "x".repeat(3 << 20))), "model-too-large"),
        ("a flood of comments", http(200, &[], &": x\n".repeat(5 << 20)), "model-too-large"),
        ("an error in a whole answer", json(r#"{"error":{"message":"x","code":529}}"#), "model-error"),
        ("an error in a stream", http(200, &[], "data: {\"error\":{\"message\":\"x\"}}\n\n"), "model-error"),
    ]
}
