//! The languages that `new` and `build` know.

use clap::ValueEnum;

/// A language in which tools are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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
    /// Nim. Makes a program.
    Nim,
    /// Ruby. Makes a program.
    Ruby,
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
    /// The language that `tool.toml` calls `word`.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::from_str(word, false).ok()
    }

    /// Where its compiler comes from.
    pub(crate) fn registry(self) -> Registry {
        match self {
            Self::Rust => Registry::Rustup,
            Self::C | Self::Cpp | Self::Zig | Self::Go | Self::Python | Self::Nim => Registry::PyPi,
            Self::JavaScript | Self::TypeScript | Self::AssemblyScript | Self::Ruby => Registry::Npm,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use toolhold_core::manifest::tool_file::LANGUAGES;

    use super::*;

    #[test]
    fn tool_files_know_the_same_languages() {
        let words: Vec<_> = Language::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        let words: BTreeSet<_> = words.iter().map(clap::builder::PossibleValue::get_name).collect();
        assert_eq!(words, LANGUAGES.map(|(word, _)| word).into());
        assert_eq!(Language::named("nim"), Some(Language::Nim));
        assert_eq!(Language::named("Nim"), None);
    }
}
