//! `archive`: what the host adds to the tool's own checks: grants hold for each entry, and a call that fails leaves nothing.

use serde_json::json;

use super::Bench;

/// A tar with one file, without a library: name, size and sum in a header of 512 bytes.
fn tar(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = header.to_vec();
    tar.extend_from_slice(contents);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

#[test]
fn an_archive_comes_back_as_it_was() {
    let bench = Bench::new("archive");
    bench.put("in/a.txt", "one");
    bench.put("in/sub/b.txt", "two".repeat(10_000));
    for name in ["a.zip", "a.tar.gz"] {
        bench.ok("create", json!({"path": format!("/work/{name}"), "from": ["/work/in"]}));
        bench.ok("extract", json!({"path": format!("/work/{name}"), "to": format!("/work/out-{name}")}));
        assert_eq!(bench.text(&format!("out-{name}/in/sub/b.txt")), "two".repeat(10_000), "{name}");
    }
}

#[test]
fn an_entry_that_the_grant_denies_ends_all_of_it() {
    let bench = Bench::new("archive");
    let mut both = tar("fine.txt", b"fine");
    both.truncate(1024);
    both.extend_from_slice(&tar("secret/key", b"overwritten"));
    bench.put("a.tar", both);
    bench.put("secret/key", "CANARY");
    let (code, message) = bench.fails("extract", json!({"path": "/work/a.tar", "to": "/work", "overwrite": true}));
    assert!(["tool-denied", "tool-failed", "failed", "not-found"].contains(&code.as_str()), "{code}: {message}");
    assert_eq!(bench.text("secret/key"), "CANARY");
    assert!(!bench.directory.path().join("fine.txt").exists(), "what came before is not there either");
}

#[test]
fn what_is_denied_does_not_get_into_an_archive() {
    let bench = Bench::new("archive");
    bench.put("secret/key", "CANARY");
    bench.put("a.txt", "a");
    let created =
        bench.host.call("create", json!({"path": "/work/all.tar", "from": ["/work/secret", "/work/a.txt"]})).unwrap();
    assert!(created.outcome.is_err(), "{created:?}");
    assert!(!bench.directory.path().join("all.tar").exists());
}

#[test]
fn what_leads_out_is_refused() {
    let bench = Bench::new("archive");
    for name in ["../evil", "/tmp/evil", "a/../../evil"] {
        bench.put("a.tar", tar(name, b"evil"));
        let (_, message) = bench.fails("extract", json!({"path": "/work/a.tar", "to": "/work/out"}));
        assert!(message.contains("nothing was extracted"), "{message}");
        assert!(!bench.directory.path().join("out").exists());
    }
}
