//! `toolhold mcp`: the tools of the manifest for a client of the Model Context Protocol.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::{Opened, Project, reloadable, try_open};
use super::ui::{Tone, Ui, paint};
use crate::control::{self, Attached};
use crate::exit_code::ExitCode;
use crate::mcp::{CLIENTS, Client, Server, Settings};
use crate::{Current, replace_file};

/// Serve the tools of the manifest to an MCP client: an editor, a chat application, an agent framework.
///
/// Speaks the protocol on standard input and output, for a client that starts this program. Every call passes the same gate as
/// `toolhold call`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  toolhold mcp install cursor --write      let the editor start it
  toolhold mcp --dry-run                   every call is a preview

Nothing but the protocol goes to standard output; what the host has to say goes to standard error. Where another toolhold holds the state
directory, that one serves the client, and this one only hands on what both say.")]
pub(super) struct Mcp {
    /// Every call runs as a preview: its result is what would be, and nothing changes.
    #[arg(long)]
    dry_run: bool,
    /// Tools are listed without the name of their component, where that leaves no two of one name.
    #[arg(long)]
    short_names: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Install),
}

/// Show what goes into a client's configuration, or write it there.
#[derive(Debug, Args)]
struct Install {
    /// The client.
    #[arg(value_name = "CLIENT", value_parser = CLIENTS.map(|client| client.name))]
    client: String,
    /// Write it: to the client's own file, or to FILE. Everything else in it stays.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    write: Option<Option<PathBuf>>,
}

impl Mcp {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        if let Some(Command::Install(install)) = self.command {
            return install.run(project, ui);
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let busy = match try_open(project, Vec::new(), ui).await? {
                Opened::Ours(host) => return self.serve(&reloadable(project, *host, Vec::new())).await,
                Opened::InUse(busy) => busy,
            };
            match control::attach(&project.state(), self.settings()).await.code(ExitCode::Host)? {
                Attached::Done => return Ok(ExitCode::Success),
                Attached::HolderEnded => return Err(Failure::new(ExitCode::Host, anyhow!(HOLDER_ENDED))),
                Attached::Nobody if pause > LAST_PAUSE => return Err(busy),
                // Whoever has it just begins, or is a command that ends soon.
                Attached::Nobody => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
    }

    fn settings(&self) -> Settings {
        Settings { preview: self.dry_run, short_names: self.short_names }
    }

    /// Serves the client, and whoever comes after it.
    async fn serve(self, host: &Current) -> CommandResult {
        let holding = crate::serve::hold(host);
        let server = Server::new(host.clone(), self.settings());
        let served = server.serve_stdio().await;
        holding.end().await;
        let host = host.host();
        host.approvals().told().await;
        served.code(ExitCode::Failure)?;
        host.journal().flush().await.code(ExitCode::Host)?;
        Ok(ExitCode::Success)
    }
}

/// What a client is told whose holder is gone.
const HOLDER_ENDED: &str = "the toolhold that held the state directory has ended, and with it this client's session: start it again, and it \
                            takes over";

/// How long it takes until a state directory that is in use, and by nobody who serves, is looked at again. It takes twice as long each time:
/// half a minute in all, in which components can be compiled.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LAST_PAUSE: Duration = Duration::from_millis(12_800);

impl Install {
    fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let client = Client::named(&self.client).ok_or_else(|| anyhow!("there is no such client"))?;
        let program = std::env::current_exe().context("the path of this program cannot be found out")?;
        let manifest = std::path::absolute(&project.host().manifest)?;
        let Some(file) = self.write else {
            let text = client.with_server("", &program, &manifest)?;
            ui.result(&json!({ "file": client.file, "text": text }), |_| format!("# {}\n{text}", client.file))?;
            missing(project, ui);
            return Ok(ExitCode::Success);
        };
        let file = match file {
            Some(file) => file,
            None => project.in_home(client.file)?,
        };
        let before = read(&file).code(ExitCode::BadInput)?;
        let after = client.with_server(&before, &program, &manifest);
        let after = after.with_context(|| format!("`{}`", file.display())).code(ExitCode::BadInput)?;
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        replace_file::replace(&file, after.as_bytes())?;
        ui.result(&json!({ "file": file }), |_| {
            format!("{} is in `{}`: {} starts it", program.display(), file.display(), self.client)
        })?;
        missing(project, ui);
        Ok(ExitCode::Success)
    }
}

/// Says what a client's server would end with at once: most clients show no reason.
fn missing(project: &Project, ui: Ui) {
    let config = project.host();
    let warn = |what: &str, path: &Path, help: &str| {
        let warning = paint(Tone::Notice, "warning:");
        ui.say_always(&format!(
            "{warning} there is no {what} at `{}`, so the server will end at once: {help}",
            path.display()
        ));
    };
    if !config.manifest.is_file() {
        warn("manifest", &config.manifest, "write one first (docs/manifest.md), then run `toolhold lock`");
    } else if !config.lock.is_file() {
        warn("lock file", &config.lock, "run `toolhold lock` first");
    }
}

/// The text of a file; nothing where there is none.
fn read(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
    }
}
