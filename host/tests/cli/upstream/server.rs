//! An MCP server that does what a test tells it: this very program of tests, started as a process, or a thread that speaks HTTP.
//!
//! What it is told is in a file beside its log, read again for each message; what it heard is in the log, whatever it answered.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// The variable that says where a server finds what it is told.
const FOLDER: &str = "MCP_TEST_FOLDER";

/// Where a server is told what to do, and where it writes what it heard.
pub(crate) struct Told(tempfile::TempDir);

impl Told {
    pub(crate) fn new() -> Self {
        let told = Self(tempfile::tempdir().unwrap());
        told.tell(&json!({}));
        told
    }

    /// Does this from now on.
    pub(crate) fn tell(&self, what: &Value) {
        // As a whole: it is read while it is written.
        let new = self.0.path().join("new");
        std::fs::write(&new, what.to_string()).unwrap();
        std::fs::rename(new, self.0.path().join("told")).unwrap();
    }

    /// What was heard of this method.
    pub(crate) fn heard(&self, method: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.0.path().join("log")).unwrap_or_default();
        let messages = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        messages.filter(|message| message["method"] == method).collect()
    }

    /// What was heard of all that is no request of ours: what the server itself was answered.
    pub(crate) fn answers(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.0.path().join("log")).unwrap_or_default();
        let messages = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        messages.filter(|message| message.get("method").is_none()).collect()
    }

    /// The lines of a manifest for a process.
    pub(crate) fn process(&self, more: &str) -> String {
        let program = std::env::current_exe().unwrap();
        format!(
            r#"
[tools.local]
source = "mcp:stdio"
env = {{ {FOLDER} = "{}" }}
limits = {{ time = "20s" }}
retry = {{ attempts = 1 }}

[tools.local.server]
command = ["{}", "--exact", "upstream::server::serves", "--nocapture", "--ignored"]
read-only = ["echo", "hang", "image"]
{more}
"#,
            self.0.path().display(),
            program.display()
        )
    }
}

/// The process: not a test of its own.
#[test]
#[ignore = "the server of other tests, which start it"]
fn serves() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut out = std::io::stdout();
    let stdin = std::io::stdin();
    let mut lines = stdin.lock().lines();
    while let Some(Ok(line)) = lines.next() {
        for message in answers(&folder, &line) {
            if message == "asked" {
                // What it is answered to its own request.
                let answer = lines.next().unwrap().unwrap();
                log(&folder, &answer);
                continue;
            }
            writeln!(out, "{message}").unwrap();
        }
        out.flush().unwrap();
    }
}

fn log(folder: &Path, line: &str) {
    let mut log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    writeln!(log, "{line}").unwrap();
}

/// What a server says to a message. `asked` stands for: listen to what is answered first.
fn answers(folder: &Path, line: &str) -> Vec<Value> {
    log(folder, line);
    let message: Value = serde_json::from_str(line).unwrap();
    let told: Value = serde_json::from_slice(&std::fs::read(folder.join("told")).unwrap()).unwrap();
    let id = message["id"].clone();
    let result = |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result });
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => {
            let version = told.get("version").cloned().unwrap_or(message["params"]["protocolVersion"].clone());
            let capabilities = told.get("capabilities").cloned().unwrap_or(json!({ "tools": {} }));
            vec![result(json!({ "protocolVersion": version, "capabilities": capabilities,
                "serverInfo": { "name": "test", "version": "1" } }))]
        }
        "tools/list" => vec![result(json!({ "tools": told.get("tools").cloned().unwrap_or_else(tools) }))],
        "tools/call" => {
            let changed =
                told.get("notify").map(|_| json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }));
            changed.into_iter().chain(called(folder, &message, &result)).collect()
        }
        "ping" => vec![result(json!({}))],
        _ => Vec::new(),
    }
}

/// The tools of the server, if nothing else is told.
pub(crate) fn tools() -> Value {
    let tool = |name: &str| {
        json!({ "name": name, "description": format!("Does {name}."), "inputSchema": {
            "type": "object", "properties": { "text": { "type": "string" } } } })
    };
    let mut all: Vec<Value> = ["echo", "save", "env", "big", "hang", "crash", "ask", "talk", "image", "fail", "flood"]
        .into_iter()
        .map(tool)
        .collect();
    // What it says itself of being harmless.
    all[1]["annotations"] = json!({ "readOnlyHint": true, "idempotentHint": true });
    all[2]["outputSchema"] = json!({ "type": "object", "properties": { "names": { "type": "array" } } });
    Value::Array(all)
}

fn called(folder: &Path, message: &Value, result: &dyn Fn(Value) -> Value) -> Vec<Value> {
    let text = |text: &str| result(json!({ "content": [{ "type": "text", "text": text }] }));
    let arguments = &message["params"]["arguments"];
    let given = arguments["text"].as_str().unwrap_or_default();
    let notification = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "method": method, "params": params });
    match message["params"]["name"].as_str().unwrap() {
        "save" => {
            std::fs::write(folder.join("saved"), given).unwrap();
            vec![text("saved")]
        }
        "env" => {
            let names: Vec<String> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
            let directory = std::env::current_dir().unwrap();
            let secret = std::env::var("SERVER_TOKEN").unwrap_or_default();
            vec![result(json!({ "content": [], "structuredContent": {
                "names": names, "directory": directory, "secret": format!("it is {secret}"), "pid": std::process::id() } }))]
        }
        "big" => vec![text(&"x".repeat(4 << 20))],
        "hang" => Vec::new(),
        "crash" => {
            eprintln!("thrown away by a test {}", std::env::var("SERVER_TOKEN").unwrap_or_default());
            std::process::exit(3)
        }
        "ask" => {
            let params = json!({ "messages": [], "maxTokens": 1 });
            let question =
                json!({ "jsonrpc": "2.0", "id": "mine", "method": "sampling/createMessage", "params": params });
            vec![question, json!("asked"), text("it said no")]
        }
        "talk" => {
            let token = message["params"]["_meta"]["progressToken"].clone();
            let progress = json!({ "progressToken": token, "progress": 1, "total": 2, "message": "half" });
            vec![
                notification("notifications/progress", progress),
                notification("notifications/message", json!({ "level": "warning", "data": "take care" })),
                text("done"),
            ]
        }
        "image" => vec![result(json!({ "content": [
            { "type": "text", "text": "a picture" },
            { "type": "image", "data": "AAAA", "mimeType": "image/png" } ] }))],
        "fail" => vec![result(json!({ "isError": true, "content": [{ "type": "text", "text": "no such thing" }] }))],
        "flood" => {
            let line = notification("notifications/message", json!({ "level": "info", "data": "x".repeat(1 << 10) }));
            let mut all = vec![line; 2_000];
            all.push(text("done"));
            all
        }
        _ => vec![text(given)],
    }
}

/// A server on the web. Its thread ends with the process.
pub(crate) struct Web {
    pub(crate) port: u16,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

/// How a server on the web answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Speaks {
    Json,
    Events,
    /// It sends the client on.
    Redirects(String),
    /// It says the secret of each request back.
    Repeats,
    /// It takes a call and breaks the connection.
    Breaks,
    /// A gateway before it gives a call up.
    Gateway,
    /// It wants to know who asks.
    Login,
}

impl Web {
    pub(crate) fn start(told: &Told, speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, folder) = (Arc::clone(&heads), told.0.path().to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, folder, speaks) = (Arc::clone(&kept), folder.clone(), speaks.clone());
                std::thread::spawn(move || answer(stream.unwrap(), &kept, &folder, &speaks));
            }
        });
        Self { port, heads }
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, heads: &Mutex<Vec<String>>, folder: &Path, speaks: &Speaks) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    heads.lock().unwrap().push(head.clone());
    let fields: BTreeMap<String, String> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = fields.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let mut messages = answers(folder, &body);
    let is_call = body.contains("tools/call");
    let (status, kind, text) = match speaks {
        Speaks::Redirects(to) => (format!("307 Temporary Redirect\r\nlocation: {to}"), "text/plain", String::new()),
        Speaks::Login => ("401 Unauthorized".to_owned(), "text/plain", String::new()),
        Speaks::Breaks if is_call => return,
        Speaks::Gateway if is_call => ("504 Gateway Timeout".to_owned(), "text/plain", String::new()),
        _ if messages.is_empty() => ("202 Accepted".to_owned(), "text/plain", String::new()),
        Speaks::Events => {
            let events: Vec<String> =
                messages.iter().map(|message| format!("event: message\ndata: {message}\n\n")).collect();
            ("200 OK".to_owned(), "text/event-stream", events.concat())
        }
        Speaks::Repeats if is_call => {
            let said = fields.get("authorization").cloned().unwrap_or_default();
            let last = messages.last_mut().unwrap();
            last["result"] = json!({ "content": [{ "type": "text", "text": format!("you said {said}") }] });
            ("200 OK".to_owned(), "application/json", last.to_string())
        }
        // There is room for the answer alone.
        _ => ("200 OK".to_owned(), "application/json", messages.last().unwrap().to_string()),
    };
    let session = if body.contains("\"initialize\"") { "mcp-session-id: session-of-a-test\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\n{session}connection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    // The client may be gone already, which is its right.
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes()));
}
