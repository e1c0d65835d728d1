//! What pages say, and what their forms do.

use axum::http::StatusCode;
use toolhold_core::run::{Finish, RunEvent, Tokens, Turn};
use toolhold_core::state::State;

use super::support::{Served, admit, asked, landed, run};
use crate::access::Role;
use crate::console::now;
use crate::journal::{self, AuditFilter};

const CHANGE: &str = r#"{"basis":"observed","changes":[{"path":"/work/notes.md","change":"changed","content":{"type":"text","diff":"@@ -1 +1,2 @@\n # Notes\n+more\n","added":1,"removed":0,"cut":0}}]}"#;

fn answered(text: &str) -> [RunEvent; 2] {
    let answer =
        Turn { text: text.into(), calls: Vec::new(), finish: Finish::Stop, tokens: Tokens::default(), served_by: None };
    [
        RunEvent::ModelAsked { turn: 1, attempt: 1, model: 0, with_tools: true },
        RunEvent::ModelAnswered { turn: 1, answer },
    ]
}

fn ended(end: State) -> RunEvent {
    RunEvent::RunEnded { end, answer: Some("All tidy.".into()), reason: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_filtered_and_shown_step_by_step() {
    let served = Served::new().await;
    let [asked, told] = answered("I have looked.");
    run(served.journal(), "run-1", "Tidy the inbox", vec![asked, told, ended(State::Completed)]).await;
    run(served.journal(), "run-2", "Count words", Vec::new()).await;
    let browser = served.log_in("ops", Role::Run).await;
    let list = browser.get("/runs").await.body;
    assert!(list.contains("Tidy the inbox") && list.contains("Count words"), "{list}");
    let open = browser.get("/runs?state=open").await.body;
    assert!(!open.contains("Tidy the inbox") && open.contains("Count words"), "{open}");
    let found = browser.get("/runs?task=INBOX").await.body;
    assert!(found.contains("Tidy the inbox") && !found.contains("Count words"), "{found}");
    assert!(browser.get("/runs?state=nonsense").await.body.contains("No run is like that"));
    let page = browser.get("/runs/run-1").await.body;
    for text in ["All tidy.", "I have looked.", "Ended: completed", "completed</span>", "data-live=\"run-1\""] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("/cancel"), "it is over");
    assert_eq!(browser.get("/runs/nobody").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_run_can_be_cancelled_by_who_may() {
    let served = Served::new().await;
    run(served.journal(), "run-1", "Tidy the inbox", Vec::new()).await;
    let (may, may_not) = (served.log_in("run", Role::Run).await, served.log_in("look", Role::Observe).await);
    assert!(may.get("/runs/run-1").await.body.contains("/runs/run-1/cancel"));
    assert!(!may_not.get("/runs/run-1").await.body.contains("/runs/run-1/cancel"));
    assert_eq!(may.post("/runs/run-1/cancel", "").await.header("location"), "/runs/run-1");
    let page = may.get("/runs/run-1").await.body;
    assert!(page.contains("It is over.") && page.contains("cancelled</span>"), "{page}");
    may.post("/runs/run-1/cancel", "").await;
    assert!(may.said("/runs/run-1").await.contains("there is nothing to cancel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_shown_with_its_change_and_what_undoing_would_take_back() {
    let served = Served::new().await;
    landed(served.journal(), "call-1", "run-1", (r#"{"path":"/work/notes.md"}"#, CHANGE, "null")).await;
    let (may, may_not) = (served.log_in("admin", Role::Admin).await, served.log_in("run", Role::Run).await);
    let page = may.get("/calls/call-1").await.body;
    for text in ["/work/notes.md", "+more", "landed", "takes back 1 change", "/calls/call-1/undo", "call-admitted"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!may_not.get("/calls/call-1").await.body.contains("/calls/call-1/undo"));
    // Its plan is no plan, so it is refused, and why is said.
    may.post("/calls/call-1/undo", "").await;
    assert!(may.said("/calls/call-1").await.contains("was not undone"));
    // Who asked for it is on record, as of a program.
    served.journal().flush().await.unwrap();
    let entries = served.journal().reader().unwrap().latest_entries(&AuditFilter::default()).unwrap();
    let told = format!("{entries:?}");
    assert!(told.contains(r#"RequestTaken { caller: "admin", method: "POST", path: "/calls/call-1/undo" }"#), "{told}");
    let list = may.get("/calls?tool=files.write").await.body;
    assert!(list.contains("/calls/call-1") && may.get("/runs/run-1").await.body.contains("Calls of one client"));
    assert!(may.get("/calls?tool=no%20tool").await.body.contains("No call is like that"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_person_is_shown_and_answered_once() {
    let served = Served::new().await;
    asked(&served, "one", "agents", (r#"{"path":"/work/notes.md"}"#, CHANGE)).await;
    let (may, may_not) = (served.log_in("boss", Role::Approve).await, served.log_in("run", Role::Run).await);
    let list = may.get("/approvals").await.body;
    assert!(list.contains("/approvals/one") && list.contains("<span class=\"count\">1<"), "{list}");
    let page = may.get("/approvals/one").await.body;
    for text in
        ["+more", "high risk", "/approvals/one/reject", "nobody: the answer is for the next such call", "<textarea"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!may_not.get("/approvals/one").await.body.contains("Your decision"));
    assert_eq!(may.post("/approvals/one/approve", "scope=always").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(may.post("/approvals/one/approve", "scope=for&for=9999d").await.status, StatusCode::BAD_REQUEST);
    // The tool is none of the manifest's: what would run is not what was asked about.
    may.post("/approvals/one/approve", "scope=once").await;
    assert!(may.said("/approvals/one").await.contains("since it was asked"));
    let wrong = may.post("/approvals/one/modify", "arguments=%7B%22a%22%3A%22b%22%7D").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("role=\"alert\"") && wrong.body.contains("{&#34;a&#34;:&#34;b&#34;}"),
        "{}",
        wrong.body
    );
    may.post("/approvals/one/reject", "reason=not+today").await;
    let page = may.get("/approvals/one").await.body;
    assert!(
        page.contains("Rejected.") && page.contains("console:boss said no") && page.contains("not today"),
        "{page}"
    );
    assert!(!page.contains("Your decision"));
    may.post("/approvals/one/reject", "reason=again").await;
    assert!(may.said("/approvals/one").await.contains("already"));
    assert_eq!(may.get("/approvals/two").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_waits_until_a_person_says_it() {
    let served = Served::new().await;
    let call = admit(served.journal(), "call-1", "run-1", "{}").await;
    served.journal().park(&call, "the host stopped".into(), now()).await.unwrap();
    let browser = served.log_in("ops", Role::Admin).await;
    let page = browser.get("/dead-letters").await.body;
    assert!(page.contains("/calls/call-1") && page.contains("<span class=\"count\">1<"), "{page}");
    assert!(browser.get("/calls/call-1").await.body.contains("Nobody knows what this call did"));
    browser.post("/calls/call-1/resolve", "did=yes&result=%7B").await;
    assert!(browser.said("/calls/call-1").await.contains("no JSON"));
    browser.post("/calls/call-1/resolve", "did=yes&result=%22done%22").await;
    assert!(browser.said("/calls/call-1").await.contains("Settled, as you said"));
    let record = served.journal().reader().unwrap().get(&call).unwrap().unwrap();
    assert_eq!((record.state, record.outcome.as_deref()), (journal::State::Settled, Some("\"done\"")));
    assert_eq!(browser.post("/calls/call-1/resolve", "did=perhaps").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_kept_until_somebody_discards_it() {
    let served = Served::new().await;
    run(served.journal(), "run-1", "Tidy the inbox", vec![ended(State::Failed), RunEvent::DeadLettered]).await;
    let browser = served.log_in("ops", Role::Admin).await;
    assert!(browser.get("/dead-letters").await.body.contains("Tidy the inbox"));
    // There is no model that could be asked.
    browser.post("/dead-letters/run-1/requeue", "").await;
    assert!(browser.said("/dead-letters").await.contains("no model"));
    browser.post("/dead-letters/run-1/discard", "").await;
    let page = browser.get("/dead-letters").await.body;
    assert!(page.contains("Discarded.") && page.contains("There are no dead letters"), "{page}");
    browser.post("/dead-letters/run-1/discard", "").await;
    assert!(browser.said("/dead-letters").await.contains("only a dead letter can be discarded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_searched_paged_and_verified() {
    let served = Served::new().await;
    for number in 0..60 {
        let call = format!("call-{number}").parse().unwrap();
        let event = toolhold_core::event::Event::CallDenied {
            call,
            run: "run-1".parse().unwrap(),
            tool: "files.write".into(),
            arguments: None,
            code: "denied".into(),
            rule: Some("never".into()),
        };
        served.journal().record(now(), event).await.unwrap();
    }
    served.journal().flush().await.unwrap();
    let browser = served.log_in("ops", Role::Observe).await;
    let page = browser.get("/audit?kind=call-denied").await.body;
    assert_eq!(page.matches("id=\"entry-").count(), 50, "{page}");
    let older = page.split("href=\"").find(|link| link.contains("before=")).unwrap().split('"').next().unwrap();
    let older = browser.get(&older.replace("&#38;", "&")).await.body;
    assert_eq!(older.matches("id=\"entry-").count(), 10, "{older}");
    assert_eq!(browser.get("/audit?call=call-7").await.body.matches("id=\"entry-").count(), 1);
    assert!(browser.get("/audit?until=1999-01-01T00:00").await.body.contains("No entry is like that"));
    let wrong = browser.get("/audit?from=yesterday").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.body.contains("write it like 2026-03-01T14:30"), "{}", wrong.body);
    // It is checked for somebody else, be it of the API.
    let turn = served.reads.turn().unwrap();
    browser.post("/audit/verify", "").await;
    assert!(browser.said("/audit").await.contains("being checked already"));
    drop(turn);
    browser.post("/audit/verify", "").await;
    assert!(browser.said("/audit").await.contains("none changed. Head, to be noted elsewhere"));
    let denied = browser.get("/calls/call-7").await.body;
    assert!(denied.contains("denied") && denied.contains("rule `never`"), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_for_the_next_page_that_a_person_sees() {
    let served = Served::new().await;
    let browser = served.log_in("ops", Role::Admin).await;
    browser.post("/breakers/reset", "name=tool%3Ax").await;
    let cookie = [("cookie", browser.cookie.as_str()), ("x-refresh", "1")];
    let refreshed = served.ask(super::support::request(axum::http::Method::GET, "/health", &cookie, "")).await.body;
    assert!(!refreshed.contains("remembers a fault"), "a page that keeps itself up to date does not take it away");
    assert!(browser.said("/health").await.contains("No breaker `tool:x` remembers a fault"));
    assert_eq!(browser.said("/health").await, "", "it is said once");
}
