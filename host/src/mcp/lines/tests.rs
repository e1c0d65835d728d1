use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use rmcp::model::{ClientRequest, RequestId, RequestMetaObject, ServerResult};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::mcp::request::AsWritten;

type Message = RxJsonRpcMessage<RoleServer>;

/// What a message says, with the arguments wherever the reader has put them.
fn said(message: Message) -> Value {
    let JsonRpcMessage::Request(mut message) = message else { panic!("no request: {message:?}") };
    let ClientRequest::CallToolRequest(request) = &mut message.request else { panic!("no call") };
    let arguments = request.extensions.get::<AsWritten>().map(|written| serde_json::from_str(&written.0).unwrap());
    if let Some(arguments) = arguments {
        assert_eq!(request.params.arguments.replace(arguments), None);
    }
    let meta = request.extensions.get::<RequestMetaObject>().cloned();
    assert_eq!(request.params.meta, None);
    json!([message.id, meta, request.params])
}

fn read_by_the_sdk(line: &str) -> Option<Message> {
    serde_json::from_str(line).ok()
}

fn call(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#)
}

/// Two readers of one line would be two truths.
#[test]
fn a_call_is_read_as_the_sdk_reads_it() {
    let params = [
        r#"{"name":"a__b"}"#,
        r#"{"name":"a__b","arguments":null}"#,
        r#"{"name":"a__b","arguments":{}}"#,
        r#"{"name":"a\u005f_b","arguments":{"x":[1,{"y":"\u00e9"}],"z":1e3}}"#,
        r#"{"arguments" : {"x":1} ,"_meta":{"progressToken":3,"toolhold/key":"k"},"name":"a"}"#,
        r#"{"name":"a","_meta":null,"requestState":"s","inputResponses":{"q":{"action":"accept","content":{"a":"b"}}}}"#,
        r#"{"name":"a","task":{"ttl":3},"more":[1]}"#,
    ];
    for params in params {
        let line = call(params);
        let sdk = read_by_the_sdk(&line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(said(request::call(line.as_bytes()).unwrap().into_message()), said(sdk), "{line}");
    }
    let text = call(params[3]).replace(":7,", r#":"seven","#);
    assert_eq!(said(request::call(text.as_bytes()).unwrap().into_message())[0], "seven");
}

#[test]
fn what_is_no_call_or_a_wrong_one_is_left_to_the_sdk() {
    let wrong = [
        call(r#"{"name":"a","arguments":[1]}"#),
        call(r#"{"name":"a","arguments":"{}"}"#),
        call(r#"{"name":"a","name":"b"}"#),
        call(r#"{"arguments":{}}"#),
        call(r#"{"name":"a"}"#).replace("tools/call", "tools/list"),
        call(r#"{"name":"a"}"#).replace("2.0", "1.0"),
        call(r#"{"name":"a"}"#).replace(r#""id":7,"#, ""),
        call(r#"{"name":"a"}"#).replace(r#"}}"#, r#"}"#),
        "[1]".into(),
        String::new(),
    ];
    for line in wrong {
        assert!(request::call(line.as_bytes()).is_none(), "{line}");
    }
}

proptest! {
    /// Whatever a client writes: if both read it, they read the same, and what one reads the other does.
    #[test]
    fn any_call_is_read_as_the_sdk_reads_it(name in "\\PC{0,8}", key in "\\PC{0,8}", number in any::<i64>(), id in any::<i64>()) {
        let params = json!({"name": name, "arguments": {key.clone(): number, "deep": [{key: name}]}, "_meta": {"a": number}});
        let line = json!({"method": "tools/call", "params": params, "id": id, "jsonrpc": "2.0"}).to_string();
        prop_assert_eq!(said(request::call(line.as_bytes()).unwrap().into_message()), said(read_by_the_sdk(&line).unwrap()));
    }
}

/// A stream that counts writes, and takes as many bytes as it is told to before it has somebody wait.
#[derive(Default)]
struct Slow {
    written: Vec<u8>,
    writes: usize,
    takes: Option<usize>,
}

#[derive(Clone, Default)]
struct Shared(Arc<std::sync::Mutex<Slow>>);

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut slow = self.0.lock().unwrap();
        let taken = slow.takes.unwrap_or(usize::MAX).min(bytes.len());
        if taken == 0 {
            return Poll::Pending;
        }
        slow.takes = slow.takes.map(|takes| takes - taken);
        slow.writes += 1;
        slow.written.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn answer(id: i64) -> TxJsonRpcMessage<RoleServer> {
    JsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(id))
}

fn ids(written: &[u8]) -> Vec<i64> {
    let lines = std::str::from_utf8(written).unwrap().lines();
    lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn answers_that_are_ready_are_one_write() {
    let out = Shared::default();
    let mut lines = Lines::new(tokio::io::empty(), out.clone(), 100);
    let mut all = Vec::new();
    for id in 0..5 {
        all.push(lines.send(answer(id)));
    }
    for sent in all {
        sent.await.unwrap();
    }
    let out = out.0.lock().unwrap();
    assert_eq!((ids(&out.written), out.writes), ((0..5).collect(), 1));
}

/// Whoever writes for all may be stopped in the midst of a line; the others' answers are whole all the same.
#[tokio::test]
async fn a_write_that_is_given_up_is_gone_on_with() {
    for takes in 0..60 {
        let out = Shared::default();
        out.0.lock().unwrap().takes = Some(takes);
        let mut lines = Lines::new(tokio::io::empty(), out.clone(), 100);
        let (first, second) = (lines.send(answer(1)), lines.send(answer(2)));
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, first).await;
        let third = lines.send(answer(3));
        out.0.lock().unwrap().takes = None;
        third.await.unwrap();
        second.await.unwrap();
        assert_eq!(ids(&out.0.lock().unwrap().written), [1, 2, 3], "{takes} {given_up:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_or_not_understood_is_said_and_what_follows_is_read() {
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let (input, output) = tokio::io::split(server);
    let mut lines = Lines::new(input, output, 100);
    let ping = |id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
    let input = format!("{}\n{}{{\"jsonrpc\n\r\n[]\n{}", "x".repeat(101), ping(1), ping(2));
    client.write_all(input.as_bytes()).await.unwrap();
    for id in [1, 2] {
        let Some(JsonRpcMessage::Request(request)) = lines.receive().await else { panic!("no request") };
        assert_eq!(request.id, RequestId::Number(id));
    }
    drop(lines);
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut client, &mut said).await.unwrap();
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0]["error"]["message"].as_str().unwrap().contains("at most 100 bytes"), "{said:?}");
    assert!(said.iter().all(|said| said["error"]["code"] == -32600 && said["id"].is_null()), "{said:?}");
}

/// Otherwise a client that never reads would have as much kept for it as it likes.
#[tokio::test]
async fn who_does_not_read_what_was_not_understood_is_not_read_either() {
    let out = Shared::default();
    out.0.lock().unwrap().takes = Some(0);
    let input = "[]\n".repeat(1000);
    let mut lines = Lines::new(std::io::Cursor::new(input), out.clone(), 100);
    let read = tokio::time::timeout(std::time::Duration::from_millis(50), lines.receive()).await;
    assert!(read.is_err());
    let queued = lines.output.queue(&answer(1)).unwrap();
    assert!(queued < 500, "{queued} bytes are kept");
}

#[tokio::test]
async fn a_long_line_is_not_kept() {
    let input = format!("{}\n[]\n", " ".repeat(4 << 20));
    let mut lines = Lines::new(std::io::Cursor::new(input), Shared::default(), 5 << 20);
    assert!(lines.receive().await.is_none());
    assert!(lines.line.capacity() <= KEPT);
}
