//! Guests that no compiler would make, by the name of their file in `guests/wat`.

use serde_json::{Value, json};
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;
use toolhold_sandbox::{LoadError, RunFailure, Sandbox};
use toolhold_tests::test_host::{self, Reply, TestHost};
use toolhold_tests::wat_guest;

use crate::check::{failed, next_call_works, stops, traps};

fn host(name: &str, grants: &str) -> TestHost {
    TestHost::of_text(name, grants).unwrap()
}

/// The guest `name` runs its tool and must stop at `limit`.
fn stops_at(name: &str, grants: &str, limit: Limit) -> Reply {
    stops(&host(name, grants), "run", json!({}), limit)
}

/// The guest `name` runs its tool and must trap.
fn must_trap(name: &str) -> String {
    traps(&host(name, ""), "run", json!({}))
}

/// The guest `name` must not load.
fn not_loaded(name: &str) -> LoadError {
    let sandbox = test_host::shared().unwrap();
    let error = sandbox.load_blocking(&wat_guest::component(name).unwrap()).unwrap_err();
    next_call_works(&sandbox);
    error
}

#[test]
pub(crate) fn start_loops() {
    stops_at("start_loops", "limits.fuel = 1_000_000", Limit::Fuel);
    stops_at("start_loops", "limits.fuel = 1_000_000_000_000\nlimits.time = \"100ms\"", Limit::Time);
}

#[test]
pub(crate) fn start_traps() {
    assert!(must_trap("start_traps").contains("unreachable"));
}

#[test]
pub(crate) fn table_growth() {
    let reply = host("table_growth", "limits.fuel = 10_000_000").call("run", json!({})).unwrap();
    failed(&reply, Class::Limit);
    assert!(reply.usage.get(Limit::TableElements) <= 100_000, "{:?}", reply.usage);
}

#[test]
pub(crate) fn table_growth_unchecked() {
    let reply = stops_at("table_growth_unchecked", "", Limit::TableElements);
    assert!(reply.usage.get(Limit::TableElements) > 98_000, "{:?}", reply.usage);
}

#[test]
pub(crate) fn table_bomb() {
    stops_at("table_bomb", "", Limit::TableElements);
}

#[test]
pub(crate) fn memory_bomb() {
    stops_at("memory_bomb", "", Limit::Memory);
}

#[test]
pub(crate) fn memory_growth_unchecked() {
    let reply = stops_at("memory_growth_unchecked", "limits.memory = \"16MiB\"", Limit::Memory);
    assert!(reply.usage.get(Limit::Memory) > 14 << 20, "{:?}", reply.usage);
}

#[test]
pub(crate) fn memory_probing() {
    let reply = host("memory_probing", "limits.memory = \"16MiB\"").call("run", json!({})).unwrap();
    assert_eq!(reply.value().unwrap(), &Value::Null);
    assert!((14 << 20..=16 << 20).contains(&reply.usage.get(Limit::Memory)), "{:?}", reply.usage);
}

/// One instruction that does much: stopped in time even so, by whichever limit counts it.
fn bulk(name: &str) {
    let host = host(name, "limits.time = \"300ms\"");
    let reply = host.call("run", json!({})).unwrap();
    let limit = failed(&reply, Class::Limit).exceeded.unwrap().limit;
    assert!([Limit::Time, Limit::Fuel].contains(&limit), "{limit}");
    next_call_works(host.sandbox());
}

#[test]
pub(crate) fn bulk_copy() {
    bulk("bulk_copy");
}

#[test]
pub(crate) fn bulk_table() {
    bulk("bulk_table");
}

#[test]
pub(crate) fn recursion_core() {
    assert!(must_trap("recursion_core").contains("stack-overflow"));
}

#[test]
pub(crate) fn unreachable() {
    assert!(must_trap("unreachable").contains("unreachable"));
}

#[test]
pub(crate) fn bad_pointer() {
    must_trap("bad_pointer");
}

#[test]
pub(crate) fn misaligned_result() {
    must_trap("misaligned_result");
}

#[test]
pub(crate) fn bad_length() {
    must_trap("bad_length");
}

#[test]
pub(crate) fn long_text() {
    must_trap("long_text");
}

#[test]
pub(crate) fn invalid_utf8() {
    must_trap("invalid_utf8");
}

#[test]
pub(crate) fn surrogates() {
    must_trap("surrogates");
}

#[test]
pub(crate) fn bad_discriminant() {
    must_trap("bad_discriminant");
}

#[test]
pub(crate) fn bad_error_case() {
    must_trap("bad_error_case");
}

#[test]
pub(crate) fn endless_realloc() {
    stops_at("endless_realloc", "limits.fuel = 1_000_000", Limit::Fuel);
}

#[test]
pub(crate) fn wild_realloc() {
    must_trap("wild_realloc");
}

#[test]
pub(crate) fn null_realloc() {
    let reply = host("null_realloc", "").call("run", json!({"text": "x".repeat(1000)})).unwrap();
    assert!(
        reply.outcome.as_ref().is_ok_and(Value::is_null) || reply.failure().unwrap().class == Class::Trap,
        "{reply:?}"
    );
}

#[test]
pub(crate) fn growing_realloc() {
    let host = host("growing_realloc", "limits.memory = \"1MiB\"");
    assert_eq!(host.call("run", json!({})).unwrap().value().unwrap(), &Value::Null);
}

#[test]
pub(crate) fn endless_post_return() {
    stops_at("endless_post_return", "limits.fuel = 1_000_000", Limit::Fuel);
    stops_at("endless_post_return", "limits.fuel = 1_000_000_000_000\nlimits.time = \"100ms\"", Limit::Time);
}

#[test]
pub(crate) fn trapping_post_return() {
    must_trap("trapping_post_return");
}

#[test]
pub(crate) fn calls_in_post_return() {
    must_trap("calls_in_post_return");
}

#[test]
pub(crate) fn calls_in_realloc() {
    must_trap("calls_in_realloc");
}

#[test]
pub(crate) fn bad_log_pointer() {
    must_trap("bad_log_pointer");
}

#[test]
pub(crate) fn bad_log_text() {
    must_trap("bad_log_text");
}

#[test]
pub(crate) fn bad_log_level() {
    must_trap("bad_log_level");
}

#[test]
pub(crate) fn giant_log_line() {
    let reply = host("giant_log_line", "").call("run", json!({})).unwrap();
    failed(&reply, Class::Limit);
    assert!(reply.output.log.is_empty());
}

#[test]
pub(crate) fn forged_handle() {
    must_trap("forged_handle");
}

#[test]
pub(crate) fn dropped_handle() {
    must_trap("dropped_handle");
}

#[test]
pub(crate) fn giant_poll_list() {
    let host = host("giant_poll_list", "");
    let reply = host.call("run", json!({})).unwrap();
    assert!([Class::Limit, Class::Trap].contains(&reply.failure().unwrap().class), "{reply:?}");
    next_call_works(host.sandbox());
}

#[test]
pub(crate) fn describe_loops() {
    let error = not_loaded("describe_loops");
    assert!(matches!(&error, LoadError::Describe(RunFailure::Exceeded(_))), "{error}");
}

#[test]
pub(crate) fn describe_traps() {
    let error = not_loaded("describe_traps");
    assert!(matches!(&error, LoadError::Describe(RunFailure::Trap(_))), "{error}");
}

#[test]
pub(crate) fn describe_floods() {
    let error = not_loaded("describe_floods");
    assert!(matches!(&error, LoadError::Describe(_)), "{error}");
}

#[test]
pub(crate) fn describe_bad_pointer() {
    let error = not_loaded("describe_bad_pointer");
    assert!(matches!(&error, LoadError::Describe(RunFailure::Trap(_))), "{error}");
}

#[test]
pub(crate) fn describe_calls() {
    let error = not_loaded("describe_calls");
    let LoadError::Describe(RunFailure::Exceeded(exceeded)) = &error else { panic!("{error}") };
    assert!([Limit::Log, Limit::HostCalls].contains(&exceeded.limit), "{exceeded}");
}

#[test]
pub(crate) fn wrong_version() {
    let error = not_loaded("wrong_version").to_string();
    assert!(
        error.contains("toolhold:tool/described@0.2.0") && error.contains("toolhold:tool/described@0.1"),
        "{error}"
    );
}

#[test]
pub(crate) fn wrong_signature() {
    assert!(matches!(not_loaded("wrong_signature"), LoadError::Unfit(_)));
}

#[test]
pub(crate) fn empty_interface() {
    assert!(matches!(not_loaded("empty_interface"), LoadError::Unfit(_)));
}

#[test]
pub(crate) fn no_export() {
    assert!(matches!(not_loaded("no_export"), LoadError::World(_)));
}

#[test]
pub(crate) fn unknown_import() {
    let error = not_loaded("unknown_import");
    assert!(error.to_string().contains("wasi:shell/run"), "the one thing that is missing is named: {error}");
}

#[test]
pub(crate) fn unknown_function() {
    let error = not_loaded("unknown_function");
    assert!(error.to_string().contains("set-environment"), "{error}");
}

#[test]
pub(crate) fn newer_wasi() {
    let error = not_loaded("newer_wasi");
    assert!(error.to_string().contains("wasi:cli/environment@0.3.0"), "{error}");
}

#[test]
pub(crate) fn host_shadow() {
    assert!(matches!(not_loaded("host_shadow"), LoadError::World(_)));
}

#[test]
fn a_sandbox_of_few_bytes_survives_all_of_them_at_once() {
    let sandbox = Sandbox::new(test_host::config()).unwrap();
    for name in toolhold_tests::WAT {
        let Ok(host) = TestHost::new(&sandbox, &wat_guest::component(name).unwrap(), "limits.fuel = 1_000_000") else {
            continue;
        };
        drop(host.call("run", json!({})));
    }
    next_call_works(&sandbox);
    assert_eq!(sandbox.memory_in_flight(), 0);
}
