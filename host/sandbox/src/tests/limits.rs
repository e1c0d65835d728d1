//! Each limit, by a guest that does nothing but cross it, on both ways of running a call.

use toolhold_core::limit::Limit;

use super::guests::{COMMAND_LINE, CONTEXT, SLEEP, Text, computing, guest, importing};
use super::support::{Call, WAYS, exceeded, sandbox, stops_at};

const LOOP: &str = "(loop $l (br $l))";

#[test]
fn an_endless_loop_stops_at_its_fuel() {
    stops_at(Limit::Fuel, &computing(LOOP), &[(Limit::Fuel, 100_000)]);
}

#[test]
fn an_endless_loop_stops_at_its_time() {
    stops_at(Limit::Time, &computing(LOOP), &[(Limit::Fuel, u64::MAX), (Limit::Time, 10_000)]);
}

#[test]
fn a_start_function_that_loops_stops_too() {
    let component = guest(Text { module: "(func $s (loop $l (br $l))) (start $s)", ..Text::default() });
    stops_at(Limit::Fuel, &component, &[(Limit::Fuel, 100_000)]);
    stops_at(Limit::Time, &component, &[(Limit::Fuel, u64::MAX), (Limit::Time, 10_000)]);
}

#[test]
fn a_guest_that_sleeps_stops_at_its_time() {
    let component = importing(SLEEP, "(call $block (call $subscribe (i64.const 3600000000000)))");
    stops_at(Limit::Time, &component, &[(Limit::Time, 10_000)]);
    let for_ever = importing(SLEEP, "(call $block (call $subscribe (i64.const -1)))");
    stops_at(Limit::Time, &for_ever, &[(Limit::Time, 10_000)]);
}

#[test]
fn memory_that_is_refused_is_named_when_the_guest_aborts() {
    let grow = "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable))";
    stops_at(Limit::Memory, &computing(grow), &[(Limit::Memory, 1 << 20)]);
}

#[test]
fn memory_that_is_refused_can_be_handled() {
    let sandbox = sandbox();
    let grow = "(if (i32.ne (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable))";
    let loaded = sandbox.load_blocking(&computing(grow)).unwrap();
    for way in WAYS {
        let report = Call::of(&sandbox, &loaded).limited(&[(Limit::Memory, 1 << 20)]).run(way);
        assert_eq!(report.outcome.unwrap(), "{}");
        assert_eq!(report.usage.get(Limit::Memory), 2 << 16);
    }
}

#[test]
fn memory_that_a_guest_starts_with_counts() {
    stops_at(Limit::Memory, &computing(""), &[(Limit::Memory, 1 << 16)]);
}

#[test]
fn table_elements_are_bounded() {
    let module = "(table $t 10 funcref)";
    let invoke = "(if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))";
    let component = guest(Text { module, invoke, ..Text::default() });
    stops_at(Limit::TableElements, &component, &[(Limit::TableElements, 100)]);
    stops_at(Limit::TableElements, &component, &[(Limit::TableElements, 5)]);
}

#[test]
fn a_flood_of_log_lines_stops() {
    let flood = importing(CONTEXT, "(loop $l (call $log (i32.const 1) (i32.const 1024) (i32.const 2)) (br $l))");
    stops_at(Limit::Log, &flood, &[(Limit::Log, 1000)]);
    let empty = importing(CONTEXT, "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 0)) (br $l))");
    stops_at(Limit::Log, &empty, &[(Limit::Log, 1000)]);
}

#[test]
fn a_flood_of_emitted_parts_stops() {
    let flood = importing(CONTEXT, "(loop $l (call $emit (i32.const 1024) (i32.const 2)) (br $l))");
    stops_at(Limit::Output, &flood, &[(Limit::Output, 1000)]);
}

#[test]
fn a_result_that_is_too_long_is_not_given_out() {
    let long = computing("(i32.store (i32.const 8) (i32.const 100000))");
    stops_at(Limit::Output, &long, &[(Limit::Output, 99_999)]);
    let error = computing("(i32.store (i32.const 44) (i32.const 100000)) (return (i32.const 32))");
    stops_at(Limit::Output, &error, &[(Limit::Output, 99_999)]);
}

#[test]
fn a_result_that_is_far_too_long_is_not_even_copied() {
    // 32 MiB of memory as a string, twice what may cross in one go.
    let invoke = "(drop (memory.grow (i32.const 512))) (i32.store (i32.const 8) (i32.const 33554432))";
    stops_at(Limit::Output, &computing(invoke), &[(Limit::Output, 1000)]);
}

#[test]
fn floods_of_the_standard_streams_stop() {
    let flood = |stream: &str| {
        importing(
            COMMAND_LINE,
            &format!(
                "(local.set $i (call ${stream}))
                 (loop $l (call $write (local.get $i) (i32.const 0) (i32.const 4096) (i32.const 64)) (br $l))"
            ),
        )
    };
    stops_at(Limit::Stdout, &flood("out"), &[(Limit::Stdout, 100_000)]);
    stops_at(Limit::Stderr, &flood("err"), &[(Limit::Stderr, 100_000)]);
}

#[test]
fn leaked_handles_stop() {
    let leak = importing(COMMAND_LINE, "(loop $l (drop (call $out)) (br $l))");
    stops_at(Limit::Handles, &leak, &[(Limit::Handles, 100)]);
    let pollables = importing(SLEEP, "(loop $l (drop (call $subscribe (i64.const 1))) (br $l))");
    stops_at(Limit::Handles, &pollables, &[(Limit::Handles, 100)]);
}

#[test]
fn all_calls_together_hold_no_more_memory_than_the_host_gives() {
    let config = crate::SandboxConfig { max_memory_in_flight: 1 << 20, ..super::support::config() };
    let sandbox = crate::Sandbox::new(config).unwrap();
    let grow = "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable))";
    let loaded = sandbox.load_blocking(&computing(grow)).unwrap();
    for way in WAYS {
        let report = Call::of(&sandbox, &loaded).run(way);
        assert!(matches!(report.outcome, Err(crate::RunFailure::Busy(_))), "{:?}", report.outcome);
        assert_eq!(sandbox.memory_in_flight(), 0);
    }
}

#[test]
fn the_use_of_every_limit_is_reported_with_the_result() {
    let sandbox = sandbox();
    let loaded = sandbox.load_blocking(&importing(CONTEXT, "(call $emit (i32.const 1024) (i32.const 2))")).unwrap();
    for way in WAYS {
        let report = Call::of(&sandbox, &loaded).run(way);
        assert_eq!(report.outcome.unwrap(), "{}");
        assert_eq!(report.usage.get(Limit::Output), 5);
        assert_eq!(report.usage.get(Limit::HostCalls), 1);
        assert_eq!(report.usage.get(Limit::Memory), 2 << 16);
        assert!(report.usage.get(Limit::Fuel) > 0);
    }
}

#[test]
fn what_a_stopped_guest_said_before_is_kept() {
    let sandbox = sandbox();
    let invoke = "(call $log (i32.const 2) (i32.const 2048) (i32.const 4)) (loop $l (br $l))";
    let loaded = sandbox.load_blocking(&importing(CONTEXT, invoke)).unwrap();
    for way in WAYS {
        let report = Call::of(&sandbox, &loaded).limited(&[(Limit::Fuel, u64::MAX), (Limit::Time, 10_000)]).run(way);
        assert_eq!(exceeded(&report).limit, Limit::Time);
        assert_eq!(report.output.log.first().map(|line| line.message.as_str()), Some("oops"));
    }
}
