//! The two ways of a call: what is plain is answered at once, everything else by the SDK. They must be one in all that counts.

use super::*;

const SESSIONS: &str = "2025-11-25";

/// Says the same as the plain one, and is not plain.
const ROUNDABOUT: &str = "Accept: application/json;q=1, text/event-stream";

fn project() -> Project {
    let manifest = "version = 1
[limits]
time = \"300s\"
[tools.wait]
source = \"wait.wasm\"
[tools.says]
source = \"says.wasm\"
[tools.files]
source = \"files.wasm\"
[[tools.files.directories]]
host = \"work\"
guest = \"/work\"
read = [\"**\"]
write = [\"out.md\"]
[[rules]]
name = \"all\"
decision = \"allow\"
tools = [\"wait.sleep_forever\", \"says.*\", \"files.read\", \"files.write\"]
";
    let project = Project::new(manifest);
    std::fs::write(project.path().join("wait.wasm"), guest("waiting")).unwrap();
    std::fs::write(project.path().join("says.wasm"), guest("conformance")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

/// Lines of a head, of which some can be left out, replaced or added.
#[derive(Clone)]
struct Head(Vec<String>);

impl Head {
    fn with(&self, line: &str) -> Self {
        let name = line.split_once(':').unwrap().0.to_ascii_lowercase();
        let other = |own: &&String| !own.to_ascii_lowercase().starts_with(&format!("{name}:"));
        let mut lines: Vec<String> = self.0.iter().filter(other).cloned().collect();
        lines.extend((!line.ends_with(':')).then(|| line.to_owned()));
        Self(lines)
    }

    fn and(&self, line: &str) -> Self {
        let mut lines = self.0.clone();
        lines.push(line.to_owned());
        Self(lines)
    }

    fn lines(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// Whether a client has a session, or says with each request who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revision {
    Session,
    Whole,
}

/// A client of one of the two revisions.
struct Both<'a> {
    serving: &'a Serving,
    revision: Revision,
    head: Head,
    can: Value,
}

impl<'a> Both<'a> {
    fn new(serving: &'a Serving, revision: Revision) -> Self {
        let both = Self::that_can(serving, revision, json!({}));
        // A session is open when the server has heard so.
        let began = Instant::now();
        while !both.is_short("files__read", json!({ "path": "/work/notes.md" })) {
            assert!(began.elapsed() < Duration::from_secs(60));
        }
        both
    }

    fn that_can(serving: &'a Serving, revision: Revision, can: Value) -> Self {
        let plain = [
            format!("Authorization: Bearer {}", serving.token),
            "Content-Type: application/json".to_owned(),
            "Accept: application/json, text/event-stream".to_owned(),
        ];
        let head = Head(plain.to_vec());
        let head = match revision {
            Revision::Whole => head.with(&format!("MCP-Protocol-Version: {STATELESS}")).with("Mcp-Method: tools/call"),
            Revision::Session => {
                let info = json!({ "name": "two ways", "version": "1" });
                let hello = json!({ "protocolVersion": SESSIONS, "capabilities": can, "clientInfo": info });
                let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello });
                let begun = serving.ask("POST /mcp", &head.lines(), &hello.to_string());
                let session = begun.lines().find(|line| line.starts_with("mcp-session-id: ")).unwrap();
                let head = head.with(session).with(&format!("MCP-Protocol-Version: {SESSIONS}"));
                let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
                serving.ask("POST /mcp", &head.lines(), &initialized.to_string());
                head
            }
        };
        Self { serving, revision, head, can }
    }

    fn is_short(&self, tool: &str, arguments: Value) -> bool {
        let body = self.body(tool, &arguments.to_string(), json!({}));
        is_one_document(&self.ask(&self.head_of(tool), &body))
    }

    /// The head of a call of this tool.
    fn head_of(&self, tool: &str) -> Head {
        match self.revision {
            Revision::Session => self.head.clone(),
            Revision::Whole => self.head.with(&format!("Mcp-Name: {tool}")),
        }
    }

    fn body(&self, tool: &str, arguments: &str, mut meta: Value) -> String {
        if self.revision == Revision::Whole {
            meta["io.modelcontextprotocol/protocolVersion"] = json!(STATELESS);
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "two ways", "version": "1" });
            meta["io.modelcontextprotocol/clientCapabilities"] = self.can.clone();
        }
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{meta}}}}}"#
        )
    }

    fn ask(&self, head: &Head, body: &str) -> String {
        self.serving.ask("POST /mcp", &head.lines(), body)
    }

    /// A request that is answered when its client reads on.
    fn send(&self, tool: &str, id: u64) -> TcpStream {
        let body = self.body(tool, "{}", json!({})).replace(":7,", &format!(":{id},"));
        let mut stream = TcpStream::connect(self.serving.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head =
            format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.serving.address, body.len());
        let lines = self.head_of(tool).and("Connection: close");
        write!(stream, "{head}{}\r\n\r\n{body}", lines.0.join("\r\n")).unwrap();
        stream
    }

    fn tell(&self, message: &Value) {
        assert_eq!(answer(&self.ask(&self.head, &message.to_string())).0, 202);
    }

    fn give_up(&self, id: u64) {
        let params = json!({ "requestId": id });
        self.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }));
    }
}

fn is_one_document(answer: &str) -> bool {
    answer.contains("\r\ncontent-type: application/json\r\n")
}

/// All of it.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
    text
}

/// An answer without what is another one each time.
fn comparable(text: &str) -> (u16, Value) {
    let (status, mut answer) = answer(text);
    if let Some(call) = answer.pointer_mut("/result/_meta/toolhold~1call") {
        call.as_object_mut().unwrap().remove("call");
    }
    (status, answer)
}

#[test]
fn both_ways_give_the_same_answers() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let deep = format!("{}1{}", r#"{"path":"#.repeat(200), "}".repeat(200));
    let calls = [
        ("files__read", r#"{"path":"/work/notes.md"}"#, json!({})),
        ("files.read", r#"{"path":"/work/notes.md"}"#, json!({ "more": [1] })),
        ("files__read", r#"{"path":"/work/notes.md"}"#, json!({ "toolhold/mode": "preview" })),
        ("files__read", r#"{"path":"/work/notes.md"}"#, json!({ "toolhold/mode": "Preview" })),
        ("files__read", r#"{"path":"/work/notes.md"}"#, json!({ "toolhold/mod": "preview" })),
        ("files__read", r#"{"path":"/work/notes.md"}"#, json!({ "toolhold/key": "" })),
        ("files__read", r#"{"path":"/work/notes.md"}"#, json!({ "toolhold/key": "k" })),
        ("files__read", r#"{"path":"/work/notes.md","path":"/work/secret/key"}"#, json!({})),
        ("files__read", r#"{"path":7}"#, json!({})),
        ("files__read", r#"{"path":"/nowhere"}"#, json!({})),
        ("files__read", "[]", json!({})),
        ("files__read", "null", json!({})),
        ("files__delete", r#"{"path":"/work/notes.md"}"#, json!({})),
        ("says__test_simple_text", "{}", json!({})),
        ("says__test_image_content", "{}", json!({})),
        ("says__test_error_handling", "{}", json!({})),
        ("no_such_tool", "{}", json!({})),
    ];
    for revision in [Revision::Session, Revision::Whole] {
        let client = Both::new(&serving, revision);
        for (tool, arguments, meta) in &calls {
            let (head, body) = (client.head_of(tool), client.body(tool, arguments, meta.clone()));
            // With a key, the first answer is the one that both repeat.
            let _first = client.ask(&head, &body);
            let (short, long) = (client.ask(&head, &body), client.ask(&head.with(ROUNDABOUT), &body));
            assert!(!is_one_document(&long) || answer(&long).0 != 200, "{long}");
            assert_eq!(comparable(&short), comparable(&long), "{revision:?} {tool} {arguments} {meta}");
        }
        // What is too deep for one of them is so for both, each in its own words.
        let (head, body) = (client.head_of("files__read"), client.body("files__read", &deep, json!({})));
        assert_eq!(answer(&client.ask(&head, &body)).1["result"]["isError"], true);
        assert_eq!(answer(&client.ask(&head.with(ROUNDABOUT), &body)).0, 415);
        // A tool that wants arguments in the head, too, gets them judged.
        let tool = "says__test_header";
        let (head, body) = (client.head_of(tool), client.body(tool, r#"{"region":"here"}"#, json!({})));
        let expected = if revision == Revision::Whole { [400, 400, 200] } else { [200; 3] };
        let regions = [head.clone(), head.and("Mcp-Param-Region: there"), head.and("Mcp-Param-Region: here")];
        assert_eq!(regions.map(|head| answer(&client.ask(&head, &body)).0), expected);
    }
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

/// Each is wrong in one way. None is answered as if it were right, whether the rest of it is plain or not.
#[test]
fn the_short_way_refuses_what_the_long_way_refuses() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let tool = "files__read";
    for revision in [Revision::Session, Revision::Whole] {
        let client = Both::new(&serving, revision);
        let (head, body) = (client.head_of(tool), client.body(tool, r#"{"path":"/work/notes.md"}"#, json!({})));
        let same = |what: &str, head: &Head, body: &str| {
            let (short, long) = (client.ask(head, body), client.ask(&head.with(ROUNDABOUT), body));
            assert_eq!(comparable(&short), comparable(&long), "{revision:?} {what}");
            short
        };
        let other = |line: &str| (line.to_owned(), head.with(line));
        let more = |line: &str| (format!("and {line}"), head.and(line));
        let (version, another) = match revision {
            Revision::Session => (SESSIONS, STATELESS),
            Revision::Whole => (STATELESS, SESSIONS),
        };
        let mut heads = vec![
            other("Authorization:"),
            other("Authorization: Bearer th_wrong"),
            more("Authorization: Bearer th_wrong"),
            more("Origin: http://evil.example"),
            more("Host: evil.example"),
            other("Content-Type:"),
            other("Content-Type: text/plain"),
            other("MCP-Protocol-Version: 2099-01-01"),
            other("MCP-Protocol-Version: nonsense"),
            other(&format!("MCP-Protocol-Version: {another}")),
            more("Sec-Fetch-Site: cross-site"),
        ];
        match revision {
            Revision::Session => heads.extend([
                other("Mcp-Session-Id:"),
                other("Mcp-Session-Id: 00000000-0000-4000-8000-000000000000"),
                more("Mcp-Session-Id: 00000000-0000-4000-8000-000000000000"),
            ]),
            Revision::Whole => heads.extend([
                other("Mcp-Name:"),
                other("Mcp-Name: files__list"),
                more("Mcp-Name: files__list"),
                more("Mcp-Name: files__read"),
                other("Mcp-Name: FILES__READ"),
                other("Mcp-Method:"),
                other("Mcp-Method: tools/list"),
                more("Mcp-Method: tools/list"),
                more("Mcp-Session-Id: 00000000-0000-4000-8000-000000000000"),
            ]),
        }
        for (what, head) in &heads {
            let refused = same(what, head, &body);
            assert!(answer(&refused).0 >= 400, "{what}: {refused}");
        }
        // These are no errors, or errors of a call.
        same("twice the same version", &head.and(&format!("MCP-Protocol-Version: {version}")), &body);
        let mut bodies: Vec<(&str, String)> = vec![
            ("no JSON", "{".to_owned()),
            ("nothing", String::new()),
            ("a list", format!("[{body}]")),
            ("two messages", format!("{body}{body}")),
            ("another method", body.replace("tools/call", "tools/cal")),
            ("another JSON-RPC", body.replace("\"2.0\"", "\"1.0\"")),
            ("an id that is none", body.replace(":7,", ":7.5,")),
            ("no id", body.replace("\"id\":7,", "")),
            ("two ids", body.replace("\"id\":7,", "\"id\":7,\"id\":8,")),
            ("two methods", body.replace("\"method\"", "\"method\":\"tools/list\",\"method\"")),
            (
                "two names",
                body.replace("\"name\":\"files__read\"", "\"name\":\"files__read\",\"name\":\"files__list\""),
            ),
            ("a name that is none", body.replace("\"files__read\"", "7")),
            ("arguments that are none", body.replace("{\"path\"", "[{\"path\"").replace(".md\"}", ".md\"}]")),
        ];
        if revision == Revision::Whole {
            for (what, from, to) in [
                ("another version", STATELESS, "2025-11-25"),
                ("a version that is none", "\"2026-07-28\"", "7"),
                ("no version", "io.modelcontextprotocol/protocolVersion", "x"),
                ("no capabilities", "io.modelcontextprotocol/clientCapabilities", "x"),
                ("capabilities that are none", "clientCapabilities\":{}", "clientCapabilities\":[]"),
                ("no name of its own", "io.modelcontextprotocol/clientInfo", "x"),
                ("a long name of its own", "two ways", &"x".repeat(300)),
            ] {
                bodies.push((what, body.replace(from, to)));
            }
        }
        for (what, body) in &bodies {
            let refused = same(what, &head, body);
            let right = refused.contains("# Notes");
            assert!(!right || *what == "no name of its own", "{what}: {refused}");
        }
    }
    // Nobody else's session, nobody's revoked token.
    let client = Both::new(&serving, Revision::Session);
    let made = project.run(&["tokens", "create", "eve", "--role", "run"]);
    let eve = format!("Authorization: Bearer {}", made.printed().trim());
    let body = client.body(tool, r#"{"path":"/work/notes.md"}"#, json!({}));
    for head in [client.head.with(&eve), client.head.with(&eve).with(ROUNDABOUT)] {
        assert_eq!(answer(&client.ask(&head, &body)).0, 404);
    }
    assert!(is_one_document(&client.ask(&client.head, &body)));
    project.run(&["tokens", "revoke", "test"]).worked(&[]);
    for head in [client.head.clone(), client.head.with(ROUNDABOUT)] {
        assert_eq!(answer(&client.ask(&head, &body)).0, 401);
    }
}

#[test]
fn a_call_of_a_session_that_takes_long_has_a_stream_that_can_be_taken_up() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let client = Both::new(&serving, Revision::Session);
    // Ends by itself, later than what is answered at once.
    let text = rest(client.send("says__test_tool_with_progress", 1));
    assert!(!is_one_document(&text) && text.contains("\r\ncontent-type: text/event-stream\r\n"), "{text}");
    assert!(text.contains("Progress was reported."), "{text}");
    let mut stream = std::io::BufReader::new(client.send("wait__sleep_forever", 2));
    let event = loop {
        let mut line = String::new();
        assert_ne!(std::io::BufRead::read_line(&mut stream, &mut line).unwrap(), 0);
        if let Some(id) = line.strip_prefix("id: ") {
            break id.trim().to_owned();
        }
    };
    drop(stream);
    // What is lost is no word of the client: the call goes on, and is there for who comes back.
    let mut again = TcpStream::connect(serving.address).unwrap();
    again.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let lines = client.head.and("Connection: close").and(&format!("Last-Event-ID: {event}"));
    write!(again, "GET /mcp HTTP/1.1\r\nHost: {}\r\n{}\r\n\r\n", serving.address, lines.0.join("\r\n")).unwrap();
    let mut begun = [0; 15];
    std::io::Read::read_exact(&mut again, &mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    assert!(!audit(&project).contains(r#""code":"cancelled""#));
    client.give_up(2);
    told(&project, r#""code":"cancelled""#);
    assert!(!rest(again).contains("result"), "what was given up is not answered");
}

#[test]
fn what_a_client_of_a_session_gives_up_is_stopped_and_what_it_loses_is_not() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    let client = Both::new(&serving, Revision::Session);
    // As soon as it runs, and when it runs for long.
    for (id, wait) in [(11, 0), (12, 300)] {
        let stream = client.send("wait__sleep_forever", id);
        std::thread::sleep(Duration::from_millis(wait));
        let began = Instant::now();
        // It may not be under way yet.
        while audit(&project).matches(r#""code":"cancelled""#).count() < usize::try_from(id - 10).unwrap() {
            assert!(began.elapsed() < Duration::from_secs(60));
            client.give_up(id);
        }
        let text = rest(stream);
        assert!(text.starts_with("HTTP/1.1 200 ") && !text.contains("\"id\""), "{text}");
    }
    // Its connection is lost before anything is answered. One that is closed before the server has read anything asks nothing.
    let began = Instant::now();
    while !audit(&project).contains("test_tool_with_progress") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", audit(&project));
        let stream = client.send("says__test_tool_with_progress", 13);
        std::thread::sleep(Duration::from_millis(50));
        drop(stream);
    }
    let count = |what: &str| audit(&project).matches(what).count();
    while count("call-settled") < count("call-admitted") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", audit(&project));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(count(r#""code":"cancelled""#), 2);
    // The end of a session is that of its calls.
    let waiting = client.send("wait__sleep_forever", 14);
    told(&project, "sleep_forever");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(answer(&serving.ask("DELETE /mcp", &client.head.lines(), "")).0, 202);
    let began = Instant::now();
    while audit(&project).matches(r#""code":"cancelled""#).count() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(waiting);
    let body = client.body("files__read", r#"{"path":"/work/notes.md"}"#, json!({}));
    assert_eq!(answer(&client.ask(&client.head, &body)).0, 404);
}

#[test]
fn who_wants_to_hear_of_a_call_while_it_runs_does() {
    let project = project();
    let serving = Serving::start(&project, &[]);
    for revision in [Revision::Session, Revision::Whole] {
        let client = Both::new(&serving, revision);
        let tool = "says__test_tool_with_progress";
        let body = client.body(tool, "{}", json!({ "progressToken": "t" }));
        let text = client.ask(&client.head_of(tool), &body);
        assert_eq!(text.matches("notifications/progress").count(), 3, "{text}");
        assert!(text.contains("Progress was reported."), "{text}");
    }
    // Log lines of a session come where its client listens for them: what is asked for once counts for its calls.
    let client = Both::new(&serving, Revision::Session);
    let level = json!({ "jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": { "level": "info" } });
    assert_eq!(answer(&client.ask(&client.head, &level.to_string())).0, 200);
    assert!(!client.is_short("files__read", json!({ "path": "/work/notes.md" })));
}

/// Where a rule asks, a client that reaches a person is asked on both ways, and what it brings counts once.
#[test]
fn a_person_is_asked_whichever_way_a_call_takes() {
    let approvals = "[approvals]\nclients = [\"test/two ways\"]\n";
    let project = Project::new(&format!("{}\n{approvals}", crate::project::MANIFEST));
    assert_eq!(project.run(&["lock"]).code(), 0);
    let serving = Serving::start(&project, &[]);
    let forms = json!({ "elicitation": { "form": {} } });
    let tool = "files__move";
    // Asked while the call waits, on its stream.
    let client = Both::that_can(&serving, Revision::Session, forms.clone());
    let body = client.body(tool, r#"{"from":"/work/notes.md","to":"/work/a.md"}"#, json!({}));
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", serving.address, body.len());
    let lines = client.head.and("Connection: close");
    write!(stream, "{head}{}\r\n\r\n{body}", lines.0.join("\r\n")).unwrap();
    let mut stream = std::io::BufReader::new(stream);
    let question = loop {
        let mut line = String::new();
        assert_ne!(std::io::BufRead::read_line(&mut stream, &mut line).unwrap(), 0);
        if let Some(message) = line.strip_prefix("data: {") {
            break serde_json::from_str::<Value>(&format!("{{{message}")).unwrap();
        }
    };
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let yes = json!({ "action": "accept", "content": { "decision": "approve" } });
    client.tell(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": yes }));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
    assert!(!text.contains("\"isError\":true"), "{text}");
    assert_eq!(project.read("work/a.md"), "# Notes\n");
    // Asked with the answer, and answered with the next request.
    let client = Both::that_can(&serving, Revision::Whole, forms);
    let (head, arguments) = (client.head_of(tool), r#"{"from":"/work/a.md","to":"/work/b.md"}"#);
    let plain = client.body(tool, arguments, json!({}));
    let asked = client.ask(&head, &plain);
    assert!(is_one_document(&asked), "{asked}");
    let asked = answer(&asked).1["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let with = |state: &str| {
        let said = json!({ "approval": yes });
        plain.replacen("\"name\":", &format!(r#""requestState":{},"inputResponses":{said},"name":"#, json!(state)), 1)
    };
    let state = asked["requestState"].as_str().unwrap();
    for forged in ["", "x", &state[1..]] {
        assert_eq!(answer(&client.ask(&head, &with(forged))).1["error"]["code"], -32_602, "{forged}");
    }
    assert_eq!(project.read("work/a.md"), "# Notes\n");
    let done = answer(&client.ask(&head, &with(state))).1["result"].clone();
    assert!(done["resultType"] == "complete" && done["isError"] != true, "{done}");
    assert_eq!(project.read("work/b.md"), "# Notes\n");
    // It is good for one call.
    let again = client.body(tool, r#"{"from":"/work/b.md","to":"/work/c.md"}"#, json!({}));
    assert_eq!(answer(&client.ask(&head, &again)).1["result"]["resultType"], "input_required");
}
