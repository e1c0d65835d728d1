//! Guests that no compiler would make: text in `guests/wat`, completed and made a component.
//!
//! A file that holds a whole component is taken as it is. A file that holds a core module says only what is odd about it:
//! the component around it is [`wat_component.txt`](../guests/wat_component.txt), and what the module does not export
//! (`describe`, `invoke`, `realloc`, `post-return`) is added here and does the harmless thing. It may import from `host`:
//! `memory`, whose pages a comment `;; pages: N` sets, and what that text lists. A comment `;; beside: …` is one more field
//! of the component around it. Such a guest's one tool is called `run`;
//! unless the file exports `describe`, that is said in the description section, so that nothing of the guest runs before
//! the call.

use std::path::Path;

use anyhow::{Context as _, Result};
use toolhold_core::describe::{Description, Hints, SECTION, ToolInfo};
use wasm_encoder::{ComponentSection as _, CustomSection};

/// The component around a core module, with places for the module, the pages of its memory, and more.
const AROUND: &str = include_str!("../guests/wat_component.txt");

/// Exports that a file may leave out, and what is then added. The result of `invoke` at 16 is a success: `null`.
const DEFAULTS: [(&str, &str); 4] = [
    (
        "realloc",
        r#"(global $free (mut i32) (i32.const 8192))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
          (global.get $free)
          (global.set $free (i32.add (global.get $free) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8)))))"#,
    ),
    ("describe", r#"(func (export "describe") (result i32) unreachable)"#),
    ("invoke", r#"(func (export "invoke") (param i32 i32 i32 i32) (result i32) (i32.const 16))"#),
    ("post-return", r#"(func (export "post-return") (param i32))"#),
];

/// The component of the file `name` in `guests/wat`.
///
/// # Errors
///
/// If there is no such file or it is not valid text.
pub fn component(name: &str) -> Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/wat").join(format!("{name}.wat"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    from_text(&text, "").with_context(|| format!("`{name}.wat`"))
}

/// A component from the text of such a file, with `more` fields in the component around it.
///
/// # Errors
///
/// If it is not valid text.
pub fn from_text(text: &str, more: &str) -> Result<Vec<u8>> {
    let first = text.lines().find(|line| line.starts_with('(')).unwrap_or_default();
    if first.starts_with("(component") {
        return Ok(wat::parse_str(text)?);
    }
    let pages = text.lines().find_map(|line| line.strip_prefix(";; pages: ")).unwrap_or("1");
    let more: String = text.lines().filter_map(|line| line.strip_prefix(";; beside: ")).chain([more]).collect();
    let whole = AROUND.replace("{pages}", pages).replace("{more}", &more).replace("{module}", &completed(text)?);
    let component = wat::parse_str(whole)?;
    if exports(text, "describe") { Ok(component) } else { described(&component) }
}

fn exports(text: &str, name: &str) -> bool {
    text.contains(&format!("(export \"{name}\")"))
}

/// The module with everything that the component around it asks for, named `$guest`.
fn completed(text: &str) -> Result<String> {
    let (start, end) = (text.find("(module").context("not a module")?, text.rfind(')').context("not a module")?);
    let fields = text.get(start + "(module".len()..end).unwrap_or_default();
    let missing = DEFAULTS.iter().filter(|(name, _)| !exports(text, name)).map(|(_, field)| *field);
    Ok(format!("(core module $guest {fields} {})", missing.collect::<String>()))
}

/// `component` with a section that describes the tool `run`.
///
/// # Errors
///
/// None in practice.
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
