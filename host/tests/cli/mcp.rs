//! The server for MCP clients, spoken to as a client does: a line of JSON each way over the program's standard streams.

pub(crate) mod people;
mod unreadable;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::project::Project;

/// The revision that began with `initialize`, and the one in which each request stands for itself.
const SESSION: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";

pub(crate) struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Of the stateless revision, what goes along with each request.
    meta: Option<Value>,
    next: u64,
    /// What came without being asked for.
    notifications: Vec<Value>,
}

impl Client {
    fn start(project: &Project, words: &[&str]) -> Self {
        let words = [&["mcp"], words].concat();
        let mut process =
            project.command(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, input, output, meta: None, next: 0, notifications: Vec::new() }
    }

    /// A client of the revision with sessions.
    pub(crate) fn session(project: &Project, words: &[&str]) -> Self {
        let mut client = Self::start(project, words);
        let hello = json!({
            "protocolVersion": SESSION, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = client.ask("initialize", hello);
        assert_eq!(answer["result"]["protocolVersion"], SESSION, "{answer}");
        client.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    /// A client of the revision without.
    pub(crate) fn stateless(project: &Project) -> Self {
        let mut client = Self::start(project, &[]);
        client.meta = Some(json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        }));
        client
    }

    pub(crate) fn tell(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Sends a request and returns its id.
    pub(crate) fn send(&mut self, method: &str, mut params: Value) -> u64 {
        self.next += 1;
        if let Some(meta) = self.meta.clone() {
            let mut all = meta.as_object().unwrap().clone();
            all.extend(params["_meta"].as_object().cloned().unwrap_or_default());
            params["_meta"] = Value::Object(all);
        }
        let id = self.next;
        self.tell(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// The answer to the request `id`; what comes before it is kept.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server went away");
            // Nothing but the protocol is on standard output.
            let message: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(message["jsonrpc"], "2.0");
            if message["id"] == id {
                return message;
            }
            self.notifications.push(message);
        }
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// The next notification of this kind.
    pub(crate) fn hear(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.notifications.iter().position(|told| told["method"] == method) {
                return self.notifications.remove(at);
            }
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server went away");
            self.notifications.push(serde_json::from_str(&line).unwrap());
        }
    }

    /// Whether a notification of this kind has come.
    pub(crate) fn has_heard(&self, method: &str) -> bool {
        self.notifications.iter().any(|told| told["method"] == method)
    }

    /// How its server ends by this signal.
    pub(crate) fn ended_by(&mut self, signal: &str) -> std::process::ExitStatus {
        let id = self.process.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.process.wait().unwrap()
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// The server ends when its client does.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        assert!(self.process.wait().unwrap().success());
    }
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

#[test]
fn both_revisions_list_the_same_tools_and_call_them() {
    let project = Project::free();
    for start in [|project| Client::session(project, &[]), Client::stateless] {
        let mut client = start(&project);
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        let names: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        // In order, and without those that no rule lets run.
        let expected = [
            "files__copy",
            "files__delete",
            "files__edit",
            "files__mkdir",
            "files__move",
            "files__read",
            "files__write",
        ];
        assert_eq!(names, expected);
        let read = &tools[5];
        assert_eq!(read["inputSchema"]["required"], json!(["path"]), "{read}");
        assert_eq!(read["annotations"]["readOnlyHint"], true, "{read}");
        let result = client.call("files__read", json!({ "path": "/work/a.txt" }));
        assert!(text(&result).contains("two"), "{result}");
        assert!(!result["isError"].as_bool().unwrap_or_default());
        client.end();
    }
}

#[test]
fn what_is_refused_is_a_result_that_a_model_can_act_on() {
    let project = Project::locked();
    let mut client = Client::session(&project, &[]);
    let unknown = client.ask("tools/call", json!({ "name": "files__nope", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32_602, "{unknown}");
    // Not listed, because no rule lets any call of it run; that it was asked for is on record.
    let hidden = client.call("files__delete", json!({ "path": "/work/notes.md" }));
    assert!(text(&hidden).starts_with("denied: ") && !text(&hidden).starts_with("denied: denied"), "{hidden}");
    let denied = client.call("files.read", json!({ "path": "/work/secret/key" }));
    assert_eq!(denied["isError"], true);
    assert!(text(&denied).starts_with("tool-denied: ") || text(&denied).contains("denied"), "{denied}");
    assert!(!denied.to_string().contains("CANARY") && !denied.to_string().contains(project.path().to_str().unwrap()));
    let invalid = client.call("files__read", json!({ "pth": 1 }));
    assert!(text(&invalid).contains("did you mean `path`"), "{invalid}");
    let asked = client.call("files__move", json!({ "from": "/work/notes.md", "to": "/work/b.md" }));
    assert_eq!(asked["isError"], true, "{asked}");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    client.end();
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("files.delete") && audit.contains("files__nope"), "{audit}");
}

#[test]
fn a_preview_changes_nothing_and_says_what_it_would() {
    let project = Project::free();
    let before = project.tree();
    let write = json!({ "path": "/work/new.txt", "content": "new" });
    let mut client = Client::session(&project, &[]);
    let asked = json!({ "name": "files__write", "arguments": write, "_meta": { "toolhold/mode": "preview" } });
    let result = client.ask("tools/call", asked)["result"].clone();
    assert_eq!(result["_meta"]["toolhold/effects"]["changes"][0]["path"], "/work/new.txt", "{result}");
    assert_eq!(project.tree(), before);
    let wrong = json!({ "name": "files__write", "arguments": write, "_meta": { "toolhold/mode": "no" } });
    assert_eq!(client.ask("tools/call", wrong)["error"]["code"], -32_602);
    let misspelled = json!({ "name": "files__write", "arguments": write, "_meta": { "toolhold/Mode": "preview" } });
    assert_eq!(client.ask("tools/call", misspelled)["error"]["code"], -32_602);
    assert_eq!(project.tree(), before);
    client.end();
    // So does every call of a server that was started for it.
    let mut client = Client::session(&project, &["--dry-run"]);
    assert_eq!(client.call("files__write", write.clone())["_meta"]["toolhold/call"]["mode"], "preview");
    assert_eq!(project.tree(), before);
    client.end();
    let mut client = Client::session(&project, &[]);
    let done = client.call("files__write", write);
    client.end();
    assert_eq!(project.read("work/new.txt"), "new");
    let call = done["_meta"]["toolhold/call"]["call"].as_str().unwrap();
    assert_eq!(project.run(&["undo", call]).code(), 0);
    assert_eq!(project.tree(), before);
}

#[test]
fn one_key_is_one_call() {
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let edit = json!({
        "name": "files__write", "arguments": { "path": "/work/k.txt", "content": "k" }, "_meta": { "toolhold/key": "k-1" },
    });
    let first = client.ask("tools/call", edit.clone())["result"].clone();
    let again = client.ask("tools/call", edit)["result"].clone();
    assert_eq!(
        (&first["_meta"]["toolhold/call"]["replayed"], &again["_meta"]["toolhold/call"]["replayed"]),
        (&json!(false), &json!(true))
    );
    client.end();
}

/// Calls that come to their end at once are answered where they are read; whoever wants to hear of progress is answered by the SDK.
#[test]
fn many_calls_sent_together_are_answered_once_each_and_as_one_that_wants_progress_is() {
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let kinds = [
        json!({ "name": "files__read", "arguments": { "path": "/work/notes.md" } }),
        json!({ "name": "files__read", "arguments": { "path": "/work/missing" } }),
        json!({ "name": "files__read", "arguments": { "path": "/etc/passwd" } }),
        json!({ "name": "files__read", "arguments": { "path": 1 } }),
        json!({ "name": "files__read" }),
        json!({ "name": "files__nothing", "arguments": {} }),
        json!({ "name": "files__read", "arguments": {}, "_meta": { "toolhold/mode": "sideways" } }),
        json!({ "name": "files__read", "arguments": {}, "_meta": { "toolhold/nothing": 1 } }),
    ];
    let said = |mut answer: Value| {
        let call = answer["result"]["_meta"]["toolhold/call"].take();
        answer["id"].take();
        (answer, call)
    };
    let mut long = Vec::new();
    for kind in &kinds {
        let mut params = kind.clone();
        params["_meta"]["progressToken"] = json!(1);
        long.push(said(client.ask("tools/call", params)).0);
    }
    assert!(long.iter().any(|answer| answer.get("error").is_some()) && long[0]["result"]["isError"] == false);
    let first = client.next + 1;
    let many = 20 * kinds.len() as u64;
    let line = |(id, params): (u64, &Value)| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string() + "\n"
    };
    let lines: String = (first..first + many).zip(kinds.iter().cycle()).map(line).collect();
    client.input.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    let mut calls = std::collections::BTreeSet::new();
    let mut answers = std::collections::BTreeMap::new();
    for line in (&mut client.output).lines().take(lines.lines().count()) {
        let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
        // One that has to wait for something comes later than those after it.
        assert!(answers.insert(answer["id"].as_u64(), answer).is_none(), "answered twice");
    }
    for (number, id) in (first..first + many).enumerate() {
        let (answer, call) = said(answers.remove(&Some(id)).unwrap());
        assert_eq!(answer, long[number % kinds.len()], "{}", kinds[number % kinds.len()]);
        calls.insert(call.to_string());
    }
    assert!(calls.len() > 100, "each is a call of its own: {}", calls.len());
    client.next += many;
    assert!(client.ask("ping", json!({})).get("result").is_some());
    client.end();
}

/// What is answered where it is read has no place that it would keep: the streams hold it up.
#[test]
fn a_client_that_reads_no_answers_is_not_read_on_and_gets_all_of_them_later() {
    const CALLS: u64 = 4_000;
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let written = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (mut input, count) = (client.input.take().unwrap(), std::sync::Arc::clone(&written));
    let writer = std::thread::spawn(move || {
        for id in 1_000..1_000 + CALLS {
            let params = json!({ "name": "files__nothing", "arguments": { "pad": "x".repeat(200) } });
            let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
            writeln!(input, "{call}").unwrap();
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        input
    });
    let so_far = || written.load(std::sync::atomic::Ordering::SeqCst);
    let mut before = u64::MAX;
    while so_far() != before {
        before = so_far();
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    assert!(before < CALLS, "everything was read, and is kept somewhere");
    for _ in 0..CALLS {
        let mut line = String::new();
        client.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["id"].as_u64().is_some_and(|id| id >= 1_000), "{answer}");
    }
    client.input = Some(writer.join().unwrap());
    client.end();
}

/// A project with a tool that sleeps until it is stopped.
fn waiting() -> Project {
    let project = Project::new(
        "version = 1\n[tools.wait]\nsource = \"wait.wasm\"\n[limits]\ntime = \"300s\"\n[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n",
    );
    std::fs::write(project.path().join("wait.wasm"), crate::project::guest("waiting")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

#[test]
fn a_call_that_its_client_gives_up_is_stopped() {
    let project = waiting();
    let mut client = Client::session(&project, &[]);
    let listed = client.ask("tools/list", json!({}))["result"]["tools"].to_string();
    assert!(listed.contains("wait__sleep_forever"), "{listed}");
    let id = client.send("tools/call", json!({ "name": "wait__sleep_forever", "arguments": {} }));
    client.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    // The server goes on serving, and ends: the guest, which would sleep for minutes, is not waited for.
    assert!(client.ask("tools/list", json!({}))["result"]["tools"].is_array());
    client.end();
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("cancelled"), "{audit}");
}

#[test]
fn a_call_whose_client_goes_away_is_stopped_and_on_record() {
    let project = waiting();
    let mut client = Client::session(&project, &[]);
    let call = json!({ "name": "wait__sleep_forever", "arguments": {}, "_meta": { "progressToken": "p" } });
    client.send("tools/call", call);
    // Whatever is asked after it is read after it.
    assert!(client.ask("tools/list", json!({}))["result"]["tools"].is_array());
    client.end();
    let calls = project.run(&["audit", "export"]).printed();
    assert_eq!(calls.matches("sleep_forever").count().min(1), 1, "{calls}");
    assert!(calls.contains("cancelled"), "{calls}");
    assert_eq!(project.run(&["unknown", "list", "--json"]).printed().trim(), "[]");
}

#[test]
fn a_server_that_is_told_to_stop_settles_its_calls() {
    let project = waiting();
    let mut client = Client::session(&project, &[]);
    client.send("tools/call", json!({ "name": "wait__sleep_forever", "arguments": {} }));
    assert!(client.ask("tools/list", json!({}))["result"]["tools"].is_array());
    let id = client.process.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let ended = client.process.wait().unwrap();
    assert!(ended.success(), "{ended}");
    let calls = project.run(&["audit", "export"]).printed();
    assert!(calls.contains("sleep_forever") && calls.contains("cancelled"), "{calls}");
}

#[test]
fn a_message_without_end_is_not_kept() {
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let peak = |client: &Client| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", client.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = peak(&client);
    let long = "x".repeat(128 << 20);
    writeln!(client.input.as_mut().unwrap(), "{{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\",\"x\":\"{long}\"}}")
        .unwrap();
    // The next one is answered.
    assert!(client.ask("tools/list", json!({}))["result"]["tools"].is_array());
    assert!(peak(&client) < before + (64 << 10), "{} kB and then {} kB", before, peak(&client));
    client.end();
}

#[test]
fn what_a_tool_says_comes_before_its_answer_and_cannot_deceive() {
    let manifest = "version = 1\n[tools.bad]\nsource = \"bad.wasm\"\n[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n";
    let project = Project::new(manifest);
    std::fs::write(project.path().join("bad.wasm"), crate::project::guest("hostile")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    let mut client = Client::session(&project, &[]);
    let call = json!({ "name": "bad__hostile_text", "arguments": {}, "_meta": { "progressToken": "p" } });
    client.ask("tools/call", call.clone());
    // Log lines are for a client that asks for them.
    assert!(
        client.notifications.iter().all(|told| told["method"] == "notifications/progress"),
        "{:?}",
        client.notifications
    );
    client.ask("logging/setLevel", json!({ "level": "debug" }));
    client.notifications.clear();
    client.ask("tools/call", call);
    let told =
        |method: &str| client.notifications.iter().find(|told| told["method"] == method).unwrap()["params"].clone();
    let (progress, log) = (told("notifications/progress"), told("notifications/message"));
    assert_eq!(
        (&progress["progressToken"], &progress["progress"], &progress["total"]),
        (&json!("p"), &json!(1.0), &json!(2.0))
    );
    assert_eq!(log["level"], "info");
    for text in [&progress["message"], &log["data"]] {
        let text = text.as_str().unwrap();
        assert!(text.contains("approved by operator"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\n', '\u{9b}']), "{text:?}");
    }
    // Progress that is no number is none of the protocol's.
    client.notifications.clear();
    let flood =
        json!({ "name": "bad__progress_flood", "arguments": { "bytes": 10 }, "_meta": { "progressToken": "p" } });
    client.ask("tools/call", flood);
    assert_eq!(client.notifications.iter().filter(|told| told["method"] == "notifications/progress").count(), 0);
    client.end();
}

#[test]
fn results_are_structured_as_each_revision_takes_them() {
    let manifest = "version = 1\n[tools.typed]\nsource = \"typed.wasm\"\n[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n";
    let project = Project::new(manifest);
    std::fs::write(project.path().join("typed.wasm"), crate::project::guest("typed")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    for (start, any_shape) in [
        (Box::new(|project: &Project| Client::session(project, &[])) as Box<dyn Fn(&Project) -> Client>, false),
        (Box::new(Client::stateless), true),
    ] {
        let mut client = start(&project);
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        for tool in tools.as_array().unwrap() {
            // Until 2025-11-25 a schema of results is of an object.
            let of_object = tool.get("outputSchema").is_none_or(|schema| schema["type"] == "object");
            assert!(any_shape || of_object, "{tool}");
        }
        let result = client.call("typed__get-version", json!({}));
        assert_eq!((text(&result), result.get("structuredContent").is_some()), ("1.2.0", any_shape), "{result}");
        client.end();
    }
}

/// A project with one tool of the tests, of which every call is allowed.
fn with(name: &str, tool: &str) -> Project {
    let rule = "[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n";
    let project = Project::new(&format!("version = 1\n[tools.{name}]\nsource = \"{name}.wasm\"\n{rule}"));
    std::fs::write(project.path().join(format!("{name}.wasm")), crate::project::guest(tool)).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

#[test]
fn pictures_sounds_and_documents_are_what_they_are_and_no_structured_content() {
    let project = with("c", "conformance");
    for start in [|project| Client::session(project, &[]), Client::stateless] {
        let mut client = start(&project);
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        let of = |name: &str| tools.as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone();
        // What a list of blocks is made of is no business of a schema that clients hold structured content against.
        assert!(of("c__test_image_content").get("outputSchema").is_none());
        let result = client.call("c__test_multiple_content_types", json!({}));
        let kinds: Vec<_> = result["content"].as_array().unwrap().iter().map(|block| block["type"].clone()).collect();
        assert_eq!(kinds, ["text", "image", "resource"], "{result}");
        assert_eq!(result["content"][1]["mimeType"], "image/png");
        assert!(result.get("structuredContent").is_none(), "{result}");
        assert_eq!(client.call("c__test_audio_content", json!({}))["content"][0]["type"], "audio");
        client.end();
    }
    // Elsewhere it is JSON like any other result.
    let printed = project.run(&["call", "c.test_embedded_resource", "--json"]).printed();
    assert!(printed.contains("test://embedded-resource"), "{printed}");
}

#[test]
fn names_without_components_are_those_that_mean_one_tool() {
    let project = Project::free();
    let mut client = Client::session(&project, &["--short-names"]);
    let names = |client: &mut Client| {
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut client), ["copy", "delete", "edit", "mkdir", "move", "read", "write"]);
    for name in ["read", "files__read", "files.read"] {
        assert!(text(&client.call(name, json!({ "path": "/work/a.txt" }))).contains("two"));
    }
    client.end();
    // Of two tools of one name neither has it, also if only one of them is listed.
    let manifest =
        project.read("toolhold.toml").replace("[tools.files]", "[tools.other]\nsource = \"files.wasm\"\n[tools.files]");
    project.write("toolhold.toml", &manifest);
    assert_eq!(project.run(&["lock"]).code(), 0);
    let mut client = Client::session(&project, &["--short-names"]);
    assert!(names(&mut client).iter().all(|name| name.starts_with("files__")));
    assert_eq!(client.ask("tools/call", json!({ "name": "read", "arguments": {} }))["error"]["code"], -32_602);
    client.end();
}

/// What a call has read counts for those that are decided after it, so none may be decided while one runs.
#[test]
fn where_rules_ask_what_was_read_one_call_ends_before_the_next_begins() {
    let labelled = "[[tools.files.directories]]
host = \"work\"
guest = \"/work\"
read = [\"**\"]
labels = [\"private\"]
[[rules]]
name = \"nothing after private data\"
decision = \"deny\"
tools = [\"wait.network\"]
when-labels = [\"private\"]
";
    let project = waiting();
    let manifest =
        project.read("toolhold.toml").replace("[limits]", "[tools.files]\nsource = \"files.wasm\"\n[limits]");
    project.write("toolhold.toml", &format!("{manifest}{labelled}"));
    assert_eq!(project.run(&["lock"]).code(), 0);
    let mut client = Client::session(&project, &[]);
    let first = client.send("tools/call", json!({ "name": "wait__sleep_forever", "arguments": {} }));
    // Read, and so begun, before the next one is sent.
    client.ask("tools/list", json!({}));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let second = client.send("tools/call", json!({ "name": "files__read", "arguments": { "path": "/work/notes.md" } }));
    std::thread::sleep(std::time::Duration::from_millis(500));
    client.ask("tools/list", json!({}));
    assert!(client.notifications.iter().all(|told| told["id"] != second), "{:?}", client.notifications);
    client.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": first } }));
    assert!(text(&client.answer(second)["result"]).contains("# Notes"));
    client.end();
}

#[test]
fn a_client_that_does_not_speak_the_protocol_gets_an_error_and_no_tool() {
    let project = Project::free();
    let mut client = Client::start(&project, &[]);
    client.tell(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "files__read", "arguments": {} } }));
    let answer = client.answer(1);
    assert!(answer.get("error").is_some(), "{answer}");
    drop(client.input.take());
    client.process.wait().unwrap();
}

#[test]
fn a_clients_configuration_is_shown_or_written_and_the_rest_of_it_stays() {
    let project = Project::free();
    let shown = project.run(&["mcp", "install", "cursor"]).printed();
    assert!(shown.contains("mcpServers") && shown.contains("toolhold.toml"), "{shown}");
    std::fs::create_dir(project.path().join(".cursor")).unwrap();
    project.write(".cursor/mcp.json", r#"{"mcpServers":{"other":{"command":"o"}}}"#);
    assert_eq!(project.run(&["mcp", "install", "cursor", "--write"]).code(), 0);
    let written: Value = serde_json::from_str(&project.read(".cursor/mcp.json")).unwrap();
    assert_eq!(written["mcpServers"]["other"]["command"], "o");
    assert_eq!(written["mcpServers"]["toolhold"]["args"][2], "mcp");
    project.write(".cursor/mcp.json", "{ // mine\n}");
    project.run(&["mcp", "install", "cursor", "--write"]).failed(3, &["not plain JSON"]);
    assert_eq!(project.read(".cursor/mcp.json"), "{ // mine\n}");
    project.run(&["mcp", "install", "emacs"]).failed(2, &["cursor"]);
    // A client shows no reason when its server ends at once, so it is said here.
    for (file, words) in [("toolhold.lock", "there is no lock file at"), ("toolhold.toml", "there is no manifest at")] {
        assert!(!project.run(&["mcp", "install", "cursor"]).said().contains(words));
        std::fs::remove_file(project.path().join(file)).unwrap();
        let shown = project.run(&["mcp", "install", "cursor"]);
        shown.worked(&["mcpServers"]);
        assert!(shown.said().contains(words) && shown.said().contains("toolhold lock"), "{}", shown.said());
    }
}
