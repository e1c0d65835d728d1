//! The honest probes do what the benchmarks believe they do.

use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Error, serde_json::json};

use crate::COMPONENT;

#[test]
fn every_probe_is_listed_once() {
    let names: Vec<String> = tools(&COMPONENT).into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["echo", "read", "sha256", "write"]);
}

#[test]
fn echo_returns_its_arguments() {
    let arguments = json!({"text": "ä", "list": [1, null]});
    assert_eq!(call(&COMPONENT, "echo", arguments.clone()).value(), arguments);
}

#[test]
fn sha256_is_that_of_the_documented_sequence() {
    use sha2::Digest;
    for length in [0_usize, 1, 251, 16 * 1024, 40_000] {
        let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        let expected = super::probe::sha256::hex(&sha2::Sha256::digest(bytes));
        assert_eq!(call(&COMPONENT, "sha256", json!({"bytes": length})).value(), json!({"sha256": expected}));
    }
}

#[test]
fn what_was_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    assert_eq!(call(&COMPONENT, "write", json!({"path": path, "content": "ab"})).value(), json!({"bytes": 2}));
    assert_eq!(
        call(&COMPONENT, "write", json!({"path": path, "content": "c", "append": true})).value(),
        json!({"bytes": 1})
    );
    assert_eq!(
        call(&COMPONENT, "read", json!({"path": path, "form": "text"})).value(),
        json!({"bytes": 3, "text": "abc"})
    );
    assert_eq!(call(&COMPONENT, "read", json!({"path": path})).value(), json!({"bytes": 3}));
    let digest = call(&COMPONENT, "read", json!({"path": path, "form": "sha256"})).value();
    assert_eq!(digest["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn a_missing_file_is_not_found_by_name() {
    let error = call(&COMPONENT, "read", json!({"path": "/nowhere/a"})).error();
    assert_eq!(error, Error::NotFound("`/nowhere/a`: does not exist".to_owned()));
}
