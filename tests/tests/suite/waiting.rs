//! Guests that wait, sleep or knock at the network: time passes for them too, and no byte leaves.

use std::net::TcpListener;

use serde_json::json;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;
use toolhold_sandbox::Lane;
use toolhold_tests::test_host::TestHost;

use crate::check::{failed, next_call_works, peak_bytes, stops, traps};
use crate::many::cancelled_when_started;

fn waiting(grants: &str) -> TestHost {
    TestHost::of("waiting", grants).unwrap()
}

#[test]
fn a_guest_that_may_wait_runs_where_waiting_costs_nobody_a_thread() {
    assert_eq!(waiting("").loaded().lane, Lane::Wait);
    assert_eq!(crate::check::hostile("").loaded().lane, Lane::Compute);
}

#[test]
pub(crate) fn sleep_forever() {
    stops(&waiting("limits.time = \"100ms\""), "sleep_forever", json!({}), Limit::Time);
    let reply = cancelled_when_started(&waiting(""), "sleep_forever");
    failed(&reply, Class::Cancelled);
}

#[test]
pub(crate) fn poll_forever() {
    stops(&waiting("limits.time = \"100ms\""), "poll_forever", json!({}), Limit::Time);
}

#[test]
pub(crate) fn poll_many() {
    let host = waiting("limits.time = \"500ms\"");
    for entries in [1, 1_000, 100_000] {
        let reply = host.call("poll_many", json!({"entries": entries})).unwrap();
        let limit = failed(&reply, Class::Limit).exceeded.unwrap().limit;
        assert!([Limit::Time, Limit::HostCalls, Limit::Handles, Limit::Output].contains(&limit), "{limit}");
        next_call_works(host.sandbox());
    }
}

#[test]
pub(crate) fn pollable_leak() {
    stops(&waiting("limits.handles = 100"), "pollable_leak", json!({}), Limit::Handles);
}

#[test]
pub(crate) fn sleep_often() {
    stops(&waiting("limits.host-calls = 500"), "sleep_often", json!({}), Limit::HostCalls);
    stops(&waiting("limits.time = \"100ms\""), "sleep_often", json!({}), Limit::Time);
}

#[test]
pub(crate) fn http_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = waiting("");
    let spellings =
        ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f000001", "[::ffff:127.0.0.1]", "[::1]", "127.1"];
    for name in spellings {
        for secure in [false, true] {
            let reply =
                host.call("http_request", json!({"authority": format!("{name}:{port}"), "secure": secure})).unwrap();
            failed(&reply, Class::Denied);
        }
    }
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
pub(crate) fn http_hoard() {
    let host = waiting("");
    for bytes in [1, 1_000, 1 << 20] {
        let before = peak_bytes();
        let reply = host.call("http_hoard", json!({"bytes": bytes})).unwrap();
        // Fields that are too large are a trap of the interface before any limit of ours is reached.
        let failure = reply.failure().unwrap();
        match failure.class {
            Class::Trap => assert!(failure.detail.as_ref().unwrap().contains("size of fields"), "{failure:?}"),
            _ => assert!([Limit::Handles, Limit::HostCalls].contains(&failure.exceeded.unwrap().limit), "{failure:?}"),
        }
        // 256 handles of 64 KiB of headers or body each are 16 MiB; a guest may have some memory of its own too.
        let held = peak_bytes() - before;
        assert!(held < 128 << 20, "{bytes}: the host held {held} bytes more");
        next_call_works(host.sandbox());
    }
}

#[test]
pub(crate) fn network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let reply = waiting("").call("network", json!({"port": port})).unwrap();
    assert_eq!(reply.value().unwrap(), &json!([]), "ways to the network that the host did not refuse");
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn guests_that_may_wait_are_stopped_at_the_same_limits() {
    stops(&waiting("limits.fuel = 1_000_000"), "endless_loop", json!({}), Limit::Fuel);
    stops(&waiting("limits.fuel = 1_000_000_000_000\nlimits.time = \"100ms\""), "endless_loop", json!({}), Limit::Time);
    stops(&waiting("limits.memory = \"8MiB\""), "memory_growth", json!({}), Limit::Memory);
    stops(&waiting("limits.host-calls = 1000"), "host_calls", json!({}), Limit::HostCalls);
    stops(&waiting("limits.stdout = 4096"), "stdout_flood", json!({}), Limit::Stdout);
    traps(&waiting(""), "recursion", json!({}));
    failed(&cancelled_when_started(&waiting(""), "polite_loop"), Class::Cancelled);
}

/// Their limits are what is tested of them.
pub(crate) use crate::limits::{
    limit_http_bytes_received as http_receive_flood, limit_http_bytes_sent as http_send_flood,
    limit_http_requests as http_requests,
};

pub(crate) use crate::reliability::writes_then_sends;
