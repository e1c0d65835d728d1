//! The files that `toolhold new` makes, per language. All of them make the same tool, and all have the same cases.

use super::language::Language;

/// What a file is called in the new folder, and what is in it.
type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../guest-sdk/", $folder, "/", $file)))),+]
    };
}

/// The cases, which say nothing of a language.
const CASES: File = ("cases.toml", include_str!("../../../guest-sdk/languages/cases.toml"));

const RUST: &[File] = files!("template": "Cargo.toml", "src/lib.rs", "README.md", ".gitignore", "rust-toolchain.toml", ".cargo/config.toml");
const C: &[File] =
    files!("languages/c/template": "tool.toml", "src/tool.c", "README.md", ".gitignore", "requirements.txt");
const CPP: &[File] =
    files!("languages/cpp/template": "tool.toml", "src/tool.cpp", "README.md", ".gitignore", "requirements.txt");
const ZIG: &[File] =
    files!("languages/zig/template": "tool.toml", "src/tool.zig", "README.md", ".gitignore", "requirements.txt");
const GO: &[File] =
    files!("languages/go/template": "tool.toml", "tool.go", "go.mod", "README.md", ".gitignore", "requirements.txt");
const PYTHON: &[File] =
    files!("languages/python/template": "tool.toml", "src/tool.py", "README.md", ".gitignore", "requirements.txt");
const JAVA_SCRIPT: &[File] = files!("languages/javascript/template":
    "tool.toml", "src/tool.js", "README.md", ".gitignore", "package.json", "package-lock.json");
const TYPE_SCRIPT: &[File] = files!("languages/typescript/template":
    "tool.toml", "src/tool.ts", "README.md", ".gitignore", "package.json", "package-lock.json", "tsconfig.json");
const ASSEMBLY_SCRIPT: &[File] = files!("languages/assemblyscript/template":
    "tool.toml", "src/tool.ts", "README.md", ".gitignore", "package.json", "package-lock.json", "tsconfig.json");

const NIM: &[File] =
    files!("languages/nim/template": "tool.toml", "src/tool.nim", "README.md", ".gitignore", "requirements.txt");
const RUBY: &[File] = files!("languages/ruby/template":
    "tool.toml", "src/tool.rb", "README.md", ".gitignore", "package.json", "package-lock.json");

/// The files of a new tool in `language`. `{{name}}` stands for its name, `{{sdk}}` for where Rust's SDK is.
pub(crate) fn files(language: Language) -> impl Iterator<Item = File> {
    let files = match language {
        Language::Rust => RUST,
        Language::C => C,
        Language::Cpp => CPP,
        Language::Zig => ZIG,
        Language::Go => GO,
        Language::Python => PYTHON,
        Language::JavaScript => JAVA_SCRIPT,
        Language::TypeScript => TYPE_SCRIPT,
        Language::AssemblyScript => ASSEMBLY_SCRIPT,
        Language::Nim => NIM,
        Language::Ruby => RUBY,
    };
    files.iter().copied().chain([CASES])
}
