//! One key, one call: joined, repeated, in conflict, unknown, settled by a person.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::sync::mpsc;

use serde_json::{Value, json};
use toolhold::attempt::Resolution;
use toolhold::journal::State;
use toolhold::{CallOptions, ToolCall};
use toolhold_tests::http_server::HttpServer;

use super::support::{HANGS_UP, OK, Place, block_on, calls, events, failure, post, server, value, with_key};

/// A server that answers when it is told to.
fn waiting_server() -> (HttpServer, mpsc::Sender<()>) {
    let (answer, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let server = HttpServer::start(move |_, stream| {
        let _told = told.lock().unwrap().recv();
        let _gone = stream.write_all(OK.as_bytes());
    });
    (server.unwrap(), answer)
}

async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[test]
fn duplicates_in_flight_run_once_and_all_get_the_outcome() {
    let place = Place::new("", "");
    let (server, answer) = waiting_server();
    block_on(async {
        let host = place.open().await;
        let arguments = post(&server.authority());
        let run = || {
            let (host, arguments) = (host.clone(), arguments.clone());
            tokio::spawn(async move { with_key(&host, "web.send", arguments, "order-1").await })
        };
        let first = run();
        until(|| server.requests().len() == 1).await;
        let others: Vec<_> = (0..20).map(|_| run()).collect();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(others.iter().all(|other| !other.is_finished()), "they wait for the one that runs");
        answer.send(()).unwrap();
        let first = first.await.unwrap();
        assert!(!first.replayed && value(&first)["status"] == 200);
        for other in others {
            let other = other.await.unwrap();
            assert!(other.replayed && other.outcome == first.outcome, "{other:?}");
        }
        assert_eq!(events(&host, "call-admitted").len(), 1);
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_same_key_with_other_arguments_is_a_conflict_running_or_over() {
    let place = Place::new("", "");
    let (server, answer) = waiting_server();
    block_on(async {
        let host = place.open().await;
        let (mine, authority) = (host.clone(), server.authority());
        let arguments = post(&authority);
        let first = tokio::spawn(async move { with_key(&mine, "web.send", arguments, "k").await });
        until(|| server.requests().len() == 1).await;
        let mut other = post(&authority);
        other["json"]["item"] = json!(2);
        assert_eq!(failure(&with_key(&host, "web.send", other.clone(), "k").await).code, "key-conflict");
        answer.send(()).unwrap();
        first.await.unwrap();
        assert_eq!(failure(&with_key(&host, "web.send", other, "k").await).code, "key-conflict");
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn whoever_waits_for_a_duplicate_can_give_up() {
    let place = Place::new("", "");
    let (server, answer) = waiting_server();
    block_on(async {
        let host = place.open().await;
        let (mine, arguments) = (host.clone(), post(&server.authority()));
        let first = tokio::spawn(async move { with_key(&mine, "web.send", arguments, "k").await });
        until(|| server.requests().len() == 1).await;
        let options = CallOptions::default();
        options.cancel.cancel();
        let again = ToolCall {
            key: Some("k".parse().unwrap()),
            ..ToolCall::new("web.send", post(&server.authority()).to_string())
        };
        assert_eq!(failure(&host.call(again, options).await).code, "in-flight");
        answer.send(()).unwrap();
        assert_eq!(value(&first.await.unwrap())["status"], 200);
    });
}

#[test]
fn an_unknown_outcome_is_refused_to_a_repeat_until_a_person_says_that_it_succeeded() {
    let place = Place::new("", "");
    let server = server(&[HANGS_UP, OK]);
    block_on(async {
        let arguments = || post(&server.authority());
        let first = {
            let host = place.open().await;
            let first = with_key(&host, "web.send", arguments(), "order").await;
            let again = with_key(&host, "web.send", arguments(), "order").await;
            assert_eq!((&*failure(&first).code, &*failure(&again).code), ("outcome-unknown", "outcome-unknown"));
            first
        };
        // It outlives the host.
        let host = place.open().await;
        let parked = calls(&host);
        assert_eq!(parked.iter().filter(|call| call.state == State::Unknown).count(), 1);
        assert!(parked[0].evidence.as_deref().unwrap().starts_with("POST http://127.0.0.1:"), "{parked:?}");
        host.resolve(&first.call, Resolution::Succeeded(json!({"order": 17}))).await.unwrap();
        let again = with_key(&host, "web.send", arguments(), "order").await;
        assert!(again.replayed && *value(&again) == json!({"order": 17}), "{again:?}");
        assert_eq!(events(&host, "unknown-resolved")[0]["succeeded"], true);
        let twice = host.resolve(&first.call, Resolution::Failed).await.unwrap_err().to_string();
        assert!(twice.contains("is not one of which nobody knows what it did"), "{twice}");
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_call_that_did_nothing_by_a_persons_word_may_run_again() {
    let place = Place::new("", "");
    let server = server(&[HANGS_UP, OK]);
    block_on(async {
        let host = place.open().await;
        let first = with_key(&host, "web.send", post(&server.authority()), "order").await;
        host.resolve(&first.call, Resolution::Failed).await.unwrap();
        let again = with_key(&host, "web.send", post(&server.authority()), "order").await;
        assert!(!again.replayed && value(&again)["status"] == 200);
        assert_eq!(events(&host, "call-abandoned").len(), 1);
    });
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_caller_who_goes_away_while_a_post_is_out_leaves_an_unknown_call() {
    let place = Place::new("", "");
    let (server, answer) = waiting_server();
    block_on(async {
        let host = place.open().await;
        let (mine, arguments) = (host.clone(), post(&server.authority()));
        let first = tokio::spawn(async move { with_key(&mine, "web.send", arguments, "k").await });
        until(|| server.requests().len() == 1).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert_eq!(calls(&host)[0].state, State::Unknown);
        let again = with_key(&host, "web.send", post(&server.authority()), "k").await;
        assert_eq!(failure(&again).code, "outcome-unknown");
        answer.send(()).unwrap();
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_caller_who_goes_away_before_the_call_is_on_record_leaves_its_key_free() {
    let place = Place::new("", "");
    let server = server(&[OK]);
    block_on(async {
        let host = place.open().await;
        // From here on nothing takes long but the journal.
        with_key(&host, "web.send", post(&server.authority()), "before").await;
        let database = rusqlite::Connection::open(place.path(".toolhold/journal.db")).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (mine, arguments) = (host.clone(), post(&server.authority()));
        let first = tokio::spawn(async move { with_key(&mine, "web.send", arguments, "k").await });
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        database.execute_batch("ROLLBACK").unwrap();
        let again = with_key(&host, "web.send", post(&server.authority()), "k").await;
        assert!(!again.replayed && value(&again)["status"] == 200, "{again:?}");
        assert!(calls(&host).iter().all(|call| matches!(call.state, State::Settled | State::Abandoned)));
    });
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_call_that_runs_out_of_time_with_a_post_out_is_unknown() {
    let place = Place::new("", "[limits]\ntime = \"2s\"");
    let (server, answer) = waiting_server();
    block_on(async {
        let host = place.open().await;
        let report = with_key(&host, "web.send", post(&server.authority()), "k").await;
        assert_eq!(failure(&report).code, "outcome-unknown", "{report:?}");
        assert!(failure(&report).detail.as_deref().unwrap().contains("limit-crossed"));
        assert_eq!(calls(&host)[0].state, State::Unknown);
        answer.send(()).unwrap();
    });
}

#[test]
fn nothing_of_a_secret_is_in_the_evidence() {
    let place = Place::new("", "[secrets]\ntoken.file = \"token\"");
    std::fs::write(place.path("token"), "s3cr3t-t0ken-value").unwrap();
    std::fs::set_permissions(place.path("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = server(&[HANGS_UP]);
    block_on(async {
        let host = place.open().await;
        let url = format!("http://{}/?key=s3cr3t-t0ken-value", server.authority());
        let report = with_key(&host, "web.send", json!({"url": url, "method": "post"}), "k").await;
        assert_eq!(failure(&report).code, "outcome-unknown");
        assert!(!format!("{report:?}").contains("s3cr3t"), "{report:?}");
        assert!(!calls(&host)[0].evidence.as_deref().unwrap().contains("s3cr3t"));
        assert!(!Value::from(events(&host, "call-unknown")).to_string().contains("s3cr3t"));
    });
}
