//! The words of violations, and schemas and values that mean harm.

use serde_json::{Value, json};

use super::*;

fn message(schema: Value, value: Value) -> String {
    CompiledSchema::compile(&schema).unwrap().check(&value, "the arguments").unwrap_err().to_string()
}

/// Schema, value, message: what a model reads.
#[test]
fn every_keyword_has_words_that_a_model_can_act_on() {
    let cases = [
        (
            json!({"properties": {"count": {"type": "integer"}}}),
            json!({"count": "3"}),
            r#"`/count` must be an integer, got the string "3""#,
        ),
        (
            json!({"properties": {"a": {"type": ["string", "null"]}}}),
            json!({"a": [1, 2]}),
            "`/a` must be null or a string, got an array of 2 items",
        ),
        (
            json!({"required": ["path"], "properties": {"path": {"type": "string", "description": "the file to read"}}}),
            json!({}),
            "missing required field `path` (string: the file to read)",
        ),
        (json!({"properties": {"a": {"required": ["b"]}}}), json!({"a": {}}), "missing required field `b` in `/a`"),
        (
            json!({"properties": {"path": {}}, "additionalProperties": false}),
            json!({"pth": 1}),
            "`/pth` is not a known field (did you mean `path`?)",
        ),
        (
            json!({"properties": {"path": {}, "mode": {}}, "additionalProperties": false}),
            json!({"zzz": 1}),
            "`/zzz` is not a known field; known fields: `path`, `mode`",
        ),
        (
            json!({"properties": {"unit": {"enum": ["celsius", "kelvin"]}}}),
            json!({"unit": "celcius"}),
            r#"`/unit` must be "celsius" or "kelvin", got the string "celcius" (did you mean "celsius"?)"#,
        ),
        (json!({"properties": {"v": {"const": 2}}}), json!({"v": 3}), "`/v` must be 2, got the number 3"),
        (json!({"properties": {"n": {"minimum": 1}}}), json!({"n": 0}), "`/n` must be at least 1, got the number 0"),
        (
            json!({"properties": {"n": {"exclusiveMaximum": 1}}}),
            json!({"n": 1}),
            "`/n` must be less than 1, got the number 1",
        ),
        (
            json!({"properties": {"n": {"multipleOf": 5}}}),
            json!({"n": 7}),
            "`/n` must be a multiple of 5, got the number 7",
        ),
        (
            json!({"properties": {"s": {"minLength": 1}}}),
            json!({"s": ""}),
            "`/s` must have at least 1 character, got 0",
        ),
        (
            json!({"properties": {"s": {"maxLength": 2}}}),
            json!({"s": "äöü"}),
            "`/s` must have at most 2 characters, got 3",
        ),
        (
            json!({"properties": {"s": {"pattern": "^[a-z]+$"}}}),
            json!({"s": "A"}),
            r#"`/s` must match the regular expression `^[a-z]+$`, got the string "A""#,
        ),
        (json!({"properties": {"l": {"minItems": 1}}}), json!({"l": []}), "`/l` must have at least 1 item, got 0"),
        (json!({"properties": {"l": {"maxItems": 1}}}), json!({"l": [1, 2]}), "`/l` must have at most 1 item, got 2"),
        (
            json!({"properties": {"l": {"uniqueItems": true}}}),
            json!({"l": [1, 1]}),
            "`/l` must not have the same item twice",
        ),
        (
            json!({"properties": {"l": {"contains": {"type": "string"}}}}),
            json!({"l": [1]}),
            "`/l` lacks the items that it must contain",
        ),
        (json!({"minProperties": 1}), json!({}), "the arguments must have at least 1 field, got 0"),
        (json!({"properties": {"old": false}}), json!({"old": 1}), "`/old` is not allowed here"),
        (json!({"properties": {"a": {"not": {"type": "null"}}}}), json!({"a": null}), "`/a` must not be null"),
        (
            json!({"propertyNames": {"maxLength": 2}}),
            json!({"long": 1}),
            "a field name in the arguments is not allowed: the arguments must have at most 2 characters, got 4",
        ),
        (
            json!({"properties": {"to": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}]}}}),
            json!({"to": {"name": 3}}),
            "`/to` fits none of the 2 allowed forms, got an object with 1 field; for the closest form: `/to/name` must be a string, got the number 3",
        ),
        (
            json!({"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "number"}]}}}),
            json!({"a": 1}),
            "`/a` fits more than one of the 2 forms of which exactly one is allowed",
        ),
        (
            json!({"$ref": "#/$defs/arguments", "$defs": {"arguments": {"properties": {"path": {}}, "additionalProperties": false}}}),
            json!({"pat": 1}),
            "`/pat` is not a known field (did you mean `path`?)",
        ),
        (
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}], "additionalItems": false}),
            json!(["a", 1]),
            "the arguments must have at most 1 item, got 2",
        ),
        (
            json!({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": false}),
            json!({"b": 1}),
            "`/b` is not a known field",
        ),
    ];
    for (schema, value, expected) in cases {
        assert_eq!(message(schema.clone(), value), expected, "{schema}");
    }
}

#[test]
fn a_violation_carries_what_was_asked_for() {
    let schema = CompiledSchema::compile(&json!({"properties": {"n": {"type": "integer", "minimum": 1}}})).unwrap();
    let violations = schema.validate(&json!({"n": "x"})).unwrap_err();
    assert_eq!(
        serde_json::to_value(&violations).unwrap(),
        json!({
            "violations": [{
                "pointer": "/n",
                "keyword": "type",
                "message": "`/n` must be an integer, got the string \"x\"",
                "expected": {"type": "integer", "minimum": 1},
            }],
            "more": 0,
        })
    );
}

#[test]
fn a_hostile_value_cannot_forge_or_flood_a_message() {
    let name = format!("a\n\u{202e}\u{1b}[2J{}", "x".repeat(100_000));
    let text = message(json!({"properties": {"path": {}}, "additionalProperties": false}), json!({ name: 1 }));
    assert!(text.len() < 1000 && !text.contains(['\n', '\u{1b}', '\u{202e}']), "{text}");
    let many: serde_json::Map<_, _> = (0..1000).map(|n| (format!("f{n}"), json!("x"))).collect();
    let text = message(json!({"additionalProperties": {"type": "integer"}}), Value::Object(many));
    assert!(text.len() < 4000 && text.ends_with("and 980 more"), "{text}");
}

#[test]
fn nothing_is_fetched_and_the_error_names_what_would_have_been() {
    for (reference, named) in [
        ("https://example.org/schema.json", "https://example.org/schema.json"),
        ("http://169.254.169.254/latest#/a", "http://169.254.169.254/latest"),
        ("file:///etc/passwd", "file:///etc/passwd"),
    ] {
        let error = CompiledSchema::compile(&json!({ "properties": { "a": { "$ref": reference } } })).unwrap_err();
        assert_eq!(error, Error::RemoteReference(named.to_owned()));
    }
    assert!(matches!(CompiledSchema::compile(&json!({ "$ref": "#/$defs/none" })), Err(Error::Invalid { .. })));
}

#[test]
fn a_schema_that_is_not_valid_is_refused_with_the_place() {
    let error = CompiledSchema::compile(&json!({"properties": {"a": {"type": "strnig"}}})).unwrap_err().to_string();
    assert!(error.starts_with("`/properties/a/type` in the schema: "), "{error}");
    let error = CompiledSchema::compile(&json!({"pattern": "(?<=a)b"})).unwrap_err().to_string();
    assert!(error.contains("/pattern"), "{error}");
}

#[test]
fn a_pattern_that_backtracks_forever_elsewhere_takes_no_time_here() {
    let schema = CompiledSchema::compile(&json!({"pattern": "^(a+)+$"})).unwrap();
    assert!(schema.validate(&json!(format!("{}b", "a".repeat(100_000)))).is_err());
    let bomb = json!({"pattern": "((((a{1000}){1000}){1000}){1000})"});
    assert!(CompiledSchema::compile(&bomb).is_err());
}

#[test]
fn a_recursive_schema_that_doubles_per_level_gives_up_with_words() {
    let schema =
        json!({"properties": {"next": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, "value": {"type": "integer"}}});
    let schema = CompiledSchema::compile(&schema).unwrap();
    let nested = |levels| (0..levels).fold(json!({"value": "x"}), |inner, _| json!({ "next": inner }));
    assert!(schema.validate(&nested(8)).unwrap_err().to_string().contains("must be an integer"));
    assert!(schema.validate(&nested(60)).unwrap_err().to_string().contains("nested too deeply"));
}

/// As deep as it gets within the bounds: on a thread with the usual stack of 2 MiB.
#[test]
fn the_deepest_value_and_the_deepest_schema_fit_on_the_stack() {
    let chain: serde_json::Map<_, _> = (0..90)
        .map(|n| {
            (
                n.to_string(),
                if n == 0 {
                    json!({ "properties": { "a": { "$ref": "#" } } })
                } else {
                    json!({ "anyOf": [{ "$ref": format!("#/$defs/{}", n - 1) }] })
                },
            )
        })
        .collect();
    let chained = json!({ "$ref": "#/$defs/89", "$defs": chain });
    let plain = json!({ "properties": { "a": { "$ref": "#" } } });
    let check = move || {
        for (schema, levels) in [(&chained, 1), (&chained, 2), (&plain, 126)] {
            let schema = CompiledSchema::compile(schema).unwrap();
            let text = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
            let value = parse(&text, "it").unwrap();
            // Whatever the answer is: it is one.
            let _answer = schema.validate(&value).map_err(|violations| violations.to_string());
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();
}

#[test]
fn a_large_value_with_a_mistake_gets_an_answer_without_being_copied_for_each_branch() {
    let branches: Vec<_> = (0..400).map(|n| json!({"required": [format!("f{n}")]})).collect();
    let big: Vec<_> = (0..20_000).map(Value::from).collect();
    let text = message(json!({ "anyOf": branches }), json!({ "x": big }));
    assert!(text.contains("too large"), "{text}");
}
