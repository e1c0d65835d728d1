//! Calls that are waited for and calls that are not, and whose keys are whose.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_waited_for_or_looked_at_later_and_stopped() {
    let project = endless();
    let served = Served::start(&project, ENDLESS).await;
    let call = json!({ "tool": "wait.sleep_forever" });
    let started = served.post_as(Role::Run, "/v1/calls", call, &[("prefer", "respond-async")]).await;
    let location = started.headers["location"].to_str().unwrap().to_owned();
    started.is(202);
    assert_eq!(served.get(&location).await.is(200)["state"], "running");
    served.post(&format!("{location}/cancel"), json!({})).await.is(202);
    let mut ended = served.get(&location).await.is(200);
    for _ in 0..200 {
        if ended["report"].is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        ended = served.get(&location).await.is(200);
    }
    assert_eq!(ended["report"]["error"]["class"], "cancelled", "{ended}");
    served.post(&format!("{location}/cancel"), json!({})).await.problem(404, "not-found");
    // One that was refused is nowhere but in its report and the audit.
    let nothing = json!({ "tool": "wait.nothing" });
    let started = served.post_as(Role::Run, "/v1/calls", nothing, &[("prefer", "wait=1, respond-async")]).await.is(202);
    let location = format!("/v1/calls/{}", started["call"].as_str().unwrap());
    let mut ended = served.get(&location).await.is(200);
    while ended["state"] == "running" {
        tokio::time::sleep(Duration::from_millis(10)).await;
        ended = served.get(&location).await.is(200);
    }
    assert_eq!((&ended["state"], &ended["report"]["error"]["code"]), (&json!("ended"), &json!("unknown-tool")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_different_clients_never_meet() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let call = json!({ "tool": "files.write", "arguments": { "path": "/work/k.txt", "content": "k" } });
    let ask = async |name: &str| {
        let request =
            Request::post("/v1/calls").header("content-type", "application/json").header("idempotency-key", "k");
        let mut request = request.body(Body::from(call.to_string())).unwrap();
        request.extensions_mut().insert(Caller::new(name, Role::Run));
        let response = router(served.api.clone()).oneshot(request).await.unwrap();
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap();
        body["replayed"].clone()
    };
    for (name, replayed) in
        [("one", false), ("one", true), ("two", false), ("local:root", false), ("local:other", true)]
    {
        assert_eq!(ask(name).await, replayed, "{name}");
    }
}
