//! What no test of the whole program can see: that nothing is connected to where an address may not be, and who waits for an end.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use toolhold_core::effect::RequestState;
use toolhold_core::grant::http::{Scheme, Target};
use toolhold_core::redact::Redactor;

use super::link::{NoAnswer, Outgoing};
use super::process::{Process, Program};
use super::web::{Place, Web};
use super::{ending, message};
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

/// A server that does not end when it is told to, and its number.
fn stubborn(folder: &std::path::Path, name: &str) -> (Process, rustix::process::Pid) {
    let script = format!("trap '' TERM; echo $$ > {name}.new; mv {name}.new {name}; while :; do sleep 1; done");
    let program = Program {
        path: "/bin/sh".as_ref(),
        arguments: &["-c".to_owned(), script],
        directory: folder,
        env: &[("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        secrets: Vec::new(),
        redactor: Redactor::default(),
    };
    let process = Process::start(program).unwrap();
    let number = loop {
        if let Ok(number) = std::fs::read_to_string(folder.join(name)) {
            break number.trim().parse().unwrap();
        }
        std::thread::yield_now();
    };
    (process, rustix::process::Pid::from_raw(number).unwrap())
}

#[test]
fn whoever_lets_go_of_servers_does_not_wait_for_them_and_none_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (stubborn(folder.path(), "first"), stubborn(folder.path(), "second"));
    let begun = std::time::Instant::now();
    drop((first.0, second.0));
    assert!(begun.elapsed() < std::time::Duration::from_millis(400), "{:?}", begun.elapsed());
    ending::ended();
    for number in [first.1, second.1] {
        // Killed; what reaps it is another thread.
        while rustix::process::test_kill_process(number).is_ok() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(10), "it runs still");
            std::thread::yield_now();
        }
    }
}
