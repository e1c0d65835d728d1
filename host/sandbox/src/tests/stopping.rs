//! Callers that give up, and a host that is full.

use std::time::Duration;

use toolhold_core::limit::Limit;

use super::guests::{CONTEXT, SLEEP, computing, importing};
use super::support::{Call, WAYS, config, runtime, sandbox};
use crate::{RunFailure, Sandbox, SandboxConfig};

const LOOP: &str = "(loop $l (br $l))";

const LONG: [(Limit, u64); 2] = [(Limit::Fuel, u64::MAX), (Limit::Time, 3_600_000_000)];

#[test]
fn a_cancelled_guest_stops_computing_or_sleeping() {
    let sandbox = sandbox();
    let sleep = importing(SLEEP, "(call $block (call $subscribe (i64.const -1)))");
    for component in [computing(LOOP), sleep] {
        let loaded = sandbox.load_blocking(&component).unwrap();
        for way in WAYS {
            let call = Call::of(&sandbox, &loaded).limited(&LONG);
            let cancel = call.options.cancel.clone();
            let thread = std::thread::spawn(move || cancel.cancel());
            assert_eq!(call.run(way).outcome.unwrap_err(), RunFailure::Cancelled, "{way:?}");
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_polite_guest_learns_that_it_is_cancelled_and_returns() {
    let sandbox = sandbox();
    let invoke = "(loop $l (br_if $l (i32.eqz (call $cancelled)))) (return (i32.const 32))";
    let loaded = sandbox.load_blocking(&importing(CONTEXT, invoke)).unwrap();
    for way in WAYS {
        let call = Call::of(&sandbox, &loaded).limited(&[(Limit::HostCalls, u64::MAX), LONG[0], LONG[1]]);
        call.options.cancel.cancel();
        let failure = call.run(way).outcome.unwrap_err();
        assert!(matches!(failure, RunFailure::Tool(_)), "{failure:?}");
    }
}

#[test]
fn dropping_the_future_stops_the_guest() {
    let sandbox = sandbox();
    for component in [computing(LOOP), importing(SLEEP, "(call $block (call $subscribe (i64.const -1)))")] {
        let loaded = sandbox.load_blocking(&component).unwrap();
        let runtime = runtime();
        runtime.block_on(async {
            let call = Call::of(&sandbox, &loaded).limited(&LONG);
            let ended = tokio::time::timeout(Duration::from_millis(10), call.run_async()).await;
            assert!(ended.is_err());
            // The guest's memory is given back at its next tick.
            let gone = async {
                while sandbox.memory_in_flight() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
        });
    }
}

#[test]
fn one_call_more_than_may_wait_is_refused_at_once() {
    let sandbox = Sandbox::new(SandboxConfig { workers: 1, max_calls_in_flight: 1, max_queue: 1, ..config() }).unwrap();
    let endless = sandbox.load_blocking(&computing(LOOP)).unwrap();
    let honest = sandbox.load_blocking(&computing("")).unwrap();
    runtime().block_on(async {
        let running = Call::of(&sandbox, &endless).limited(&LONG);
        let cancel = running.options.cancel.clone();
        let mut running = Box::pin(running.run_async());
        // Each poll of these gets as far as it gets without waiting: the first runs, the second waits.
        assert!(futures_util::poll!(running.as_mut()).is_pending());
        let mut waiting = Box::pin(Call::of(&sandbox, &honest).run_async());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        let refused = Call::of(&sandbox, &honest).run_async().await.outcome.unwrap_err();
        assert!(matches!(refused, RunFailure::Busy(_)), "{refused:?}");
        cancel.cancel();
        assert_eq!(running.await.outcome.unwrap_err(), RunFailure::Cancelled);
        assert_eq!(waiting.await.outcome.unwrap(), "{}");
    });
}

#[test]
fn a_call_waits_no_longer_for_room_than_it_may_run() {
    let sandbox = Sandbox::new(SandboxConfig { workers: 1, ..config() }).unwrap();
    let endless = sandbox.load_blocking(&computing(LOOP)).unwrap();
    let honest = sandbox.load_blocking(&computing("")).unwrap();
    runtime().block_on(async {
        let mut running = Box::pin(Call::of(&sandbox, &endless).limited(&LONG).run_async());
        assert!(futures_util::poll!(running.as_mut()).is_pending());
        let report = Call::of(&sandbox, &honest).limited(&[(Limit::Time, 1_000)]).run_async().await;
        assert!(matches!(report.outcome, Err(RunFailure::Busy(_))), "{:?}", report.outcome);
    });
}
