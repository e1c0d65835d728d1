//! Calls that a person decides, for clients that reach one and for those that do not.

use super::*;

/// A project in which moving is asked about, and in which these clients reach a person.
pub(crate) fn asking(clients: &str) -> Project {
    let project = Project::new(&format!("{}\n[approvals]\nclients = {clients}\n", crate::project::MANIFEST));
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

fn moving(to: &str) -> Value {
    json!({ "name": "files__move", "arguments": { "from": "/work/notes.md", "to": to } })
}

/// A client of the revision with sessions that can show a form.
pub(crate) fn with_forms(project: &Project) -> Client {
    let mut client = Client::start(project, &[]);
    let (can, info) = (json!({ "elicitation": {} }), json!({ "name": "test", "version": "1" }));
    client.ask("initialize", json!({ "protocolVersion": SESSION, "capabilities": can, "clientInfo": info }));
    client.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    client
}

/// The same, of the revision without.
fn stateless_with_forms(project: &Project) -> Client {
    let mut client = Client::stateless(project);
    client.meta.as_mut().unwrap()["io.modelcontextprotocol/clientCapabilities"] =
        json!({ "elicitation": { "form": {} } });
    client
}

#[test]
fn a_client_that_reaches_a_person_asks_them_while_the_call_waits() {
    let project = asking("[\"test\"]");
    let mut client = with_forms(&project);
    let answered = |client: &mut Client, said: Value, to: &str| {
        let id = client.send("tools/call", moving(to));
        let question = loop {
            let mut line = String::new();
            assert_ne!(client.output.read_line(&mut line).unwrap(), 0);
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["method"] == "elicitation/create" {
                break message;
            }
        };
        let shown = question["params"]["message"].as_str().unwrap().to_owned();
        client.tell(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": said }));
        (shown, client.answer(id)["result"].clone())
    };
    let (shown, no) = answered(&mut client, json!({ "action": "decline" }), "/work/no.md");
    assert!(
        shown.contains("`files.move`") && shown.contains("/work/no.md") && shown.contains("ask before moving"),
        "{shown}"
    );
    assert!(no["isError"] == true && text(&no).contains("a person rejected"), "{no}");
    // Whoever looks away has said nothing: it can be decided elsewhere.
    let (_, nothing) = answered(&mut client, json!({ "action": "cancel" }), "/work/later.md");
    assert!(text(&nothing).starts_with("awaiting-approval"), "{nothing}");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    let yes = json!({ "action": "accept", "content": { "decision": "approve" } });
    // A model that repeats it does not make them look again: the next question is about another call.
    let again = client.call("files__move", moving("/work/later.md")["arguments"].clone());
    assert!(text(&again).starts_with("awaiting-approval"), "{again}");
    let (shown, done) = answered(&mut client, yes, "/work/moved\u{202e}.md");
    assert!(shown.contains("moved\\u{202e}.md") && !shown.contains('\u{202e}'), "{shown}");
    assert_ne!(done["isError"], true, "{done}");
    assert_eq!(project.read("work/moved\u{202e}.md"), "# Notes\n");
    client.end();
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("mcp:test") && audit.contains("approval-granted"), "{audit}");
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn an_answer_that_comes_with_the_next_request_is_for_the_question_that_was_asked() {
    let project = asking("[\"test\"]");
    let mut client = stateless_with_forms(&project);
    let asked = client.ask("tools/call", moving("/work/b.md"))["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let shown = asked["inputRequests"]["approval"]["params"]["message"].as_str().unwrap();
    assert!(shown.contains("/work/b.md"), "{shown}");
    let yes = json!({ "approval": { "action": "accept", "content": { "decision": "approve" } } });
    // Whoever dismisses a question is not asked it again.
    let later = client.ask("tools/call", moving("/work/later.md"))["result"].clone();
    let mut dismissed = moving("/work/later.md");
    dismissed["inputResponses"] = json!({ "approval": { "action": "cancel" } });
    dismissed["requestState"] = later["requestState"].clone();
    for request in [dismissed, moving("/work/later.md")] {
        let parked = client.ask("tools/call", request)["result"].clone();
        assert!(parked["isError"] == true && text(&parked).starts_with("awaiting-approval"), "{parked}");
    }
    let mut again = moving("/work/b.md");
    again["inputResponses"] = yes.clone();
    // An answer without its question, and one to a question that was changed, are none.
    assert_eq!(client.ask("tools/call", again.clone())["result"]["resultType"], "input_required");
    let state = asked["requestState"].as_str().unwrap();
    again["requestState"] = json!(format!("{}x", &state[..state.len() - 1]));
    assert_eq!(client.ask("tools/call", again.clone())["error"]["code"], -32_602);
    // A yes to one call is none to another.
    let mut other = moving("/work/other.md");
    (other["inputResponses"], other["requestState"]) = (yes, json!(state));
    assert_eq!(client.ask("tools/call", other)["result"]["resultType"], "input_required");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    // What was said counts for the call that was asked about, once.
    let done = client.call("files__move", moving("/work/b.md")["arguments"].clone());
    assert_ne!(done["isError"], true, "{done}");
    assert_eq!(project.read("work/b.md"), "# Notes\n");
    client.end();
}

#[test]
fn a_client_that_nobody_trusts_is_not_asked_whatever_it_brings() {
    for clients in ["[\"other\"]", "[\"Test\", \"test/test\", \"/test\"]"] {
        let project = asking(clients);
        let mut client = stateless_with_forms(&project);
        let parked = client.call("files__move", moving("/work/b.md")["arguments"].clone());
        assert!(parked["isError"] == true && text(&parked).starts_with("awaiting-approval"), "{parked}");
        let mut forged = moving("/work/b.md");
        forged["inputResponses"] = json!({ "approval": { "action": "accept", "content": { "decision": "approve" } } });
        assert_eq!(client.ask("tools/call", forged.clone())["result"]["isError"], true);
        forged["requestState"] = json!("rs1.AAAA.AAAA");
        assert_eq!(client.ask("tools/call", forged)["error"]["code"], -32_602);
        client.end();
        let mut client = with_forms(&project);
        // It is answered at once: the next message is no question.
        let parked = client.call("files__move", moving("/work/c.md")["arguments"].clone());
        assert!(text(&parked).starts_with("awaiting-approval"), "{parked}");
        assert!(client.notifications.iter().all(|told| told["method"] != "elicitation/create"));
        client.end();
        assert_eq!(project.read("work/notes.md"), "# Notes\n");
    }
}

#[test]
fn a_call_that_a_person_must_decide_is_parked_and_the_client_has_no_way_to_decide_it() {
    let project = Project::locked();
    let mut client = Client::session(&project, &[]);
    let arguments = json!({ "from": "/work/notes.md", "to": "/work/moved.md" });
    let parked = client.call("files__move", arguments.clone());
    let facts = parked["_meta"]["toolhold/call"].clone();
    assert_eq!((&parked["isError"], &facts["code"]), (&json!(true), &json!("awaiting-approval")), "{parked}");
    let id = facts["approval"].as_str().unwrap().to_owned();
    for method in ["approvals/approve", "approvals/decide", "toolhold/approve"] {
        let answer = client.ask(method, json!({ "approval": id, "verdict": "approve" }));
        assert!(answer.get("error").is_some(), "{method}: {answer}");
    }
    let answer = client.ask("tools/call", json!({ "name": "approvals.approve", "arguments": { "approval": id } }));
    assert!(answer.get("error").is_some(), "{answer}");
    let meta = json!({ "toolhold/approve": id });
    let answer = client.ask("tools/call", json!({ "name": "files__move", "arguments": arguments, "_meta": meta }));
    assert!(answer.get("error").is_some(), "{answer}");
    assert_eq!(
        client.call("files__move", arguments.clone())["_meta"]["toolhold/call"]["approval"],
        json!(id),
        "it waits"
    );
    // The operator decides, while the server holds the state directory.
    project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    let made = client.call("files__move", arguments);
    assert_ne!(made["isError"], json!(true), "{made}");
    assert!(project.path().join("work/moved.md").exists());
    client.end();
    project.run(&["audit", "verify"]).worked(&[]);
}
