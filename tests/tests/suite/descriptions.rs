//! Components that lie about themselves: what they claim is capped, checked, and never more than a claim.

use serde_json::json;
use toolhold_core::describe::{Description, SECTION};
use toolhold_sandbox::{DescribedBy, LoadError};
use toolhold_tests::lie::{self, Claim};
use toolhold_tests::test_host::{self, TestHost};
use toolhold_tests::wat_guest;

use crate::check::next_call_works;

/// Whether a host takes a component that claims this: neither the sandbox nor the catalog may refuse it.
fn taken(claims: &[Claim]) -> anyhow::Result<TestHost> {
    TestHost::new(&test_host::shared()?, &lie::component(claims)?, "")
}

/// Why a host does not take it.
fn refused(claims: &[Claim]) -> String {
    let error = taken(claims).map(|host| host.loaded().clone()).unwrap_err();
    next_call_works(&test_host::shared().unwrap());
    format!("{error:#}")
}

#[test]
fn an_honest_component_without_a_section_is_asked() {
    let host = taken(&[Claim::new("run"), Claim { needs: 3, ..Claim::new("other") }]).unwrap();
    assert_eq!(host.loaded().described_by, DescribedBy::Guest);
    assert_eq!(host.loaded().description.tools.len(), 2);
    assert!(host.call("run", json!({})).unwrap().value().unwrap().is_null());
}

#[test]
fn names_that_deceive_are_refused() {
    let names = [
        "",
        "Run",
        "run!",
        "run\u{202e}",
        "r\u{200b}un",
        "rún",
        "run\u{1b}[2J",
        "../run",
        "run.run",
        "a--b",
        "files.read",
        "run\n",
        "\u{430}",
        " run",
        "run\0",
        &"a".repeat(65),
        &"a".repeat(1 << 20),
    ];
    for name in names {
        let error = refused(&[Claim::new(name)]);
        assert!(error.len() < 2_000, "the error repeats what is too long: {} bytes", error.len());
        assert!(!error.contains('\u{1b}') && !error.contains('\u{202e}'), "{error:?}");
    }
}

#[test]
fn tools_that_collide_are_refused() {
    assert!(refused(&[Claim::new("run"), Claim::new("run")]).contains("run"));
    let error = refused(&[Claim::new("run-it"), Claim::new("run_it")]);
    assert!(error.contains("run"), "names that a model API cannot tell apart: {error}");
}

#[test]
fn a_flood_of_tools_is_refused() {
    let flood: Vec<_> = (0..5_000).map(|index| Claim::new(&format!("tool-{index}"))).collect();
    refused(&flood);
    refused(&[]);
    refused(&[Claim { needs: 100_000, ..Claim::new("run") }]);
}

#[test]
fn texts_that_hide_something_are_refused() {
    let hidden = ["\u{202e}reversed", "zero\u{200b}width", "\u{1b}[2Jcleared", "tag\u{e0041}", "a\0b"];
    for text in hidden {
        refused(&[Claim { title: text.into(), ..Claim::new("run") }]);
        refused(&[Claim { description: text.into(), ..Claim::new("run") }]);
        let schema = json!({"type": "object", "properties": {"x": {"description": text}}});
        refused(&[Claim { input_schema: schema.to_string().into(), ..Claim::new("run") }]);
    }
    refused(&[Claim { description: b"\xff\xfe".to_vec(), ..Claim::new("run") }]);
    refused(&[Claim { description: vec![b'x'; 1 << 20], ..Claim::new("run") }]);
    refused(&[Claim { title: vec![b'x'; 1 << 16], ..Claim::new("run") }]);
}

#[test]
fn schemas_that_cost_are_refused() {
    let deep = format!(
        "{{\"type\":\"object\",\"properties\":{}{}}}",
        "{\"a\":{\"properties\":".repeat(50_000),
        "}}".repeat(50_000)
    );
    let wide = format!("{{\"type\":\"object\",\"enum\":[{}]}}", vec!["{}"; 500_000].join(","));
    let remote = r#"{"type":"object","$ref":"http://127.0.0.1:1/schema"}"#.to_owned();
    let file = r#"{"type":"object","$ref":"file:///etc/passwd"}"#.to_owned();
    let endless = r##"{"type":"object","$ref":"#"}"##.to_owned();
    let other = [r#""text""#, "true", "[]", "null", "{", r#"{"type":"string"}"#, r#"{"type":"object","properties":7}"#]
        .map(str::to_owned);
    for schema in [deep, wide, remote, file].into_iter().chain(other) {
        refused(&[Claim { input_schema: schema.clone().into(), ..Claim::new("run") }]);
    }
    // One that refers to itself may be taken or not, but it must neither hang nor overflow the stack.
    if let Ok(host) = taken(&[Claim { input_schema: endless.into(), ..Claim::new("run") }]) {
        drop(host.call("run", json!({"a": 1})));
    }
    refused(&[Claim { extra: b"[1]".to_vec(), ..Claim::new("run") }]);
    refused(&[Claim { extra: vec![b'['; 1 << 20], ..Claim::new("run") }]);
}

#[test]
fn a_pattern_that_takes_for_ever_to_match_does_not() {
    let schema = r#"{"type":"object","properties":{"x":{"type":"string","pattern":"^(a+)+$"}}}"#;
    if let Ok(host) = taken(&[Claim { input_schema: schema.into(), ..Claim::new("run") }]) {
        let text = format!("{}!", "a".repeat(50_000));
        assert!(host.authorize("run", json!({"x": text})).is_err());
    }
}

#[test]
fn a_section_that_lies_runs_nothing_that_is_not_there() {
    // The section claims a tool that `invoke` does not know: the guest is asked for it, and nothing else happens.
    let honest = TestHost::of("hostile", "").unwrap().loaded().description.tools[0].clone();
    let claimed = toolhold_core::describe::ToolInfo { name: "not-there".parse().unwrap(), ..honest };
    let section = serde_json::to_vec(&Description { format: 1, tools: vec![claimed] }).unwrap();
    let component = wat_guest::with_section(&toolhold_tests::guests::component("hostile").unwrap(), SECTION, section);
    let host = TestHost::new(&test_host::shared().unwrap(), &component, "").unwrap();
    assert_eq!(host.loaded().described_by, DescribedBy::Section);
    let reply = host.call("not-there", json!({})).unwrap();
    assert_eq!(reply.failure().unwrap().code, "not-found");
    assert!(host.authorize("endless_loop", json!({})).is_err(), "a tool that is not described is not there");
}

#[test]
fn a_broken_section_is_refused_and_not_passed_over() {
    let tool = wat_guest::from_text("(module)", "").unwrap();
    let sandbox = test_host::shared().unwrap();
    for section in [
        "",
        "{",
        "null",
        r#"{"format":2,"tools":[]}"#,
        r#"{"format":1,"tools":[]}"#,
        r#"{"format":1,"tools":[],"more":1}"#,
        "\u{0}",
    ] {
        let broken = wat_guest::with_section(&tool, SECTION, section.into());
        let error = sandbox.load_blocking(&broken).unwrap_err();
        assert!(matches!(error, LoadError::Description(_) | LoadError::Inspect(_)), "{section:?}: {error}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(sandbox.load_blocking(&wat_guest::with_section(&tool, SECTION, deep.into())).is_err());
}

#[test]
fn two_sections_are_one_too_many() {
    let first = wat_guest::from_text("(module)", "").unwrap();
    let claim = lie_section("second");
    let both = wat_guest::with_section(&first, SECTION, claim);
    assert!(test_host::shared().unwrap().load_blocking(&both).is_err(), "which of the two was approved?");
}

fn lie_section(name: &str) -> Vec<u8> {
    let tools = json!([{"name": name, "title": "T", "description": "D", "input-schema": {"type": "object"}}]);
    json!({"format": 1, "tools": tools}).to_string().into_bytes()
}
