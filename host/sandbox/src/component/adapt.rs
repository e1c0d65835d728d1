//! Core modules, as compilers for WASI preview 1 make them, turned into components.
//!
//! The adapter is a module of the Bytecode Alliance that implements preview 1 on WASI 0.2; it is linked into the component, so
//! a module can do nothing that a component could not. It runs in the sandbox like the rest.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use toolhold_core::describe::SECTION;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::exit;
use super::inspect::Error;

/// The export with which a program of preview 1 begins.
const START: &str = "_start";

/// The component that the core module `module` is, once its imports of preview 1 are adapted.
///
/// # Errors
///
/// [`Error::CoreModule`] says why it cannot be one.
pub(crate) fn adapt(module: &[u8], exports: &[String]) -> Result<Vec<u8>, Error> {
    let is_program = exports.iter().any(|name| name == START);
    let encode = || {
        let redirected = if is_program { exit::redirected(module) } else { None };
        let encoder = ComponentEncoder::default().validate(true).module(redirected.as_deref().unwrap_or(module))?;
        let adapter = match is_program {
            true => WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
            false => WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        };
        let mut encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?;
        match redirected {
            Some(_) => encoder.adapter(exit::NAME, &exit::bridge()?)?.encode(),
            None => encoder.encode(),
        }
    };
    // The encoder is made for the output of compilers; what is handed in here may be anything.
    match catch_unwind(AssertUnwindSafe(encode)) {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(Error::CoreModule(one_line(&format!("{error:#}")))),
        Err(_) => Err(Error::CoreModule("it is not built as compilers build one".into())),
    }
}

/// The core module `module` without what it says of its tools; as it is where it says nothing, or cannot be read.
pub(crate) fn without_section(module: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Module::new();
    let mut is_found = false;
    for payload in Parser::new(0).parse_all(module) {
        let Ok(payload) = payload else { return Cow::Borrowed(module) };
        if matches!(&payload, Payload::CustomSection(section) if section.name() == SECTION) {
            is_found = true;
        } else if let Some((id, range)) = payload.as_section() {
            out.section(&RawSection { id, data: module.get(range).unwrap_or_default() });
        }
    }
    if is_found { Cow::Owned(out.finish()) } else { Cow::Borrowed(module) }
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Names in it are whatever stands in the file.
    toolhold_core::escape::short(&text, 500).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::inspect::inspect;
    use super::*;

    fn adapted(text: &str) -> Result<Vec<u8>, Error> {
        let module = wat::parse_str(text).unwrap();
        adapt(&module, &inspect(&module, 1 << 20).unwrap().exports)
    }

    #[test]
    fn a_program_of_preview_1_becomes_a_command() {
        let program = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 3))))"#;
        let component = adapted(program).unwrap();
        let found = inspect(&component, 64 << 20).unwrap();
        assert!(found.exports.iter().any(|name| name.starts_with("wasi:cli/run@0.2")), "{:?}", found.exports);
        assert!(!found.is_module);
    }

    #[test]
    fn what_a_module_says_of_itself_is_cut_out_and_nothing_else() {
        let module = wat::parse_str(
            r#"(module (memory (export "memory") 1) (func (export "_start")) (data (i32.const 0) "a"))"#,
        );
        let module = module.unwrap();
        assert!(matches!(without_section(&module), Cow::Borrowed(same) if same == module));
        let mut described = module.clone();
        let section =
            |name: &'static str| wasm_encoder::CustomSection { name: name.into(), data: b"{}".as_slice().into() };
        wasm_encoder::Section::append_to(&section(SECTION), &mut described);
        assert_eq!(without_section(&described), module);
        wasm_encoder::Section::append_to(&section("other"), &mut described);
        assert_eq!(without_section(&described).len(), described.len() - SECTION.len() - 5);
    }

    #[test]
    fn what_no_adapter_helps_is_refused_with_the_reason() {
        let foreign = r#"(module (import "env" "system" (func (param i32))) (func (export "_start")))"#;
        let error = adapted(foreign).unwrap_err().to_string();
        assert!(error.contains("env"), "{error}");
    }
}
