//! The folder of a tool's source: what its `tool.toml` says. A crate with a Cargo.toml needs none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toolhold_core::describe::ToolInfo;
use toolhold_core::id::{ComponentName, LocalName};
use toolhold_core::manifest::Errors;
use toolhold_core::manifest::tool_file::ToolFile;

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
    /// Its tools, if it is a program.
    pub(crate) commands: BTreeMap<LocalName, ToolInfo>,
}

/// Why a folder is not that of a tool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotATool {
    /// Its tool file has errors.
    #[error(transparent)]
    File(Box<Errors>),
    /// It has none, or one that cannot be read.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl ToolProject {
    /// Looks into `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, NotATool> {
        let file = folder.join(FILE);
        if !file.is_file() {
            return Ok(Self::of_cargo(folder)?);
        }
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).with_context(|| format!("`{name}` cannot be read"))?;
        let written = ToolFile::parse(&text, &name).map_err(|errors| NotATool::File(Box::new(errors)))?;
        let language = Language::named(&written.language).context("there is no such language")?;
        Ok(Self { folder: folder.to_owned(), language, name: Some(written.name), commands: written.commands })
    }

    fn of_cargo(folder: &Path) -> anyhow::Result<Self> {
        if folder.join("Cargo.toml").is_file() {
            let (folder, commands) = (folder.to_owned(), BTreeMap::new());
            return Ok(Self { folder, language: Language::Rust, name: None, commands });
        }
        anyhow::bail!(
            "`{}` holds neither a {FILE} nor a Cargo.toml; `toolhold new NAME` makes a tool, `toolhold pack FILE` takes a component of any language",
            folder.display()
        )
    }
}
