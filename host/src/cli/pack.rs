//! `toolhold pack`: writes a component's description into its own section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use toolhold_core::describe::{Description, ToolInfo};
use toolhold_core::id::{ComponentName, LocalName};
use toolhold_sandbox::{DescribedBy, Kind, Loaded, Sandbox, SandboxConfig};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::{Project, failure};
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::{component_file, open, replace_file, wit_docs};

/// Write a component's description into it, so that it is listed and judged without running it.
///
/// A component of the tool world is asked once, in a sandbox without any grant. One of plain functions is described by its
/// types, and by the comments of its WIT package. A program takes what a manifest says of it. A section that is there already
/// is thrown away first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolhold pack target/wasm32-wasip2/release/weather.wasm --output weather.wasm\n  toolhold pack maths.wasm --wit wit/\n  toolhold pack say.wasm --commands say    (what `[tools.say.commands]` of the manifest says)"
)]
pub(super) struct Pack {
    /// The component, or a core module for WASI preview 1.
    component: PathBuf,
    /// Where to write it [default: over itself].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The WIT package of a component of plain functions: its comments become descriptions.
    #[arg(long, value_name = "DIR", conflicts_with = "commands")]
    wit: Option<PathBuf>,
    /// The component of the manifest whose commands are written into the program.
    #[arg(long, value_name = "NAME")]
    commands: Option<ComponentName>,
}

/// Where a description comes from beside the component.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sources<'a> {
    wit: Option<&'a Path>,
    commands: Option<&'a ComponentName>,
    /// The tools of a program, where they are known already.
    written: Option<&'a BTreeMap<LocalName, ToolInfo>>,
}

impl<'a> Sources<'a> {
    /// What a tool's own file says of a program; nothing of a component that describes itself.
    pub(super) fn written(commands: &'a BTreeMap<LocalName, ToolInfo>) -> Self {
        Self { written: Some(commands).filter(|commands| !commands.is_empty()), ..Self::default() }
    }
}

impl Pack {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let output = self.output.as_ref().unwrap_or(&self.component);
        let sources = Sources { wit: self.wit.as_deref(), commands: self.commands.as_ref(), written: None };
        pack(project, &self.component, output, sources, ui).await
    }
}

/// Packs `component` into `output`.
pub(super) async fn pack(
    project: &Project,
    component: &Path,
    output: &Path,
    sources: Sources<'_>,
    ui: Ui,
) -> CommandResult {
    let bytes = std::fs::read(component)
        .map_err(|error| anyhow::anyhow!("`{}` cannot be read: {error}", component.display()))
        .code(ExitCode::BadInput)?;
    let bare = component_file::without_description(&bytes).code(ExitCode::BadInput)?;
    let sandbox = sandbox(project)?;
    let described = load(&sandbox, bare.clone(), ui).await?;
    let description = describe(project, &described, sources, ui)?;
    let packed = component_file::with_description(&bare, &description).code(ExitCode::BadInput)?;
    let loaded = load(&sandbox, packed.clone(), ui).await?;
    if loaded.described_by != DescribedBy::Section || *loaded.description != description {
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

/// What is to be written into the component.
fn describe(project: &Project, loaded: &Loaded, sources: Sources<'_>, ui: Ui) -> Result<Description, Failure> {
    let mut description = Description::clone(&loaded.description);
    match (&loaded.kind, sources) {
        (Kind::Typed { .. }, Sources { wit: Some(wit), .. }) => {
            let silent = wit_docs::describe(&mut description, wit).code(ExitCode::BadInput)?;
            silent.iter().for_each(|name| ui.say(&format!("note: the WIT package says nothing of `{name}`")));
        }
        (Kind::Command { .. }, Sources { commands: Some(name), .. }) => {
            description.tools = commands(project, name, loaded)?;
        }
        (Kind::Command { .. }, Sources { written: Some(tools), .. }) => {
            description.tools = tools.values().map(|info| of_program(info, loaded)).collect();
        }
        (Kind::Command { .. }, _) => {
            let why = "this is a program, and only a manifest says how it is called: `--commands NAME` writes what `[tools.NAME.commands]` says into it";
            return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!(why)));
        }
        (_, Sources { wit: None, commands: None, .. }) => {}
        (_, Sources { wit: Some(_), .. }) => {
            let why = "`--wit` is for components of plain functions; this one is not";
            return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!(why)));
        }
        (_, Sources { commands: Some(_), .. }) => {
            let why = "`--commands` is for programs (`wasi:cli/run`); this component is none";
            return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!(why)));
        }
    }
    Ok(description)
}

/// What the manifest says of the program `name`.
fn commands(project: &Project, name: &ComponentName, loaded: &Loaded) -> Result<Vec<ToolInfo>, Failure> {
    let manifest = open::manifest(&project.host().manifest).map_err(failure)?;
    let tools = manifest.components().get(name).map(|component| &component.commands).filter(|tools| !tools.is_empty());
    let tools = tools
        .ok_or_else(|| anyhow::anyhow!("the manifest has no `[tools.{name}.commands.TOOL]`"))
        .code(ExitCode::BadInput)?;
    Ok(tools.values().map(|info| of_program(&info.value, loaded)).collect())
}

/// A tool of a program: it may need whatever the program imports.
fn of_program(info: &ToolInfo, loaded: &Loaded) -> ToolInfo {
    ToolInfo { needs: loaded.ceiling(), ..info.clone() }
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
