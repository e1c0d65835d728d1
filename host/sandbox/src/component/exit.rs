//! Exit statuses of programs for WASI preview 1.
//!
//! The adapter knows success and failure only, because that is all that `wasi:cli/exit` could say at first. A program's status says
//! more: `grep` has 1 for "nothing found" and 2 for "broken". So a module's import of `proc_exit` is led past the adapter to
//! `exit-with-code`, which this host has.

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, Module, TypeSection,
    ValType,
};
use wasmparser::{Imports, Parser, Payload};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The module that preview 1 is imported from.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The name that the import gets, as long as [`PREVIEW1`], so that it can be written in its place.
pub(super) const NAME: &str = "toolhold:exit/preview1";

/// The one interface that the bridge imports.
const WIT: &str = "package toolhold:exit;
world bridge { import wasi:cli/exit@0.2.12; }
package wasi:cli@0.2.12 { interface exit { exit-with-code: func(status-code: u8); } }";

/// `module` with its import of `proc_exit` led to [`NAME`]; `None` where it has none.
pub(super) fn redirected(module: &[u8]) -> Option<Vec<u8>> {
    let at = import_of_exit(module)?;
    let mut module = module.to_vec();
    module.get_mut(at..at + NAME.len())?.copy_from_slice(NAME.as_bytes());
    Some(module)
}

/// Where the name of the module stands from which `proc_exit` is imported.
fn import_of_exit(module: &[u8]) -> Option<usize> {
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(section) = payload.ok()? else { continue };
        for imports in section.into_iter_with_offsets() {
            let (offset, imports) = imports.ok()?;
            if let Imports::Single(_, import) = imports
                && (import.module, import.name) == (PREVIEW1, "proc_exit")
            {
                // The length of the name comes before it, in one byte.
                let at = offset + 1;
                return (module.get(at..at + PREVIEW1.len())? == PREVIEW1.as_bytes()).then_some(at);
            }
        }
    }
    None
}

/// A module that hands the status on.
///
/// # Errors
///
/// Never for these constants.
pub(super) fn bridge() -> anyhow::Result<Vec<u8>> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    module.section(&types);
    let mut imports = ImportSection::new();
    imports.import("wasi:cli/exit@0.2.12", "exit-with-code", EntityType::Function(0));
    module.section(&imports);
    let mut functions = FunctionSection::new();
    functions.function(0);
    module.section(&functions);
    let mut exports = ExportSection::new();
    exports.export("proc_exit", ExportKind::Func, 1);
    module.section(&exports);
    let mut body = Function::new([]);
    // More than a byte is cut off, as every shell does it.
    body.instructions().local_get(0).i32_const(255).i32_and().call(0).unreachable().end();
    let mut code = CodeSection::new();
    code.function(&body);
    module.section(&code);
    let mut bytes = module.finish();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("exit.wit", WIT)?;
    let world = resolve.select_world(&[package], None)?;
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_module_of_that_import_is_renamed() {
        let text = |module: &str| {
            format!(
                r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
                    (import "{module}" "proc_exit" (func (param i32))))"#
            )
        };
        let module = wat::parse_str(text(PREVIEW1)).unwrap();
        assert_eq!(redirected(&module).unwrap(), wat::parse_str(text(NAME)).unwrap());
        assert_eq!(redirected(&wat::parse_str(text("other")).unwrap()), None);
        assert_eq!(NAME.len(), PREVIEW1.len());
    }
}
