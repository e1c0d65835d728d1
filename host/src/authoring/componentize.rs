//! From a core module to a component of the world of described tools.
//!
//! The world is fixed, so it is part of this program: an author needs no `wit-bindgen` and no `wasm-tools`.

use anyhow::{Context as _, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasm_encoder::{ExportKind, ExportSection, RawSection};
use wasmparser::{ExternalKind, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::sdk::WORLD;

/// What languages whose exports must be identifiers call the functions of the world.
const EXPORTS: [(&str, &str); 2] = [
    ("toolhold_describe", "toolhold:tool/described@0.1.0#describe"),
    ("toolhold_invoke", "toolhold:tool/described@0.1.0#invoke"),
];

/// Makes a component of `core`, which imports WASI preview 1 or nothing.
pub(super) fn componentize(core: &[u8]) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("tool.wit", WORLD).context("the world cannot be read")?;
    let world = resolve.select_world(&[package], Some("described-tool"))?;
    let mut module = with_names_of_the_world(core).context("what the compiler made is not a module")?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let encoder = ComponentEncoder::default().module(&module)?.adapter(ADAPTER_NAME, ADAPTER)?;
    encoder.validate(true).encode().context("the module is not a tool: does it come from another world?")
}

/// `core` with the exports of [`EXPORTS`] under the names that the world has for them.
fn with_names_of_the_world(core: &[u8]) -> Result<Vec<u8>> {
    let mut module = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        if let Payload::ExportSection(reader) = payload {
            let mut exports = ExportSection::new();
            for export in reader {
                let export = export?;
                let renamed = EXPORTS.iter().find(|(name, _)| *name == export.name);
                let name = renamed.map_or(export.name, |(_, name)| name);
                exports.export(name, kind(export.kind)?, export.index);
            }
            module.section(&exports);
        } else if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: core.get(range).unwrap_or_default() });
        }
    }
    Ok(module.finish())
}

fn kind(kind: ExternalKind) -> Result<ExportKind> {
    Ok(match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => anyhow::bail!("it exports an exception"),
    })
}
