//! `toolhold tokens`: who may ask a server of this state directory for what.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::access::{Name, Role, Secret, Token, TokenFile, TokenFileError, Tokens};
use crate::exit_code::ExitCode;
use crate::{clock, journal};

/// Make, list or revoke the tokens with which `toolhold serve` is asked.
///
/// A server that runs reads them again when they change: a token that is revoked is worth nothing at once.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token. It is printed once and kept nowhere: what is stored is its hash.
#[derive(Debug, Args)]
#[command(after_help = "Roles:
  observe   read: runs, calls, health, audit
  run       also call tools, start and cancel runs
  approve   also decide approvals; not: call tools
  admin     everything

Examples:
  toolhold tokens create dashboard --role observe
  toolhold tokens create ci --role run --expires 30d > ci.token")]
pub(super) struct Create {
    /// What it is called: who asks, in the audit.
    name: Name,
    /// What its holder may do: `observe`, `run`, `approve` or `admin`.
    #[arg(long)]
    role: Role,
    /// From when on it is worth nothing, counted from now, such as `12h` or `30d` [default: never].
    #[arg(long, value_name = "TIME", value_parser = super::time::some_time)]
    expires: Option<Duration>,
    #[command(flatten)]
    place: Place,
}

/// List the tokens: names, roles and times.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    place: Place,
}

/// Make a token worthless.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its name.
    name: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Place {
    /// The file of tokens [default: tokens.toml in the state directory].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Place {
    fn file(self, project: &Project) -> Result<TokenFile, Failure> {
        match self.file {
            Some(file) => Ok(TokenFile::at(file)),
            None => Ok(TokenFile::of_state(&journal::prepared(&project.state()).code(ExitCode::Host)?)),
        }
    }
}

impl Command {
    /// Runs the command.
    pub(super) fn run(self, project: &Project, ui: Ui) -> CommandResult {
        match self {
            Self::Create(create) => create.run(project, ui),
            Self::List(list) => list.run(project, ui),
            Self::Revoke(revoke) => revoke.run(project, ui),
        }
    }
}

impl Create {
    fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let (secret, created) = (Secret::new()?, clock::now());
        let expires = self.expires.map(|from_now| later(created, from_now)).transpose().code(ExitCode::Usage)?;
        let token = Token { name: self.name, role: self.role, digest: secret.digest(), created, expires };
        let told = json!({
            "name": token.name.as_str(), "role": token.role, "token": secret.reveal(), "expires": expires.map(text),
        });
        self.place.file(project)?.change(|tokens| tokens.add(token)).map_err(failure)?;
        ui.result(&told, |_| secret.reveal().to_owned())?;
        ui.say("this is the only time that it is shown; send it as `Authorization: Bearer TOKEN`");
        Ok(ExitCode::Success)
    }
}

impl List {
    fn run(self, project: &Project, ui: Ui) -> CommandResult {
        // Nothing is made for who only looks.
        let is_there = self.place.file.is_some() || project.state().exists();
        let tokens = if is_there { self.place.file(project)?.read().map_err(failure)? } else { Tokens::default() };
        let now = clock::now();
        let all: Vec<_> = tokens.iter().map(|token| to_json(token, now)).collect();
        ui.result(&all, |_| {
            if tokens.is_empty() {
                return "there are no tokens: `toolhold tokens create NAME --role ROLE` makes one".to_owned();
            }
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_header(["name", "role", "made", "ends"]);
            for token in tokens.iter() {
                let ends = token.expires.map_or_else(|| "never".to_owned(), text);
                let ends = if token.is_valid(now) { ends } else { format!("{ends} (over)") };
                table.add_row([token.name.as_str(), token.role.as_str(), &text(token.created), &ends]);
            }
            table.to_string()
        })?;
        Ok(ExitCode::Success)
    }
}

impl Revoke {
    fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let gone = self.place.file(project)?.change(|tokens| tokens.remove(&self.name)).map_err(failure)?;
        ui.result(&json!({ "revoked": gone.name.as_str() }), |_| format!("revoked: {}", gone.name))?;
        Ok(ExitCode::Success)
    }
}

fn to_json(token: &Token, now: Timestamp) -> serde_json::Value {
    json!({
        "name": token.name.as_str(), "role": token.role, "created": text(token.created),
        "expires": token.expires.map(text), "valid": token.is_valid(now),
    })
}

/// To the second: nobody needs more of it.
fn text(time: Timestamp) -> String {
    time.round(jiff::Unit::Second).unwrap_or(time).to_string()
}

fn later(now: Timestamp, from_now: Duration) -> anyhow::Result<Timestamp> {
    let from_now = SignedDuration::try_from(from_now)?;
    now.checked_add(from_now).map_err(|_| anyhow::anyhow!("`--expires` is later than any date: leave it out"))
}

fn failure(error: TokenFileError) -> Failure {
    let code = match &error {
        TokenFileError::Io { .. } => ExitCode::Host,
        _ => ExitCode::BadInput,
    };
    Failure::new(code, error)
}
