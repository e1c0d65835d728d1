//! Models as a person names them, and recordings, through the whole program.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::project::{MANIFEST, Project};

/// Says what it is told to, one answer per connection, and remembers what it was asked. Ends with the process.
struct Server {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for (stream, answer) in listener.incoming().zip(answers) {
                let mut stream = stream.unwrap();
                seen.lock().unwrap().push(read(&mut stream));
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
            }
        });
        Self { base, asked }
    }
}

fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(buffer.get(..count).unwrap());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .trim()
            .parse::<usize>()
            .unwrap();
        if body.len() >= length || count == 0 {
            return text;
        }
    }
}

fn events(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// A message that calls with these arguments, given in two pieces.
fn call(id: &str, tool: &str, arguments: (&str, &str)) -> String {
    let begin = serde_json::json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": id, "name": tool, "input": {}}});
    let piece = |json: &str| {
        serde_json::json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": json}}).to_string()
    };
    events(&[
        r#"{"type":"message_start","message":{"role":"assistant","model":"claude-x","usage":{"input_tokens":9,"output_tokens":1}}}"#,
        &begin.to_string(),
        &piece(arguments.0),
        &piece(arguments.1),
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}"#,
        r#"{"type":"message_stop"}"#,
    ])
}

fn text(words: &str) -> String {
    let delta =
        serde_json::json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}});
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#;
    events(&[&delta.to_string(), end, r#"{"type":"message_stop"}"#])
}

/// A model that writes bad arguments twice, then good ones, then an answer.
fn answers() -> Vec<String> {
    vec![
        call("t1", "files__read", ("{\"path\":", " 7}")),
        call("t2", "files__read", ("{\"path\": \"/work/no", "")),
        call("t3", "files__read", ("{\"path\":", "\"/work/notes.md\"}")),
        text("it is a list of notes"),
    ]
}

#[test]
fn a_recorded_run_with_bad_arguments_plays_again_without_server_or_key() {
    let project = Project::locked();
    let server = Server::start(answers());
    let task = ["run", "what is in the notes?", "--model"];
    let remote = ["anthropic:claude-x", "--model-url", &server.base, "--model-key-env", "KEY", "--record", "c.jsonl"];
    let done = project.run_with(&[("KEY", "sk-very-secret")], &[&task[..], &remote[..]].concat());
    assert_eq!((done.code(), done.printed().as_str()), (0, "it is a list of notes\n"), "{}", done.said());
    for words in ["invalid-arguments", "invalid-json"] {
        assert!(done.said().contains(words), "`{words}` is not in {}", done.said());
    }
    let asked = server.asked.lock().unwrap().clone();
    assert!(asked.len() == 4 && asked.iter().all(|asked| asked.contains("x-api-key: sk-very-secret")));
    let recorded = project.read("c.jsonl");
    assert_eq!(recorded.lines().count(), 5);
    assert!(!recorded.contains("very-secret"), "{recorded}");

    let again = project.run(&[&task[..], &["cassette:c.jsonl"]].concat());
    assert_eq!((again.code(), again.printed()), (0, done.printed()), "{}", again.said());
    assert!(again.said().contains("no model was called"), "{}", again.said());
    project.run(&["run", "something else", "--model", "cassette:c.jsonl"]).failed(
        12,
        &["request 1 differs", "in line 2: at `/messages/0/content/0/text` was `\"what is in the notes?\"`, and now is `\"something else\"`"],
    );
    project.write("work/notes.md", "# Other notes\n");
    project.run(&[&task[..], &["cassette:c.jsonl"]].concat()).failed(12, &["request 4 differs"]);
    project.run(&[&task[..], &remote[..]].concat()).failed(3, &["`KEY` holds no key"]);
    project
        .run_with(&[("KEY", "sk-very-secret")], &[&task[..], &remote[..]].concat())
        .failed(3, &["does not write over"]);
}

#[test]
fn a_model_of_the_manifest_is_asked_by_its_name_or_because_the_chain_names_it() {
    let server = Server::start(vec![text("one"), text("two")]);
    let models = format!(
        "[secrets]\nk = {{ env = \"KEY\" }}\n[models.primary]\napi = \"anthropic\"\nmodel = \"claude-x\"\nurl = \"{}\"\nkey = \"k\"\n[run]\nmodels = [\"primary\"]\n",
        server.base
    );
    let project = Project::new(&format!("{MANIFEST}\n{models}"));
    let key = [("KEY", "sk-of-the-manifest")];
    assert_eq!(project.run_with(&key, &["lock"]).code(), 0);
    project.run_with(&key, &["run", "count"]).worked(&["one"]);
    project.run_with(&key, &["run", "count", "--model", "primary"]).worked(&["two"]);
    assert!(server.asked.lock().unwrap().iter().all(|asked| asked.contains("x-api-key: sk-of-the-manifest")));
    project.run_with(&key, &["run", "count", "--model", "second"]).failed(3, &["no model `second`; it has `primary`"]);
    project
        .run_with(&key, &["run", "count", "--model", "primary", "--model-url", "http://127.0.0.1:1/v1"])
        .failed(2, &["`--model-url`", "`[models.primary]`"]);
    project.run(&["run", "count"]).failed(3, &["`[secrets.k]` in the manifest", "`KEY` is not set"]);
}

#[test]
fn a_run_without_a_model_and_a_recording_of_none_are_mistakes() {
    let project = Project::locked();
    project.run(&["run", "count"]).failed(2, &["name one with `--model`"]);
    project.run(&["run", "count", "--model", "nonsense:x"]).failed(2, &["anthropic:MODEL"]);
    project.write("script.toml", "[[turn]]\ntext = \"done\"\n");
    let words = ["run", "count", "--model", "scripted:script.toml", "--record", "c.jsonl"];
    project.run(&words).failed(2, &["nothing to record"]);
    assert!(!project.path().join("c.jsonl").exists());
    project.write("broken.jsonl", "{\"cassette\":9}\n");
    project.run(&["run", "count", "--model", "cassette:broken.jsonl"]).failed(3, &["plays version 1"]);
}

#[test]
fn a_check_tells_whether_the_models_can_be_reached_and_asks_for_nothing_that_costs() {
    for (status, code, words) in [
        ("200 OK", 0, ""),
        ("404 Not Found", 0, ""),
        ("401 Unauthorized", 3, "cannot be asked now"),
        ("503 Service Unavailable", 3, "no model can be asked now"),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        let server = toolhold_tests::http_server::HttpServer::with(answer).unwrap();
        let project = Project::locked();
        let base = format!("http://{}/v1", server.authority());
        let check = ["run", "x", "--model", "openai:m", "--model-url", &base, "--check"];
        let done = project.run(&check);
        assert_eq!(done.code(), code, "{status}: {}{}", done.said(), done.printed());
        assert!(done.printed().contains(words), "{status}: {}", done.printed());
        let asked: Vec<String> = server.requests();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].starts_with("GET /v1/models HTTP/1.1"), "{asked:?}");
        assert_eq!(project.run(&[&check[..], &["--offline"]].concat()).code(), 0, "{status}");
        assert_eq!(server.requests().len(), 1, "nothing more was asked");
        project.run(&["runs"]).worked(&["there are no runs"]);
    }
}
