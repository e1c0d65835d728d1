//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.

use granted::testing::Fixture;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Effect, Error};

use crate::COMPONENT;

fn ran(code: &str) -> Value {
    call(&COMPONENT, "javascript", json!({"code": code})).value()
}

fn result(code: &str) -> Value {
    ran(code)["result"].clone()
}

fn fails(code: &str) -> String {
    match call(&COMPONENT, "javascript", json!({"code": code})).error() {
        Error::Failed(message) => message,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn one_tool_reads_and_one_writes() {
    let needs: Vec<(String, bool, bool)> = tools(&COMPONENT)
        .into_iter()
        .map(|tool| (tool.name, tool.needs.iter().any(|need| need.effect == Effect::Write), tool.hints.read_only))
        .collect();
    assert_eq!(needs, [("javascript".to_owned(), false, true), ("javascript_writing".to_owned(), true, false)]);
}

#[test]
fn the_last_expression_is_the_result() {
    assert_eq!(result("const a = [3, 1, 2]; a.sort().map(x => x * 2)"), json!([2, 4, 6]));
    assert_eq!(
        result("({a: 1, b: [true, null, 'ü'], c: undefined, d: 0.5})"),
        json!({"a": 1, "b": [true, null, "ü"], "d": 0.5})
    );
    assert_eq!(result("let x = 1;"), json!(null));
    assert_eq!(result("class A { #x = 4; get x() { return this.#x } }; new A().x ** 2"), json!(16));
    assert_eq!(result("`${[...'añb'].length} ${/(?<y>\\d{4})/.exec('in 2024').groups.y}`"), json!("3 2024"));
    let sum =
        call(&COMPONENT, "javascript", json!({"code": "input.n.reduce((a, b) => a + b)", "input": {"n": [1, 2, 3.5]}}));
    assert_eq!(sum.value()["result"], json!(6.5));
}

#[test]
fn return_and_await_work_at_the_top() {
    assert_eq!(result("if (true) { return 5 } return 6"), json!(5));
    assert_eq!(result("const x = await Promise.resolve(2); return x + 1 // the end"), json!(3));
    assert_eq!(result("Promise.resolve([1])"), json!([1]));
    assert_eq!(result("await Promise.resolve(2)"), json!(2));
    assert_eq!(result("[await Promise.resolve(1),\n2] // both\n;"), json!([1, 2]));
    let silent = ran("const x = await Promise.resolve(2);\nx + 1");
    assert!(silent["note"].as_str().unwrap().contains("use `return`"), "{silent}");
    for told in ["const x = await 1; return", "let x = 1;", "await 1; return undefined", "1 + 1"] {
        assert_eq!(ran(told)["note"], json!(null), "{told}");
    }
    assert!(fails("await Promise.reject(new TypeError('no'))").contains("TypeError: no"));
    assert!(fails("await new Promise(() => {})").contains("waits for something that never comes"));
}

#[test]
fn the_console_is_brought_back() {
    let ran = ran("console.log('a', 1, [1, 2], {x: 'y'}); console.error('b'); 7");
    assert_eq!((&ran["result"], &ran["console"][1]), (&json!(7), &json!("b")));
    let first = ran["console"][0].as_str().unwrap();
    assert!(first.starts_with("a 1 ") && (first.contains("'y'") || first.contains("\"y\"")), "{first}");
    let message = fails("console.log('so far'); null.x");
    assert!(message.contains("TypeError") && message.ends_with("its console before:\nso far"), "{message}");
    let flood = self::ran("for (let i = 0; i < 5000; i++) console.log('x'.repeat(100))");
    assert!(flood["truncated"] == json!(true) && flood.to_string().len() < 300_000);
}

#[test]
fn pictures_and_files_are_shown_with_their_types() {
    let ran = ran("show('image/svg+xml', '<svg/>'); show('application/octet-stream', new Uint8Array([0, 255]))");
    let expected = json!([{"media_type": "image/svg+xml", "text": "<svg/>"}, {"media_type": "application/octet-stream", "base64": "AP8="}]);
    assert_eq!(ran["outputs"], expected);
    assert!(fails("show('svg', '')").contains("is one such as `image/svg+xml`"));
    assert!(fails("show('a/b', 5)").contains("argument 2 is no Uint8Array"));
    assert!(fails("show('a/b', 'x'.repeat(3000000))").contains("write files instead"));
    assert!(fails("for (let i = 0; i < 101; i++) show('a/b', '')").contains("more than 100 outputs"));
}

#[test]
fn granted_files_are_read_and_written() {
    let fixture = Fixture::new(&[("data.csv", "1\n2\n"), ("sub/x", "")]);
    let with = |tool: &str, code: &str| call(&COMPONENT, tool, json!({"code": code, "input": fixture.path("")}));
    let sum = "readText(input + '/data.csv').trim().split('\\n').reduce((a, b) => a + Number(b), 0)";
    assert_eq!(with("javascript", sum).value()["result"], json!(3));
    assert_eq!(with("javascript", "[...readBytes(input + '/data.csv')]").value()["result"], json!([49, 10, 50, 10]));
    assert_eq!(with("javascript", "listFiles(input)").value()["result"], json!(["data.csv", "sub/"]));
    let write =
        "writeText(input + '/new/a', 'ü'); writeBytes(input + '/b', new Uint8Array([1])); removeFile(input + '/sub/x')";
    assert_eq!(with("javascript_writing", write).value()["result"], json!(null));
    assert_eq!(fixture.names(), ["b", "data.csv", "new/", "new/a", "sub/"]);
    assert_eq!(fixture.text("new/a"), "ü");
    assert!(
        matches!(with("javascript", write).error(), Error::Failed(message) if message.contains("writeText is not defined"))
    );
    let caught = with("javascript", "try { readText(input + '/none') } catch (e) { e.message }").value();
    assert!(caught["result"].as_str().unwrap().contains("does not exist"), "{caught}");
}

#[test]
fn there_is_nothing_else_to_reach() {
    for name in ["require", "process", "fetch", "XMLHttpRequest", "Deno", "setTimeout", "WebAssembly", "importScripts"]
    {
        assert_eq!(result(&format!("typeof {name}")), json!("undefined"), "{name}");
    }
    assert!(!fails("import x from '/etc/passwd'; x").contains("root:"));
    assert!(!fails("return await import('/etc/passwd')").contains("root:"));
    assert_eq!(result("globalThis.kept = 1; kept"), json!(1));
    assert_eq!(result("typeof kept"), json!("undefined"), "nothing survives a call");
}

#[test]
fn what_is_wrong_is_said() {
    assert!(fails("let = ;").contains("SyntaxError"));
    assert!(fails("throw new RangeError('too far')").contains("RangeError: too far"));
    assert!(fails("throw {a: 1}").contains("the script failed"));
    let deep = fails("function f() { return f() } f()");
    assert!(deep.contains("call"), "{deep}");
    assert!(fails("const a = {}; a.a = a; a").contains("failed"));
    assert!(fails("1n").contains("failed"));
    assert!(fails("'x'.repeat(2000000)").contains("return less"));
}
