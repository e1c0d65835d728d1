//! What an answer of a person is good for, and for what it is not.

use super::*;

#[test]
fn a_call_is_asked_about_shown_approved_and_made_once() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let refused = host.call(write("a.md", "one"), CallOptions::default()).await;
        assert_eq!(failure(&refused).code, "needs-approval", "nobody can be asked");
        assert_eq!(all(&host).await, []);
        let id = awaited(&park(&host, write("a.md", "one")).await);
        let record = host.approvals().get(&id).await.unwrap();
        assert_eq!((record.approval.tool.as_str(), record.approval.risk.as_str()), ("files.write", "high"));
        assert_eq!(record.approval.reason.as_deref(), Some("notes are precious"));
        assert_eq!(record.foreseen.effects.changes[0].path, "/work/a.md");
        assert!(!place.project.path().join("work/a.md").exists());
        assert_eq!(awaited(&park(&host, write("a.md", "one")).await), id, "the same question is asked once");
        approve(&host, &id).await;
        assert!(!place.project.path().join("work/a.md").exists(), "an approval does nothing by itself");
        let made = park(&host, write("a.md", "one")).await;
        succeeded(&made);
        assert_eq!(made.approved.as_ref().unwrap().by, "test:me");
        assert_eq!(place.project.read("work/a.md"), "one");
        let again = awaited(&park(&host, write("a.md", "one")).await);
        assert_ne!(again, id, "it was used");
        assert_eq!(host.approvals().get(&id).await.unwrap().approval.state, ApprovalState::Used);
        verified(&host).await;
    });
}

#[test]
fn an_approval_is_good_for_no_other_call_client_or_manifest() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        approve(&host, &id).await;
        for (call, what) in [
            (write("a.md", "two"), "other content"),
            (write("b.md", "one"), "another path"),
            (ToolCall { mode: toolhold_core::call::Mode::Preview, ..write("a.md", "one") }, "a preview"),
        ] {
            assert_ne!(awaited(&park(&host, call).await), id, "{what}");
        }
        let other = CallOptions { client: "mcp".into(), ..options(Asking::Park) };
        assert_ne!(awaited(&host.call(write("a.md", "one"), other).await), id, "another client");
        let waits = awaited(&park(&host, write("c.md", "one")).await);
        drop(host);
        let text = place.project.read("toolhold.toml");
        place.project.write("toolhold.toml", &format!("{text}# changed\n"));
        let host = place.open().await;
        assert_ne!(awaited(&park(&host, write("a.md", "one")).await), id, "another manifest");
        let late = host.approvals().decide(&waits, &me(), Verdict::Approve(ApprovalScope::Once)).await;
        assert!(matches!(late, Err(Error::Changed(_))), "{late:?}");
        verified(&host).await;
    });
}

#[test]
fn other_bytes_under_the_same_name_are_asked_about_anew() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        approve(&host, &id).await;
        drop(host);
        let mut other = std::fs::read(place.project.path().join("files.wasm")).unwrap();
        other.extend(b"\0\x04\x03odd");
        std::fs::write(place.project.path().join("files.wasm"), other).unwrap();
        let host = place.open().await;
        assert_ne!(awaited(&park(&host, write("a.md", "one")).await), id);
    });
}

#[test]
fn a_no_is_told_with_its_reason_and_stands_until_it_is_taken_back() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        host.approvals().decide(&id, &me(), Verdict::Reject("write to b.md".into())).await.unwrap();
        for _ in 0..2 {
            let report = park(&host, write("a.md", "one")).await;
            assert_eq!((failure(&report).class, failure(&report).code.as_str()), (Class::Denied, "approval-rejected"));
            assert!(failure(&report).message.contains("write to b.md"), "{:?}", failure(&report));
        }
        assert_eq!(all(&host).await.len(), 1, "it is not asked again");
        host.approvals().withdraw(&id, &me()).await.unwrap();
        assert_ne!(awaited(&park(&host, write("a.md", "one")).await), id);
        verified(&host).await;
    });
}

#[test]
fn what_is_approved_for_the_run_of_one_is_not_for_the_run_of_another() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
        let (clock, cancel) = (Arc::new(TokioClock::default()), CancellationToken::new());
        let worker = Worker { tools: &tools, clock, cancel, front: "test" };
        for (run, by) in
            [("r-ann", Some("api:ann")), ("r-ann-2", Some("api:ann")), ("r-bob", Some("api:bob")), ("r-op", None)]
        {
            let task = Task { by: by.map(str::to_owned), ..Task::new(run.parse().unwrap(), "t") };
            worker.accept(worker.start(task, &Vec::new())).await.unwrap();
        }
        let of = |run: &str| ToolCall { run: run.parse().unwrap(), ..write("a.md", "one") };
        let id = awaited(&park(&host, of("r-ann")).await);
        approve(&host, &id).await;
        assert_eq!(host.approvals().get(&id).await.unwrap().approval.agent.as_deref(), Some("local@api:ann"));
        for other in ["r-bob", "r-op"] {
            assert_ne!(awaited(&park(&host, of(other)).await), id, "{other}");
        }
        worker
            .copy(("r-ann".parse().as_ref().unwrap(), 1), ("r-copy".parse().unwrap(), Some("api:bob".into())), None)
            .await
            .unwrap();
        assert_ne!(awaited(&park(&host, of("r-copy")).await), id, "a copy is the run of whoever made it");
        succeeded(&park(&host, of("r-ann-2")).await);
        verified(&host).await;
    });
}

#[test]
fn a_rule_that_asks_every_time_takes_no_always() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let delete = || ToolCall::new("files.delete", r#"{"path":"/work/notes.md"}"#);
        let id = awaited(&park(&host, delete()).await);
        for scope in [ApprovalScope::Run, ApprovalScope::For(MINUTE)] {
            let refused = host.approvals().decide(&id, &me(), Verdict::Approve(scope)).await;
            assert!(matches!(refused, Err(Error::Journal(JournalError::Unanswerable { .. }))), "{refused:?}");
        }
        approve(&host, &id).await;
        succeeded(&park(&host, delete()).await);
        place.project.write("work/notes.md", "again");
        assert_ne!(awaited(&park(&host, delete()).await), id);
    });
}

#[test]
fn a_repeat_with_the_key_of_an_approved_call_gets_its_outcome_and_asks_nobody() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let call = || ToolCall { key: Some("k".parse().unwrap()), ..write("a.md", "one") };
        let id = awaited(&park(&host, call()).await);
        approve(&host, &id).await;
        succeeded(&park(&host, call()).await);
        drop(host);
        let host = place.open().await;
        let repeated = park(&host, call()).await;
        succeeded(&repeated);
        assert!(repeated.replayed);
        assert_eq!(all(&host).await.len(), 1);
    });
}
