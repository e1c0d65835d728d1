//! Many calls: at once, in a row, given up in the middle. Bounded, and nothing is left behind.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use toolhold_core::outcome::Class;
use toolhold_sandbox::{Event, EventSink, RunOptions, Sandbox, SandboxConfig};
use toolhold_tests::test_host::{self, Reply, TestHost};
use toolhold_tests::{guests, wat_guest};

use crate::check::{failed, hostile, next_call_works, open_files, resident_bytes};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Calls `tool`, gives up as soon as it says that it has started, and returns what came of it.
pub(crate) fn cancelled_when_started(host: &TestHost, tool: &str) -> Reply {
    let (started, mut starts) = unbounded_channel();
    let events = EventSink::new(move |event| {
        if matches!(event, Event::Emitted(_)) {
            started.send(()).ok();
        }
    });
    let options = RunOptions { events: Some(events), ..RunOptions::default() };
    let cancel = options.cancel.clone();
    let reply = runtime().block_on(async {
        let give_up = async {
            starts.recv().await;
            cancel.cancel();
        };
        tokio::join!(host.call_async(tool, json!({}), options), give_up).0
    });
    next_call_works(host.sandbox());
    reply.unwrap()
}

/// A sandbox in which few calls run and few wait.
fn small(max_calls_in_flight: usize, max_queue: usize) -> Sandbox {
    Sandbox::new(SandboxConfig { max_calls_in_flight, max_queue, ..test_host::config() }).unwrap()
}

#[test]
fn two_hundred_calls_at_once_all_end_well() {
    let host = Arc::new(hostile(""));
    runtime().block_on(async {
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let host = Arc::clone(&host);
                tokio::spawn(async move { host.call_async("state_leak", json!({}), RunOptions::default()).await })
            })
            .collect();
        for call in calls {
            let reply = call.await.unwrap().unwrap();
            assert_eq!(reply.value().unwrap(), 1);
        }
    });
    assert_eq!(host.sandbox().memory_in_flight(), 0);
}

#[test]
fn two_hundred_hostile_calls_at_once_all_end_at_their_limits() {
    let (compute, wait) = (
        Arc::new(hostile("limits.fuel = 2_000_000")),
        Arc::new(TestHost::of("waiting", "limits.time = \"200ms\"").unwrap()),
    );
    runtime().block_on(async {
        let calls: Vec<_> = (0..200)
            .map(|index| {
                let (compute, wait) = (Arc::clone(&compute), Arc::clone(&wait));
                tokio::spawn(async move {
                    match index % 4 {
                        0 => compute.call_async("endless_loop", json!({}), RunOptions::default()).await,
                        1 => compute.call_async("memory_growth", json!({}), RunOptions::default()).await,
                        2 => wait.call_async("sleep_forever", json!({}), RunOptions::default()).await,
                        _ => wait.call_async("poll_forever", json!({}), RunOptions::default()).await,
                    }
                })
            })
            .collect();
        for call in calls {
            let reply = call.await.unwrap().unwrap();
            // A call may also find no room in its time; it must not hang, trap or be the host's fault.
            assert!([Class::Limit, Class::Busy].contains(&reply.failure().unwrap().class), "{reply:?}");
        }
    });
    assert_eq!(compute.sandbox().memory_in_flight(), 0);
    next_call_works(compute.sandbox());
}

#[test]
fn a_call_that_is_dropped_in_the_middle_leaves_nothing() {
    let sandbox = small(1, 10);
    let host = TestHost::new(&sandbox, &guests::component("waiting").unwrap(), "").unwrap();
    for tool in ["sleep_forever", "poll_forever", "endless_loop"] {
        let (started, mut starts) = unbounded_channel();
        let events = EventSink::new(move |_| started.send(()).unwrap_or_default());
        let options = RunOptions { events: Some(events), ..RunOptions::default() };
        runtime().block_on(async {
            let call = host.call_async(tool, json!({}), options);
            tokio::select! {
                reply = call => panic!("ended by itself: {reply:?}"),
                _ = starts.recv(), if tool == "sleep_forever" => {}
                () = tokio::time::sleep(std::time::Duration::from_millis(50)), if tool != "sleep_forever" => {}
            }
        });
        // The only place is free again, or this would be refused.
        next_call_works(&sandbox);
    }
    assert_eq!(sandbox.memory_in_flight(), 0);
}

#[test]
fn a_caller_that_has_given_up_before_is_not_served() {
    let host = hostile("");
    let options = RunOptions::default();
    options.cancel.cancel();
    let reply = runtime().block_on(host.call_async("endless_loop", json!({}), options)).unwrap();
    failed(&reply, Class::Cancelled);
}

#[test]
fn a_guest_that_ignores_its_caller_is_stopped_too() {
    for (component, tool) in [("hostile", "emit_flood"), ("waiting", "sleep_forever")] {
        let host = TestHost::of(
            component,
            "limits.fuel = 1_000_000_000_000\nlimits.output = \"1GiB\"\nlimits.host-calls = 1_000_000_000",
        )
        .unwrap();
        if tool == "emit_flood" {
            let reply = flood_given_up(&host);
            failed(&reply, Class::Cancelled);
        } else {
            failed(&cancelled_when_started(&host, tool), Class::Cancelled);
        }
    }
}

fn flood_given_up(host: &TestHost) -> Reply {
    let options = RunOptions::default();
    let cancel = options.cancel.clone();
    let options = RunOptions { events: Some(EventSink::new(move |_| cancel.cancel())), ..options };
    let call = host.call_async("emit_flood", json!({"bytes": 1}), options);
    runtime().block_on(call).unwrap()
}

#[test]
fn one_call_more_than_may_wait_is_refused_at_once() {
    let sandbox = small(1, 2);
    let host =
        Arc::new(TestHost::new(&sandbox, &guests::component("waiting").unwrap(), "limits.time = \"2s\"").unwrap());
    let replies = runtime().block_on(async {
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let host = Arc::clone(&host);
                tokio::spawn(
                    async move { host.call_async("poll_forever", json!({}), RunOptions::default()).await.unwrap() },
                )
            })
            .collect();
        let mut replies = Vec::new();
        for call in calls {
            replies.push(call.await.unwrap());
        }
        replies
    });
    let busy = replies.iter().filter(|reply| reply.failure().unwrap().class == Class::Busy).count();
    assert!(busy >= 7, "one runs, two wait, the others are refused: {busy}");
    next_call_works(&sandbox);
}

#[test]
fn all_calls_together_hold_no_more_memory_than_the_host_allows() {
    let config = SandboxConfig { max_memory_in_flight: 8 << 20, ..test_host::config() };
    let sandbox = Sandbox::new(config).unwrap();
    let host = TestHost::new(&sandbox, &guests::component("hostile").unwrap(), "limits.memory = \"1GiB\"").unwrap();
    let reply = host.call("memory_growth", json!({})).unwrap();
    failed(&reply, Class::Busy);
    assert_eq!(sandbox.memory_in_flight(), 0);
    next_call_works(&sandbox);
}

#[test]
fn ten_thousand_calls_in_a_row_leave_nothing_behind() {
    let sandbox = test_host::shared().unwrap();
    let host = TestHost::new(&sandbox, &wat_guest::from_text("(module)", "").unwrap(), "").unwrap();
    let bad = TestHost::of_text("unreachable", "").unwrap();
    let calls = |count: usize| {
        for index in 0..count {
            if index % 10 == 0 {
                failed(&bad.call("run", json!({})).unwrap(), Class::Trap);
            } else {
                assert!(host.call("run", json!({})).unwrap().value().unwrap().is_null());
            }
        }
    };
    calls(1_000);
    let before = (open_files(), resident_bytes(), threads());
    calls(10_000);
    let after = (open_files(), resident_bytes(), threads());
    // Other tests of this process open files and take memory too, where they share it.
    assert!(after.0 <= before.0 + 64, "open files: {before:?} {after:?}");
    assert!(after.1 <= before.1 + (64 << 20), "resident bytes: {before:?} {after:?}");
    assert!(after.2 <= before.2 + 32, "threads: {before:?} {after:?}");
    assert_eq!(sandbox.memory_in_flight(), 0);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
