//! The document, and every answer held against it.

use super::*;

#[test]
fn the_document_is_kept_and_has_every_route_with_its_role() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut described, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["responses"]["default"].is_object(), "{path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "two operations have one name: {path}");
            described.insert((
                method.to_uppercase(),
                path.clone(),
                operation["x-toolhold-role"].as_str().unwrap().to_owned(),
            ));
        }
    }
    let table: BTreeSet<_> = ACCESS
        .iter()
        .map(|(method, path, role)| ((*method).to_owned(), (*path).to_owned(), role.to_string()))
        .collect();
    assert_eq!(described, table);
    for (path, is_needed) in [("/v1/approvals/{approval}/approve", false), ("/v1/approvals/{approval}/modify", true)] {
        let body = &document["paths"][path]["post"]["requestBody"];
        assert_eq!(body["required"], is_needed, "{path}: {body}");
    }
    let page = include_str!("../../../../docs/api.md");
    for (method, path, role) in ACCESS {
        let row = format!("| `{method}` | `{path}` | {role} |");
        assert!(page.contains(&row), "docs/api.md has no row {row}");
    }
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let text = format!("{document:#}\n");
    if std::env::var_os("TOOLHOLD_BLESS").is_some() {
        std::fs::write(&kept, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(kept).unwrap_or_default() == text,
        "docs/openapi.json is older than the code: run with TOOLHOLD_BLESS=1"
    );
    let printed = Project::new("version = 1\n").run(&["openapi"]).printed();
    assert_eq!(printed, text);
}

/// The document with every object closed: what is answered and not described is found.
fn closed(mut document: Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.get("properties").is_some_and(Value::is_object)
                    && !members.contains_key("additionalProperties")
                {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut document["components"]["schemas"]);
    document
}

/// What the document says of a path.
fn described(document: &Value, method: &str, path: &str) -> Option<(String, Value)> {
    let fits = |template: &str| {
        let (one, other): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        one.len() == other.len() && one.iter().zip(&other).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let paths = document["paths"].as_object().unwrap();
    // A word of its own comes before a name.
    let mut found: Vec<_> =
        paths.iter().filter(|(template, item)| fits(template) && item.get(method).is_some()).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.first().map(|(template, item)| ((*template).clone(), item[method].clone()))
}

/// Asks, and holds what is answered against the document.
struct Checked<'a> {
    served: &'a Served,
    document: Value,
    seen: BTreeSet<(String, String)>,
}

impl Checked<'_> {
    async fn ask(&mut self, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Value {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = self.served.send(Role::Admin, request.body(body).unwrap()).await;
        let plain = path.split('?').next().unwrap();
        let (template, operation) = described(&self.document, &method.to_lowercase(), plain).unwrap();
        let status = answer.status.as_u16().to_string();
        let said = operation["responses"].get(&status).or_else(|| operation["responses"].get("default")).unwrap();
        let kind = answer.headers["content-type"].to_str().unwrap();
        let schema = said["content"][kind]["schema"].clone();
        assert!(
            schema.is_object(),
            "{method} {template} answers {status} with {kind}, which is not described: {}",
            answer.body
        );
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema], "components": self.document["components"],
        });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&answer.body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {template} {status}: {errors:#?}\n{:#}", answer.body);
        if answer.status.is_success() {
            self.seen.insert((method.to_owned(), template));
        }
        answer.body
    }

    async fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, Value::Null, &[]).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.ask("POST", path, body, &[]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_document_says() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let mut checked = Checked { served: &served, document: closed(document()), seen: BTreeSet::new() };
    runs_are_as_described(&mut checked).await;
    calls_are_as_described(&mut checked, &project).await;
    checked.get("/v1/tools").await;
    checked.get("/v1/tools/files.read").await;
    checked.post("/v1/explain", json!({ "tool": "files.read", "arguments": { "path": "/work/a.txt" } })).await;
    checked.post("/v1/explain", json!({ "tool": "files.read", "arguments": { "path": 1 } })).await;
    checked
        .post("/v1/explain", json!({ "tool": "files.stat", "arguments": { "path": "/" }, "after": ["private"] }))
        .await;
    checked.post("/v1/explain/path", json!({ "tool": "files.read", "path": "/work/secret/key" })).await;
    checked.get("/v1/health").await;
    let found = checked.get("/v1/audit?kind=call-denied&limit=5").await;
    assert!(found["entries"].as_array().unwrap().iter().all(|entry| entry["body"]["event"]["type"] == "call-denied"));
    let first = checked.get("/v1/audit?limit=2").await;
    assert_eq!((first["entries"].as_array().unwrap().len(), &first["next"]), (2, &json!(2)));
    let verified = checked.get("/v1/audit/verify").await;
    checked.get(&format!("/v1/audit/verify?expect={}", verified["head"].as_str().unwrap())).await;
    checked.get("/v1/openapi.json").await;
    checked.get("/v1/runs/nothing").await;
    what_failed_is_as_described(&mut checked).await;
    let mut seen = checked.seen;
    seen.extend(endless_ones_are_as_described().await);
    seen.extend(approvals_are_as_described().await);
    let all: BTreeSet<_> = ACCESS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let missed: Vec<_> = all.difference(&seen).collect();
    assert!(missed.is_empty(), "no answer of these was held against the document: {missed:?}");
}

async fn runs_are_as_described(checked: &mut Checked<'_>) {
    let new = json!({ "task": "write a note", "agent": "mine", "dry_run": true });
    let dry = checked.post("/v1/runs", new).await["run"].as_str().unwrap().to_owned();
    let ended = checked.served.until(&dry, &["completed"]).await;
    assert_eq!(ended["effects"]["changes"][0]["path"], "/work/new.md", "{ended}");
    checked.get(&format!("/v1/runs/{dry}")).await;
    checked.post(&format!("/v1/runs/{dry}/resume"), json!({})).await;
    let run = checked.post("/v1/runs", json!({ "task": "write a note" })).await["run"].as_str().unwrap().to_owned();
    checked.served.until(&run, &["completed"]).await;
    checked.get("/v1/runs?limit=5").await;
    checked.get(&format!("/v1/runs/{run}")).await;
    checked.get(&format!("/v1/runs/{run}/events")).await;
    checked.get(&format!("/v1/runs/{run}/state?step=7")).await;
    let undone = checked.post(&format!("/v1/runs/{run}/undo"), json!({})).await;
    assert_eq!(undone[0]["effects"]["changes"][0]["path"], "/work/new.md", "{undone}");
    let fork = checked.post(&format!("/v1/runs/{run}/fork"), json!({ "step": 6, "note": "again" })).await;
    let fork = fork["run"].as_str().unwrap().to_owned();
    checked.served.until(&fork, &["completed", "failed", "dead-lettered"]).await;
    checked.post("/v1/runs", json!({ "task": "t", "models": ["nobody"] })).await;
}

async fn calls_are_as_described(checked: &mut Checked<'_>, project: &Project) {
    let write = json!({ "tool": "files.write", "arguments": { "path": "/work/b.txt", "content": "b\n" } });
    let mut preview = write.clone();
    preview["mode"] = json!("preview");
    let call = checked.post("/v1/calls", preview).await["call"].as_str().unwrap().to_owned();
    let shown = checked.get(&format!("/v1/calls/{call}")).await;
    assert_eq!(shown["changes"]["state"], "preview", "{shown}");
    let applied = checked.post(&format!("/v1/calls/{call}/apply"), json!({})).await;
    assert_eq!(project.read("work/b.txt"), "b\n");
    let again = checked.post(&format!("/v1/calls/{call}/apply"), json!({})).await;
    assert_eq!(again["error"]["code"], "not-applicable");
    let applied = applied["call"].as_str().unwrap().to_owned();
    checked.post(&format!("/v1/calls/{applied}/undo"), json!({})).await;
    assert!(!project.path().join("work/b.txt").exists());
    checked.post(&format!("/v1/calls/{applied}/undo"), json!({})).await;
    let denied = checked.post("/v1/calls", json!({ "tool": "files.stat", "arguments": { "path": "/work" } })).await;
    assert_eq!(denied["error"]["class"], "denied", "{denied}");
    checked.post("/v1/calls", json!({ "tool": "files.read", "arguments": { "path": "/work/secret/key" } })).await;
    checked.post("/v1/calls", json!({ "tool": "files.read", "arguments": { "paht": 1 } })).await;
    checked.ask("POST", "/v1/calls", write, &[("prefer", "respond-async")]).await;
    checked.get("/v1/calls?limit=3&tool=files.write").await;
    checked.get("/v1/history").await;
}

async fn what_failed_is_as_described(checked: &mut Checked<'_>) {
    let host = &checked.served.host;
    let settings = BreakerSettings::default();
    let pass = host.dependencies().admit("tool:files.read", &settings).unwrap();
    host.dependencies().tell("tool:files.read", &settings, pass, Verdict::Fault);
    let tool = host.tools().find(|tool| tool.name().as_str() == "files.write").unwrap();
    let validated = tool.validate("{\"path\": \"/work/u.txt\", \"content\": \"u\"}").unwrap();
    for call in ["unknown-1", "unknown-2"] {
        let run = "unknown-run".parse().unwrap();
        let intent = Intent::new(call.parse().unwrap(), run, &validated, Mode::Live, Effects::Possible, 1);
        host.journal().admit(intent).await.unwrap();
        host.journal().park(&call.parse().unwrap(), "the host stopped".into(), 2).await.unwrap();
    }
    assert_eq!(checked.get("/v1/breakers").await[0]["name"], "tool:files.read");
    checked.post("/v1/breakers/reset", json!({ "name": "tool:files.read" })).await;
    checked.post("/v1/breakers/reset", json!({ "name": "tool:files.read" })).await;
    assert_eq!(checked.get("/v1/unknown").await[0]["call"], "unknown-2");
    checked.post("/v1/unknown/unknown-1/resolve", json!({ "outcome": "failed", "data": 1 })).await;
    checked.post("/v1/unknown/unknown-1/resolve", json!({ "outcome": "succeeded", "data": { "n": 1 } })).await;
    checked.post("/v1/unknown/unknown-1/resolve", json!({ "outcome": "failed" })).await;
    checked.post("/v1/unknown/unknown-2/resolve", json!({ "outcome": "failed" })).await;
    checked.get("/v1/calls/unknown-1").await;
}

async fn endless_ones_are_as_described() -> BTreeSet<(String, String)> {
    let (project, at_once) = (endless(), CancellationToken::new());
    at_once.cancel();
    let first = Served::start(&project, ENDLESS).await;
    let mut checked = Checked { served: &first, document: closed(document()), seen: BTreeSet::new() };
    let call =
        checked.ask("POST", "/v1/calls", json!({ "tool": "wait.sleep_forever" }), &[("prefer", "respond-async")]).await;
    checked.post(&format!("/v1/calls/{}/cancel", call["call"].as_str().unwrap()), json!({})).await;
    let run = first.begin(json!({ "task": "t" })).await;
    first.until(&run, &["awaiting-tool"]).await;
    let mut seen = checked.seen;
    first.api.shut_down(&at_once).await;
    drop(first);

    let second = Served::start(&project, ENDLESS).await;
    let mut checked = Checked { served: &second, document: closed(document()), seen };
    checked.post(&format!("/v1/runs/{run}/resume"), json!({})).await;
    second.until(&run, &["completed"]).await;
    let run = second.begin(json!({ "task": "t" })).await;
    second.until(&run, &["awaiting-tool"]).await;
    checked.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;
    second.until(&run, &["cancelled"]).await;
    seen = checked.seen;
    second.api.shut_down(&at_once).await;
    drop(second);

    // One that fails for good, is let go on, fails again and is given up.
    let third = Served::start(&project, "[[turn]]\nexpect = \"never\"\ntext = \"done\"\n").await;
    let mut checked = Checked { served: &third, document: closed(document()), seen };
    let run = third.begin(json!({ "task": "t" })).await;
    third.until(&run, &["dead-lettered"]).await;
    assert_eq!(checked.get("/v1/dead-letters").await[0]["run"], run.as_str());
    checked.post(&format!("/v1/dead-letters/{run}/requeue"), json!({})).await;
    third.until(&run, &["dead-lettered"]).await;
    checked.post(&format!("/v1/dead-letters/{run}/discard"), json!({})).await;
    checked.post(&format!("/v1/dead-letters/{run}/discard"), json!({})).await;
    checked.seen
}

async fn approvals_are_as_described() -> BTreeSet<(String, String)> {
    let project = Project::locked();
    let served = Served::start(&project, SCRIPT).await;
    let mut checked = Checked { served: &served, document: closed(document()), seen: BTreeSet::new() };
    let to = |name: &str| json!({ "tool": "files.move", "arguments": { "from": "/work/notes.md", "to": format!("/work/{name}") } });
    let waiting = |report: &Value| {
        assert_eq!(report["error"]["code"], "awaiting-approval", "{report}");
        report["error"]["approval"].as_str().unwrap().to_owned()
    };
    // Approved: the same call is made by it, once.
    let id = waiting(&checked.post("/v1/calls", to("a.md")).await);
    assert_eq!(checked.get("/v1/approvals?state=waiting").await[0]["id"], id.as_str());
    let shown = checked.get(&format!("/v1/approvals/{id}")).await;
    assert!(shown["foreseen"]["effects"]["changes"].to_string().contains("/work/a.md"), "{shown}");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    let approved = checked.post(&format!("/v1/approvals/{id}/approve"), Value::Null).await;
    assert_eq!((&approved["state"], &approved["answer"]["by"]), (&json!("approved"), &json!("api:tester")));
    assert_eq!(
        checked.post(&format!("/v1/approvals/{id}/approve"), json!({ "scope": "run" })).await["code"],
        "not-now"
    );
    let made = checked.post("/v1/calls", to("a.md")).await;
    assert!(made["error"].is_null(), "{made}");
    assert_eq!(project.read("work/a.md"), "# Notes\n");
    project.write("work/notes.md", "# Notes\n");
    // Modified, by somebody for whom a call waits: not into what a rule denies.
    let started = checked.ask("POST", "/v1/calls", to("b.md"), &[("prefer", "respond-async")]).await;
    let mut found = checked.get("/v1/approvals?state=waiting").await;
    while found.as_array().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = checked.get("/v1/approvals?state=waiting").await;
    }
    let path = format!("/v1/approvals/{}", found[0]["id"].as_str().unwrap());
    let wrong = checked.post(&format!("{path}/modify"), json!({ "arguments": { "from": 1 } })).await;
    assert_eq!(wrong["code"], "invalid-arguments", "{wrong}");
    let other = json!({ "arguments": { "from": "/work/notes.md", "to": "/work/c.md" } });
    checked.post(&format!("{path}/modify"), other).await;
    let call = format!("/v1/calls/{}", started["call"].as_str().unwrap());
    while checked.get(&call).await["state"] == "running" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = checked.get(&call).await;
    assert!(ended["report"]["error"].is_null() && ended["report"]["approved"]["arguments"].is_object(), "{ended}");
    assert_eq!(project.read("work/c.md"), "# Notes\n");
    project.write("work/notes.md", "# Notes\n");
    // Rejected, and taken back.
    let id = waiting(&checked.post("/v1/calls", to("d.md")).await);
    checked.post(&format!("/v1/approvals/{id}/reject"), json!({ "reason": "not today" })).await;
    let refused = checked.post("/v1/calls", to("d.md")).await;
    assert!(refused["error"]["message"].to_string().contains("not today"), "{refused}");
    let id = waiting(&checked.post("/v1/calls", to("e.md")).await);
    checked.post(&format!("/v1/approvals/{id}/withdraw"), json!({})).await;
    checked.get("/v1/approvals/nothing").await;
    checked.seen
}
