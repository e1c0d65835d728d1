//! `toolhold new`: the files of a tool that builds, tests and runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use toolhold_core::id::ComponentName;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::ui::Ui;
use crate::exit_code::ExitCode;

/// Start a tool of your own.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolhold new weather\n  cd weather && toolhold build && toolhold inspect weather.wasm"
)]
pub(super) struct New {
    /// Name of the component: lower-case letters, digits, `-` and `_`.
    name: ComponentName,
    /// Where to make its folder [default: ./NAME].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The folder of toolhold-sdk, for a path dependency [default: the one this binary was built with, if it is there].
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// The template, a file per line: where it goes and what is in it.
const TEMPLATE: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../../../guest-sdk/template/Cargo.toml")),
    ("src/lib.rs", include_str!("../../../guest-sdk/template/src/lib.rs")),
    ("README.md", include_str!("../../../guest-sdk/template/README.md")),
    (".gitignore", include_str!("../../../guest-sdk/template/.gitignore")),
    ("rust-toolchain.toml", include_str!("../../../guest-sdk/template/rust-toolchain.toml")),
    (".cargo/config.toml", include_str!("../../../guest-sdk/template/.cargo/config.toml")),
];

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
        for (path, content) in TEMPLATE {
            write(&folder.join(path), &fill(content, &self.name, &sdk))?;
        }
        ui.say(&format!(
            "a tool `{}` is in `{}`; next: `toolhold build {}`",
            self.name,
            folder.display(),
            folder.display()
        ));
        Ok(ExitCode::Success)
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
