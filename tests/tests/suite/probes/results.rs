//! Guests that return what is no result. None of it may reach a model as one.

use serde_json::json;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;

use crate::check::{failed, hostile, next_call_works, stops};

#[test]
pub(crate) fn giant_result() {
    // Below the limit of output, and above: with the default of 4 MiB.
    let fits = hostile("").call("giant_result", json!({"bytes": 1 << 20})).unwrap();
    assert_eq!(fits.value().unwrap().as_str().unwrap().len(), 1 << 20);
    stops(&hostile(""), "giant_result", json!({"bytes": 5 << 20}), Limit::Output);
    // So much that the host must not even copy it.
    stops(&hostile(""), "giant_result", json!({"bytes": 60 << 20}), Limit::Output);
}

#[test]
pub(crate) fn giant_error() {
    stops(&hostile(""), "giant_error", json!({"bytes": 5 << 20}), Limit::Output);
    stops(&hostile(""), "giant_error", json!({"bytes": 60 << 20}), Limit::Output);
}

#[test]
pub(crate) fn not_json() {
    let host = hostile("");
    for text in
        ["{", "", " ", "\u{feff}null", "NaN", "{'a': 1}", "[1,]", "\"\\ud800\"", "nul", "\0", "01", "{\"a\":1}}"]
    {
        let reply = host.call("not_json", json!({"text": text})).unwrap();
        failed(&reply, Class::InvalidOutput);
    }
    next_call_works(host.sandbox());
}

#[test]
pub(crate) fn wrong_shape() {
    let reply = hostile("").call("wrong_shape", json!({})).unwrap();
    assert!(failed(&reply, Class::InvalidOutput).message.contains("/count"), "{reply:?}");
}

#[test]
pub(crate) fn trailing_garbage() {
    let reply = hostile("").call("trailing_garbage", json!({})).unwrap();
    failed(&reply, Class::InvalidOutput);
}

#[test]
pub(crate) fn deep_result() {
    let host = hostile("");
    let reply = host.call("deep_result", json!({})).unwrap();
    failed(&reply, Class::InvalidOutput);
    next_call_works(host.sandbox());
}
