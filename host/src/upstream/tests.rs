//! What no test of the whole program can see: that nothing is connected to where an address may not be.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use toolhold_core::effect::RequestState;
use toolhold_core::grant::http::{Scheme, Target};
use toolhold_core::redact::Redactor;

use super::link::{NoAnswer, Outgoing};
use super::message;
use super::web::{Place, Web};
use crate::egress::{Client, SecretLookup};

fn asked_at(host: &str, addresses: &[&str]) -> (NoAnswer, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Target::parse(Scheme::Http, &format!("{host}:{port}"), "/mcp").unwrap();
    let addresses = addresses.iter().map(|range| range.parse().unwrap()).collect();
    let place = Place { component: "local".parse().unwrap(), target, addresses, secrets: Vec::new() };
    let web = Web::new(place, Client::new(SecretLookup::none(), Redactor::default()));
    let body = message::request(1, "tools/call", &serde_json::json!({}));
    let outgoing =
        Outgoing { id: 1, body, hear: Arc::new(|_| ()), left: Arc::new(AtomicBool::new(false)), most: 1 << 20 };
    let waiting = std::thread::spawn(move || {
        listener.set_nonblocking(true).unwrap();
        move || listener.accept().is_ok()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let patience = std::time::Duration::from_secs(2);
    let answer = runtime.block_on(async { tokio::time::timeout(patience, web.ask(outgoing)).await });
    let connected = waiting.join().unwrap()();
    (answer.unwrap_or_else(|_| Err(NoAnswer::sent("it waits"))).unwrap_err(), connected)
}

#[test]
fn a_name_that_leads_to_this_machine_is_not_connected_to_unless_that_is_named() {
    // `localhost` stands for any name that somebody else points here after it was approved.
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let (no_answer, connected) = asked_at(host, &[]);
        assert!(matches!(no_answer.state, RequestState::Refused { .. }), "{host}: {no_answer:?}");
        assert!(!connected, "{host}");
    }
    let (no_answer, connected) = asked_at("127.0.0.1", &["127.0.0.0/8"]);
    assert!(connected && matches!(no_answer.state, RequestState::Sent { .. }), "{no_answer:?}");
}
