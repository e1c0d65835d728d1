//! Calls that work: what a guest is given, what it says, and that nothing of one call is left for the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use toolhold_core::limit::Limits;
use toolhold_core::outcome::Level;

use super::guests::{COMMAND_LINE, CONTEXT, SLEEP, computing, importing};
use super::support::{Call, WAYS, Way, runtime, sandbox};
use crate::capability::context::{Event, EventSink};
use crate::component::Lane;

#[test]
fn every_call_gets_a_fresh_instance() {
    let sandbox = sandbox();
    // Overwrites its own result text with what it finds in a byte that it then sets.
    let invoke = "(i32.store8 (i32.const 1025) (i32.add (i32.const 125) (i32.load8_u (i32.const 3000))))
        (i32.store8 (i32.const 3000) (i32.const 1))";
    let loaded = sandbox.load_blocking(&computing(invoke)).unwrap();
    for _ in 0..10 {
        for way in WAYS {
            assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), "{}");
        }
    }
}

#[test]
fn arguments_arrive() {
    let sandbox = sandbox();
    // Returns the arguments: pointer and length into the result.
    let invoke = "(i32.store (i32.const 4) (local.get 2)) (i32.store (i32.const 8) (local.get 3))";
    let loaded = sandbox.load_blocking(&computing(invoke)).unwrap();
    for way in WAYS {
        assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), r#"{"a":1}"#);
    }
}

#[test]
fn what_a_guest_says_is_captured_and_told() {
    let sandbox = sandbox();
    let invoke = "(call $log (i32.const 3) (i32.const 2048) (i32.const 4)) (call $emit (i32.const 1024) (i32.const 2))";
    let loaded = sandbox.load_blocking(&importing(CONTEXT, invoke)).unwrap();
    for way in WAYS {
        let events = Arc::new(Mutex::new(Vec::new()));
        let mut call = Call::of(&sandbox, &loaded);
        let told = Arc::clone(&events);
        call.options.events = Some(EventSink::new(move |event| told.lock().unwrap().push(event)));
        let report = call.run(way);
        assert_eq!(report.output.emitted, ["{}"]);
        assert_eq!((report.output.log[0].level, report.output.log[0].message.as_str()), (Level::Error, "oops"));
        let events = events.lock().unwrap();
        assert!(matches!(&events[..], [Event::Log(_), Event::Emitted(chunk)] if chunk == "{}"));
    }
}

#[test]
fn the_standard_streams_are_captured_apart_and_may_be_any_bytes() {
    let sandbox = sandbox();
    let invoke = "(call $write (call $out) (i32.const 2048) (i32.const 4) (i32.const 64))
        (i32.store8 (i32.const 3000) (i32.const 255))
        (call $write (call $err) (i32.const 3000) (i32.const 1) (i32.const 64))";
    let loaded = sandbox.load_blocking(&importing(COMMAND_LINE, invoke)).unwrap();
    for way in WAYS {
        let report = Call::of(&sandbox, &loaded).run(way);
        assert_eq!((report.output.stdout.as_str(), report.output.stderr.as_str()), ("oops", "\u{fffd}"));
    }
}

#[test]
fn a_guest_that_can_sleep_is_on_the_other_lane_and_sleeps() {
    let sandbox = sandbox();
    let invoke = "(call $block (call $subscribe (i64.const 2000000))) (if (i64.lt_u (call $now) (i64.const 2000000)) (then unreachable))";
    let loaded = sandbox.load_blocking(&importing(SLEEP, invoke)).unwrap();
    assert_eq!(loaded.lane, Lane::Wait);
    for way in WAYS {
        assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), "{}");
    }
    let computes = sandbox.load_blocking(&importing(CONTEXT, "")).unwrap();
    assert_eq!(computes.lane, Lane::Compute);
}

#[test]
fn a_call_that_outlasts_its_first_tick_moves_to_a_worker_and_ends_there() {
    let sandbox = sandbox();
    let invoke = "(local.set $i (i32.const 60000000)) (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))";
    let loaded = sandbox.load_blocking(&computing(invoke)).unwrap();
    for way in WAYS {
        assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), "{}");
    }
}

#[test]
fn calls_run_side_by_side() {
    let sandbox = sandbox();
    let loaded =
        sandbox.load_blocking(&importing(SLEEP, "(call $block (call $subscribe (i64.const 1000000)))")).unwrap();
    let compute = sandbox.load_blocking(&computing("")).unwrap();
    runtime().block_on(async {
        let calls = (0..200).map(|number| {
            let (sandbox, loaded) = (sandbox.clone(), if number % 2 == 0 { loaded.clone() } else { compute.clone() });
            tokio::spawn(async move { Call::of(&sandbox, &loaded).run_async().await.outcome })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap().unwrap(), "{}");
        }
    });
    assert_eq!(sandbox.memory_in_flight(), 0);
}

#[test]
fn a_thread_of_a_runtime_may_call_and_block() {
    let sandbox = sandbox();
    let loaded =
        sandbox.load_blocking(&importing(SLEEP, "(call $block (call $subscribe (i64.const 1000000)))")).unwrap();
    runtime()
        .block_on(async { assert_eq!(Call::of(&sandbox, &loaded).run(Way::CallingThread).outcome.unwrap(), "{}") });
}

#[test]
fn granted_variables_are_all_that_a_guest_sees() {
    use wasmtime_wasi::p2::bindings::cli::environment::Host as _;
    let grants = toolhold_core::grant::Grants {
        env: Arc::new(BTreeMap::from([("NAME".into(), "value".into())])),
        ..toolhold_core::grant::Grants::default()
    };
    let mut state = crate::call::test_state(grants, Limits::default());
    let mut gate = state.counted();
    assert_eq!(gate.get_environment().unwrap(), [("NAME".to_owned(), "value".to_owned())]);
    assert!(gate.get_arguments().unwrap().is_empty());
    assert_eq!(gate.initial_cwd().unwrap(), None);
}

#[test]
fn no_clock_shows_zero() {
    use toolhold_core::grant::{Clock, Grants};
    use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
    for clock in [Clock::Host, Clock::Fixed(0)] {
        let mut state = crate::call::test_state(Grants { clock, ..Grants::default() }, Limits::default());
        assert_ne!(monotonic_clock::Host::now(&mut state.counted()).unwrap(), 0, "Go's run time stops at it");
    }
}

#[test]
fn a_clock_that_stands_still_stands_still() {
    use toolhold_core::grant::{Clock, Grants, Random};
    use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
    let grants =
        || Grants { clock: Clock::Fixed(1_500_000_000_123_456_789), random: Random::Seeded(7), ..Grants::default() };
    let mut state = crate::call::test_state(grants(), Limits::default());
    let mut gate = state.counted();
    let now = wall_clock::Host::now(&mut gate).unwrap();
    assert_eq!((now.seconds, now.nanoseconds), (1_500_000_000, 123_456_000));
    let passed = monotonic_clock::Host::now(&mut gate).unwrap();
    assert_eq!(monotonic_clock::Host::now(&mut gate).unwrap(), passed);
    use wasmtime_wasi::p2::bindings::random::random::Host as _;
    let mut again = crate::call::test_state(grants(), Limits::default());
    assert_eq!(gate.get_random_u64().unwrap(), again.counted().get_random_u64().unwrap());
}
