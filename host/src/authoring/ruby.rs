//! Ruby: the interpreter is started when the tool is built, and the program is its memory of that moment.
//!
//! The interpreter is made for a page of JavaScript. It gets a `_start`, functions in place of the page's that nobody calls, and a
//! view of the file system that outlasts the build: `target/sdk/ruby` has them as text. `wasm-merge` puts them together, `wizer`
//! runs the result once and keeps its memory.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, Module, RawSection};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

use super::compile::{COMPONENT, CORE, Step};
use super::language::Registry;
use super::tool_project::ToolProject;

/// The interpreter with its library, as npm has it.
const RUBY: &str = "node_modules/@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm";

/// Where what is made of it lies on its way.
const OPENED: &str = "target/ruby.wasm";
const MERGED: &str = "target/merged.wasm";

/// Where the functions that `files.wat` has are imported from then.
const FILES: &str = "toolhold_files";

/// Those functions of WASI preview 1: all that name a path, or a directory that is granted.
const OF_FILES: [&str; 12] = [
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
];

/// What a program for WASI preview 1 exports.
const OF_PROGRAM: [&str; 2] = ["memory", "_start"];

/// Starts Ruby with `src/tool.rb` loaded and returns the file of the program.
pub(super) fn compile(project: &ToolProject) -> Result<PathBuf> {
    let folder = &project.folder;
    let ruby = folder.join(RUBY);
    if !ruby.is_file() {
        bail!("Ruby (`{RUBY}`) is not in `{}`; install it there with: {}", folder.display(), Registry::Npm.install());
    }
    let ruby = std::fs::read(&ruby).with_context(|| format!("`{RUBY}` cannot be read"))?;
    let write = |file: &str, bytes: &[u8]| {
        std::fs::write(folder.join(file), bytes).with_context(|| format!("`{file}` cannot be written"))
    };
    write(OPENED, &with_files_from_elsewhere(&ruby).context("Ruby's module is not one that this program knows")?)?;
    merge().run(project)?;
    snapshot().run(project)?;
    let snapshot = std::fs::read(folder.join(CORE)).context("there is no snapshot")?;
    write(COMPONENT, &only_what_a_program_exports(&snapshot)?)?;
    Ok(folder.join(COMPONENT))
}

fn merge() -> Step {
    let modules = [
        OPENED,
        "ruby",
        "target/sdk/ruby/javascript.wat",
        "rb-js-abi-host",
        "target/sdk/ruby/handles.wat",
        "canonical_abi",
        "target/sdk/ruby/files.wat",
        FILES,
        "target/sdk/ruby/start.wat",
        "start",
    ];
    // All that Ruby uses, and nothing that wasmtime has not.
    let features = [
        "--enable-bulk-memory",
        "--enable-bulk-memory-opt",
        "--enable-mutable-globals",
        "--enable-sign-ext",
        "--enable-nontrapping-float-to-int",
        "--enable-multivalue",
        "--enable-reference-types",
    ];
    Step::new("node_modules/.bin/wasm-merge", &modules).with(&features).with(&["--skip-export-conflicts", "-o", MERGED])
}

fn snapshot() -> Step {
    let what = [MERGED, "-o", CORE, "--init-func", "wizer.initialize", "--allow-wasi", "--wasm-bulk-memory", "true"];
    Step::new("node_modules/.bin/wizer", &what).with(&["--mapdir", "/sdk::target/sdk/ruby", "--mapdir", "/src::src"])
}

/// `module` with the functions of [`OF_FILES`] imported from [`FILES`].
fn with_files_from_elsewhere(module: &[u8]) -> Result<Vec<u8>> {
    rewritten(module, |out, payload| {
        let Payload::ImportSection(reader) = payload else { return Ok(false) };
        let mut imports = ImportSection::new();
        for import in reader.clone().into_imports() {
            let import = import?;
            let TypeRef::Func(kind) = import.ty else { bail!("it imports `{}`, which is no function", import.name) };
            let is_ours = import.module == "wasi_snapshot_preview1" && OF_FILES.contains(&import.name);
            imports.import(if is_ours { FILES } else { import.module }, import.name, EntityType::Function(kind));
        }
        out.section(&imports);
        Ok(true)
    })
}

/// `module` without the exports that nobody calls: all of Ruby is reached by one of them.
fn only_what_a_program_exports(module: &[u8]) -> Result<Vec<u8>> {
    rewritten(module, |out, payload| {
        let Payload::ExportSection(reader) = payload else { return Ok(false) };
        let mut exports = ExportSection::new();
        for export in reader.clone() {
            let export = export?;
            let kind = match export.kind {
                ExternalKind::Func => ExportKind::Func,
                ExternalKind::Memory => ExportKind::Memory,
                _ => continue,
            };
            if OF_PROGRAM.contains(&export.name) {
                exports.export(export.name, kind, export.index);
            }
        }
        out.section(&exports);
        Ok(true)
    })
}

/// `module` with the sections that `replace` writes instead of those that are there.
fn rewritten(module: &[u8], mut replace: impl FnMut(&mut Module, &Payload<'_>) -> Result<bool>) -> Result<Vec<u8>> {
    let mut out = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if !replace(&mut out, &payload)?
            && let Some((id, range)) = payload.as_section()
        {
            out.section(&RawSection { id, data: module.get(range).unwrap_or_default() });
        }
    }
    Ok(out.finish())
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CodeSection, Function, FunctionSection, MemorySection, MemoryType, TypeSection};

    use super::*;

    const MEMORY: MemoryType =
        MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };

    fn module(imports: &[(&str, &str, EntityType)]) -> Vec<u8> {
        let mut out = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imported = ImportSection::new();
        for (module, name, kind) in imports {
            imported.import(module, name, *kind);
        }
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memories = MemorySection::new();
        memories.memory(MEMORY);
        let mut exports = ExportSection::new();
        let first = u32::try_from(imports.len()).unwrap();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("_start", ExportKind::Func, first).export("rb-intern", ExportKind::Func, first);
        let mut body = Function::new([]);
        body.instructions().call(0).end();
        let mut code = CodeSection::new();
        code.function(&body);
        out.section(&types).section(&imported).section(&functions).section(&memories).section(&exports).section(&code);
        out.finish()
    }

    fn names(module: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::ImportSection(reader) => names.extend(reader.into_imports().map(|import| {
                    let import = import.unwrap();
                    format!("{}.{}", import.module, import.name)
                })),
                Payload::ExportSection(reader) => {
                    names.extend(reader.into_iter().map(|export| export.unwrap().name.to_owned()));
                }
                _ => {}
            }
        }
        names
    }

    #[test]
    fn paths_are_looked_up_elsewhere_and_only_a_program_is_left() {
        let function = EntityType::Function(0);
        let ruby = module(&[
            ("wasi_snapshot_preview1", "path_open", function),
            ("wasi_snapshot_preview1", "fd_read", function),
            ("other", "path_open", function),
        ]);
        let opened = with_files_from_elsewhere(&ruby).unwrap();
        let imports = ["toolhold_files.path_open", "wasi_snapshot_preview1.fd_read", "other.path_open"];
        assert_eq!(names(&opened), [&imports[..], &["memory", "_start", "rb-intern"]].concat());
        let program = only_what_a_program_exports(&opened).unwrap();
        assert_eq!(names(&program), [&imports[..], &["memory", "_start"]].concat());
        wasmparser::validate(&program).unwrap();
    }

    #[test]
    fn a_module_that_imports_a_memory_is_not_ruby() {
        let other = module(&[("env", "shared", EntityType::Memory(MEMORY))]);
        assert!(with_files_from_elsewhere(&other).unwrap_err().to_string().contains("`shared`"));
        assert!(with_files_from_elsewhere(b"no module").is_err());
    }

    #[test]
    fn the_text_of_files_has_each_function_that_is_taken_from_it() {
        let text = include_str!("../../../guest-sdk/languages/sdk/ruby/files.wat");
        for name in OF_FILES {
            assert!(text.contains(&format!("(func (export \"{name}\")")), "{name}");
        }
    }
}
