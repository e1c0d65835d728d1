//! Guests that look around: nothing of the host is there.

use serde_json::{Value, json};
use toolhold_core::outcome::Class;

use crate::check::{directory, hostile, next_call_works};

#[test]
pub(crate) fn environment() {
    let seen = hostile("").call("environment", json!({})).unwrap();
    let seen = seen.value().unwrap();
    for absent in ["arguments", "variables", "granted"] {
        assert_eq!(seen[absent], json!([]), "{absent}");
    }
    assert_eq!(seen["directory"], Value::Null, "a program's directory is a path of the host");
    assert_eq!(seen["input"], 0, "the host's standard input is not the guest's");
    assert_eq!(seen["terminal"], false);
    assert_ne!(seen["random"], seen["insecure"]);
}

#[test]
fn only_granted_surroundings_are_there_and_the_same_each_time() {
    let root = tempfile::tempdir().unwrap();
    let fixed = "env = { NAME = \"value\" }\nclock = \"fixed:2026-01-02T03:04:05Z\"\nrandom = \"seed:7\"\n";
    let host = hostile(&format!("{fixed}{}", directory(root.path(), "read = [\"**\"]")));
    let seen = host.call("environment", json!({})).unwrap();
    let seen = seen.value().unwrap();
    assert_eq!(seen["variables"], json!(["NAME=value"]));
    assert_eq!(seen["granted"], json!(["/work"]), "the guest's name for it, not the host's");
    assert_eq!(seen["seconds"], 1_767_323_045_u64);
    assert_eq!(host.call("environment", json!({})).unwrap().value().unwrap(), seen, "a replay sees the same");
}

#[test]
pub(crate) fn giant_random() {
    let host = hostile("");
    for bytes in [Value::Null, json!(1_u64 << 40), json!(1_u64 << 32), json!(200 << 20)] {
        let reply = host.call("giant_random", json!({"bytes": bytes})).unwrap();
        let class = reply.failure().unwrap().class;
        assert!([Class::Trap, Class::Limit].contains(&class), "{reply:?}");
    }
    let some = host.call("giant_random", json!({"bytes": 1000})).unwrap();
    assert_eq!(some.value().unwrap(), 1000);
    next_call_works(host.sandbox());
}
