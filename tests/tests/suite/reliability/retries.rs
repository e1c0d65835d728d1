//! What is made again, how often, and after which wait.

use serde_json::json;
use toolhold_core::outcome::Class;
use toolhold_tests::http_server::HttpServer;

use super::support::{HANGS_UP, OK, Place, SECOND, block_on, call, events, failure, get, nowhere, post, server, value};

#[test]
fn a_get_that_got_no_answer_is_made_again_and_each_attempt_is_on_record() {
    let place = Place::new("", "");
    let server = server(&[HANGS_UP, HANGS_UP, OK]);
    block_on(async {
        let host = place.open().await;
        let report = get(&host, &server.authority()).await;
        assert_eq!((value(&report)["status"].as_u64(), report.attempts), (Some(200), 3));
        let failed = events(&host, "attempt-failed");
        assert_eq!(failed.iter().map(|event| event["attempt"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
        assert!(failed.iter().all(|event| event["call"] == report.call.as_str() && event["code"] == "failed"));
    });
    assert_eq!(server.requests().len(), 3);
    let slept = place.time.slept();
    assert!(slept.len() == 2 && slept[0] <= 200_000 && slept[1] <= 400_000, "{slept:?}");
}

#[test]
fn a_post_that_was_sent_and_not_answered_is_never_made_again() {
    let place = Place::new("", "[retry]\nattempts = 9");
    let server = server(&[HANGS_UP, OK]);
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&server.authority())).await;
        assert_eq!((failure(&report).class, &*failure(&report).code), (Class::Host, "outcome-unknown"));
        assert_eq!(report.attempts, 1);
        assert!(failure(&report).detail.as_deref().unwrap().contains("was sent with 10 bytes and not answered"));
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_post_that_was_not_sent_is_made_again_until_the_attempts_are_used_up() {
    let place = Place::new("", "");
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&nowhere())).await;
        assert_eq!((&*failure(&report).code, report.attempts), ("failed", 3));
        assert!(failure(&report).dependency, "{report:?}");
        assert!(failure(&report).detail.as_deref().unwrap().contains("every attempt was made"));
    });
}

#[test]
fn a_post_that_carries_a_key_is_made_again_with_the_same_key() {
    let place = Place::new("idempotency-header = \"idempotency-key\"", "");
    let server = server(&[HANGS_UP, OK]);
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&server.authority())).await;
        assert_eq!((value(&report)["status"].as_u64(), report.attempts), (Some(200), 2));
        assert_eq!(events(&host, "attempt-failed")[0]["same_key"], true);
    });
    let key = |request: &String| {
        request.lines().find_map(|line| line.strip_prefix("idempotency-key: ").map(str::to_owned)).unwrap()
    };
    let keys: Vec<_> = server.requests().iter().map(key).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
}

#[test]
fn with_a_key_and_never_an_answer_it_is_unknown_in_the_end() {
    let place = Place::new("idempotency-header = \"idempotency-key\"", "");
    let server = server(&[HANGS_UP]);
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&server.authority())).await;
        assert_eq!((&*failure(&report).code, report.attempts), ("outcome-unknown", 3));
    });
}

#[test]
fn what_the_first_attempt_sent_is_not_forgotten_when_the_last_one_sent_nothing() {
    let place = Place::new("idempotency-header = \"idempotency-key\"", "");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    // Takes one request, answers nothing, and is gone.
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        std::io::Read::read(&mut stream, &mut buffer).unwrap()
    });
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&authority)).await;
        assert_eq!((&*failure(&report).code, report.attempts), ("outcome-unknown", 3), "{report:?}");
        assert_eq!(report.effects.requests.len(), 3, "{:?}", report.effects.requests);
    });
    assert!(server.join().unwrap() > 0);
}

const LATER: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";

#[test]
fn whoever_asks_to_be_left_alone_is_left_alone_for_as_long() {
    let place = Place::new("", "");
    let server = server(&[LATER, OK]);
    block_on(async {
        let host = place.open().await;
        let report = get(&host, &server.authority()).await;
        assert_eq!((value(&report)["status"].as_u64(), report.attempts), (Some(200), 2));
    });
    let slept = place.time.slept();
    assert!(slept.len() == 1 && (7 * SECOND..=7 * SECOND + 200_000).contains(&slept[0]), "{slept:?}");
}

#[test]
fn a_post_that_was_turned_away_has_done_nothing_and_is_made_again() {
    let place = Place::new("", "");
    let server = server(&[LATER, OK]);
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&server.authority())).await;
        assert_eq!((value(&report)["status"].as_u64(), report.attempts), (Some(200), 2));
    });
}

#[test]
fn a_wait_that_does_not_fit_into_the_calls_time_is_not_begun() {
    let place = Place::new("", "[limits]\ntime = \"6s\"");
    let server = server(&[LATER]);
    block_on(async {
        let host = place.open().await;
        let report = get(&host, &server.authority()).await;
        assert_eq!((value(&report)["status"].as_u64(), report.attempts), (Some(429), 1));
    });
    assert!(place.time.slept().is_empty());
}

#[test]
fn the_time_of_a_call_holds_for_all_its_attempts() {
    let place = Place::new("", "[limits]\ntime = \"10s\"\n[retry]\nattempts = 50\nbase = \"3s\"\ncap = \"3s\"");
    block_on(async {
        let host = place.open().await;
        let report = get(&host, &nowhere()).await;
        assert_eq!(report.attempts, 4, "three waits of three seconds fit into ten");
        assert!(failure(&report).detail.as_deref().unwrap().contains("would not fit into the call's time"));
        let allowed = report.limits.get(toolhold_core::limit::Limit::Time);
        assert_eq!(allowed, SECOND, "the last attempt gets what the others left");
    });
}

#[test]
fn an_answer_of_500_to_a_post_is_an_answer() {
    let place = Place::new("", "");
    let server = server(&["HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"]);
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&server.authority())).await;
        assert_eq!((value(&report)["status"].as_u64(), report.attempts), (Some(500), 1));
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_ends_the_same_way_again_is_tried_once() {
    let place = Place::new("", "[tools.bad.limits]\nfuel = 3_000_000");
    block_on(async {
        let host = place.open().await;
        for (tool, class) in
            [("panics", Class::Trap), ("endless_loop", Class::Limit), ("not_json", Class::InvalidOutput)]
        {
            let report = call(&host, &format!("bad.{tool}"), json!({})).await;
            assert_eq!((failure(&report).class, report.attempts), (class, 1), "{tool}");
        }
        let invalid = call(&host, "web.fetch", json!({"url": 3})).await;
        assert_eq!((failure(&invalid).class, invalid.attempts), (Class::InvalidArguments, 0));
        let denied = call(&host, "web.fetch", json!({"url": "http://10.0.0.1/"})).await;
        assert_eq!((failure(&denied).class, denied.attempts), (Class::Denied, 1));
    });
    assert!(place.time.slept().is_empty());
}

#[test]
fn retries_stay_within_their_budget_also_after_a_restart() {
    let place = Place::new("", "[retry]\nattempts = 2\nbudget = 0\n[breaker]\nfailures = 1000\nerror-rate = 0");
    let server = HttpServer::with("").unwrap();
    block_on(async {
        for calls in [7, 6] {
            let host = place.open().await;
            for _ in 0..calls {
                let report = get(&host, &server.authority()).await;
                assert!(failure(&report).dependency);
            }
        }
    });
    assert_eq!(server.requests().len(), 13 + 10, "thirteen calls, and the ten retries that are in reserve");
}

#[test]
fn what_an_attempt_staged_is_not_there_for_the_next_one_and_does_not_land() {
    let place = Place::new("", "[host]\nmax-memory = \"8MiB\"");
    let manifest = std::fs::read_to_string(place.path("toolhold.toml")).unwrap();
    let grant = "source = \"bad.wasm\"\ndirectories = [{ host = \"work\", guest = \"/work\", read = [\"**\"], write = [\"**\"] }]";
    std::fs::write(place.path("toolhold.toml"), manifest.replace("source = \"bad.wasm\"", grant)).unwrap();
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "bad.acts_then_grows", json!({"path": "/work/log"})).await;
        assert_eq!((failure(&report).class, report.attempts), (Class::Busy, 3));
    });
    assert_eq!(std::fs::read_dir(place.path("work")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(place.path(".toolhold/staging")).map_or(0, Iterator::count), 0);
}
