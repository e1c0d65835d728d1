//! A manifest that is taken up anew by the process that holds the state: by a person who asks for it, as a whole or not at all.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolhold_tests::http_server::HttpServer;

use crate::mcp::Client;
use crate::project::{MANIFEST, Project, packed};
use crate::serve::Serving;

const CHANGED: &str = "notifications/tools/list_changed";

/// Longest that a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

const DELETING: &str = "[[rules]]\nname = \"deleting\"\ndecision = \"allow\"\ntools = [\"files.delete\"]\n";

fn with(more: &str) -> String {
    format!("{MANIFEST}\n{more}")
}

fn names(client: &mut Client) -> Vec<String> {
    let listed = client.ask("tools/list", json!({}))["result"]["tools"].clone();
    listed.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

#[test]
fn a_grant_that_is_added_counts_when_a_person_says_so_and_clients_hear_of_the_tool() {
    let project = Project::locked();
    let mut session = Client::session(&project, &[]);
    // Another one, which is attached to the first.
    let mut listening = Client::stateless(&project);
    assert!(!names(&mut session).contains(&"files__delete".to_owned()));
    let wanted = json!({ "notifications": { "toolsListChanged": true, "promptsListChanged": true } });
    let listens = listening.send("subscriptions/listen", wanted);
    let accepted = listening.hear("notifications/subscriptions/acknowledged");
    assert_eq!(accepted["params"]["notifications"], json!({ "toolsListChanged": true }), "{accepted}");
    let deleting = |client: &mut Client| client.call("files__delete", json!({ "path": "/work/notes.md" }));
    // That the file has changed changes nothing, and no client can have it taken up.
    project.write("toolhold.toml", &with(DELETING));
    assert!(text(&deleting(&mut session)).starts_with("denied: "));
    for method in ["reload", "toolhold/reload", "notifications/reload", "v1/reload"] {
        assert_eq!(session.ask(method, json!({}))["error"]["code"], -32_601, "{method}");
    }
    assert!(text(&deleting(&mut session)).starts_with("denied: "));
    assert!(!session.has_heard(CHANGED));
    project.run(&["reload"]).worked(&["in force: sha256:", "can be called now: files.delete"]);
    session.hear(CHANGED);
    let told = listening.hear(CHANGED);
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], listens, "{told}");
    for client in [&mut session, &mut listening] {
        assert!(names(client).contains(&"files__delete".to_owned()));
    }
    assert_ne!(deleting(&mut session)["isError"], true);
    assert!(!project.path().join("work/notes.md").exists());
    // Where the list is the same nobody is told.
    project.run(&["reload"]).worked(&["in force, as before"]);
    project.write("toolhold.toml", &with(&format!("{DELETING}[limits]\ntime = \"7s\"\n")));
    project.run(&["reload"]).worked(&["in force: "]);
    for client in [&mut session, &mut listening] {
        assert!(names(client).contains(&"files__delete".to_owned()) && !client.has_heard(CHANGED));
    }
    project.write("toolhold.toml", MANIFEST);
    project.run(&["reload"]).worked(&["cannot be called any more: files.delete"]);
    session.hear(CHANGED);
    listening.hear(CHANGED);
    assert!(text(&deleting(&mut session)).starts_with("denied: "));
    listening.end();
    session.end();
    let audit = project.run(&["audit", "export"]).printed();
    assert_eq!(audit.matches("manifest-loaded").count(), 4, "{audit}");
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn what_a_start_would_refuse_is_refused_in_its_words_and_the_manifest_before_stays_in_force() {
    let project = Project::locked();
    let mut client = Client::session(&project, &[]);
    let other = format!("[tools.other]\nsource = \"files.wasm\"\n{DELETING}");
    let gone = format!("[tools.other]\nsource = \"gone.wasm\"\n{DELETING}");
    let misspelled = with(DELETING).replace("files.delete", "files.delte");
    let broken = [
        (with(&format!("{DELETING}[nonsense]\n")), 3, ["nonsense", "toolhold.toml:"]),
        (misspelled, 3, ["files.delte", "files.delete"]),
        (with(&gone), 3, ["gone.wasm", "toolhold.toml:"]),
        (with(&other), 9, ["`other`", "toolhold lock"]),
        (with(&format!("{DELETING}[secrets.key]\nenv = \"NOT_SET_ANYWHERE\"\n")), 3, ["`key`", "NOT_SET_ANYWHERE"]),
        (String::new(), 3, ["version", "toolhold.toml"]),
    ];
    for (manifest, code, words) in broken {
        project.write("toolhold.toml", &manifest);
        project.run(&["reload"]).failed(code, &words);
        let told: Value = serde_json::from_str(&project.run(&["reload", "--json"]).said()).unwrap();
        assert_eq!(told["error"]["exit_code"], code, "{told}");
        let denied = client.call("files__delete", json!({ "path": "/work/notes.md" }));
        assert!(text(&denied).starts_with("denied: "), "{denied}");
        let read = client.call("files__read", json!({ "path": "/work/notes.md" }));
        assert!(text(&read).contains("# Notes"), "{read}");
    }
    // A component whose bytes are others than those that are pinned.
    project.write("toolhold.toml", &with(DELETING));
    let bytes = std::fs::read(project.path().join("files.wasm")).unwrap();
    std::fs::write(project.path().join("files.wasm"), packed("http")).unwrap();
    project.run(&["reload"]).failed(9, &["`files`"]);
    std::fs::write(project.path().join("files.wasm"), bytes).unwrap();
    std::fs::rename(project.path().join("toolhold.lock"), project.path().join("kept.lock")).unwrap();
    project.run(&["reload"]).failed(9, &["toolhold.lock", "does not exist"]);
    std::fs::rename(project.path().join("kept.lock"), project.path().join("toolhold.lock")).unwrap();
    // Other files than those of the process.
    project.write("other.toml", &with(DELETING));
    project.run(&["--manifest", "other.toml", "--state", ".toolhold", "reload"]).failed(2, &["needs a new start"]);
    assert!(!names(&mut client).contains(&"files__delete".to_owned()) && !client.has_heard(CHANGED));
    project.run(&["reload"]).worked(&["files.delete"]);
    assert!(names(&mut client).contains(&"files__delete".to_owned()));
    client.end();
    // The terminal that hangs up ends it, as before: it is no way to ask for anything here.
    let mut client = Client::session(&project, &[]);
    assert_eq!(client.ended_by("-HUP").signal(), Some(1));
    project.run(&["reload"]).failed(1, &["nobody who serves", "next start"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

fn moved(client: &mut Client) -> Value {
    client.call("files__move", json!({ "from": "/work/notes.md", "to": "/work/b.md" }))
}

fn parked(client: &mut Client) -> String {
    let parked = moved(client);
    assert!(text(&parked).starts_with("awaiting-approval"), "{parked}");
    parked["_meta"]["toolhold/call"]["approval"].as_str().unwrap_or_else(|| panic!("{parked}")).to_owned()
}

#[test]
fn what_was_asked_and_approved_under_one_manifest_is_worth_nothing_under_the_next() {
    let project = Project::locked();
    let mut client = Client::session(&project, &[]);
    let first = parked(&mut client);
    project.run(&["approvals", "approve", &first]).worked(&[]);
    // It asks for the same, and is another one.
    project.write("toolhold.toml", &with(DELETING));
    project.run(&["reload"]).worked(&[]);
    let second = parked(&mut client);
    assert_ne!(first, second);
    // Whoever looks after approvals goes by the manifest that is in force.
    project.run(&["approvals", "approve", &second]).worked(&[]);
    assert_ne!(moved(&mut client)["isError"], true);
    assert_eq!(project.read("work/b.md"), "# Notes\n");
    project.write("work/notes.md", "# More\n");
    std::fs::remove_file(project.path().join("work/b.md")).unwrap();
    let third = parked(&mut client);
    // The grant goes while the call is parked.
    let without = MANIFEST.replace("decision = \"ask\"", "decision = \"deny\"");
    project.write("toolhold.toml", &without);
    project.run(&["reload"]).worked(&["cannot be called any more: files.delete, files.move"]);
    assert_ne!(project.run(&["approvals", "approve", &third]).code(), 0);
    assert!(text(&moved(&mut client)).starts_with("denied: "));
    assert_eq!(project.read("work/notes.md"), "# More\n");
    // And is there again, with what was asked under it.
    project.write("toolhold.toml", &with(DELETING));
    project.run(&["reload"]).worked(&["can be called now: files.delete, files.move"]);
    assert_eq!(parked(&mut client), third);
    client.end();
    project.run(&["audit", "verify"]).worked(&[]);
}

/// A web server that holds its answer to `/a`, which sends on to `/b`, until it is told to give it.
struct Gated {
    server: HttpServer,
    arrived: Receiver<()>,
    go: Sender<()>,
}

impl Gated {
    fn start() -> Self {
        let ((arrives, arrived), (go, goes)) = (channel(), channel());
        let gate = Arc::new(Mutex::new((arrives, goes)));
        let server = HttpServer::start(move |request, stream| {
            let answer = if request.starts_with("GET /a ") {
                let gate = gate.lock().unwrap();
                gate.0.send(()).unwrap();
                let _told = gate.1.recv_timeout(PATIENCE);
                "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"
            };
            let _gone = stream.write_all(answer.as_bytes());
        });
        Self { server: server.unwrap(), arrived, go }
    }

    /// A manifest whose tool may ask it, and which has these rules.
    fn manifest(&self, rules: &str) -> String {
        let (grants, port) = (MANIFEST.split("[[rules]]").next().unwrap(), self.server.port());
        format!(
            "{grants}[tools.web]\nsource = \"web.wasm\"\n[[tools.web.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\n\
             ports = [{port}]\naddresses = [\"127.0.0.0/8\"]\nmethods = [\"GET\"]\n{rules}"
        )
    }

    fn project(&self, rules: &str) -> Project {
        let project = Project::new(&self.manifest(rules));
        std::fs::write(project.path().join("web.wasm"), packed("http")).unwrap();
        assert_eq!(project.run(&["lock"]).code(), 0);
        project
    }

    fn url(&self) -> String {
        format!("http://{}/a", self.server.authority())
    }

    fn arrived(&self) {
        self.arrived.recv_timeout(PATIENCE).unwrap();
    }
}

const WEB: &str = "[[rules]]\nname = \"web\"\ndecision = \"allow\"\ntools = [\"web.fetch\"]\n";
const WRITING: &str = "[[rules]]\nname = \"writing\"\ndecision = \"allow\"\ntools = [\"files.write\"]\n";
const READING: &str = "[[rules]]\nname = \"reading\"\ndecision = \"allow\"\ntools = [\"files.read\"]\n";

/// A stream that stays open: what comes on it, line by line.
fn stream(serving: &Serving, first: &str, lines: &[&str], body: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("{first} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", serving.address, body.len());
    stream.write_all(format!("{head}{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes()).unwrap();
    BufReader::new(stream)
}

fn until(stream: &mut BufReader<TcpStream>, word: &str) {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream ended before `{word}`");
    }
}

/// Somebody who listens over HTTP, in the revision with sessions and in the one without.
fn listeners(serving: &Serving) -> [BufReader<TcpStream>; 2] {
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let common = [&*bearer, "Content-Type: application/json", "Accept: application/json, text/event-stream"];
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "editor", "version": "1" },
    } });
    let begun = serving.ask("POST /mcp", &common, &hello.to_string());
    let id = begun.lines().find(|line| line.starts_with("mcp-session-id: ")).unwrap().to_owned();
    let in_session = [&common[..], &[&id]].concat();
    serving.ask("POST /mcp", &in_session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let mut session = stream(serving, "GET /mcp", &in_session, "");
    until(&mut session, "200 OK");
    let listen = json!({ "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {
        "notifications": { "toolsListChanged": true },
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "editor", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    } });
    let stateless = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen"];
    let mut alone = stream(serving, "POST /mcp", &[&common[..], &stateless].concat(), &listen.to_string());
    until(&mut alone, "acknowledged");
    [session, alone]
}

#[test]
fn a_call_under_way_ends_under_the_manifest_with_which_it_began_and_the_next_one_does_not() {
    let gated = Gated::start();
    let project = gated.project(WEB);
    let serving = Serving::start(&project, &[]);
    let mut listeners = listeners(&serving);
    let url = format!("url={}", gated.url());
    let call = ["call", "--json", "web.fetch", &url];
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| project.run(&call));
        gated.arrived();
        // Neither the rule nor the request is granted any more when the call goes on to its second request.
        let without = gated.manifest(READING);
        let request = without.find("[[tools.web.http]]").unwrap();
        let rules = without.find("[[rules]]").unwrap();
        project.write("toolhold.toml", &format!("{}{}", &without[..request], &without[rules..]));
        // As often as it is asked for, at once.
        let all: Vec<_> = (0..3).map(|_| scope.spawn(|| project.run(&["reload"]))).collect();
        all.into_iter().for_each(|one| one.join().unwrap().worked(&["in force"]));
        assert_eq!(project.run(&call).code(), 5);
        gated.go.send(()).unwrap();
        let done = calling.join().unwrap();
        done.worked(&["hello"]);
        assert_eq!(gated.server.requests().len(), 2);
    });
    assert_eq!(project.run(&call).code(), 5);
    listeners.iter_mut().for_each(|listener| until(listener, CHANGED));
    // Whoever has every right over the network has not this one.
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let files =
        json!({ "manifest": project.path().join("toolhold.toml"), "lock": project.path().join("toolhold.lock") });
    let asked = serving.ask("POST /v1/reload", &[&bearer, "Content-Type: application/json"], &files.to_string());
    assert!(asked.starts_with("HTTP/1.1 404 "), "{asked}");
    // A supervisor's signal asks for the same.
    project.write("toolhold.toml", "version = 1\nnonsense = 1\n");
    serving.signal("-HUP");
    let listed = || serving.ask("GET /v1/tools", &[&bearer], "");
    assert!(listed().contains("files.read"));
    project.write("toolhold.toml", &gated.manifest(WRITING));
    let began = Instant::now();
    while !listed().contains("writing")
        && project.run(&["call", "files.write", "path=/work/x", "content=x"]).code() != 0
    {
        assert!(began.elapsed() < PATIENCE, "the signal was not heard");
        serving.signal("-HUP");
        std::thread::sleep(Duration::from_millis(100));
    }
    serving.signal("-TERM");
    let (succeeded, said) = serving.ended();
    assert!(succeeded && said.contains("SIGHUP: ") && said.contains("is in force"), "{said}");
    assert!(said.contains("stays in force") || !said.contains("nonsense"), "{said}");
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_run_of_a_server_goes_on_under_the_new_manifest_after_the_call_that_it_makes() {
    let gated = Gated::start();
    let project = gated.project(&format!("{WEB}{WRITING}"));
    let turns = format!(
        "[[turn]]\n[[turn.call]]\ntool = \"web.fetch\"\narguments = {{ url = \"{}\" }}\n[[turn]]\n[[turn.call]]\ntool = \"files.write\"\n\
         arguments = {{ path = \"/work/new.md\", content = \"x\" }}\n[[turn]]\ntext = \"the end\"\n",
        gated.url()
    );
    project.write("script.toml", &turns);
    let serving = Serving::start(&project, &["--model", "scripted:script.toml"]);
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let begun = serving.ask("POST /v1/runs", &[&bearer, "Content-Type: application/json"], r#"{"task":"t"}"#);
    assert!(begun.starts_with("HTTP/1.1 20"), "{begun}");
    gated.arrived();
    project.write("toolhold.toml", &gated.manifest(WEB));
    project.run(&["reload"]).worked(&["cannot be called any more: files.write"]);
    gated.go.send(()).unwrap();
    let began = Instant::now();
    let runs = loop {
        let runs = serving.ask("GET /v1/runs", &[&bearer], "");
        if runs.contains(r#""state":"completed""#) {
            break runs;
        }
        assert!(began.elapsed() < PATIENCE, "{runs}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(!project.path().join("work/new.md").exists(), "{runs}");
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("manifest-loaded") && audit.contains("\"files.write\""), "{audit}");
    // The call that ran was made once, and came to its end.
    assert_eq!(gated.server.requests().len(), 2);
    serving.signal("-TERM");
    assert!(serving.ended().0);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_process_that_works_on_one_run_keeps_its_manifest_and_says_so() {
    let gated = Gated::start();
    let project = gated.project(WEB);
    let turns = format!(
        "[[turn]]\n[[turn.call]]\ntool = \"web.fetch\"\narguments = {{ url = \"{}\" }}\n[[turn]]\ntext = \"the end\"\n",
        gated.url()
    );
    project.write("script.toml", &turns);
    let mut run = project.start(&["run", "t", "--model", "scripted:script.toml"]);
    gated.arrived();
    project.run(&["reload"]).failed(1, &["the manifest that it began with", "toolhold runs resume"]);
    gated.go.send(()).unwrap();
    assert!(run.wait().unwrap().success());
}

#[test]
fn whoever_waits_for_a_person_under_the_manifest_before_waits_no_longer() {
    // Through a client that shows its person a form.
    let project = crate::mcp::people::asking("[\"test\"]");
    let manifest = project.read("toolhold.toml");
    let mut client = crate::mcp::people::with_forms(&project);
    let arguments = json!({ "from": "/work/notes.md", "to": "/work/b.md" });
    let id = client.send("tools/call", json!({ "name": "files__move", "arguments": arguments }));
    let question = client.hear("elicitation/create");
    project.write("toolhold.toml", &manifest.replace("decision = \"ask\"", "decision = \"deny\""));
    project.run(&["reload"]).worked(&["cannot be called any more: files.move"]);
    let answer = client.answer(id);
    assert!(text(&answer["result"]).starts_with("denied: "), "{answer}");
    // The yes comes too late.
    let yes = json!({ "action": "accept", "content": { "decision": "approve" } });
    client.tell(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": yes }));
    assert!(text(&moved(&mut client)).starts_with("denied: "));
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    client.end();
    // And as a program that does not wait on the line.
    project.write("toolhold.toml", &manifest);
    let serving = Serving::start(&project, &[]);
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let call = json!({ "tool": "files.move", "arguments": arguments, "mode": "live" }).to_string();
    let headers = [&*bearer, "Content-Type: application/json", "Prefer: respond-async"];
    let started = serving.ask("POST /v1/calls", &headers, &call);
    let place = started.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let shown = |word: &str| {
        let began = Instant::now();
        loop {
            let shown = serving.ask(&format!("GET {place}"), &[&bearer], "");
            if shown.contains(word) {
                return shown;
            }
            assert!(began.elapsed() < PATIENCE, "{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let listed = || project.run(&["approvals", "list", "--json"]).printed();
    while !listed().contains("waiting") {
        assert!(shown("running").contains("running"));
    }
    project.write("toolhold.toml", &with(DELETING));
    project.run(&["reload"]).worked(&["files.delete"]);
    shown("awaiting-approval");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    serving.signal("-TERM");
    assert!(serving.ended().0);
    project.run(&["audit", "verify"]).worked(&[]);
}
