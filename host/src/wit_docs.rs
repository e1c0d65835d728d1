//! What the author of a WIT package wrote beside its functions and fields, laid over schemas that come from types.
//!
//! Compilers drop these comments, so a component does not have them; `toolhold pack --wit` brings them back.

use std::path::Path;

use serde_json::Value;
use toolhold_core::describe::Description;
use toolhold_core::id::LocalName;
use wit_parser::{Docs, Function, Resolve, Type, TypeDefKind, WorldItem};

/// The key under which a function's whole name is in `extra`.
const FUNCTION: &str = "function";

/// Adds to `description` what the package at `wit` says. Returns the tools of which it says nothing.
///
/// # Errors
///
/// What is wrong with the package, with file and line.
pub(crate) fn describe(description: &mut Description, wit: &Path) -> anyhow::Result<Vec<LocalName>> {
    let mut resolve = Resolve::default();
    if let Err(error) = resolve.push_path(wit) {
        anyhow::bail!("`{}` is not a WIT package: {error:#}", wit.display());
    }
    let mut silent = Vec::new();
    for tool in &mut description.tools {
        let whole = tool.extra.get(FUNCTION).and_then(Value::as_str).unwrap_or_default();
        let Some(function) = find(&resolve, whole) else {
            silent.push(tool.name.clone());
            continue;
        };
        match text(&function.docs) {
            Some(docs) => tool.description = docs,
            None => silent.push(tool.name.clone()),
        }
        for param in &function.params {
            if let Some(schema) = tool.input_schema.pointer_mut("/properties").and_then(|all| all.get_mut(&param.name))
            {
                annotate(schema, &param.ty, &resolve);
            }
        }
        if let (Some(schema), Some(ty)) = (&mut tool.output_schema, &function.result) {
            annotate(schema, &success(ty, &resolve).unwrap_or(*ty), &resolve);
        }
    }
    Ok(silent)
}

/// `namespace:package/interface@version#function`, or the name of a function of a world.
fn find<'a>(resolve: &'a Resolve, whole: &str) -> Option<&'a Function> {
    let Some((interface, function)) = whole.split_once('#') else {
        let exports = resolve.worlds.iter().flat_map(|(_, world)| world.exports.values());
        return exports
            .filter_map(|item| if let WorldItem::Function(function) = item { Some(function) } else { None })
            .find(|function| function.name == whole);
    };
    let (_, found) = resolve.interfaces.iter().find(|(id, _)| resolve.id_of(*id).as_deref() == Some(interface))?;
    found.functions.get(function)
}

/// The type of what a function returns if it does not fail.
fn success(ty: &Type, resolve: &Resolve) -> Option<Type> {
    match kind(ty, resolve)? {
        TypeDefKind::Result(result) => result.ok,
        _ => None,
    }
}

/// What a name stands for, whatever it is called on the way.
fn kind<'a>(ty: &Type, resolve: &'a Resolve) -> Option<&'a TypeDefKind> {
    let Type::Id(id) = ty else { return None };
    match &resolve.types.get(*id)?.kind {
        TypeDefKind::Type(other) => kind(other, resolve).or(Some(&resolve.types.get(*id)?.kind)),
        kind => Some(kind),
    }
}

/// Describes `schema`, which is of `ty`, and what is in it.
fn annotate(schema: &mut Value, ty: &Type, resolve: &Resolve) {
    let Type::Id(id) = ty else { return };
    let Some(named) = resolve.types.get(*id) else { return };
    match &named.kind {
        TypeDefKind::Type(other) => annotate(schema, other, resolve),
        TypeDefKind::Record(record) => {
            for field in &record.fields {
                if let Some(part) = schema.pointer_mut("/properties").and_then(|all| all.get_mut(&field.name)) {
                    annotate(part, &field.ty, resolve);
                    say(part, text(&field.docs));
                }
            }
        }
        TypeDefKind::List(item) | TypeDefKind::FixedLengthList(item, _) => {
            if let Some(part) = schema.get_mut("items") {
                annotate(part, item, resolve);
            }
        }
        TypeDefKind::Option(inner) => {
            if let Some(part) = schema.pointer_mut("/anyOf/0") {
                annotate(part, inner, resolve);
            }
        }
        TypeDefKind::Variant(variant) => {
            let parts = schema.get_mut("anyOf").and_then(Value::as_array_mut);
            for (case, part) in variant.cases.iter().zip(parts.into_iter().flatten()) {
                if let (Some(ty), Some(value)) =
                    (&case.ty, part.pointer_mut("/properties").and_then(|all| all.get_mut(&case.name)))
                {
                    annotate(value, ty, resolve);
                }
                say(part, text(&case.docs));
            }
        }
        _ => {}
    }
    say(schema, text(&named.docs));
}

/// Sets the description of `schema`. The last one counts: a field says more of itself than its type does.
fn say(schema: &mut Value, docs: Option<String>) {
    if let (Some(docs), Some(schema)) = (docs, schema.as_object_mut()) {
        schema.insert("description".to_owned(), Value::String(docs));
    }
}

fn text(docs: &Docs) -> Option<String> {
    docs.contents.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_reach_the_tools_and_their_arguments() {
        let dir = tempfile::tempdir().unwrap();
        let wit = "package a:b@1.0.0;\n/// Numbers.\ninterface maths {\n  /// A point.\n  record point {\n    /// to the right\n    x: u32,\n    y: u32,\n  }\n  /// How far it is.\n  far: func(to: point, maybe: option<point>) -> result<point, string>;\n  plain: func();\n}\nworld w { export maths; }";
        std::fs::write(dir.path().join("a.wit"), wit).unwrap();
        let point = json!({ "type": "object", "properties": { "x": {}, "y": {} } });
        let tool = |name: &str| {
            json!({
                "name": name, "title": name, "description": "D", "output-schema": point,
                "input-schema": { "properties": { "to": point, "maybe": { "anyOf": [point, { "type": "null" }] } } },
                "extra": { "function": format!("a:b/maths@1.0.0#{name}") },
            })
        };
        let section = json!({ "format": 1, "tools": [tool("far"), tool("plain"), tool("other")] });
        let mut description: Description = serde_json::from_value(section).unwrap();
        let silent = describe(&mut description, dir.path()).unwrap();
        assert_eq!(silent.iter().map(LocalName::as_str).collect::<Vec<_>>(), ["plain", "other"]);
        let far = &description.tools[0];
        assert_eq!(far.description, "How far it is.");
        assert_eq!(far.input_schema["properties"]["to"]["description"], "A point.");
        assert_eq!(far.input_schema["properties"]["to"]["properties"]["x"]["description"], "to the right");
        assert_eq!(far.input_schema["properties"]["maybe"]["anyOf"][0]["description"], "A point.");
        assert_eq!(far.output_schema.as_ref().unwrap()["description"], "A point.");
        std::fs::write(dir.path().join("a.wit"), "interface {").unwrap();
        assert!(describe(&mut description, dir.path()).unwrap_err().to_string().contains("is not a WIT package"));
    }
}
