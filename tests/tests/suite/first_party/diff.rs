//! `diff`: a patch is whole or not at all also where the host denies one of its files.

use serde_json::json;

use super::Bench;

#[test]
fn a_patch_that_the_grant_denies_in_part_changes_nothing() {
    let bench = Bench::new("diff");
    bench.put("a.txt", "1\n");
    bench.put("secret/key", "CANARY\n");
    let patch =
        "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n+2\n--- a/secret/key\n+++ b/secret/key\n@@ -1 +1 @@\n-x\n+y\n";
    let (_, message) = bench.fails("apply", json!({"patch": patch, "directory": "/work"}));
    assert!(message.contains("nothing was changed") && !message.contains("CANARY"), "{message}");
    let new = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n+2\n--- /dev/null\n+++ b/secret/new\n@@ -0,0 +1 @@\n+y\n";
    bench.fails("apply", json!({"patch": new, "directory": "/work"}));
    assert_eq!((bench.text("a.txt"), bench.text("secret/key")), ("1\n".to_owned(), "CANARY\n".to_owned()));
    assert!(!bench.directory.path().join("secret/new").exists());
}

#[test]
fn a_comparison_leads_from_one_directory_to_the_other() {
    let bench = Bench::new("diff");
    for (name, text) in [("old/a", "1\n2\n"), ("old/gone", "x\n"), ("new/a", "1\n3\n"), ("new/sub/come", "y\n")] {
        bench.put(name, text);
    }
    let compared = bench.ok("compare", json!({"old": "/work/old", "new": "/work/new"}));
    bench.ok("apply", json!({"patch": compared["diff"], "directory": "/work/old"}));
    assert_eq!((bench.text("old/a"), bench.text("old/sub/come")), ("1\n3\n".to_owned(), "y\n".to_owned()));
    assert_eq!(bench.ok("compare", json!({"old": "/work/old", "new": "/work/new"}))["identical"], json!(true));
}

#[test]
fn texts_that_take_long_to_compare_end_at_a_limit() {
    let bench = Bench::limited("diff", "limits.fuel = 300_000_000");
    let lines = |step: usize| (0..60_000_usize).map(|line| format!("{}\n", line * step % 50_021)).collect::<String>();
    bench.put("a", lines(7));
    bench.put("b", lines(11));
    assert_eq!(bench.fails("compare", json!({"old": "/work/a", "new": "/work/b"})).0, "limit-crossed");
}
