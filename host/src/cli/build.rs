//! `toolhold build`: compiles a tool and packs what comes out.
//!
//! What builds a tool is the one thing that starts a process: cargo or another compiler, on the author's own code, with the author's
//! rights. It is for people who write tools; nothing that a model, a guest or a client can call leads here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::pack;
use super::project::Project;
use super::ui::Ui;
use crate::authoring::{self, Language, NotATool, ToolProject};
use crate::exit_code::ExitCode;

/// Compile a tool to a component and write its description section.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolhold build\n  toolhold build weather --output tools/weather.wasm")]
pub(super) struct Build {
    /// Folder of the tool's crate.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where to write the component [default: FOLDER/NAME.wasm].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Build without optimisation: faster to build, larger and slower. Of Rust; other languages are built in one way.
    #[arg(long)]
    debug: bool,
}

impl Build {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        build(&self.folder, &Options { output: self.output, debug: self.debug }, project, ui).await?;
        Ok(ExitCode::Success)
    }
}

/// How to build.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Where the component goes.
    pub(super) output: Option<PathBuf>,
    /// Without optimisation.
    pub(super) debug: bool,
}

/// Builds the tool in `folder` and returns where its packed component is.
pub(super) async fn build(folder: &Path, options: &Options, project: &Project, ui: Ui) -> Result<PathBuf, Failure> {
    let tool = ToolProject::open(folder).map_err(not_a_tool)?;
    let artifact = match tool.language {
        Language::Rust => compile(folder, options.debug).code(ExitCode::Failure)?,
        _ => authoring::compile(&tool).code(ExitCode::Failure)?,
    };
    let named = tool.name.as_ref().map(|name| format!("{name}.wasm").into());
    let name = named.unwrap_or_else(|| artifact.file_name().unwrap_or_default().to_owned());
    let output = options.output.clone().unwrap_or_else(|| folder.join(name));
    pack::pack(project, &artifact, &output, pack::Sources::written(&tool.commands), ui).await?;
    Ok(output)
}

fn not_a_tool(error: NotATool) -> Failure {
    match error {
        NotATool::File(errors) => Failure::diagnostics(ExitCode::BadInput, *errors),
        NotATool::Other(error) => Failure::new(ExitCode::BadInput, error),
    }
}

/// Runs cargo in `folder` and returns the component it made.
fn compile(folder: &Path, debug: bool) -> anyhow::Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the build command of tool authors runs their compiler")]
    let mut command = Command::new("cargo");
    command.current_dir(folder).args([
        "build",
        "--target",
        "wasm32-wasip2",
        "--message-format",
        "json-render-diagnostics",
    ]);
    if !debug {
        command.arg("--release");
    }
    // A compiler setting for the host would break a build for the sandbox.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().context("cargo cannot be started: install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!("cargo could not build the tool; if the target is missing: `rustup target add wasm32-wasip2`");
    }
    artifact(&output.stdout).ok_or_else(|| {
        anyhow!("the crate makes no component: `crate-type = [\"cdylib\"]` is missing in its Cargo.toml")
    })
}

/// The last `.wasm` file that cargo reports.
fn artifact(messages: &[u8]) -> Option<PathBuf> {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message.get("reason").is_some_and(|reason| reason == "compiler-artifact"))
        .filter_map(|message| {
            let names = message.get("filenames")?.as_array()?.clone();
            names.iter().filter_map(|name| name.as_str()).find(|name| name.ends_with(".wasm")).map(PathBuf::from)
        })
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_the_last_artifact_that_is_wasm() {
        let messages = br#"
{"reason":"compiler-artifact","filenames":["/t/libserde.rlib"]}
{"reason":"compiler-artifact","filenames":["/t/libmine.rlib","/t/mine.wasm"]}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(artifact(messages), Some(PathBuf::from("/t/mine.wasm")));
        assert_eq!(artifact(b"{}\nnot json"), None);
    }
}
