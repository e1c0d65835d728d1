//! Spans, as a collector gets them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::{Value, json};

use super::receiver::{Receiver, Spans, attribute};
use crate::project::{Done, MANIFEST, Project};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

const SCRIPT: &str = r#"
[[turn]]
text = "words-of-the-model"
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/path-of-an-argument.md", content = "content-of-an-argument" }
[[turn]]
[[turn.call]]
tool = "files.read"
arguments = { path = "/work/no-such-file" }
[[turn]]
text = "words-at-the-end"
"#;

fn of(span: &Span, name: &str) -> Option<String> {
    attribute(&span.attributes, name)
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32)
}

fn traced(project: &Project, receiver: &Receiver, more: &[(&str, &str)], words: &[&str]) -> (Done, Spans) {
    let done = project.run_with(&[&[(ENDPOINT, receiver.base.as_str())], more].concat(), words);
    (done, receiver.spans())
}

#[test]
fn a_run_is_a_tree_of_spans_by_the_conventions_and_has_no_content() {
    let (project, receiver) = (Project::locked(), Receiver::start("200 OK"));
    project.write("script.toml", SCRIPT);
    let words = ["run", "task-of-a-person", "--model", "scripted:script.toml"];
    let more = [("OTEL_SERVICE_NAME", "gate"), ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0k3n")];
    let (done, spans) = traced(&project, &receiver, &more, &words);
    assert_eq!(done.code(), 0, "{}", done.said());
    let run = spans.one("invoke_agent local");
    assert!(run.parent_span_id.is_empty() && !is_error(run));
    assert_eq!(of(run, "gen_ai.operation.name").as_deref(), Some("invoke_agent"));
    assert_eq!(of(run, "gen_ai.agent.name").as_deref(), Some("local"));
    assert_eq!(of(run, "toolhold.run.end").as_deref(), Some("completed"));
    assert_eq!(of(run, "gen_ai.conversation.id"), of(run, "toolhold.run.id"));
    let chats: Vec<&Span> = spans.spans.iter().filter(|span| span.name == "chat script.toml").collect();
    assert_eq!(chats.len(), 3, "{:?}", spans.names());
    for chat in &chats {
        assert_eq!((chat.kind, &chat.parent_span_id), (SpanKind::Client as i32, &run.span_id));
        assert_eq!(of(chat, "gen_ai.provider.name").as_deref(), Some("scripted"));
    }
    assert_eq!(of(chats[0], "gen_ai.response.finish_reasons").as_deref(), Some("tool_calls"));
    let (written, read) = (spans.one("execute_tool files.write"), spans.one("execute_tool files.read"));
    for call in [written, read] {
        assert_eq!((call.kind, &call.parent_span_id), (SpanKind::Internal as i32, &run.span_id));
        assert_eq!(of(call, "gen_ai.operation.name").as_deref(), Some("execute_tool"));
        assert_eq!(of(call, "toolhold.run.id"), of(run, "toolhold.run.id"));
        assert_eq!(of(call, "gen_ai.tool.call.id"), of(call, "toolhold.call.id"));
        let stages: Vec<&str> = spans
            .spans
            .iter()
            .filter(|span| span.parent_span_id == call.span_id)
            .map(|span| span.name.as_str())
            .collect();
        let all = ["validate", "decide", "admit", "run", "land", "settle"].map(|stage| format!("toolhold.{stage}"));
        assert_eq!(stages, all.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert_eq!((is_error(written), of(written, "error.type")), (false, None));
    assert_eq!((is_error(read), of(read, "error.type").as_deref()), (true, Some("tool")));
    assert!(spans.spans.iter().all(|span| span.trace_id == run.trace_id));
    assert_eq!(attribute(&spans.resource, "service.name").as_deref(), Some("gate"));
    assert!(attribute(&spans.resource, "service.version").is_some());
    let contents = ["task-of-a-person", "words-of", "words-at", "of-an-argument", "no-such-file", "t0k3n", "script = "];
    for content in contents {
        assert!(!spans.has_text(content), "`{content}` left");
    }
    let id = of(written, "toolhold.call.id").unwrap();
    project.run(&["history"]).worked(&[&id]);
}

#[test]
fn what_was_set_for_the_collector_is_sent_to_it() {
    let (project, receiver) = (Project::locked(), Receiver::start("200 OK"));
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0k3n,x-scope=a%2Cb");
    let variables = [(ENDPOINT, receiver.base.as_str()), headers];
    project.run_with(&variables, &["call", "files.read", "path=/work/notes.md"]).worked(&[]);
    let requests = receiver.requests();
    let head = requests[0].head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer t0k3n") && head.contains("x-scope: a,b"), "{head}");
}

#[test]
fn content_that_is_asked_for_is_there_without_secrets_and_what_a_model_made_up_is_not() {
    let secret = "s3cr3t-of-the-host";
    let manifest = format!("{MANIFEST}\n[secrets]\ntoken = {{ env = \"TOKEN\" }}\n");
    let (project, receiver) = (Project::new(&manifest), Receiver::start("200 OK"));
    assert_eq!(project.run_with(&[("TOKEN", secret)], &["lock"]).code(), 0);
    let content = format!("content={secret} and-the-rest");
    let words = ["call", "files.write", "path=/work/new.md", &content];
    let (done, spans) = traced(&project, &receiver, &[("TOKEN", secret), (CONTENT, "true")], &words);
    assert_eq!(done.code(), 0, "{}", done.said());
    let call = spans.one("execute_tool files.write");
    let arguments = of(call, "gen_ai.tool.call.arguments").unwrap();
    assert!(arguments.contains("and-the-rest") && arguments.contains("[redacted]"), "{arguments}");
    assert!(of(call, "gen_ai.tool.call.result").is_some());
    assert!(!spans.has_text(secret));
    let words = ["call", "made.up-by-a-model", "path=/work/notes.md"];
    let (_, spans) = traced(&project, &receiver, &[("TOKEN", secret)], &words);
    let call = spans.one("execute_tool _other");
    assert_eq!(of(call, "error.type").as_deref(), Some("unknown-tool"));
    assert!(!spans.has_text("made.up"), "{:?}", spans.names());
}

/// The conventions let the server's span of `tools/call` and `execute_tool` be one.
#[test]
fn a_call_of_an_mcp_client_is_one_span_below_that_of_the_client() {
    let (project, receiver) = (Project::locked(), Receiver::start("200 OK"));
    let mut server = project.command(&["mcp"]);
    server.env(ENDPOINT, &receiver.base).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let (mut input, mut output) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
    let mut ask = |id: u64, method: &str, params: Value| -> Value {
        writeln!(input, "{}", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    let hello =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    ask(1, "initialize", hello);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (id, parent) in
        [(2, parent), (3, "00-nonsense-01"), (4, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")]
    {
        let params = json!({ "name": "files__read", "arguments": { "path": "/work/notes.md" }, "_meta": { "traceparent": parent } });
        let answer = ask(id, "tools/call", params);
        assert!(answer["result"].is_object(), "{answer}");
    }
    drop(input);
    assert!(server.wait().unwrap().success());
    let spans = receiver.spans();
    let calls: Vec<&Span> = spans.spans.iter().filter(|span| span.name == "tools/call files.read").collect();
    // The client does not keep the third trace, so neither does this end of it.
    assert_eq!(calls.len(), 2, "{:?}", spans.names());
    let (first, second) = (calls[0], calls[1]);
    assert_eq!(hex(&first.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(hex(&first.parent_span_id), "00f067aa0ba902b7");
    assert!(second.parent_span_id.is_empty(), "what does not conform is no parent");
    for call in calls {
        assert_eq!(call.kind, SpanKind::Server as i32);
        for (name, value) in [
            ("mcp.method.name", "tools/call"),
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "files.read"),
            ("network.transport", "pipe"),
            ("mcp.protocol.version", "2025-11-25"),
        ] {
            assert_eq!(of(call, name).as_deref(), Some(value), "{name}");
        }
    }
    assert_eq!(of(first, "jsonrpc.request.id").as_deref(), Some("2"));
    let executed =
        spans.spans.iter().filter(|span| of(span, "gen_ai.operation.name").as_deref() == Some("execute_tool"));
    assert_eq!(executed.count(), 2);
}

/// A server that sends its spans to a receiver, and a token that may call.
struct Serving {
    server: Child,
    address: String,
    token: String,
}

impl Serving {
    fn start(project: &Project, receiver: &Receiver) -> Self {
        let token = project.run(&["tokens", "create", "c", "--role", "run"]).printed().trim().to_owned();
        let mut server = project.command(&["serve", "--listen", "127.0.0.1:0"]);
        server.env(ENDPOINT, &receiver.base).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().to_owned();
        Self { server, address, token }
    }

    /// What is answered to a body at `path`, with these lines in the head of the request.
    fn post(&self, path: &str, lines: &[&str], body: &str) -> String {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{lines}\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        answer
    }

    fn end(mut self) {
        let id = self.server.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.server.wait().unwrap().success());
    }
}

#[test]
fn a_call_over_http_is_below_the_span_of_who_asks() {
    let (project, receiver) = (Project::locked(), Receiver::start("200 OK"));
    let serving = Serving::start(&project, &receiver);
    let body = r#"{"tool":"files.read","arguments":{"path":"/work/notes.md"}}"#;
    let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = serving.post("/v1/calls", &[parent], body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    serving.end();
    let spans = receiver.spans();
    let call = spans.one("execute_tool files.read");
    assert_eq!(hex(&call.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(hex(&call.parent_span_id), "00f067aa0ba902b7");
}

#[test]
fn a_call_in_a_session_says_which_and_one_that_stands_for_itself_has_none() {
    let (project, receiver) = (Project::locked(), Receiver::start("200 OK"));
    let serving = Serving::start(&project, &receiver);
    let takes = "Accept: application/json, text/event-stream";
    let ask = |lines: &[&str], method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let answer = serving.post("/mcp", &[&[takes], lines].concat(), &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        answer
    };
    let hello =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let begun = ask(&[], "initialize", hello);
    let session = begun.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().trim();
    let (in_session, version) = (format!("mcp-session-id: {session}"), "mcp-protocol-version: 2025-11-25");
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    serving.post("/mcp", &[takes, &in_session, version], &initialized);
    let read = json!({ "name": "files__read", "arguments": { "path": "/work/notes.md" } });
    ask(&[&in_session, version], "tools/call", read.clone());
    let mut alone = read;
    alone["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let says = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: files__read"];
    ask(&says, "tools/call", alone);
    serving.end();
    let spans = receiver.spans();
    let calls = spans.spans.iter().filter(|span| span.name == "tools/call files.read");
    let said = |span| ["mcp.protocol.version", "mcp.session.id", "network.transport"].map(|name| of(span, name));
    let expected = [("2025-11-25", Some(session)), ("2026-07-28", None)]
        .map(|(version, session)| [Some(version), session, Some("tcp")].map(|text| text.map(str::to_owned)));
    let mut said: Vec<_> = calls.map(said).collect();
    said.sort();
    assert_eq!(said, expected);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_collector_that_is_away_or_refuses_stops_no_call() {
    let project = Project::locked();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refuses = Receiver::start("403 Forbidden");
    for endpoint in [format!("http://{free}"), refuses.base.clone()] {
        let began = Instant::now();
        let done = project.run_with(&[(ENDPOINT, &endpoint)], &["call", "files.read", "path=/work/notes.md"]);
        done.worked(&["# Notes"]);
        assert!(done.said().contains("spans cannot be sent"), "{}", done.said());
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
}

#[test]
fn a_variable_that_is_wrong_is_told_of_and_nothing_is_sent() {
    let (project, receiver) = (Project::locked(), Receiver::start("200 OK"));
    let more = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let (done, spans) = traced(&project, &receiver, &more, &["call", "files.read", "path=/work/notes.md"]);
    done.worked(&["# Notes"]);
    assert!(
        done.said().contains("OTEL_EXPORTER_OTLP_PROTOCOL") && done.said().contains("http/protobuf"),
        "{}",
        done.said()
    );
    assert!(spans.spans.is_empty());
    let more = [("OTEL_TRACES_SAMPLER", "always_off")];
    let (_, spans) = traced(&project, &receiver, &more, &["call", "files.read", "path=/work/notes.md"]);
    assert!(spans.spans.is_empty());
}
