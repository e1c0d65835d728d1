//! `toolhold reload`: the process that holds the state directory takes up the manifest anew.

use anyhow::anyhow;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};
use toolhold_core::escape;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::control::{Client, RELOAD, Wanted};
use crate::exit_code::ExitCode;

/// Let `toolhold mcp` or `toolhold serve` go by the manifest as it is now, without a new start.
///
/// All of it is checked as at a start: manifest, lock file, components, signatures, secrets. If anything is wrong, what was in force stays so.
/// Calls that run end under the manifest that they began with. MCP clients are told if their list of tools changed.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  toolhold lock && toolhold reload

Nothing is taken up by itself when a file changes, and no client can ask for it. Exits as a start would that fails for the same reason.")]
pub(super) struct Reload {}

impl Reload {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let (config, state) = (project.host(), project.state());
        let Some(mut client) = Client::connect(&state).await.code(ExitCode::Host)? else {
            let why = anyhow!(
                "nobody who serves holds the state directory `{}`: the next start reads the manifest as it is then",
                state.display()
            );
            return Err(Failure::new(ExitCode::Failure, why));
        };
        let absolute = |path| std::path::absolute(path).code(ExitCode::BadInput);
        let wanted = Wanted { manifest: absolute(config.manifest)?, lock: absolute(config.lock)? };
        let answer = client.ask(Method::POST, RELOAD, Some(&json!(wanted)), &[]).await.code(ExitCode::Host)?;
        if !answer.status.is_success() {
            return Err(refused(&answer.body));
        }
        ui.result(&answer.body, lines)?;
        Ok(ExitCode::Success)
    }
}

/// What is in force now, and what that changes.
fn lines(done: &Value) -> String {
    let digest = |key: &str| done.get(key).and_then(Value::as_str).unwrap_or_default();
    let names = |key: &str| {
        let names = done.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        names.map(|name| escape::line(name).into_owned()).collect::<Vec<_>>().join(", ")
    };
    let is_same = digest("before") == digest("manifest");
    let what = if is_same { "in force, as before" } else { "in force" };
    let mut lines = vec![format!("{what}: {}", escape::line(digest("manifest")))];
    for (key, words) in [("added", "can be called now"), ("removed", "cannot be called any more")] {
        let names = names(key);
        if !names.is_empty() {
            lines.push(format!("{words}: {names}"));
        }
    }
    lines.join("\n")
}

/// What a start would have said.
fn refused(problem: &Value) -> Failure {
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("code") == "not-found" || text("report").is_empty() {
        let why = "the process that holds the state directory cannot take up a manifest anew, or is another version of toolhold: stop it and \
                   start it again";
        return Failure::new(ExitCode::Host, anyhow!("{why} ({})", escape::line(text("detail"))));
    }
    let code = problem.get("exit_code").and_then(Value::as_u64).and_then(ExitCode::numbered);
    Failure::told(code.unwrap_or(ExitCode::Failure), text("report").to_owned(), text("detail").to_owned())
}
