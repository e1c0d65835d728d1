//! `code`: scripts that never end, take all memory or all stack, and files that are not theirs.

use serde_json::json;

use super::Bench;

#[test]
fn a_script_that_never_ends_or_takes_everything_is_stopped() {
    let bench = Bench::limited("code", "limits.fuel = 1_000_000_000\nlimits.memory = \"64MiB\"");
    for code in [
        "for (;;) {}",
        "const all = []; for (;;) all.push(new Array(1000).fill('x'))",
        "'x'.repeat(2 ** 29)",
        "/^(a+)+$/.test('a'.repeat(40) + '!')",
        "const again = () => Promise.resolve().then(again); again()",
    ] {
        let (reason, message) = bench.fails("javascript", json!({"code": code}));
        assert!(["limit-crossed", "tool-failed", "trap"].contains(&reason.as_str()), "{code}: {reason}: {message}");
    }
    for code in
        ["function f() { return f() } f()", "let a = []; for (let i = 0; i < 20000; i++) a = [a]; JSON.stringify(a)"]
    {
        bench.fails("javascript", json!({"code": code}));
    }
    assert_eq!(bench.ok("javascript", json!({"code": "6 * 7"}))["result"], json!(42), "the next call is not touched");
}

#[test]
fn a_script_reaches_what_the_call_was_granted_and_nothing_else() {
    let bench = Bench::new("code");
    bench.put("secret/key", "CANARY");
    bench.put("a.txt", "a");
    for code in [
        "readText('/work/secret/key')",
        "readText('/work/x/../secret/key')",
        "readText('/etc/passwd')",
        "listFiles('/work/secret')",
    ] {
        let (_, message) = bench.fails("javascript_writing", json!({"code": code}));
        assert!(!message.contains("CANARY") && !message.contains("root:"), "{code}: {message}");
    }
    let overwrite = "try { writeText('/work/secret/key', 'x') } catch (e) { 'refused' }";
    assert_eq!(bench.ok("javascript_writing", json!({"code": overwrite}))["result"], json!("refused"));
    assert_eq!(bench.text("secret/key"), "CANARY");
    let copy = "writeText('/work/b.txt', readText('/work/a.txt') + 'b')";
    bench.ok("javascript_writing", json!({"code": copy}));
    assert_eq!(bench.text("b.txt"), "ab");
    let half = "writeText('/work/c.txt', 'c'); throw new Error('no')";
    bench.fails("javascript_writing", json!({"code": half}));
    assert!(!bench.directory.path().join("c.txt").exists(), "a script that fails leaves nothing");
}
