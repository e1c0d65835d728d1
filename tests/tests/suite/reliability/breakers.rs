//! What fails too often is left alone, and only that.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use toolhold_core::breaker::State;
use toolhold_core::outcome::Class;
use toolhold_tests::http_server::HttpServer;

use super::support::{OK, Place, SECOND, block_on, call, events, failure, get, server, value};

const ONCE: &str = "[retry]\nattempts = 1";

/// A server that hangs up while it is not well.
fn patient() -> (HttpServer, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let server = HttpServer::start(move |_, stream| {
        if is_well.load(Ordering::SeqCst) {
            let _gone = stream.write_all(OK.as_bytes());
        }
    });
    (server.unwrap(), well)
}

#[test]
fn a_dead_host_is_left_alone_then_tried_once_and_used_again() {
    let place = Place::new("", ONCE);
    let ((dead, well), alive) = (patient(), server(&[OK]));
    block_on(async {
        let host = place.open().await;
        for _ in 0..5 {
            assert_eq!(failure(&get(&host, &dead.authority()).await).class, Class::Tool);
        }
        let refused = get(&host, &dead.authority()).await;
        assert!(failure(&refused).message.contains("is left alone for a while"), "{refused:?}");
        assert_eq!(failure(&refused).retry_after, Some(60));
        assert_eq!(dead.requests().len(), 5, "nothing was sent");
        assert_eq!(value(&get(&host, &alive.authority()).await)["status"], 200, "one dead host closes no other");
        well.store(true, Ordering::SeqCst);
        place.time.pass(60 * SECOND);
        assert_eq!(value(&get(&host, &dead.authority()).await)["status"], 200);
        assert_eq!(host.dependencies().breakers(), []);
        let turned: Vec<_> = events(&host, "breaker-turned").iter().map(|event| event["turned"].clone()).collect();
        assert_eq!(turned, ["opened", "half-opened", "closed"]);
        assert!(
            events(&host, "breaker-turned")[0]["dependency"]
                .as_str()
                .unwrap()
                .starts_with("host:web:http://127.0.0.1:")
        );
    });
    assert_eq!(dead.requests().len(), 6);
}

#[test]
fn a_host_that_answers_with_its_own_faults_is_left_alone_too() {
    let place = Place::new("", ONCE);
    let server = server(&["HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"]);
    block_on(async {
        let host = place.open().await;
        for _ in 0..5 {
            assert_eq!(value(&get(&host, &server.authority()).await)["status"], 500);
        }
        assert!(failure(&get(&host, &server.authority()).await).dependency);
    });
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn what_is_denied_or_not_found_is_nobodys_fault() {
    let place = Place::new("", ONCE);
    let missing = server(&["HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"]);
    block_on(async {
        let host = place.open().await;
        for _ in 0..10 {
            assert_eq!(value(&get(&host, &missing.authority()).await)["status"], 404);
            assert_eq!(failure(&get(&host, "10.0.0.1:80").await).class, Class::Denied);
            assert_eq!(failure(&call(&host, "web.fetch", json!({"url": 1})).await).class, Class::InvalidArguments);
        }
        assert_eq!(host.dependencies().breakers(), []);
    });
}

#[test]
fn a_tool_that_traps_is_left_alone_and_its_calls_end_at_once() {
    let place = Place::new("", "");
    block_on(async {
        let host = place.open().await;
        for _ in 0..5 {
            assert_eq!(failure(&call(&host, "bad.panics", json!({})).await).class, Class::Trap);
        }
        let refused = call(&host, "bad.panics", json!({})).await;
        assert_eq!((failure(&refused).class, &*failure(&refused).code), (Class::Unavailable, "breaker-open"));
        assert_eq!((failure(&refused).retry_after, refused.attempts), (Some(60), 0));
        assert_eq!(events(&host, "call-turned-away")[0]["call"], refused.call.as_str());
        assert_eq!(value(&call(&host, "good.echo", json!({"a": 1})).await)["a"], 1, "other tools go on");
        let other = call(&host, "bad.state_leak", json!({})).await;
        assert_eq!(value(&other), 1, "also of the same component");
    });
}

#[test]
fn an_open_breaker_survives_a_restart_and_a_person_can_close_it() {
    let place = Place::new("", "[breaker]\nfailures = 2");
    block_on(async {
        for _ in 0..2 {
            let host = place.open().await;
            assert_eq!(failure(&call(&host, "bad.panics", json!({})).await).class, Class::Trap);
        }
        let host = place.open().await;
        assert_eq!(failure(&call(&host, "bad.panics", json!({})).await).code, "breaker-open");
        let known = host.dependencies().breakers();
        assert_eq!((known.len(), &*known[0].name), (1, "tool:bad.panics"));
        assert!(matches!(known[0].state, State::Open { .. }));
        assert!(host.dependencies().reset("tool:bad.panics") && !host.dependencies().reset("tool:bad.panics"));
        assert_eq!(failure(&call(&host, "bad.panics", json!({})).await).class, Class::Trap);
        assert_eq!(events(&host, "breaker-reset").len(), 1);
    });
}

#[test]
fn a_repeat_gets_its_outcome_although_the_tool_is_left_alone() {
    let place = Place::new("", "[breaker]\nfailures = 1");
    block_on(async {
        let host = place.open().await;
        let first = super::support::with_key(&host, "bad.panics", json!({}), "k").await;
        assert_eq!(failure(&call(&host, "bad.panics", json!({})).await).code, "breaker-open");
        let again = super::support::with_key(&host, "bad.panics", json!({}), "k").await;
        assert!(again.replayed && again.outcome == first.outcome);
        let other = super::support::with_key(&host, "bad.panics", json!({}), "other").await;
        assert_eq!(failure(&other).code, "breaker-open");
        place.time.pass(60 * SECOND);
        let other = super::support::with_key(&host, "bad.panics", json!({}), "other").await;
        assert_eq!(failure(&other).class, Class::Trap, "what was turned away has left its key free");
    });
}

/// The same host, asked by two components: what one does to it closes it to that one only.
#[test]
fn no_component_closes_a_host_to_another() {
    let place = Place::new("", ONCE);
    let manifest = std::fs::read_to_string(place.path("toolhold.toml")).unwrap();
    let web = manifest.split("[tools.bad]").next().unwrap().split_once("[tools.web]").unwrap().1;
    let second = format!("[tools.second]{}", web.replace("[[tools.web.http]]", "[[tools.second.http]]"));
    let rules = manifest.replace("\"web.*\",", "\"web.*\", \"second.*\",");
    std::fs::write(place.path("toolhold.toml"), rules.replace("[tools.bad]", &format!("{second}\n[tools.bad]")))
        .unwrap();
    let server = HttpServer::start(|request, stream| {
        if !request.contains("/crash") {
            let _gone = stream.write_all(OK.as_bytes());
        }
    });
    let server = server.unwrap();
    block_on(async {
        let host = place.open().await;
        let url = |path: &str| json!({"url": format!("http://{}{path}", server.authority())});
        for _ in 0..6 {
            assert!(failure(&call(&host, "second.fetch", url("/crash")).await).dependency);
        }
        assert!(failure(&call(&host, "second.fetch", url("/")).await).message.contains("is left alone"));
        assert_eq!(value(&call(&host, "web.fetch", url("/")).await)["status"], 200);
    });
}
