//! Retries, keys, breakers, rates and fallbacks as a person meets them: every call is a process of its own.

use std::io::Write as _;

use serde_json::{Value, json};
use toolhold_tests::http_server::HttpServer;

use crate::project::{Project, packed};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The `http` tools as `web` with a grant for one server, the hostile guest as `bad`.
fn project(server: &HttpServer, more: &str) -> Project {
    let port = server.port();
    let manifest = format!(
        "version = 1\n[tools.web]\nsource = \"web.wasm\"\n[[tools.web.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\nports = [{port}]\n\
         methods = [\"GET\", \"POST\"]\naddresses = [\"127.0.0.0/8\"]\n[tools.bad]\nsource = \"bad.wasm\"\n{more}\n\
         [[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"web.*\", \"bad.*\"]\n"
    );
    let project = Project::new(&manifest);
    std::fs::write(project.path().join("web.wasm"), packed("http")).unwrap();
    std::fs::write(project.path().join("bad.wasm"), packed("hostile")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

/// Hangs up so many times, then answers.
fn server(hang_ups: usize) -> HttpServer {
    let left = std::sync::Mutex::new(hang_ups);
    let server = HttpServer::start(move |_, stream| {
        let mut left = left.lock().unwrap();
        match left.checked_sub(1) {
            Some(less) => *left = less,
            None => drop(stream.write_all(OK.as_bytes())),
        }
    });
    server.unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_get_is_made_again_and_the_report_counts() {
    let server = server(2);
    let project = project(&server, "");
    let url = format!("url=http://{}/", server.authority());
    let done = project.call(&["web.fetch", &url]);
    assert_eq!((done["attempts"].as_u64(), done["result"]["status"].as_u64()), (Some(3), Some(200)));
    assert_eq!(server.requests().len(), 3);
    project.run(&["audit", "export"]).worked(&["\"type\":\"attempt-failed\"", "\"attempt\":2"]);
}

#[test]
fn an_unknown_call_is_listed_and_settled_by_a_person() {
    let server = server(1);
    let project = project(&server, "");
    let url = format!("url=http://{}/order", server.authority());
    let order = ["call", "web.send", &url, "method=post", "text=one", "--key", "order-1"];
    project.run(&order).failed(13, &["outcome-unknown", "a person has to look"]);
    project.run(&order).failed(13, &["outcome-unknown", "toolhold unknown resolve"]);
    assert_eq!(server.requests().len(), 1, "it was not sent again");
    let listed = parsed(&project.run(&["unknown", "list", "--json"]).printed());
    assert_eq!((listed[0]["tool"].as_str(), listed[0]["key"].as_str()), (Some("web.send"), Some("order-1")));
    project.run(&["unknown", "list"]).worked(&["web.send", "order-1", "was sent with 3 bytes and not answered"]);
    let call = listed[0]["call"].as_str().unwrap();
    project.run(&["unknown", "resolve", call]).failed(2, &["--succeeded", "--failed"]);
    project.run(&["unknown", "resolve", call, "--failed", "--data", "1"]).failed(2, &[]);
    project.run(&["unknown", "resolve", call, "--succeeded", "--data", "{"]).failed(2, &["`--data` is not JSON"]);
    project.run(&["unknown", "resolve", call, "--succeeded", "--data", "{\"order\": 17}"]).worked(&["succeeded"]);
    let again = project.call(&order[1..]);
    assert_eq!((&again["result"], &again["replayed"]), (&json!({"order": 17}), &json!(true)));
    project.run(&["unknown", "resolve", call, "--failed"]).failed(3, &["is not one of which nobody knows"]);
    project.run(&["unknown", "list"]).worked(&["what every call did is known"]);
    project.run(&["audit", "export"]).worked(&["\"type\":\"unknown-resolved\""]);
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn a_call_that_did_nothing_runs_again_with_its_key() {
    let server = server(1);
    let project = project(&server, "");
    let url = format!("url=http://{}/order", server.authority());
    let order = ["call", "web.send", &url, "method=post", "text=one", "--key", "order-1"];
    assert_eq!(project.run(&order).code(), 13);
    let listed = parsed(&project.run(&["unknown", "list", "--json"]).printed());
    project
        .run(&["unknown", "resolve", listed[0]["call"].as_str().unwrap(), "--failed"])
        .worked(&["a repeat with its key runs"]);
    project.run(&order).worked(&["200"]);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_breaker_opens_over_processes_is_shown_and_closed() {
    let server = server(0);
    let project = project(&server, "[breaker]\nfailures = 2");
    for _ in 0..2 {
        assert_eq!(project.run(&["call", "bad.panics"]).code(), 8);
    }
    project.run(&["call", "bad.panics"]).failed(15, &["breaker-open", "try again in", "toolhold breakers"]);
    project.run(&["breakers", "list"]).worked(&["tool:bad.panics", "open", "left alone until"]);
    let listed = parsed(&project.run(&["breakers", "list", "--json"]).printed());
    assert_eq!((&listed[0]["state"], &listed[0]["faults_in_row"]), (&json!("open"), &json!(2)));
    project.run(&["breakers", "reset", "tool:bad.panic"]).failed(3, &["no breaker `tool:bad.panic` remembers a fault"]);
    project.run(&["breakers", "reset", "tool:bad.panics"]).worked(&["closed: tool:bad.panics"]);
    project.run(&["breakers", "list"]).worked(&["nothing failed lately"]);
    assert_eq!(project.run(&["call", "bad.panics"]).code(), 8);
}

#[test]
fn a_rate_holds_over_processes() {
    let server = server(0);
    let project = project(&server, "rate = \"2/h\"");
    for _ in 0..2 {
        project.call(&["bad.state_leak"]);
    }
    project.run(&["call", "bad.state_leak"]).failed(15, &["rate-limited", "(2/h)"]);
    let done = parsed(&project.run(&["call", "bad.state_leak", "--json"]).printed());
    assert!(done["error"]["retry_after"].as_u64().unwrap() > 1_700, "{done}");
}

#[test]
fn what_stands_in_is_labelled() {
    let server = server(0);
    let project = project(&server, "[tools.bad.tool.panics]\nfallback = { value = 7 }");
    let done = project.run(&["call", "bad.panics"]);
    done.worked(&["7"]);
    assert!(done.said().contains("this is a fixed value that stands in for its result"), "{}", done.said());
    assert_eq!(project.call(&["bad.panics"])["served_by"]["kind"], "value");
}
