//! `toolhold serve`: the host of a manifest, for whoever has a token.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::oauth::OAuthFlags;
use super::project::{Project, open, reloadable};
use super::runs::ModelArguments;
use super::ui::Ui;
use crate::access::{Access, Role, Secret, Token, TokenFile};
use crate::agent::model::Described;
use crate::agent::{Clock, TokioClock};
use crate::clock;
use crate::exit_code::ExitCode;
use crate::mcp::{self, http::HttpSettings};
use crate::runs::service::{Service, Settings as RunSettings};
use crate::serve::{HostName, ServeError, Server, Settings, TlsFiles};
use crate::shutdown::{Shutdown, Signals};

/// Serve the host of the manifest over HTTP, to callers with a token.
///
/// It listens on this machine only, unless told otherwise. Every call passes the same gate as `toolhold call`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold serve                                             on http://127.0.0.1:8077
  toolhold serve --host tools.example.com                    behind a proxy of that name
  toolhold serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  toolhold tokens create ci --role run                       who may ask it, and for what

SIGTERM ends it: what runs may finish within --grace. docs/serve.md has the rest.")]
pub(super) struct Serve {
    /// Where it listens. With port 0 the system chooses one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8077", value_parser = address)]
    listen: SocketAddr,
    /// A name by which it is asked beside its address, such as that of a proxy; may be repeated.
    #[arg(long = "host", value_name = "NAME")]
    names: Vec<HostName>,
    /// The certificate, and those between it and its authority, as PEM. It is read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen on an address of other machines without TLS: whoever is on the way has the tokens.
    #[arg(long)]
    insecure_http: bool,
    /// The file of tokens [default: tokens.toml in the state directory].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Let everybody who reaches it read `/metrics`, without a token.
    #[arg(long)]
    open_metrics: bool,
    /// How long what runs may take to finish when the server is told to end.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::time::time)]
    grace: Duration,
    /// Tools are listed to MCP clients without the name of their component, where that leaves no two of one name.
    #[arg(long)]
    short_names: bool,
    #[command(flatten)]
    oauth: OAuthFlags,
    #[command(flatten)]
    runs: RunArguments,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "it is no address with a port; write one such as `127.0.0.1:8077` or `[::1]:8077`".to_owned())
}

/// How the server works on runs of agents.
#[derive(Debug, Args)]
struct RunArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Runs of agents that are worked on at once; the next ones wait.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    runs_at_once: u16,
    /// Runs that wait for their turn. More are refused. Those that wait for a person have a bound of their own.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    runs_waiting: u16,
    /// Take up the runs that the server before had accepted and not ended, be it that it was told to end or killed.
    #[arg(long)]
    resume: bool,
}

impl RunArguments {
    fn models(&self) -> Result<Described, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
        self.model.of_a_server(&clock)
    }

    fn settings(&self, models: Described) -> RunSettings {
        RunSettings { at_once: self.runs_at_once.into(), waiting: self.runs_waiting.into(), models }
    }

    async fn take_up(&self, runs: &Service, ui: Ui) -> Result<(), Failure> {
        if self.resume {
            let taken = runs.take_up().await.code(ExitCode::Host)?;
            ui.say(&format!("{taken} runs go on that were cut off"));
        }
        Ok(())
    }
}

impl Serve {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let signals = Signals::listen_as_server().code(ExitCode::Host)?;
        let server = Server::bind(self.settings()).await.map_err(failure)?;
        let models = self.runs.models()?;
        let host = open(project, models.secrets(), ui).await?;
        models.are_known(host.policy().manifest()).code(ExitCode::BadInput)?;
        let journal = host.journal().clone();
        let current = reloadable(project, host, models.secrets());
        let file = self.token_file.map_or_else(|| TokenFile::of_state(journal.directory()), TokenFile::at);
        first_token(&file, journal.directory(), ui)?;
        let access = Access::open(file, journal.clone()).await.code(ExitCode::BadInput)?;
        server.loopback_url().into_iter().for_each(|url| access.invites_to(url));
        let shutdown = Shutdown::default();
        let runs = Service::new(current.clone(), self.runs.settings(models));
        let mcp = HttpSettings {
            settings: mcp::Settings { preview: false, short_names: self.short_names },
            hosts: server.hosts(),
            shutdown: shutdown.clone(),
        };
        let parts = crate::serve::parts(&current, &runs, &access, mcp, self.open_metrics);
        let parts = self.oauth.before(parts, &access).await?;
        ui.result(&json!({ "url": server.url() }), |_| server.url())?;
        self.runs.take_up(&runs, ui).await?;
        crate::serve::serve(server, (parts, access), &current, (&shutdown, signals), self.grace, |text| ui.say(text))
            .await;
        current.host().approvals().told().await;
        journal.flush().await.code(ExitCode::Host)?;
        Ok(ExitCode::Success)
    }

    fn settings(&self) -> Settings {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        Settings {
            listen: self.listen,
            names: self.names.clone(),
            tls: files.map(|(certificate, key)| TlsFiles { certificate, key }),
            insecure_http: self.insecure_http,
        }
    }
}

/// Makes a token where there is none: a server that nobody can ask is of no use.
fn first_token(file: &TokenFile, state: &Path, ui: Ui) -> Result<(), Failure> {
    if !file.read().code(ExitCode::BadInput)?.is_empty() {
        return Ok(());
    }
    let (secret, created) = (Secret::new()?, clock::now());
    let (name, digest) = ("admin".parse()?, secret.digest());
    let token = Token { name, role: Role::Admin, digest, created, expires: None };
    let add = || file.change(|tokens| tokens.add(token)).code(ExitCode::BadInput);
    // A terminal forgets; a log does not.
    if std::io::stderr().is_terminal() {
        add()?;
        ui.say_always(&format!(
            "there was no token, so one was made, with the role `admin`:\n\n  {}\n",
            secret.reveal()
        ));
        ui.say_always("keep it: it is not shown again. `toolhold tokens` makes others and revokes it.");
        return Ok(());
    }
    let path = state.join("admin.token");
    // Before it is a token of the server: one that nobody can read would keep another from being made.
    let written = write_private(&path, secret.reveal());
    written.map_err(|error| anyhow::anyhow!("`{}` cannot be written: {error}", path.display())).code(ExitCode::Host)?;
    add().inspect_err(|_| drop(std::fs::remove_file(&path)))?;
    let text = format!(
        "there was no token, so one was made, with the role `admin`: it is in `{}`; move it to where it is used, and delete the file",
        path.display()
    );
    ui.say_always(&text);
    Ok(())
}

/// Writes a file that is for its owner alone. What was there under its name, a link too, is gone.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failure(error: ServeError) -> Failure {
    let code = match &error {
        ServeError::InTheClear(_) => ExitCode::Usage,
        ServeError::Listen { .. } => ExitCode::Host,
        ServeError::Tls(_) => ExitCode::BadInput,
    };
    Failure::new(code, error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_private_file_takes_the_place_of_a_link_and_of_a_file_that_others_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("admin.token"), folder.path().join("other"));
        std::fs::write(&other, "other").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        write_private(&path, "secret").unwrap();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "other");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, "another").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode & 0o777), ("another", 0o600));
    }
}
