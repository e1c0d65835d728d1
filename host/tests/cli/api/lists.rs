//! What comes in pages or as it happens: nothing is missed and nothing comes twice.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_followed_from_anywhere_without_a_gap_or_a_double() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let run = served.begin(json!({ "task": "write a note" })).await;
    // While it works, and after its end, from its beginning and from the middle.
    let live = served.stream(&run, None).await;
    let ids: Vec<u64> = live.iter().filter_map(|(id, ..)| *id).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    assert_eq!((&live[0].1, &live.last().unwrap().1), (&"run-started".to_owned(), &"end".to_owned()));
    assert_eq!(live.last().unwrap().2["state"], "completed");
    assert_eq!(project.read("work/new.md"), "hello");
    assert_eq!(served.stream(&run, None).await, live);
    assert_eq!(served.stream(&run, Some(5)).await, live[5..]);
    assert_eq!(served.stream(&run, Some(ids.len() as u64)).await, [], "nothing more comes");
    // The same in pages.
    let (mut paged, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let page = served.get(&format!("/v1/runs/{run}/events?after={from}&limit=4")).await.is(200);
        paged.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].as_u64();
    }
    assert_eq!(paged, live.iter().filter(|(id, ..)| id.is_some()).map(|(.., data)| data.clone()).collect::<Vec<_>>());
    let request =
        Request::get(format!("/v1/runs/{run}/events")).header("last-event-id", "x").body(Body::empty()).unwrap();
    served.send(Role::Observe, request).await.problem(400, "bad-request");
    served.get("/v1/runs/none/events").await.problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_go_on_where_the_last_page_ended_whatever_comes_meanwhile() {
    let project = Project::locked();
    let served = Served::start(&project, ASKING).await;
    let read = json!({ "tool": "files.read", "arguments": { "path": "/work/notes.md" } });
    let to = |number: usize| json!({ "tool": "files.move", "arguments": { "from": "/work/notes.md", "to": format!("/work/{number}.md") } });
    let add = async |number: usize| {
        served.post("/v1/calls", read.clone()).await.is(200);
        served.post("/v1/calls", to(number)).await.is(200);
        let run = served.begin(json!({ "task": number.to_string() })).await;
        served.until(&run, &["awaiting-approval"]).await;
    };
    for number in 0..5 {
        add(number).await;
    }
    for (path, name) in [("/v1/runs", "run"), ("/v1/calls", "call"), ("/v1/approvals", "id")] {
        let names = async |query: String| -> Vec<String> {
            let page = served.get(&format!("{path}?{query}")).await.is(200);
            page.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
        };
        let all = names("limit=100".to_owned()).await;
        let (mut paged, mut page) = (Vec::new(), names("limit=2".to_owned()).await);
        while let Some(last) = page.last().cloned() {
            paged.extend(page);
            add(100 + paged.len()).await;
            page = names(format!("limit=2&before={last}")).await;
        }
        assert_eq!(paged, all, "{path}");
        assert!(served.get(&format!("{path}?before=nothing")).await.problem(400, "bad-request").contains("before"));
    }
}
