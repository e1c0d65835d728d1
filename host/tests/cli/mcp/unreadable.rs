//! Requests that two readers could read in two ways, or that are deeper than anybody reads: each is answered.

use std::io::Write as _;

use serde_json::json;

use super::{Client, text};
use crate::project::Project;

/// Whoever looks at a call on its way may see the one, and the tool get the other.
#[test]
fn arguments_that_are_there_twice_or_too_deep_are_refused_with_words() {
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let twice = r#"{"path":"/work/notes.md","\u0070ath":"/work/other.md"}"#.to_owned();
    for (arguments, why) in [(twice, "is there twice"), (format!(r#"{{"path":{deep}}}"#), "recursion limit")] {
        client.next += 1;
        let id = client.next;
        let params = format!(r#"{{"name":"files__read","arguments":{arguments}}}"#);
        let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#);
        writeln!(client.input.as_mut().unwrap(), "{line}").unwrap();
        let answer = client.answer(id);
        assert!(text(&answer["result"]).contains(why), "{answer}");
    }
    client.end();
}

/// Whoever waits for an answer gets one, and so does the next.
#[test]
fn however_deep_a_request_is_it_is_answered() {
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let (lists, objects) = (deep("[", "]"), deep(r#"{"a":"#, "}"));
    for params in [
        format!(r#""method":"tools/call","params":{{"name":"files__read","arguments":{{"path":{lists}}}}}"#),
        format!(r#""method":"tools/call","params":{{"name":"files__read","arguments":{objects}}}"#),
        format!(r#""method":"tools/call","params":{{"name":"files__read","_meta":{objects}}}"#),
        format!(r#""method":"tools/call","params":{lists}"#),
        format!(r#""method":"tools/list","params":{objects}"#),
        format!(r#""method":"tools/list","params":{{"_meta":{objects}}}"#),
        format!(r#""method":"nothing/of/that/name","params":{objects}"#),
        format!(r#""method":{lists}"#),
    ] {
        client.next += 1;
        let id = client.next;
        writeln!(client.input.as_mut().unwrap(), r#"{{"jsonrpc":"2.0","id":{id},{params}}}"#).unwrap();
        let answer = client.answer(id);
        let is_refused = answer["error"]["code"] == -32_600 || answer["result"]["isError"] == true;
        assert!(is_refused, "{answer} to {}", params.get(..60).unwrap());
        assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    }
    client.end();
}

/// Few bytes that are very many values would take a hundred times as much memory, before anybody decides about the call.
#[test]
fn a_request_of_very_many_values_is_answered_and_not_read() {
    let project = Project::free();
    let mut client = Client::session(&project, &[]);
    let many = format!("[{}0]", "[0],".repeat(200_000));
    for params in [
        format!(r#""method":"tools/call","params":{{"name":"files__read","arguments":{{"path":{many}}}}}"#),
        format!(r#""method":"tools/list","params":{{"_meta":{{"x":{many}}}}}"#),
    ] {
        client.next += 1;
        let id = client.next;
        writeln!(client.input.as_mut().unwrap(), r#"{{"jsonrpc":"2.0","id":{id},{params}}}"#).unwrap();
        let answer = client.answer(id);
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("more values")), "{answer}");
        assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    }
    client.end();
}
