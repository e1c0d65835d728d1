//! Who may ask what, and what a wrong question is answered.

use super::*;

/// A path of the table with names in it that there are not.
fn filled(path: &str) -> String {
    path.replace("{run}", "no-run")
        .replace("{call}", "no-call")
        .replace("{tool}", "no.tool")
        .replace("{approval}", "no-approval")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_the_roles_of_the_table_and_nobody_else() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    for (method, path, needed) in ACCESS {
        let ask = || {
            let request =
                Request::builder().method(method).uri(filled(path)).header("content-type", "application/json");
            request.body(Body::from(if method == "GET" { "" } else { "{\"junk\": 1}" })).unwrap()
        };
        let response = router(served.api.clone()).oneshot(ask()).await.unwrap();
        assert_eq!(response.status(), 401, "{method} {path} without a caller");
        for role in Role::ALL {
            let status = served.send(role, ask()).await.status;
            assert_eq!(status == 403, !role.has(needed), "{method} {path} as {role}: {status}");
            assert_ne!(status, 401, "{method} {path}");
        }
    }
    // Whoever observes changes nothing, by any path.
    assert!(
        ACCESS
            .iter()
            .all(|(method, path, role)| *method == "GET" || path.starts_with("/v1/explain") || *role != Role::Observe)
    );
    // Whoever asks for more is on record with what for.
    let taken = served.get("/v1/audit?kind=request-taken&limit=1000").await.is(200);
    let taken: BTreeSet<String> =
        taken["entries"].as_array().unwrap().iter().map(|entry| entry["body"]["event"].to_string()).collect();
    for (method, path, needed) in ACCESS.into_iter().filter(|row| row.2 != Role::Observe) {
        let event = json!({ "type": "request-taken", "caller": "tester", "method": method, "path": filled(path) });
        assert!(taken.contains(&event.to_string()), "{method} {path} by {needed}: {taken:?}");
    }
    assert_eq!(taken.len(), ACCESS.iter().filter(|row| row.2 != Role::Observe).count());
    served
        .send(Role::Admin, Request::delete("/v1/runs").body(Body::empty()).unwrap())
        .await
        .problem(405, "method-not-allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_word_is_an_error_that_names_its_place() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let detail = served.post("/v1/runs", json!({ "task": "t", "taks": 1 })).await.problem(400, "bad-request");
    assert!(detail.contains("unknown field `taks`") && detail.contains("column"), "{detail}");
    let detail = served.post("/v1/calls", json!({ "arguments": {} })).await.problem(400, "bad-request");
    assert!(detail.contains("missing field `tool`"), "{detail}");
    let detail = served.get("/v1/runs?limits=3").await.problem(400, "bad-request");
    assert!(detail.contains("limits"), "{detail}");
    served.get("/v1/runs?open=true&state=failed").await.problem(400, "bad-request");
    served.get("/v1/calls/not%20an%20id").await.problem(400, "bad-request");
    served.get("/v1/runs/nothing").await.problem(404, "not-found");
    served.get("/v1/calls/nothing").await.problem(404, "not-found");
    served.get("/v1/tools/no.tool").await.problem(404, "not-found");
    served.get("/v1/health?window=soon").await.problem(400, "bad-request");
    served.get("/v1/audit/verify?expect=x").await.problem(400, "bad-request");
    let text = Request::post("/v1/calls").header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    served.send(Role::Admin, text).await.problem(415, "unsupported-media-type");
    let large =
        Request::post("/v1/calls")
            .header("content-type", "application/json")
            .body(Body::from(vec![b' '; (5 << 20) + 1]));
    served.send(Role::Admin, large.unwrap()).await.problem(413, "body-too-large");
    let call = json!({ "tool": "files.write", "arguments": {}, "mode": "preview" });
    served.post_as(Role::Run, "/v1/calls", call, &[("idempotency-key", "k")]).await.problem(400, "bad-request");
    let call = json!({ "tool": "files.read", "arguments": {} });
    let detail =
        served.post_as(Role::Run, "/v1/calls", call, &[("idempotency-key", "a b")]).await.problem(400, "bad-request");
    assert!(detail.starts_with("`idempotency-key`"), "{detail}");
    // What may not be named: a file, an address.
    for model in ["scripted:/etc/passwd", "openai:gpt", "nobody"] {
        let run = json!({ "task": "t", "models": [model] });
        served.post("/v1/runs", run).await.problem(422, "no-such-model");
    }
    served.post("/v1/runs", json!({ "task": " " })).await.problem(400, "bad-request");
    served.post("/v1/runs", json!({ "task": "t", "agent": "a b" })).await.problem(400, "bad-request");
    served
        .post("/v1/runs", json!({ "task": "t", "answer_schema": { "type": "nothing" } }))
        .await
        .problem(400, "bad-request");
    assert_eq!(served.get("/v1/runs").await.is(200), json!([]), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_shows_a_secret() {
    let project = Project::free();
    let manifest = project.read("toolhold.toml");
    std::fs::write(project.path().join("secret.txt"), "a-secret-that-nobody-sees\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(project.path().join("secret.txt"), mode).unwrap();
    project.write("toolhold.toml", &format!("{manifest}\n[secrets.mine]\nfile = \"secret.txt\"\n"));
    assert_eq!(project.run(&["lock"]).code(), 0);
    project.write("work/a.txt", "it is a-secret-that-nobody-sees here");
    let served = Served::start(&project, SCRIPT).await;
    let read = json!({ "tool": "files.read", "arguments": { "path": "/work/a.txt" } });
    let report = served.post("/v1/calls", read).await.is(200);
    assert!(report["result"].to_string().contains("here"), "{report}");
    let run = served.begin(json!({ "task": "tell me of a-secret-that-nobody-sees" })).await;
    served.until(&run, &["completed"]).await;
    let mut all = report.to_string();
    for path in ["", "/events", "/state"] {
        all.push_str(&served.get(&format!("/v1/runs/{run}{path}")).await.is(200).to_string());
    }
    for path in ["/v1/runs", "/v1/calls", "/v1/history", "/v1/audit", "/v1/health"] {
        all.push_str(&served.get(path).await.is(200).to_string());
    }
    all.push_str(&format!("{:?}", served.stream(&run, None).await));
    assert!(!all.contains("a-secret-that-nobody-sees"), "{all}");
}
