//! What authors in other languages than Rust get beside their own code: a small library per language, and the world as text.
//!
//! `build` writes it into the project's `target` folder each time, so it always fits this program and is never committed.

use std::path::Path;

use anyhow::{Context as _, Result};

/// The world of tools.
pub(super) const WORLD: &str = include_str!("../../../wit/tool.wit");

/// What JavaScript sees of WASI: its compiler offers only what a world names.
const FILE_WORLD: &str = include_str!("../../../guest-sdk/languages/sdk/wit/files.wit");

macro_rules! sdk {
    ($($file:literal),+ $(,)?) => {
        /// Each file with its content.
        const FILES: &[(&str, &str)] = &[$(($file, include_str!(concat!("../../../guest-sdk/languages/sdk/", $file)))),+];
    };
}

sdk![
    "toolhold.h",
    "toolhold.c",
    "toolhold.zig",
    "toolhold_app.zig",
    "toolhold.py",
    "toolhold_app.py",
    "toolhold.js",
    "toolhold.d.ts",
    "javascript_app.js",
    "typescript_app.js",
    "go/go.mod",
    "go/toolhold.go",
    "toolhold/index.ts",
    "toolhold_app.ts",
    "nim_start.c",
    "ruby/start.rb",
    "ruby/start.wat",
    "ruby/files.wat",
    "ruby/javascript.wat",
    "ruby/handles.wat",
    "wit/deps/wasi-clocks.wit",
    "wit/deps/wasi-filesystem.wit",
];

/// Writes all of it into `folder`.
pub(super) fn write(folder: &Path) -> Result<()> {
    for (file, content) in FILES {
        write_file(&folder.join(file), content)?;
    }
    write_file(&folder.join("wit/tool.wit"), &format!("{WORLD}\n{FILE_WORLD}"))
}

fn write_file(path: &Path, content: &str) -> Result<()> {
    // What is there already is left alone: compilers look at times.
    if std::fs::read_to_string(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("`{}` cannot be made", parent.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("`{}` cannot be written", path.display()))
}
