//! Components that know nothing of Toolhold: each function that one exports is a tool.
//!
//! Names and schemas come from the component's own types, so they cannot lie. Descriptions do not survive compilers; a
//! `toolhold:tool` section may add them, and must otherwise say what the types say ([`merge`]).

mod merge;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use toolhold_core::describe::{Description, EffectKind, Hints, Need, ToolInfo};
use toolhold_core::id::LocalName;
use wasmtime::Engine;
use wasmtime::component::types::{Component, ComponentFunc, ComponentItem, Type};

pub use merge::Error as MergeError;
pub(crate) use merge::merge;
use schema::Schemas;

/// A function that is a tool.
#[derive(Debug)]
pub(crate) struct Function {
    /// The tool's name.
    pub(crate) name: LocalName,
    /// The interface that has it; `None` for a function of the world itself.
    pub(crate) interface: Option<String>,
    /// Its name there.
    pub(crate) function: String,
    /// Its types.
    pub(crate) ty: ComponentFunc,
    input: Value,
    output: Value,
}

/// Functions that one component may export, usable or not.
const MAX_FUNCTIONS: usize = 256;

/// It exports more functions than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the component exports more than {MAX_FUNCTIONS} functions")]
pub struct TooMany;

/// A function that is exported and cannot be a tool.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refused {
    /// Its whole name.
    pub function: String,
    /// Why not.
    pub why: String,
}

/// What a component exports.
#[derive(Debug, Default)]
pub(crate) struct Surface {
    pub(crate) functions: Vec<Function>,
    pub(crate) refused: Vec<Refused>,
}

impl Surface {
    /// The functions of a component.
    ///
    /// # Errors
    ///
    /// [`TooMany`] functions.
    pub(crate) fn of(component: &Component, engine: &Engine) -> Result<Self, TooMany> {
        let mut found = Vec::new();
        for (name, item) in component.exports(engine) {
            match item.ty {
                // Two language toolchains add these to every component.
                _ if name.starts_with("wasi:") || matches!(name, "init" | "exports") => {}
                ComponentItem::ComponentFunc(ty) => found.push((None, name.to_owned(), ty)),
                ComponentItem::ComponentInstance(interface) => {
                    for (function, item) in interface.exports(engine) {
                        if let ComponentItem::ComponentFunc(ty) = item.ty {
                            found.push((Some(name.to_owned()), function.to_owned(), ty));
                        }
                        bounded(&found)?;
                    }
                }
                _ => {}
            }
            bounded(&found)?;
        }
        Ok(Self::named(found))
    }

    fn named(found: Vec<(Option<String>, String, ComponentFunc)>) -> Self {
        let mut surface = Self::default();
        let mut usable = Vec::new();
        // One for all of them: the schemas of a component are kept for as long as it is loaded.
        let mut schemas = Schemas::default();
        for (interface, function, ty) in found {
            match usable_as_tool(&function, &ty, &mut schemas) {
                Ok((input, output)) => usable.push((interface, function, ty, input, output)),
                Err(why) => surface.refused.push(Refused { function: whole(interface.as_deref(), &function), why }),
            }
        }
        let names = names(usable.iter().map(|(interface, function, ..)| (interface.as_deref(), function.as_str())));
        for ((interface, function, ty, input, output), name) in usable.into_iter().zip(names) {
            match name {
                Some(name) => surface.functions.push(Function { name, interface, function, ty, input, output }),
                None => {
                    let why = "it has no name of its own of at most 64 bytes".to_owned();
                    surface.refused.push(Refused { function: whole(interface.as_deref(), &function), why });
                }
            }
        }
        surface.functions.sort_by(|left, right| left.name.cmp(&right.name));
        surface
    }

    /// What the component's types say of its tools. `imports` bounds what they can need.
    pub(crate) fn describe(&self, imports: &[String]) -> Description {
        let describe = |function: &Function| ToolInfo {
            name: function.name.clone(),
            title: function.function.clone(),
            description: format!(
                "`{}`. Its author says nothing more of it.",
                whole(function.interface.as_deref(), &function.function)
            ),
            input_schema: function.input.clone(),
            output_schema: Some(function.output.clone()),
            hints: hints_of(imports),
            needs: needs_of(imports),
            extra: Map::from_iter([(
                "function".to_owned(),
                json!(whole(function.interface.as_deref(), &function.function)),
            )]),
        };
        Description { format: 1, tools: self.functions.iter().map(describe).collect() }
    }
}

fn bounded<T>(functions: &[T]) -> Result<(), TooMany> {
    if functions.len() > MAX_FUNCTIONS { Err(TooMany) } else { Ok(()) }
}

fn whole(interface: Option<&str>, function: &str) -> String {
    interface.map_or_else(|| function.to_owned(), |interface| format!("{interface}#{function}"))
}

/// The schemas of its arguments and of its result, or why it cannot be a tool.
fn usable_as_tool(function: &str, ty: &ComponentFunc, schemas: &mut Schemas) -> Result<(Value, Value), String> {
    if function.starts_with('[') {
        return Err("it belongs to a resource, and a resource does not outlive a call".into());
    }
    if ty.async_() {
        return Err("it is asynchronous, which is not of WASI 0.2".into());
    }
    schemas.begin();
    Ok((input_schema(ty, schemas)?, output_schema(ty, schemas)?))
}

fn input_schema(ty: &ComponentFunc, schemas: &mut Schemas) -> Result<Value, String> {
    let fields = ty.params().collect::<Vec<_>>();
    schemas.record(fields.iter().map(|(name, ty)| (*name, ty.clone())))
}

fn output_schema(ty: &ComponentFunc, schemas: &mut Schemas) -> Result<Value, String> {
    let Some(result) = ty.results().next() else { return Ok(json!({ "type": "null" })) };
    match result {
        // The error of a result is a failure of the call, not a result.
        Type::Result(result) => {
            result.err().map(|ty| schemas.of(&ty)).transpose()?;
            result.ok().map_or_else(|| Ok(json!({ "type": "null" })), |ty| schemas.of(&ty))
        }
        other => schemas.of(&other),
    }
}

/// The shortest name of each that no other has: the function's, with its interface's, with its package's.
fn names<'a>(functions: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> Vec<Option<LocalName>> {
    let choices: Vec<[String; 3]> = functions.map(|(interface, function)| spellings(interface, function)).collect();
    let mut level = vec![0_usize; choices.len()];
    for _ in 1..3 {
        let chosen = |level: &[usize]| -> Vec<String> {
            choices.iter().zip(level).filter_map(|(names, level)| names.get(*level).cloned()).collect()
        };
        let all = chosen(&level);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        all.iter().for_each(|name| *seen.entry(name).or_default() += 1);
        for (name, level) in all.iter().zip(&mut level) {
            if seen.get(name.as_str()).is_some_and(|count| *count > 1) {
                *level = (*level + 1).min(2);
            }
        }
    }
    let mut taken = BTreeSet::new();
    let name = |(names, level): (&[String; 3], &usize)| {
        let name: LocalName = names.get(*level)?.parse().ok()?;
        taken.insert(name.clone()).then_some(name)
    };
    choices.iter().zip(&level).map(name).collect()
}

/// `function`, `interface-function`, `namespace-package-interface-function`, as names of tools are written.
fn spellings(interface: Option<&str>, function: &str) -> [String; 3] {
    let plain = |text: &str| text.to_lowercase().replace([':', '/', '.'], "-");
    let unversioned = interface.map(|name| name.split('@').next().unwrap_or(name)).unwrap_or_default();
    let last = unversioned.rsplit('/').next().unwrap_or(unversioned);
    let joined = |front: &str| match front {
        "" => plain(function),
        front => format!("{}-{}", plain(front), plain(function)),
    };
    [plain(function), joined(last), joined(unversioned)]
}

/// The most that a component with these imports can need: what it does not import, it cannot do.
pub(crate) fn needs_of(imports: &[String]) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut need = |effect, target: &str, import: &str| {
        needs.push(Need { effect, target: target.into(), reason: format!("it imports {import}") });
    };
    if imports.iter().any(|name| name.starts_with("wasi:filesystem/")) {
        need(EffectKind::Read, "/**", "wasi:filesystem");
        need(EffectKind::Write, "/**", "wasi:filesystem");
    }
    if imports.iter().any(|name| name.starts_with("wasi:http/outgoing-handler")) {
        need(EffectKind::Network, "*", "wasi:http");
    }
    needs
}

/// The worst that a component with these imports can be.
fn hints_of(imports: &[String]) -> Hints {
    let network = imports.iter().any(|name| name.starts_with("wasi:http/") || name.starts_with("wasi:sockets/"));
    let acts = network || imports.iter().any(|name| name.starts_with("wasi:filesystem/"));
    Hints { read_only: !acts, destructive: acts, idempotent: !acts, open_world: network }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(functions: &[(Option<&str>, &str)]) -> Vec<Option<String>> {
        names(functions.iter().copied()).into_iter().map(|name| name.map(|name| name.as_str().to_owned())).collect()
    }

    #[test]
    fn a_name_is_as_short_as_it_can_be() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(named(&[(Some("a:b/maths@1.0.0"), "add"), (None, "get-HTTP")]), [some("add"), some("get-http")]);
        assert_eq!(
            named(&[(Some("a:b/maths@1.0.0"), "add"), (Some("a:b/sets@1.0.0"), "add"), (None, "sub")]),
            [some("maths-add"), some("sets-add"), some("sub")]
        );
        assert_eq!(
            named(&[(Some("a:b/maths@1.0.0"), "add"), (Some("a:c/maths"), "add")]),
            [some("a-b-maths-add"), some("a-c-maths-add")]
        );
    }

    #[test]
    fn a_function_without_a_name_of_its_own_is_no_tool() {
        let found =
            named(&[(Some("a:b/maths@1.0.0"), "add"), (Some("a:b/maths@2.0.0"), "add"), (None, &"x".repeat(65))]);
        assert_eq!(found, [Some("a-b-maths-add".to_owned()), None, None]);
    }

    #[test]
    fn what_is_not_imported_is_not_needed() {
        let imports = |names: &[&str]| needs_of(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).len();
        assert_eq!(imports(&["wasi:cli/environment@0.2.6", "wasi:io/streams@0.2.6"]), 0);
        assert_eq!(imports(&["wasi:filesystem/types@0.2.6"]), 2);
        assert_eq!(imports(&["wasi:filesystem/types@0.2.6", "wasi:http/outgoing-handler@0.2.6"]), 3);
        assert!(hints_of(&[]).read_only && !hints_of(&["wasi:filesystem/types@0.2.6".into()]).read_only);
    }
}
