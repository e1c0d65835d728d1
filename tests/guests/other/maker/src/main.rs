//! Makes what stands between a compiler of another language and a component: bindings before it, the component after it.
//!
//! `guest-maker c|go WIT DIRECTORY` writes bindings for the world of described tools; `guest-maker component CORE FILE`
//! makes a component of the module that was compiled with them; `guest-maker embed WIT CORE` does so for compilers that
//! do not take the object file with the type of the world. A tool for tests: whoever writes tools has `wit-bindgen` and
//! `wasm-tools`, which do the same.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_bindgen_core::{Files, WorldGenerator};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// The world of components whose tools describe themselves.
const WORLD: &str = "described-tool";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["c", wit, directory] => bindings(wit, directory, wit_bindgen_c::Opts::default().build()),
        ["go", wit, directory] => bindings(wit, directory, wit_bindgen_go::Opts::default().build()),
        ["embed", wit, core] => embed(wit, core),
        ["component", core, file] => component(core, file),
        _ => bail!("usage: guest-maker c|go WIT DIRECTORY | embed WIT CORE | component CORE FILE"),
    }
}

fn world(wit: &str) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).with_context(|| format!("cannot read `{wit}`"))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    Ok((resolve, world))
}

fn bindings(wit: &str, directory: &str, mut generator: Box<dyn WorldGenerator>) -> Result<()> {
    let (mut resolve, world) = world(wit)?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    for (name, content) in files.iter() {
        write(&Path::new(directory).join(name), content)?;
    }
    Ok(())
}

fn embed(wit: &str, core: &str) -> Result<()> {
    let (resolve, world) = world(wit)?;
    let mut module = std::fs::read(core).with_context(|| format!("cannot read `{core}`"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    write(Path::new(core), &module)
}

fn component(core: &str, file: &str) -> Result<()> {
    let module = std::fs::read(core).with_context(|| format!("cannot read `{core}`"))?;
    let mut encoder = ComponentEncoder::default();
    let component = encoder.module(&module)?.adapter(ADAPTER_NAME, ADAPTER)?.validate(true).encode()?;
    write(Path::new(file), &component)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content).with_context(|| format!("cannot write `{}`", path.display()))
}
