//! Runs that a server works on: keys, turns, places, ends.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_run() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let (task, key) = (json!({ "task": "write a note" }), [("idempotency-key", "k-1")]);
    let first = served.post_as(Role::Run, "/v1/runs", task.clone(), &key).await.is(202);
    let run = first["run"].as_str().unwrap().to_owned();
    served.until(&run, &["completed"]).await;
    let again = served.post_as(Role::Run, "/v1/runs", task, &key).await.is(202);
    assert_eq!((&first["replayed"], &again), (&json!(false), &json!({ "run": run, "replayed": true })));
    let other = served.post_as(Role::Run, "/v1/runs", json!({ "task": "another" }), &key).await;
    other.problem(409, "key-conflict");
    assert_eq!(served.get("/v1/runs").await.is(200).as_array().unwrap().len(), 1);
    let third =
        served.post_as(Role::Run, "/v1/runs", json!({ "task": "another" }), &[("idempotency-key", "k-2")]).await;
    assert_ne!(third.is(202)["run"], run.as_str());
}

/// Whoever asks may go away at any moment: after a time that differs, so that each place is come to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_accepted_is_worked_on_although_whoever_asked_went_away() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    for number in 0..40_u64 {
        let key = number.to_string();
        let headers = [("idempotency-key", key.as_str())];
        let asked = served.post_as(Role::Run, "/v1/runs", json!({ "task": "write a note" }), &headers);
        let _gone = tokio::time::timeout(Duration::from_micros(200 * number), asked).await.is_err();
    }
    let mut begun = 0;
    for run in served.get("/v1/runs?limit=100").await.is(200).as_array().unwrap() {
        served.until(run["run"].as_str().unwrap(), &["completed"]).await;
        begun += 1;
    }
    assert!(begun > 0, "nothing was accepted, so nothing was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_wait_for_their_turn_and_too_many_are_refused() {
    let project = endless();
    let settings = Settings { at_once: 1, waiting: 1, ..Settings::default() };
    let served = Served::with(&project, ENDLESS, settings).await;
    let first = served.begin(json!({ "task": "one" })).await;
    served.until(&first, &["awaiting-tool"]).await;
    let second = served.begin(json!({ "task": "two" })).await;
    let full = served.post("/v1/runs", json!({ "task": "three" })).await;
    assert_eq!(full.headers["retry-after"], "5");
    full.problem(429, "runs-full");
    served.post(&format!("/v1/runs/{second}/resume"), json!({})).await.problem(409, "not-now");
    // One that waits is cancelled without ever having begun, one that works with its call.
    for run in [&second, &first] {
        assert_eq!(
            served.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.is(202)["state"],
            "cancel-requested"
        );
        let shown = served.until(run, &["cancelled"]).await;
        assert_eq!(shown["report"]["reason"]["kind"], "cancelled");
    }
    served.post(&format!("/v1/runs/{first}/cancel"), json!({})).await.problem(409, "not-now");
    let third = served.begin(json!({ "task": "three" })).await;
    served.until(&third, &["awaiting-tool"]).await;
    served.post(&format!("/v1/runs/{third}/cancel"), json!({})).await.is(202);
    served.until(&third, &["cancelled"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_for_a_person_keep_no_other_from_its_turn_and_are_bounded() {
    let project = Project::new(&format!("{MANIFEST}\n[approvals]\nmax-waiting = 2\n"));
    assert_eq!(project.run(&["lock"]).code(), 0);
    let served = Served::with(&project, ASKING, Settings { at_once: 1, waiting: 0, ..Settings::default() }).await;
    let mut runs = Vec::new();
    for task in ["one", "two", "three"] {
        let body = json!({ "task": task });
        // That it waits is on record a moment before its place is another's.
        while served.post("/v1/runs", body.clone()).await.status == 429 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let run = served.get("/v1/runs?limit=1").await.is(200)[0]["run"].as_str().unwrap().to_owned();
        served.until(&run, &["awaiting-approval"]).await;
        runs.push(run);
    }
    served.post("/v1/runs", json!({ "task": "four" })).await.problem(429, "runs-full");
    let waiting = served.get("/v1/approvals?state=waiting").await.is(200);
    assert_eq!(waiting.as_array().unwrap().len(), 1, "all ask the same: {waiting}");
    let path = format!("/v1/approvals/{}/reject", waiting[0]["id"].as_str().unwrap());
    served.post(&path, json!({ "reason": "no" })).await.is(200);
    for run in &runs {
        let shown = served.until(run, &["completed"]).await;
        assert_eq!(shown["report"]["calls"][0]["failure"]["code"], "approval-rejected", "{shown}");
    }
    served.begin(json!({ "task": "four" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_leaves_its_runs_to_the_next_one() {
    let project = endless();
    let served = Served::with(&project, ENDLESS, Settings { at_once: 1, ..Settings::default() }).await;
    let (works, waits) = (served.begin(json!({ "task": "one" })).await, served.begin(json!({ "task": "two" })).await);
    served.until(&works, &["awaiting-tool"]).await;
    let late = served.api.clone();
    let now = CancellationToken::new();
    tokio::join!(served.api.shut_down(&now), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        now.cancel();
    });
    let request =
        Request::post("/v1/runs").header("content-type", "application/json").body(Body::from("{\"task\": \"t\"}"));
    let mut request = request.unwrap();
    request.extensions_mut().insert(Caller::new("tester", Role::Run));
    assert_eq!(router(late).oneshot(request).await.unwrap().status(), 503);
    drop(served);
    // The next one takes up both, and what it does not take up is lost to nobody.
    let next = Served::with(&project, ENDLESS, Settings { at_once: 1, waiting: 0, ..Settings::default() }).await;
    // What is refused takes neither from it.
    for run in [&works, &waits] {
        next.post(&format!("/v1/dead-letters/{run}/requeue"), json!({})).await.problem(409, "not-now");
    }
    // Both were accepted, so there is room for both.
    assert_eq!(next.runs.take_up().await.unwrap(), 2);
    // The call that was stopped at the end of the grace is on record as that, and the run goes on behind it.
    let went_on = next.until(&works, &["completed"]).await;
    assert_eq!(went_on["report"]["calls"][0]["failure"]["code"], "caller-gone", "{went_on}");
    next.until(&waits, &["awaiting-tool"]).await;
    next.post(&format!("/v1/runs/{waits}/cancel"), json!({})).await.is(202);
    next.until(&waits, &["cancelled"]).await;
    assert_eq!(next.runs.take_up().await.unwrap(), 0, "they are over");
    let reader = next.host.journal().reader().unwrap();
    next.host.journal().flush().await.unwrap();
    reader.verify(None).unwrap();
}

/// What a running server answers: its status, and JSON.
fn asked(serving: &Serving, first: &str, body: &str) -> (u16, Value) {
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let answer = serving.ask(first, &[&bearer, "Content-Type: application/json"], body);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn until_it_is(serving: &Serving, run: &str, state: &str) -> Value {
    for _ in 0..600 {
        let (_, shown) = asked(serving, &format!("GET /v1/runs/{run}"), "");
        if shown["run"]["state"] == state {
            return shown;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("run {run} is not {state}");
}

#[test]
fn a_server_that_is_killed_loses_no_run_that_it_had_accepted() {
    let project = endless();
    project.write("script.toml", ENDLESS);
    let words = ["--model", "scripted:script.toml", "--runs-at-once", "1"];
    let serving = Serving::start(&project, &words);
    let begin = |serving: &Serving| {
        let (status, accepted) = asked(serving, "POST /v1/runs", "{\"task\": \"t\"}");
        assert_eq!(status, 202, "{accepted}");
        accepted["run"].as_str().unwrap().to_owned()
    };
    let (works, waits) = (begin(&serving), begin(&serving));
    until_it_is(&serving, &works, "awaiting-tool");
    serving.signal("-KILL");
    let token = serving.token.clone();
    assert!(!serving.ended().0);
    // Nobody goes on with them who was not told to.
    let idle = Serving::with_token(&project, &words, token.clone());
    for run in [&works, &waits] {
        assert_eq!(asked(&idle, &format!("GET /v1/runs/{run}"), "").1["at_work"], false);
    }
    idle.signal("-TERM");
    assert!(idle.ended().0);
    // The call that was cut off changed nothing, so it is made again; the other run has its turn after that.
    let next = Serving::with_token(&project, &[&words[..], &["--resume"]].concat(), token);
    until_it_is(&next, &works, "awaiting-tool");
    for run in [&works, &waits] {
        until_it_is(&next, run, "awaiting-tool");
        assert_eq!(asked(&next, &format!("POST /v1/runs/{run}/cancel"), "").0, 202);
        until_it_is(&next, run, "cancelled");
    }
    next.signal("-TERM");
    let (succeeded, said) = next.ended();
    assert!(succeeded && said.contains("2 runs go on"), "{said}");
    project.run(&["audit", "verify"]).worked(&[]);
    project.run(&["runs", "list", "--open"]).worked(&["there are no open runs"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_on_which_somebody_else_in_the_process_works_is_left_to_them() {
    let project = endless();
    let served = Served::start(&project, ENDLESS).await;
    let host = served.host.clone();
    let working = tokio::spawn(async move {
        let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
        let (clock, cancel) = (Arc::new(TokioClock::default()), CancellationToken::new());
        let worker = Worker { tools: &tools, clock, cancel, front: "test" };
        let script = Script::parse(ENDLESS).unwrap();
        let mut models: Vec<Box<dyn Model>> = vec![Box::new(Scripted::new("script.toml", script))];
        let task = Task::new("theirs".parse().unwrap(), "t");
        worker.begin(task, &mut models, &mut |_| ()).await.unwrap().report.state
    });
    let mut shown = served.get("/v1/runs/theirs").await;
    while shown.body["run"]["state"] != "awaiting-tool" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        shown = served.get("/v1/runs/theirs").await;
    }
    assert_eq!(shown.is(200)["at_work"], true);
    served.post("/v1/runs/theirs/resume", json!({})).await.problem(409, "not-now");
    assert_eq!(served.post("/v1/runs/theirs/cancel", json!({})).await.is(202)["state"], "cancel-requested");
    assert_eq!(working.await.unwrap().as_str(), "cancelled");
    assert_eq!(served.until("theirs", &["cancelled"]).await["run"]["state"], "cancelled");
    served.host.journal().flush().await.unwrap();
    served.host.journal().reader().unwrap().verify(None).unwrap();
}
