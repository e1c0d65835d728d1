//! The languages that `new` and `build` know.

use clap::ValueEnum;
use serde::Deserialize;

/// A language in which tools are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub(crate) enum Language {
    /// Rust, with the SDK.
    Rust,
    /// C.
    C,
    /// C++.
    Cpp,
    /// Zig.
    Zig,
    /// Go.
    Go,
    /// JavaScript, on `QuickJS`.
    JavaScript,
    /// TypeScript, on `QuickJS`.
    TypeScript,
    /// Python.
    Python,
    /// AssemblyScript.
    AssemblyScript,
}

/// Where compilers come from. Both put them into the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registry {
    /// Rust's own installer.
    Rustup,
    /// Into `.venv`, with hashes in `requirements.txt`.
    PyPi,
    /// Into `node_modules`, with hashes in `package-lock.json`.
    Npm,
}

impl Language {
    /// Where its compiler comes from.
    pub(crate) fn registry(self) -> Registry {
        match self {
            Self::Rust => Registry::Rustup,
            Self::C | Self::Cpp | Self::Zig | Self::Go | Self::Python => Registry::PyPi,
            Self::JavaScript | Self::TypeScript | Self::AssemblyScript => Registry::Npm,
        }
    }
}

impl Registry {
    /// The command, in the project's folder, that installs the compiler into the project.
    pub(crate) fn install(self) -> &'static str {
        match self {
            Self::Rustup => "rustup toolchain install",
            Self::PyPi => "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt",
            Self::Npm => "npm ci",
        }
    }
}
