//! `tool.toml`: the name of a tool and the language that it is written in. A crate with a Cargo.toml needs none.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use toolhold_core::id::ComponentName;

use super::language::Language;

/// The file, in the tool's folder.
pub(crate) const FILE: &str = "tool.toml";

/// A tool's folder.
#[derive(Debug)]
pub(crate) struct ToolProject {
    /// Where it is.
    pub(crate) folder: PathBuf,
    /// What it is written in.
    pub(crate) language: Language,
    /// What its component is called; of a crate, cargo says so.
    pub(crate) name: Option<ComponentName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    language: Language,
}

impl ToolProject {
    /// Looks into `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        if !file.is_file() {
            if folder.join("Cargo.toml").is_file() {
                return Ok(Self { folder: folder.to_owned(), language: Language::Rust, name: None });
            }
            bail!(
                "`{}` holds neither a {FILE} nor a Cargo.toml; `toolhold new NAME` makes a tool, `toolhold pack FILE` takes a component of any language",
                folder.display()
            );
        }
        let text = std::fs::read_to_string(&file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        // The message has line, column and the words that would be right.
        let written: Written = toml::from_str(&text).map_err(|error| anyhow!("`{}`: {error}", file.display()))?;
        let name = written.name.parse().map_err(|error| anyhow!("`{}`: `name`: {error}", file.display()))?;
        Ok(Self { folder: folder.to_owned(), language: written.language, name: Some(name) })
    }
}
