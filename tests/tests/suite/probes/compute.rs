//! Guests that only compute: they end at a limit or in a trap, and leave nothing behind.

use serde_json::{Value, json};
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;

use crate::check::{failed, hostile, next_call_works, stops, traps};

#[test]
pub(crate) fn endless_loop() {
    let reply = stops(&hostile("limits.fuel = 10_000_000"), "endless_loop", json!({}), Limit::Fuel);
    assert!(reply.usage.get(Limit::Fuel) > 9_000_000, "nearly all of it was used: {:?}", reply.usage);
}

#[test]
pub(crate) fn recursion() {
    let detail = traps(&hostile(""), "recursion", json!({}));
    assert!(detail.contains("stack-overflow") || detail.contains("memory-out-of-bounds"), "{detail}");
}

#[test]
pub(crate) fn memory_growth() {
    let reply = stops(&hostile("limits.memory = \"16MiB\""), "memory_growth", json!({}), Limit::Memory);
    assert!(reply.usage.get(Limit::Memory) > 8 << 20, "{:?}", reply.usage);
}

#[test]
pub(crate) fn allocations() {
    stops(&hostile("limits.memory = \"4MiB\""), "allocations", json!({}), Limit::Memory);
}

#[test]
pub(crate) fn bulk_fill() {
    let reply = hostile("limits.time = \"300ms\"").call("bulk_fill", json!({})).unwrap();
    let limit = failed(&reply, Class::Limit).exceeded.unwrap().limit;
    assert!([Limit::Time, Limit::Fuel].contains(&limit), "{limit}");
}

#[test]
pub(crate) fn panics() {
    let host = hostile("");
    let reply = host.call("panics", json!({})).unwrap();
    let failure = failed(&reply, Class::Trap);
    assert_eq!(failure.code, "trap");
    assert!(
        !failure.message.contains("a guest's own words"),
        "a model is not shown what a guest says while it dies: {failure:?}"
    );
    assert!(reply.output.stderr.contains("a guest's own words"), "{:?}", reply.output);
    next_call_works(host.sandbox());
}

#[test]
pub(crate) fn aborts() {
    assert!(traps(&hostile(""), "aborts", json!({})).contains("unreachable"));
}

#[test]
pub(crate) fn exits() {
    let host = hostile("");
    for status in [0, 1, 255] {
        assert_eq!(traps(&host, "exits", json!({"status": status})), "exited", "status {status} is no result");
    }
}

#[test]
pub(crate) fn state_leak() {
    let host = hostile("");
    for _ in 0..5 {
        assert_eq!(host.call("state_leak", json!({})).unwrap().value().unwrap(), &Value::from(1));
    }
}
