//! `toolhold journal`: how what is old is removed from the journal, and how its room goes back to the file system.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::asked::Holder;
use super::effects;
use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::clock;
use crate::control::{PRUNE, WantedPruned};
use crate::exit_code::ExitCode;
use crate::journal::{self, Options, Pruned, Reader};
use crate::retention::{AtOnce, LEAST, before, prunable, prune};

/// Remove what is old from the journal, or give its free room back.
///
/// Nothing is removed by itself, unless `journal-age` in `[host]` of the manifest says for how long it is kept.
#[derive(Debug, Subcommand)]
pub(super) enum Journal {
    /// Remove calls and runs that ended, and the audit of them, if they are old.
    Prune(Prune),
    /// Write the journal anew without what is free in it, so that its file is as small as it can be.
    ///
    /// Needs as much room on the disk again while it works, and that nobody else is at work on the state directory. A journal that this version
    /// began gives room back by itself; this is for one that is older.
    Compact,
}

/// Remove calls and runs that ended, with their keys, plans and steps, and the audit of them.
///
/// What is not over stays, however old: calls and runs that wait for somebody, previews and undos that have not expired, open approvals, dead
/// letters, unknown calls. The audit says what was removed and where it begins from then on; what is left can still be verified. Works beside a
/// host that runs: calls go on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold journal prune --older-than 90d --dry-run
  toolhold audit export > audit-until-today.jsonl && toolhold journal prune --older-than 90d
  toolhold audit verify --older audit-until-today.jsonl")]
pub(super) struct Prune {
    /// What came to its end longer ago than this: a day at least.
    #[arg(long, value_name = "TIME", value_parser = super::time::time)]
    older_than: Duration,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

impl Journal {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        match self {
            Self::Prune(command) => command.run(project, ui).await,
            Self::Compact => compact(project, ui),
        }
    }
}

impl Prune {
    async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let age = u64::try_from(self.older_than.as_micros()).unwrap_or(u64::MAX);
        if age < LEAST {
            let why = "`--older-than` is less than a day: keys, quotas and undos of today count; write `1d` or more";
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(why)));
        }
        let before = before(clock::micros(), age);
        let Some(reader) = Reader::open_if_any(&project.state()).map_err(failure)? else {
            return told(ui, (&Pruned::default(), before), 0, self.dry_run);
        };
        if self.dry_run {
            return told(ui, (&prunable(&reader, before).map_err(failure)?, before), 0, true);
        }
        let options = Options { now: clock::micros(), ..Options::default() };
        let removed = match journal::Journal::open(&project.state(), &options) {
            Ok(journal) => {
                let by = format!("local:{}", rustix::process::geteuid().as_raw());
                prune(&journal, before, &by, AtOnce::Alone).await.map_err(failure)?
            }
            Err(error @ journal::Error::InUse(_)) => match Holder::of(project).await? {
                Some(mut holder) => {
                    let wanted = serde_json::to_value(WantedPruned { older_than: age }).code(ExitCode::Host)?;
                    serde_json::from_value(holder.post(PRUNE, Some(&wanted), &[]).await?).code(ExitCode::Host)?
                }
                None => return Err(failure(error)),
            },
            Err(error) => return Err(failure(error)),
        };
        let free = reader.free_bytes().map_err(failure)?;
        told(ui, (&removed, before), free, false)
    }
}

fn told(ui: Ui, (pruned, before): (&Pruned, u64), free: u64, is_dry: bool) -> CommandResult {
    let mut value = serde_json::to_value(pruned).code(ExitCode::Host)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("before".to_owned(), json!(effects::time(before)));
        fields.insert("dry_run".to_owned(), json!(is_dry));
        fields.insert("free_bytes".to_owned(), json!(free));
    }
    ui.result(&value, |_| readable((pruned, before), free, is_dry))?;
    Ok(ExitCode::Success)
}

fn readable((pruned, before): (&Pruned, u64), free: u64, is_dry: bool) -> String {
    let Pruned { entries, kept, calls, runs } = pruned;
    let words = if is_dry { "would be removed" } else { "were removed" };
    let mut text = format!(
        "{calls} calls, {runs} runs and {entries} entries of the audit from before {} {words}",
        effects::time(before)
    );
    if *kept > 0 {
        text.push_str(&format!("; {kept} of the entries are said again, because what they tell of is not over"));
    }
    if !is_dry && free > 0 {
        text.push_str(&format!(
            "\n{} KiB of the file are free for what comes next; `toolhold journal compact` gives them back",
            free >> 10
        ));
    }
    text
}

fn compact(project: &Project, ui: Ui) -> CommandResult {
    let size = |journal: &journal::Journal| journal.watch().database_bytes() + journal.watch().log_bytes();
    let (mut before, mut after) = (0, 0);
    if project.has_state() {
        let options = Options { now: clock::micros(), ..Options::default() };
        let journal = journal::Journal::open(&project.state(), &options).map_err(failure)?;
        before = size(&journal);
        journal.compact().map_err(failure)?;
        after = size(&journal);
    }
    ui.result(&json!({ "bytes_before": before, "bytes": after }), |_| {
        format!("the journal has {} KiB; it had {} KiB", after >> 10, before >> 10)
    })?;
    Ok(ExitCode::Success)
}

fn failure(error: journal::Error) -> Failure {
    let code = match &error {
        journal::Error::Broken(_) | journal::Error::Cut { .. } | journal::Error::Corrupt(_) => ExitCode::AuditBroken,
        _ => ExitCode::Host,
    };
    Failure::new(code, error)
}
