//! A second process on the same state directory: it asks the one that holds it, and takes over when that one is gone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::project::Project;
use crate::serve::Serving;

/// An MCP client, as far as these tests need one.
struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    /// Starts the server, or attaches to the one that there is; either has answered when this returns.
    fn start(project: &Project, words: &[&str]) -> Self {
        let words = [&["mcp"], words].concat();
        let mut command = project.command(&words);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (input, output) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        let mut client = Self { process, input, output, next: 0 };
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        assert!(client.ask("initialize", &hello)["result"]["serverInfo"]["name"] == "toolhold");
        client.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn tell(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        self.tell(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }));
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server went away: {}", self.said());
        serde_json::from_str(&line).unwrap()
    }

    /// Writes a file, and returns the call's name.
    fn write(&mut self, path: &str) -> String {
        let arguments = json!({ "path": path, "content": "by a client" });
        let answer = self.ask("tools/call", &json!({ "name": "files__write", "arguments": arguments }));
        answer["result"]["_meta"]["toolhold/call"]["call"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    /// The client goes away; the server ends.
    fn end(mut self) {
        drop(self.input.take());
        let ended = self.process.wait().unwrap();
        assert!(ended.success(), "{ended}: {}", self.said());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _over = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[test]
fn two_clients_are_served_at_once_each_with_a_run_of_its_own() {
    let project = Project::free();
    let mut first = Client::start(&project, &[]);
    let mut second = Client::start(&project, &[]);
    let mut preview = Client::start(&project, &["--dry-run"]);
    for socket in ["control.sock", "mcp.sock"] {
        let mode = std::fs::metadata(project.path().join(".toolhold").join(socket)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{socket}");
    }
    let calls = [first.write("/work/1.txt"), second.write("/work/2.txt"), first.write("/work/3.txt")];
    preview.write("/work/4.txt");
    assert_eq!((project.read("work/1.txt"), project.read("work/2.txt")), ("by a client".into(), "by a client".into()));
    assert!(!project.path().join("work/4.txt").exists());
    preview.end();
    second.end();
    first.write("/work/5.txt");
    first.end();
    assert!(!project.path().join(".toolhold/control.sock").exists());
    let history = project.run(&["history", "--json"]).printed();
    let history: Value = serde_json::from_str(&history).unwrap();
    let run_of = |call: &str| {
        let entry = history.as_array().unwrap().iter().find(|entry| entry["call"] == call);
        entry.unwrap_or_else(|| panic!("{call} is not in {history}"))["run"].clone()
    };
    assert_eq!(run_of(&calls[0]), run_of(&calls[2]));
    assert_ne!(run_of(&calls[0]), run_of(&calls[1]));
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_client_whose_holder_ends_is_told_so_and_the_next_one_takes_over() {
    let project = Project::free();
    let mut first = Client::start(&project, &[]);
    let mut second = Client::start(&project, &[]);
    first.write("/work/1.txt");
    first.end();
    assert_eq!(second.process.wait().unwrap().code(), Some(13));
    let said = second.said();
    assert!(said.contains("has ended") && said.contains("takes over"), "{said}");
    // One that is killed leaves its sockets behind.
    let mut third = Client::start(&project, &[]);
    let call = third.write("/work/3.txt");
    third.process.kill().unwrap();
    third.process.wait().unwrap();
    assert!(project.path().join(".toolhold/mcp.sock").exists());
    let mut fourth = Client::start(&project, &[]);
    fourth.write("/work/4.txt");
    project.run(&["undo", &call]).worked(&[&call]);
    fourth.end();
    assert!(!project.path().join("work/3.txt").exists() && project.path().join("work/4.txt").exists());
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn commands_ask_the_process_that_holds_the_state_directory() {
    let project = Project::free();
    let mut client = Client::start(&project, &[]);
    let call = client.write("/work/new.txt");
    // A call of a command, with its arguments read as the tool's schema has them.
    let words = ["call", "files.write", "path=/work/007", "content=42", "--key", "k-1"];
    let done = project.run(&words);
    done.worked(&[]);
    assert_eq!(project.read("work/007"), "42");
    assert!(done.said().contains("toolhold undo "), "{}", done.said());
    let again = project.run(&words);
    assert!(again.code() == 0 && again.said().contains("an earlier call with the same key"), "{}", again.said());
    let json: Value = serde_json::from_str(&project.run(&[words.as_slice(), &["--json"]].concat()).printed()).unwrap();
    assert_eq!((&json["replayed"], &json["tool"]), (&json!(true), &json!("files.write")));
    project.run(&["call", "files.read", "pth=1"]).failed(4, &["did you mean `path`"]);
    project.run(&["call", "files.nope"]).failed(4, &["files.nope"]);
    project.run(&["call", "files.read", "path=/work/secret/key"]).failed(5, &["denied"]);
    // A preview is applied, an effect is taken back: once.
    let shown = project.run(&["call", "files.write", "path=/work/p.txt", "content=p", "--dry-run"]);
    shown.worked(&["p.txt"]);
    assert!(!project.path().join("work/p.txt").exists());
    let preview = shown.named("apply");
    project.run(&["apply", &preview]).worked(&["p.txt"]);
    assert_eq!(project.read("work/p.txt"), "p");
    project.run(&["apply", &preview]).failed(5, &["not-applicable"]);
    project.run(&["undo", &call]).worked(&[&call, "new.txt"]);
    assert!(!project.path().join("work/new.txt").exists());
    project.run(&["undo", &call]).failed(3, &["cannot be undone"]);
    project.run(&["undo", "nothing"]).failed(3, &["there is no such call"]);
    let changed = client.write("/work/c.txt");
    project.write("work/c.txt", "by somebody else");
    project.run(&["undo", &changed]).failed(14, &["/work/c.txt"]);
    project.run(&["breakers", "reset", "tool:files.read"]).failed(3, &["no breaker"]);
    project.run(&["unknown", "resolve", &changed, "--failed"]).failed(3, &["nobody knows"]);
    // Whoever holds it goes on.
    client.write("/work/last.txt");
    client.end();
    // Keys are the same whoever makes the call.
    let again = project.run(&words);
    assert!(again.code() == 0 && again.said().contains("an earlier call with the same key"), "{}", again.said());
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_server_holds_the_state_directory_for_clients_and_commands_alike() {
    let project = Project::free();
    let serving = Serving::start(&project, &[]);
    let mut client = Client::start(&project, &[]);
    let call = client.write("/work/new.txt");
    project.run(&["undo", &call]).worked(&[&call]);
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let body = r#"{"tool":"files.write","arguments":{"path":"/work/h.txt","content":"h"},"mode":"live"}"#;
    let lines = [bearer.as_str(), "Content-Type: application/json"];
    let answer = serving.ask("POST /v1/calls", &lines, body);
    assert!(answer.starts_with("HTTP/1.1 200 ") && project.read("work/h.txt") == "h", "{answer}");
    let (_, report) = answer.split_once("\r\n\r\n").unwrap();
    let report: Value = serde_json::from_str(report).unwrap();
    let undo = format!("POST /v1/calls/{}/undo", report["call"].as_str().unwrap());
    let observe = project.run(&["tokens", "create", "o", "--role", "observe"]).printed();
    let observer = format!("Authorization: Bearer {}", observe.trim());
    for request in ["POST /v1/calls", &undo] {
        assert!(serving.ask(request, &[&observer, lines[1]], body).starts_with("HTTP/1.1 403 "));
        assert!(serving.ask(request, &lines[1..], body).starts_with("HTTP/1.1 401 "));
    }
    assert!(serving.ask(&undo, &lines, "").starts_with("HTTP/1.1 200 "));
    assert!(!project.path().join("work/h.txt").exists());
    serving.signal("-INT");
    let (succeeded, said) = serving.ended();
    assert!(succeeded, "{said}");
    assert_eq!(client.process.wait().unwrap().code(), Some(13));
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn what_is_too_long_for_the_holder_is_refused_before_it_is_kept() {
    let project = Project::free();
    let client = Client::start(&project, &[]);
    let mut stream = UnixStream::connect(project.path().join(".toolhold/control.sock")).unwrap();
    let length = (5 << 20) + 1;
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // It need not read all of it.
    let _closed = stream.write_all(&vec![b' '; length]).is_err();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(std::str::from_utf8(&answer).unwrap(), "HTTP/1.1 413");
    client.end();
}
