//! Components of plain functions that describe more than anybody should have to hold.

use std::fmt::Write as _;

use super::support::sandbox;
use crate::{LoadError, Loaded};

/// A component with these functions: each its name, and the types of its parameters.
fn component(functions: &[(String, String)]) -> Vec<u8> {
    let mut text = String::from(
        r#"(component
        (core module $m (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
            (func (export "none")) (func (export "many") (param i32)) (func (export "list") (param i32 i32)))
        (core instance $i (instantiate $m))
        "#,
    );
    for (index, (name, types)) in functions.iter().enumerate() {
        let (lifted, parameter) = match types.as_str() {
            "" => ("none", String::new()),
            // A type with names has one of its own, which is exported.
            flags if flags.starts_with("(flags") => {
                write!(text, "(type $t{index} {flags}) (export $e{index} \"t{index}\" (type $t{index}))").unwrap();
                ("list", format!("(param \"a\" (list $e{index}))"))
            }
            tuple => ("many", format!("(param \"a\" {tuple})")),
        };
        let memory = if types.is_empty() {
            ""
        } else {
            r#"(memory (core memory $i "memory")) (realloc (core func $i "realloc"))"#
        };
        writeln!(text, "(func $f{index} {parameter} (canon lift (core func $i \"{lifted}\") {memory}))").unwrap();
        writeln!(text, "(export \"{name}\" (func $f{index}))").unwrap();
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

fn load(functions: &[(String, String)]) -> Result<Loaded, LoadError> {
    sandbox().load_blocking(&component(functions))
}

fn plain(count: usize) -> Vec<(String, String)> {
    (0..count).map(|index| (format!("f{index}"), String::new())).collect()
}

/// In a list.
fn flags(count: usize) -> String {
    let names: Vec<_> = (0..count).map(|index| format!("\"n{index}\"")).collect();
    format!("(flags {})", names.join(" "))
}

fn tuple(types: usize) -> String {
    format!("(tuple {})", "u8 ".repeat(types))
}

#[test]
fn as_many_functions_as_tools_may_be_and_no_more() {
    assert_eq!(load(&plain(256)).unwrap().description.tools.len(), 256);
    let error = load(&plain(257)).unwrap_err();
    assert!(matches!(error, LoadError::TooMany(_)), "{error}");
    // Those that cannot be tools count too.
    let unusable: Vec<_> = (0..257).map(|index| (format!("f{index}"), flags(9))).collect();
    let error = load(&unusable).unwrap_err();
    assert!(matches!(error, LoadError::TooMany(_)), "{error}");
}

#[test]
fn types_without_end_are_no_tool_and_the_others_still_are() {
    let mut functions = plain(1);
    functions.push(("large".into(), tuple(4_096)));
    functions.push(("fits".into(), tuple(4_000)));
    let loaded = load(&functions).unwrap();
    let names: Vec<_> = loaded.description.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["f0", "fits"]);
    assert!(loaded.refused[0].why.contains("more than 4096 types"), "{:?}", loaded.refused);
    // Each of them fits, and all of them do not.
    let all: Vec<_> = (0..12).map(|index| (format!("f{index}"), tuple(4_000))).collect();
    let loaded = load(&all).unwrap();
    assert_eq!((loaded.description.tools.len(), loaded.refused.len()), (8, 4));
    assert!(loaded.refused[0].why.contains("of all functions"), "{:?}", loaded.refused);
}

#[test]
fn lists_of_many_flags_are_no_tool() {
    let loaded = load(&[("few".into(), flags(8)), ("many".into(), flags(9))]).unwrap();
    assert_eq!(loaded.description.tools[0].name.as_str(), "few");
    assert!(loaded.refused[0].why.contains("lists of flags"), "{:?}", loaded.refused);
}
