//! Questions that wait: who joins, when they are over, how many there may be, what survives.

use super::*;

#[test]
fn callers_that_wait_join_and_one_yes_makes_one_call() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let mut changes = host.approvals().subscribe();
        let wait = || {
            let host = host.clone();
            tokio::spawn(async move {
                host.call(write("a.md", "one"), options(Asking::Wait(Duration::from_secs(60)))).await
            })
        };
        let (first, second) = (wait(), wait());
        let id = changes.recv().await.unwrap().id.clone();
        while host.approvals().get(&id).await.unwrap().callers < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(all(&host).await.len(), 1);
        approve(&host, &id).await;
        let reports = [first.await.unwrap(), second.await.unwrap()];
        let made = reports.iter().filter(|report| matches!(report.outcome, Outcome::Success(_))).count();
        assert_eq!(made, 1, "{reports:?}");
        verified(&host).await;
    });
}

#[test]
fn what_nobody_decides_or_uses_in_time_is_denied() {
    let (place, time) = Place::timed("");
    block_on(async {
        let host = place.open().await;
        let waits = awaited(&park(&host, write("a.md", "one")).await);
        let unused = awaited(&park(&host, write("b.md", "one")).await);
        approve(&host, &unused).await;
        time.0.fetch_add(15 * MINUTE, Ordering::SeqCst);
        let late = host.approvals().decide(&waits, &me(), Verdict::Approve(ApprovalScope::Once)).await;
        assert!(late.is_err(), "{late:?}");
        assert!(all(&host).await.iter().all(|approval| approval.state == ApprovalState::Expired));
        assert_ne!(awaited(&park(&host, write("b.md", "one")).await), unused, "a yes that was not used is none");
        // With this clock, whoever waits has waited.
        let waited = host.call(write("c.md", "one"), options(Asking::Wait(Duration::from_secs(3600)))).await;
        assert_eq!(failure(&waited).code, "approval-expired");
        assert!(!place.project.path().join("work/b.md").exists());
        verified(&host).await;
    });
}

#[test]
fn a_flood_of_questions_is_refused_and_nothing_is_run_for_it() {
    let (place, time) = Place::timed("[approvals]\nprompts-per-minute = 3\nmax-waiting = 4\n");
    block_on(async {
        let host = place.open().await;
        for number in 0..3 {
            awaited(&park(&host, write(&format!("{number}.md"), "x")).await);
        }
        let fourth = park(&host, write("3.md", "x")).await;
        assert_eq!((failure(&fourth).code.as_str(), failure(&fourth).retry_after), ("prompts-limited", Some(60)));
        time.0.fetch_add(MINUTE + 1, Ordering::SeqCst);
        awaited(&park(&host, write("3.md", "x")).await);
        let fifth = park(&host, write("4.md", "x")).await;
        assert_eq!(failure(&fifth).code, "approvals-full");
        assert_eq!(all(&host).await.len(), 4);
    });
}

#[test]
fn questions_and_answers_survive_a_restart_in_every_state() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let [waits, yes, no, other] = ["a", "b", "c", "d"].map(|name| write(&format!("{name}.md"), "one"));
        let mut ids = Vec::new();
        for call in [&waits, &yes, &no, &other] {
            ids.push(awaited(&park(&host, call.clone()).await));
        }
        approve(&host, &ids[1]).await;
        host.approvals().decide(&ids[2], &me(), Verdict::Reject("no".into())).await.unwrap();
        let new = json!({"path": "/work/e.md", "content": "two"}).to_string();
        host.approvals().decide(&ids[3], &me(), Verdict::Modify(new, ApprovalScope::Once)).await.unwrap();
        drop(host);
        let host = place.open().await;
        assert_eq!(awaited(&park(&host, waits.clone()).await), ids[0], "one prompt");
        succeeded(&park(&host, yes).await);
        assert_eq!(failure(&park(&host, no).await).code, "approval-rejected");
        succeeded(&park(&host, other).await);
        assert_eq!(place.project.read("work/e.md"), "two");
        approve(&host, &ids[0]).await;
        drop(host);
        let host = place.open().await;
        succeeded(&park(&host, waits).await);
        assert_eq!(host.approvals().get(&ids[1]).await.unwrap().approval.state, ApprovalState::Used);
        verified(&host).await;
    });
}
