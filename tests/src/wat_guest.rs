//! Guests that no compiler would make: text in `guests/wat`, completed and made a component.
//!
//! A file that holds a whole component is taken as it is. A file that holds a core module says only what is odd about it: what it
//! does not export of the tool world is added here and does the harmless thing. Such a guest's one tool is called `run`;
//! unless the file exports `describe`, that is said in the description section, so that nothing of the guest runs before
//! the call.

use std::path::Path;

use anyhow::{Context as _, Result};
use toolhold_core::describe::{Description, Hints, SECTION, ToolInfo};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The tool world.
const TOOL_WIT: &str = include_str!("../../wit/tool.wit");

/// What some of the guests import of WASI.
const IO_WIT: &str = "package wasi:io@0.2.6;
interface poll {
  resource pollable { ready: func() -> bool; block: func(); }
  poll: func(in: list<borrow<pollable>>) -> list<u32>;
}";

/// What the guests may import and must export.
const WORLD_WIT: &str = "package toolhold:test;
world guest { include toolhold:tool/described-tool@0.1.0; import wasi:io/poll@0.2.6; }";

const DESCRIBE: &str = "toolhold:tool/described@0.1.0#describe";

/// Exports that a file may leave out, and what is then added. The result of `invoke` at 16 is a success: the text at 48.
const DEFAULTS: [(&str, &str); 4] = [
    ("memory", r#"(memory (export "memory") 1)"#),
    (
        "cabi_realloc",
        r#"(global $free (mut i32) (i32.const 8192))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (global.get $free)
          (global.set $free (i32.add (global.get $free) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8)))))"#,
    ),
    (DESCRIBE, r#"(func (export "toolhold:tool/described@0.1.0#describe") (result i32) unreachable)"#),
    (
        "toolhold:tool/described@0.1.0#invoke",
        r#"(func (export "toolhold:tool/described@0.1.0#invoke") (param i32 i32 i32 i32) (result i32) (i32.const 16))"#,
    ),
];

const RESULT: &str = r#"(data (i32.const 16) "\00\00\00\00\30\00\00\00\04\00\00\00") (data (i32.const 48) "null")"#;

/// The component of the file `name` in `guests/wat`.
///
/// # Errors
///
/// If there is no such file or it is not valid text.
pub fn component(name: &str) -> Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/wat").join(format!("{name}.wat"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    from_text(&text).with_context(|| format!("`{name}.wat`"))
}

/// A component from the text of such a file.
///
/// # Errors
///
/// If it is not valid text.
pub fn from_text(text: &str) -> Result<Vec<u8>> {
    let whole = text.lines().find(|line| line.starts_with('(')).is_some_and(|line| line.starts_with("(component"));
    if whole {
        return Ok(wat::parse_str(text)?);
    }
    let component = encode(wat::parse_str(completed(text)?)?)?;
    if text.contains(DESCRIBE) { Ok(component) } else { described(&component) }
}

/// `component` with a section that describes the tool `run`.
///
/// # Errors
///
/// If `component` is not one.
pub fn described(component: &[u8]) -> Result<Vec<u8>> {
    let tool = ToolInfo {
        name: "run".parse()?,
        title: "Run".to_owned(),
        description: "Hostile.".to_owned(),
        input_schema: serde_json::json!({"type": "object"}),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    let description = serde_json::to_vec(&Description { format: 1, tools: vec![tool] })?;
    Ok(with_section(component, SECTION, description))
}

/// `component` with one more custom section at its end.
#[must_use]
pub fn with_section(component: &[u8], name: &str, data: Vec<u8>) -> Vec<u8> {
    let mut component = component.to_vec();
    CustomSection { name: name.into(), data: data.into() }.append_to_component(&mut component);
    component
}

/// The module with everything that the world asks for.
fn completed(text: &str) -> Result<String> {
    let end = text.rfind(')').context("not a module")?;
    let mut whole = text.get(..end).unwrap_or_default().to_owned();
    for (name, field) in DEFAULTS {
        if !text.contains(&format!("(export \"{name}\")")) {
            whole.push_str(field);
        }
    }
    whole.push_str(RESULT);
    whole.push(')');
    Ok(whole)
}

/// A component from a core module of the tool world.
fn encode(mut module: Vec<u8>) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    resolve.push_str("tool.wit", TOOL_WIT)?;
    resolve.push_str("io.wit", IO_WIT)?;
    let package = resolve.push_str("guest.wit", WORLD_WIT)?;
    let world = resolve.select_world(&[package], Some("guest"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}
