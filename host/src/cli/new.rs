//! `toolhold new`: the files of a tool that builds, tests and runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use toolhold_core::id::ComponentName;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::ui::Ui;
use crate::authoring::{self, Language, Registry};
use crate::exit_code::ExitCode;

/// Start a tool of your own.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolhold new weather\n  toolhold new weather --lang python\n  cd weather && toolhold build && toolhold test"
)]
pub(super) struct New {
    /// Name of the component: lower-case letters, digits, `-` and `_`.
    name: ComponentName,
    /// The language. Each template is the same tool with the same cases.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// Where to make its folder [default: ./NAME].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The folder of toolhold-sdk, for a path dependency [default: the one this binary was built with, if it is there].
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

impl New {
    /// Runs the command.
    pub(super) fn run(self, ui: Ui) -> CommandResult {
        let folder = self.path.clone().unwrap_or_else(|| PathBuf::from(self.name.as_str()));
        if folder.exists() {
            return Err(Failure::new(
                ExitCode::BadInput,
                anyhow::anyhow!("`{}` is there already: choose another name, or `--path`", folder.display()),
            ));
        }
        let sdk = sdk_dependency(self.sdk.as_deref()).code(ExitCode::BadInput)?;
        for (path, content) in authoring::template(self.lang) {
            write(&folder.join(path), &fill(content, &self.name, &sdk))?;
        }
        let folder = folder.display();
        ui.say(&format!("a tool `{}` is in `{folder}`; next: {}", self.name, next(self.lang, &folder.to_string())));
        Ok(ExitCode::Success)
    }
}

/// The commands that lead to a component. A compiler that is not there yet is put into the project, never into the system.
fn next(language: Language, folder: &str) -> String {
    match language.registry() {
        Registry::Rustup => format!("`toolhold build {folder}`"),
        registry => format!("`cd {folder} && {}`, then `toolhold build`", registry.install()),
    }
}

fn fill(content: &str, name: &ComponentName, sdk: &str) -> String {
    content.replace("{{name}}", name.as_str()).replace("{{sdk}}", sdk)
}

/// What stands between the braces of `toolhold-sdk = { }`.
fn sdk_dependency(given: Option<&Path>) -> anyhow::Result<String> {
    let built_with = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
    let folder = match given {
        Some(folder) if folder.join("Cargo.toml").is_file() => Some(folder.canonicalize()?),
        Some(folder) => bail!("`{}` holds no Cargo.toml: `--sdk` names the folder of toolhold-sdk", folder.display()),
        None => built_with.canonicalize().ok().filter(|folder| folder.join("Cargo.toml").is_file()),
    };
    Ok(match folder {
        Some(folder) => format!("path = {}", serde_json::Value::from(folder.to_string_lossy())),
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
    })
}

fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("`{}` cannot be made", parent.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("`{}` cannot be written", path.display()))
}
