//! The protocol over HTTP: whose request it is, what is kept of it, and what a client that goes away leaves.

mod short;

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::project::{Project, guest};
use crate::serve::Serving;

const STATELESS: &str = "2026-07-28";

/// What reads private data, what waits for ever, and a rule about who may wait.
fn project() -> Project {
    let manifest = "version = 1
[limits]
time = \"300s\"
[tools.wait]
source = \"wait.wasm\"
[tools.files]
source = \"files.wasm\"
[[tools.files.directories]]
host = \"work\"
guest = \"/work\"
read = [\"**\"]
[[tools.files.directories]]
host = \"private\"
guest = \"/private\"
read = [\"**\"]
labels = [\"private\"]
[[rules]]
name = \"all\"
decision = \"allow\"
tools = [\"*\"]
[[rules]]
name = \"nothing after private data\"
decision = \"deny\"
tools = [\"files.list\"]
when-labels = [\"private\"]
";
    let project = Project::new(manifest);
    std::fs::write(project.path().join("wait.wasm"), guest("waiting")).unwrap();
    std::fs::create_dir(project.path().join("private")).unwrap();
    project.write("private/a.txt", "secret\n");
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

/// A client that says with each request who it is.
struct Client<'a> {
    serving: &'a Serving,
    token: String,
    name: &'a str,
    can: Value,
}

impl<'a> Client<'a> {
    fn new(serving: &'a Serving, name: &'a str) -> Self {
        Self { serving, token: serving.token.clone(), name, can: json!({}) }
    }

    fn body(&self, method: &str, mut params: Value) -> String {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": self.can,
        });
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
    }

    fn headers(&self, method: &str, params: &Value) -> Vec<String> {
        let name = params.get("name").or_else(|| params.get("taskId")).and_then(Value::as_str);
        let mut headers = vec![
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
            "Accept: application/json, text/event-stream".to_owned(),
            format!("MCP-Protocol-Version: {STATELESS}"),
            format!("Mcp-Method: {method}"),
        ];
        headers.extend(name.map(|name| format!("Mcp-Name: {name}")));
        headers
    }

    /// The status and what was answered.
    fn ask(&self, method: &str, params: Value) -> (u16, Value) {
        let headers = self.headers(method, &params);
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        answer(&self.serving.ask("POST /mcp", &headers, &self.body(method, params)))
    }

    fn call(&self, tool: &str, arguments: Value) -> Value {
        let (status, answer) = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_eq!(status, 200, "{answer}");
        answer["result"].clone()
    }
}

/// An answer without the lines that say how long each chunk of it is: a message may have several.
fn whole(text: &str) -> String {
    let (head, mut rest) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    if !head.contains("transfer-encoding: chunked") {
        return text.to_owned();
    }
    let mut whole = format!("{head}\r\n\r\n");
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or_default().min(after.len());
        whole.push_str(after.get(..size).unwrap_or_default());
        rest = after.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// The status of an answer, and the last message in it.
fn answer(text: &str) -> (u16, Value) {
    let text = &whole(text);
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let messages = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let mut messages = messages.filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(Value::is_object);
    (status, messages.next_back().unwrap_or_default())
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

fn audit(project: &Project) -> String {
    project.run(&["audit", "export"]).printed()
}

/// Until the audit says so.
fn told(project: &Project, what: &str) {
    let began = Instant::now();
    while !audit(project).contains(what) {
        assert!(began.elapsed() < Duration::from_secs(60), "`{what}` is not in the audit: {}", audit(project));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_a_client_has_read_counts_for_its_next_request_although_that_stands_for_itself() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let (editor, other) = (Client::new(&serving, "editor"), Client::new(&serving, "other"));
    let list = json!({ "path": "/work" });
    assert!(!editor.call("files__list", list.clone())["isError"].as_bool().unwrap_or_default());
    assert!(text(&editor.call("files__read", json!({ "path": "/private/a.txt" }))).contains("secret"));
    let denied = editor.call("files__list", list.clone());
    assert!(denied["isError"] == true && text(&denied).starts_with("denied: "), "{denied}");
    // Another program of the same person has not read it.
    assert!(!other.call("files__list", list.clone())["isError"].as_bool().unwrap_or_default());
    // Nor has the same program of another person.
    let made = project.run(&["tokens", "create", "bob", "--role", "run"]);
    let bob = Client { token: made.printed().trim().to_owned(), ..Client::new(&serving, "editor") };
    assert!(!bob.call("files__list", list)["isError"].as_bool().unwrap_or_default());
    let audit = audit(&project);
    for who in [r#""client":"mcp:test","calls_itself":"editor 1""#, r#""client":"mcp:bob","calls_itself":"editor 1""#] {
        assert_eq!(audit.matches(who).count(), 1, "{audit}");
    }
}

#[test]
fn what_a_request_says_of_itself_must_be_what_it_is_and_who_may_only_look_calls_nothing() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let client = Client::new(&serving, "editor");
    let params = json!({ "name": "files__read", "arguments": { "path": "/work/notes.md" } });
    let body = client.body("tools/call", params.clone());
    for (wrong, right) in [("Mcp-Name: files__list", "Mcp-Name"), ("Mcp-Method: tools/list", "Mcp-Method")] {
        let mut headers = client.headers("tools/call", &params);
        headers.retain(|header| !header.starts_with(right));
        headers.push(wrong.to_owned());
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let (status, refused) = answer(&serving.ask("POST /mcp", &headers, &body));
        assert_eq!((status, &refused["error"]["code"]), (400, &json!(-32_020)), "{refused}");
    }
    let listed = client.ask("tools/list", json!({})).1["result"].clone();
    assert!(listed["ttlMs"].as_u64().unwrap() > 0 && listed["cacheScope"] == "private", "{listed}");
    for role in ["observe", "approve"] {
        let made = project.run(&["tokens", "create", role, "--role", role]);
        let looks = Client { token: made.printed().trim().to_owned(), ..Client::new(&serving, "editor") };
        assert_eq!(looks.ask("tools/call", params.clone()).0, 403);
    }
    let nobody = Client { token: "th_wrong".into(), ..Client::new(&serving, "editor") };
    assert_eq!(nobody.ask("tools/call", params).0, 401);
}

#[test]
fn a_session_is_of_the_token_that_began_it_and_has_labels_of_its_own() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let made = project.run(&["tokens", "create", "eve", "--role", "admin"]);
    let eve = format!("Authorization: Bearer {}", made.printed().trim());
    let own = format!("Authorization: Bearer {}", serving.token);
    let ask = |bearer: &str, session: Option<&str>, method: &str, params: Value| {
        let session = session.map(|id| format!("Mcp-Session-Id: {id}"));
        let mut headers = vec![bearer, "Content-Type: application/json", "Accept: application/json, text/event-stream"];
        headers.extend(session.as_deref());
        let id = if method.starts_with("notifications/") { Value::Null } else { json!(1) };
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        if id.is_null() {
            message.as_object_mut().unwrap().remove("id");
        }
        serving.ask("POST /mcp", &headers, &message.to_string())
    };
    let begin = || {
        let info = json!({ "name": "editor", "version": "1" });
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
        let begun = ask(&own, None, "initialize", hello);
        let id = begun.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().to_owned();
        ask(&own, Some(&id), "notifications/initialized", json!({}));
        id
    };
    let (first, second) = (begin(), begin());
    let call = |bearer: &str, session: &str, tool: &str, path: &str| {
        answer(&ask(bearer, Some(session), "tools/call", json!({ "name": tool, "arguments": { "path": path } })))
    };
    assert!(text(&call(&own, &first, "files__read", "/private/a.txt").1["result"]).contains("secret"));
    assert_eq!(call(&own, &first, "files__list", "/work").1["result"]["isError"], true);
    assert_ne!(call(&own, &second, "files__list", "/work").1["result"]["isError"], true);
    // For somebody else it does not exist, whatever they may do.
    assert_eq!(call(&eve, &second, "files__list", "/work").0, 404);
    let end = |bearer: &str| serving.ask("DELETE /mcp", &[bearer, &format!("Mcp-Session-Id: {second}")], "");
    assert_eq!(answer(&end(&eve)).0, 404);
    assert_ne!(call(&own, &second, "files__list", "/work").1["result"]["isError"], true);
    assert_eq!(answer(&end(&own)).0, 202);
    assert_eq!(call(&own, &second, "files__list", "/work").0, 404);
}

#[test]
fn a_call_whose_client_goes_away_is_stopped() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let client = Client::new(&serving, "editor");
    let params = json!({ "name": "wait__sleep_forever", "arguments": {} });
    let (headers, body) = (client.headers("tools/call", &params), client.body("tools/call", params));
    let mut stream = TcpStream::connect(serving.address).unwrap();
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", serving.address, body.len());
    write!(stream, "{head}{}\r\n\r\n{body}", headers.join("\r\n")).unwrap();
    told(&project, "client-arrived");
    drop(stream);
    told(&project, r#""code":"cancelled""#);
}

#[test]
fn a_call_that_takes_long_becomes_a_task_of_its_client_and_of_nobody_else() {
    let project = project();
    let serving = Serving::start(&project, &["--grace", "1s"]);
    let can = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let client = Client { can: can.clone(), ..Client::new(&serving, "editor") };
    // What ends soon is answered as ever.
    assert!(text(&client.call("files__read", json!({ "path": "/work/notes.md" }))).contains("# Notes"));
    let task = client.call("wait__sleep_forever", json!({}));
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")), "{task}");
    let params = json!({ "taskId": task["taskId"] });
    let status = |client: &Client<'_>| client.ask("tasks/get", params.clone()).1;
    assert_eq!(status(&client)["result"]["status"], "working");
    let other = Client { can, ..Client::new(&serving, "other") };
    assert_eq!(status(&other)["error"]["code"], -32_602);
    assert_eq!(other.ask("tasks/cancel", params.clone()).1["error"]["code"], -32_602);
    assert_eq!(status(&client)["result"]["status"], "working");
    assert!(client.ask("tasks/cancel", params.clone()).1["error"].is_null());
    let began = Instant::now();
    while status(&client)["result"]["status"] == "working" {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(status(&client)["result"]["status"], "cancelled");
    // One that runs when the server ends is stopped, and on record.
    assert_eq!(client.call("wait__sleep_forever", json!({}))["resultType"], "task");
    serving.signal("-TERM");
    assert!(serving.ended().0);
    assert_eq!(audit(&project).matches(r#""code":"cancelled""#).count(), 2);
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}
