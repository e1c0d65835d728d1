//! Guests that flood the file system: quotas hold, whatever way they choose.

use serde_json::{Value, json};
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;

use crate::check::{directory, hostile, names_no_host_path, next_call_works, open_files, stops, writable};

/// Everything in a directory may be read.
const READ: &str = "read = [\"**\"]";

#[test]
pub(crate) fn read_flood() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), vec![b'a'; 1 << 20]).unwrap();
    let host = hostile(&format!("{}limits.bytes-read = \"10MiB\"", directory(root.path(), READ)));
    let reply = stops(&host, "read_flood", json!({"path": "/work/a"}), Limit::BytesRead);
    assert!(reply.usage.get(Limit::BytesRead) > 9 << 20, "{:?}", reply.usage);
}

#[test]
pub(crate) fn write_flood() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.bytes-written = \"1MiB\"", writable(root.path())));
    stops(&host, "write_flood", json!({"path": "/work/a"}), Limit::BytesWritten);
    assert!(std::fs::metadata(root.path().join("a")).unwrap().len() <= 1 << 20);
    stops(&host, "write_flood", json!({"path": "/work/b", "in_place": true}), Limit::BytesWritten);
    assert!(std::fs::metadata(root.path().join("b")).unwrap().len() <= 16 << 10);
}

#[test]
pub(crate) fn sparse_growth() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.bytes-written = \"1MiB\"", writable(root.path())));
    for bytes in [(1_u64 << 20) + 1, 2 << 30, 1 << 40, 1 << 62] {
        stops(&host, "sparse_growth", json!({"path": "/work/a", "bytes": bytes}), Limit::BytesWritten);
        assert_eq!(std::fs::metadata(root.path().join("a")).unwrap().len(), 0, "{bytes}");
    }
    let fits = host.call("sparse_growth", json!({"path": "/work/a", "bytes": 1 << 20})).unwrap();
    assert_eq!(fits.value().unwrap(), 1 << 20);
}

#[test]
pub(crate) fn odd_writes() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.bytes-written = \"1MiB\"", writable(root.path())));
    for how in ["size", "write", "stream", "zeroes"] {
        for at in [Value::Null, json!(i64::MAX), json!(1_u64 << 63), json!(1_u64 << 40), json!(2 << 20)] {
            let reply =
                host.call("odd_writes", json!({"directory": "/work", "name": "a", "how": how, "at": at})).unwrap();
            let refused = match &reply.outcome {
                Ok(answer) => answer.as_str().unwrap().starts_with("Err"),
                Err(failure) => [Class::Limit, Class::Trap, Class::Tool].contains(&failure.class),
            };
            assert!(refused, "{how} {at}: {reply:?}");
            assert!(std::fs::metadata(root.path().join("a")).unwrap().len() <= 1 << 20, "{how} {at}");
        }
    }
    next_call_works(host.sandbox());
}

#[test]
pub(crate) fn files_flood() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.files-created = 100", writable(root.path())));
    stops(&host, "files_flood", json!({"path": "/work"}), Limit::FilesCreated);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 100);
}

#[test]
pub(crate) fn deep_tree() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.files-created = 50", writable(root.path())));
    stops(&host, "deep_tree", json!({"path": "/work"}), Limit::FilesCreated);
    // With a limit beyond what a path can say, the path's length is the bound.
    let host = hostile(&writable(root.path()));
    let reply = host.call("deep_tree", json!({"path": "/work/d"})).unwrap();
    assert!(reply.outcome.is_err(), "{reply:?}");
    names_no_host_path(&reply, root.path());
    next_call_works(host.sandbox());
}

#[test]
pub(crate) fn huge_listing() {
    let root = tempfile::tempdir().unwrap();
    for index in 0..3_000 {
        std::fs::write(root.path().join(format!("a-file-with-a-name-that-is-not-short-{index}")), "").unwrap();
    }
    let listed = hostile(&directory(root.path(), READ)).call("huge_listing", json!({"path": "/work"})).unwrap();
    assert_eq!(listed.value().unwrap(), 3_000);
    let host = hostile(&format!("{}limits.host-calls = 1000", directory(root.path(), READ)));
    stops(&host, "huge_listing", json!({"path": "/work"}), Limit::HostCalls);
}

#[test]
pub(crate) fn handle_leak() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "a").unwrap();
    let host = hostile(&directory(root.path(), READ));
    let before = open_files();
    let reply = stops(&host, "handle_leak", json!({"path": "/work/a"}), Limit::Handles);
    assert!(reply.usage.get(Limit::Handles) > 200, "the default of 256 is nearly reached: {:?}", reply.usage);
    assert!(open_files() <= before + 8, "all of them are closed again");
}

#[test]
pub(crate) fn directory_handles() {
    let root = tempfile::tempdir().unwrap();
    stops(&hostile(&directory(root.path(), READ)), "directory_handles", json!({"path": "/work"}), Limit::Handles);
}

#[test]
pub(crate) fn stream_handles() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "a").unwrap();
    let arguments = json!({"directory": "/work", "name": "a"});
    stops(&hostile(&directory(root.path(), READ)), "stream_handles", arguments, Limit::Handles);
}

#[test]
pub(crate) fn giant_requests() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "abc").unwrap();
    let host = hostile(&directory(root.path(), READ));
    let reply = host.call("giant_requests", json!({"directory": "/work", "name": "a"})).unwrap();
    let seen: Vec<_> = reply.value().unwrap().as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(seen[0].starts_with(&format!("read {} at 0: Ok((3, ", u64::MAX)), "{}", seen[0]);
    assert!(reply.usage.get(Limit::BytesRead) <= 12, "three bytes are three bytes: {:?} {seen:?}", reply.usage);
    next_call_works(host.sandbox());
}

#[test]
fn no_grant_is_no_file() {
    for path in ["/etc/passwd", "/proc/self/environ", "etc/passwd", "../etc/passwd", "/"] {
        let reply = hostile("").call("read_flood", json!({"path": path})).unwrap();
        assert!([Class::Denied, Class::Tool].contains(&reply.failure().unwrap().class), "{path}: {reply:?}");
    }
}

#[test]
pub(crate) fn sly_word_count() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "one two").unwrap();
    let host = hostile(&directory(root.path(), READ));
    let reply = host.call("sly_word_count", json!({"path": "/work/a"})).unwrap();
    assert_eq!(reply.value().unwrap(), 2);
    let names: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!((names, std::fs::read(root.path().join("a")).unwrap()), (vec!["a".into()], b"one two".to_vec()));
}
