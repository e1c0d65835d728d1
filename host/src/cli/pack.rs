//! `toolhold pack`: writes a component's description into its own section.

use std::path::{Path, PathBuf};

use clap::Args;
use toolhold_core::describe::Description;
use toolhold_sandbox::{DescribedBy, Loaded, Sandbox, SandboxConfig};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::{component_file, replace_file};

/// Ask a component once what tools it has, and write the answer into it.
///
/// The component runs in a sandbox without any grant. A section that is there already is thrown away first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  toolhold pack target/wasm32-wasip2/release/weather.wasm --output weather.wasm")]
pub(super) struct Pack {
    /// The component.
    component: PathBuf,
    /// Where to write it [default: over itself].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Pack {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let output = self.output.as_ref().unwrap_or(&self.component);
        pack(project, &self.component, output, ui).await
    }
}

/// Packs `component` into `output`.
pub(super) async fn pack(project: &Project, component: &Path, output: &Path, ui: Ui) -> CommandResult {
    let bytes = std::fs::read(component)
        .map_err(|error| anyhow::anyhow!("`{}` cannot be read: {error}", component.display()))
        .code(ExitCode::BadInput)?;
    let bare = component_file::without_description(&bytes).code(ExitCode::BadInput)?;
    let sandbox = sandbox(project)?;
    let described = load(&sandbox, bare.clone(), ui).await?;
    let packed = component_file::with_description(&bare, &described.description).code(ExitCode::BadInput)?;
    let loaded = load(&sandbox, packed.clone(), ui).await?;
    if loaded.described_by != DescribedBy::Section || *loaded.description != *described.description {
        return Err(Failure::new(
            ExitCode::GuestFault,
            anyhow::anyhow!("the component's answer does not survive being written down"),
        ));
    }
    replace_file::replace(output, &packed).code(ExitCode::Failure)?;
    ui.say(&format!(
        "{} ({} bytes, {}): {}",
        output.display(),
        packed.len(),
        loaded.digest,
        names(&loaded.description)
    ));
    Ok(ExitCode::Success)
}

/// A sandbox for looking at components, with the project's compile cache.
pub(super) fn sandbox(project: &Project) -> Result<Sandbox, Failure> {
    Sandbox::new(SandboxConfig { cache: project.cache(), ..SandboxConfig::default() }).code(ExitCode::Host)
}

/// Loads `bytes`, with a word on the terminal while it compiles.
pub(super) async fn load(sandbox: &Sandbox, bytes: Vec<u8>, ui: Ui) -> Result<Loaded, Failure> {
    let spinner = ui.spinner("compiling".to_owned());
    let loaded = sandbox.load(bytes).await;
    spinner.finish_and_clear();
    loaded.code(ExitCode::BadInput)
}

fn names(description: &Description) -> String {
    description.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ")
}
