//! A tool's claims, its arguments and its results.

use serde_json::json;

use super::*;
use crate::describe::{EffectKind, Hints, Need};
use crate::id::Digest;

fn info(name: &str) -> ToolInfo {
    ToolInfo {
        name: name.parse().unwrap(),
        title: "Read a file".into(),
        description: "Reads a file.\n\nReturns its text.".into(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "description": "the file to read" },
                "count": { "type": "integer", "minimum": 1 },
            },
            "required": ["path"],
            "additionalProperties": false,
        }),
        output_schema: Some(json!({ "type": "string" })),
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    }
}

fn tool_of(info: ToolInfo) -> Result<Tool, ToolError> {
    Tool::new(&"files".parse().unwrap(), Digest::of(b"component"), info)
}

fn refused(change: impl FnOnce(&mut ToolInfo)) -> String {
    let mut info = info("read");
    change(&mut info);
    tool_of(info).unwrap_err().to_string()
}

#[test]
fn valid_arguments_become_a_validated_call() {
    let tool = tool_of(info("read")).unwrap();
    let call = tool.validate(r#" {"count": 3, "path": "/work/a"} "#).unwrap();
    assert_eq!((call.tool().as_str(), call.digest()), ("files.read", Digest::of(b"component")));
    assert_eq!(&**call.text(), r#"{"count":3,"path":"/work/a"}"#);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let tool = tool_of(info("read")).unwrap();
    let violations = tool.validate(r#"{"pth": "x", "count": "3"}"#).unwrap_err();
    assert_eq!(
        violations.to_string(),
        "`/count` must be an integer, got the string \"3\"; `/pth` is not a known field (did you mean `path`?); \
         missing required field `path` (string: the file to read)"
    );
}

#[test]
fn arguments_are_an_object_and_nothing_stands_for_an_empty_one() {
    let tool = tool_of(info("read")).unwrap();
    let message = |text| tool.validate(text).unwrap_err().to_string();
    assert_eq!(message(""), message("{}"));
    assert_eq!(message(" \n"), message("{}"));
    assert!(message(r#""{\"path\":\"a\"}""#).contains("do not put the object into quotes"));
    assert!(message(r#"["a"]"#).contains("name each argument"));
    assert!(message("null").contains("got null"));
    assert!(message(r#"{"path":"a","path":"b"}"#).contains("is there twice"));
}

#[test]
fn a_result_conforms_to_the_output_schema_or_is_any_json_without_one() {
    let tool = tool_of(info("read")).unwrap();
    assert_eq!(tool.check_output("\"text\"").unwrap(), json!("text"));
    assert_eq!(tool.check_output("3").unwrap_err().to_string(), "the result must be a string, got the number 3");
    assert!(tool.check_output("text").is_err());
    let free = tool_of(ToolInfo { output_schema: None, ..info("read") }).unwrap();
    assert_eq!(free.check_output("3").unwrap(), json!(3));
}

#[test]
fn a_tool_that_says_too_much_is_refused() {
    assert!(refused(|info| info.title = "x".repeat(201)).contains("title has 201 bytes"));
    assert!(refused(|info| info.description = "x".repeat(4097)).contains("at most 4096"));
    let need = Need { effect: EffectKind::Read, target: "/a".into(), reason: String::new() };
    assert!(refused(|info| info.needs = vec![need.clone(); 65]).contains("65 needs"));
    assert!(refused(|info| info.needs = vec![Need { reason: "x".repeat(1025), ..need }]).contains("reason of a need"));
    assert!(refused(|info| drop(info.extra.insert("x".into(), json!("x".repeat(17_000))))).contains("extra"));
    assert!(
        refused(|info| info.input_schema = json!({"type": "object", "title": "x".repeat(70_000)}))
            .contains("input schema")
    );
}

fn known(info: ToolInfo) -> Result<Tool, ToolError> {
    Tool::known(&"files".parse().unwrap(), Digest::of(b"component"), info)
}

#[test]
fn a_known_tool_says_of_every_value_what_one_says_that_was_compiled_at_once() {
    let (at_once, later) = (tool_of(info("read")).unwrap(), known(info("read")).unwrap());
    let said =
        |tool: &Tool, text: &str| tool.validate(text).map(|call| call.text().to_string()).map_err(|no| no.to_string());
    for text in [r#"{"count": 3, "path": "/work/a"}"#, r#"{"pth": "x", "count": "3"}"#, "", "[]", "{", r#"{"path": 1}"#]
    {
        assert_eq!(said(&at_once, text), said(&later, text), "{text}");
    }
    for text in [r#""text""#, "1", "{"] {
        let judged = |tool: &Tool| tool.check_output(text).map_err(|no| no.to_string());
        assert_eq!(judged(&at_once), judged(&later), "{text}");
    }
}

/// What is known of it can be wrong: then it refuses, and does not let anything through.
#[test]
fn a_known_tool_whose_schema_does_not_compile_refuses_every_value() {
    let broken = json!({ "type": "object", "properties": { "path": { "type": "nonsense" } } });
    let remote = json!({ "type": "object", "properties": { "path": { "$ref": "https://example.com/x" } } });
    for schema in [broken, remote] {
        let mut of_input = info("read");
        of_input.input_schema = schema.clone();
        assert!(matches!(tool_of(of_input.clone()), Err(ToolError::Schema { which: "input", .. })));
        let tool = known(of_input).unwrap();
        for text in ["{}", r#"{"path": "a"}"#, ""] {
            let refused = tool.validate(text).unwrap_err().to_string();
            assert!(refused.contains("the arguments cannot be checked: "), "{refused}");
        }
        let mut of_output = info("read");
        of_output.output_schema = Some(schema);
        assert!(matches!(tool_of(of_output.clone()), Err(ToolError::Schema { which: "output", .. })));
        let tool = known(of_output).unwrap();
        assert!(tool.validate(r#"{"path": "a"}"#).is_ok());
        for text in ["{}", "1", r#"{"path": "a"}"#] {
            let refused = tool.check_output(text).unwrap_err().to_string();
            assert!(refused.contains("the result cannot be checked: "), "{refused}");
        }
    }
}

#[test]
fn bounds_of_a_known_tool_are_checked_at_once() {
    let refused = |change: fn(&mut ToolInfo)| {
        let mut info = info("read");
        change(&mut info);
        known(info).unwrap_err().to_string()
    };
    let mut deep = json!(true);
    for _ in 0..400 {
        deep = json!({ "not": deep });
    }
    let mut info = info("read");
    info.input_schema = json!({ "type": "object", "properties": { "path": deep } });
    assert!(known(info).unwrap_err().to_string().contains("nested deeper"));
    assert!(refused(|info| info.input_schema = json!({ "type": "string" })).contains("must have"));
    assert!(
        refused(|info| info.input_schema = json!({ "$schema": "urn:other", "type": "object" })).contains("dialect")
    );
    assert!(refused(|info| info.input_schema["title"] = json!("a\u{202e}b")).contains("tool `files.read`"));
    assert!(refused(|info| info.description = "x".repeat(MAX_DESCRIPTION_BYTES + 1)).contains("bytes"));
}

#[test]
fn hidden_characters_are_refused_wherever_a_model_or_a_person_would_read_them() {
    for hidden in ['\u{202e}', '\u{200b}', '\u{e0041}', '\u{1b}', '\0', '\u{feff}', '\u{2066}', '\u{ad}'] {
        let text = format!("Read{hidden}s");
        assert!(refused(|info| info.title = text.clone()).contains("hidden character"), "{hidden:?}");
        assert!(refused(|info| info.description = text.clone()).contains("hidden character"), "{hidden:?}");
        let keyed = json!({ "type": "object", "properties": { text.clone(): true } });
        assert!(refused(|info| info.input_schema = keyed).contains("input schema has"), "{hidden:?}");
        let described = json!({ "items": { "description": text } });
        assert!(refused(|info| info.output_schema = Some(described)).contains("output schema has"), "{hidden:?}");
    }
    let choice = json!({ "type": "object", "properties": { "end": { "enum": ["\n", "\r\n"] } } });
    assert!(tool_of(ToolInfo { input_schema: choice, ..info("read") }).is_ok());
}

#[test]
fn the_input_schema_describes_an_object() {
    for schema in [json!({}), json!({ "type": "string" }), json!(true), json!({ "type": ["object", "null"] })] {
        assert!(refused(|info| info.input_schema = schema.clone()).contains("\"type\": \"object\""), "{schema}");
    }
}

#[test]
fn names_are_unique_also_as_a_model_sees_them() {
    let mut catalog = Catalog::default();
    catalog.add(tool_of(info("read-all")).unwrap()).unwrap();
    assert!(matches!(catalog.add(tool_of(info("read-all")).unwrap()), Err(CatalogError::Collision(_))));
    assert!(matches!(catalog.add(tool_of(info("read_all")).unwrap()), Err(CatalogError::Lookalike { .. })));
    assert_eq!(catalog.len(), 1);
}

#[test]
fn a_flood_of_tools_is_stopped_and_the_order_is_that_of_the_names() {
    let mut catalog = Catalog::default();
    for number in (0..MAX_TOOLS_PER_COMPONENT).rev() {
        catalog.add(tool_of(info(&format!("t{number:04}"))).unwrap()).unwrap();
    }
    assert_eq!(catalog.add(tool_of(info("one-more")).unwrap()), Err(CatalogError::Flood("files".parse().unwrap())));
    assert!(catalog.iter().map(Tool::name).is_sorted());
}

#[test]
fn an_unknown_name_gets_the_nearest_one() {
    let mut catalog = Catalog::default();
    catalog.add(tool_of(info("read")).unwrap()).unwrap();
    catalog.add(tool_of(info("write")).unwrap()).unwrap();
    assert_eq!(
        catalog.get("files.raed").unwrap_err().to_string(),
        "there is no tool `files.raed`; did you mean `files.read`?"
    );
    assert_eq!(catalog.get("zzz\n").unwrap_err().to_string(), r"there is no tool `zzz\n`");
    assert!(catalog.get("files.read").is_ok());
}

#[test]
fn a_result_of_blocks_is_one_only_for_a_tool_that_says_so() {
    let of_blocks = |kind: serde_json::Value| {
        let mut info = info("draw");
        info.output_schema = None;
        info.extra.insert("result".into(), kind);
        info
    };
    let tool = tool_of(of_blocks(json!("content"))).unwrap();
    assert!(tool.gives_content());
    assert!(tool.check_output(r#"[{"type":"text","text":"x"}]"#).is_ok());
    let wrong = tool.check_output(r#"[{"type":"image","data":"AAAA","mimeType":"image/png"}]"#).unwrap_err();
    assert!(wrong.to_string().contains("`/0/data` does not begin as image/png does"), "{wrong}");
    // A word that is misspelled is an error, and not a tool whose pictures are shown as text.
    assert!(tool_of(of_blocks(json!("contents"))).unwrap_err().to_string().contains("can only be"));
    assert!(!tool_of(info("read")).unwrap().gives_content());
}
