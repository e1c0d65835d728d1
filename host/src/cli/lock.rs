//! `toolhold lock`: pins the components of the manifest by the digest of their bytes.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;
use toolhold_core::lock::{Comparison, Lock as LockFile};

use super::failure::{CommandResult, Failure};
use super::project::{Project, Spinner, failure};
use super::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::{Components, OpenError, open};

/// Pin the components that the manifest names.
///
/// A call of a component that is not pinned, or is not what was pinned, is refused. What changed since the last lock is
/// printed: a new description or need is a reason to look before you go on.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolhold lock\n  toolhold lock --check    (writes nothing; exits with 9 if anything differs)"
)]
pub(super) struct Lock {
    /// Write nothing; fail if the lock file is missing or differs.
    #[arg(long)]
    check: bool,
}

impl Lock {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let config = project.host();
        let manifest = open::manifest(&config.manifest).map_err(failure)?;
        let before = match open::lock(&config.lock) {
            Ok(lock) => lock,
            Err(OpenError::NoLock(_)) => LockFile::new(BTreeMap::new()),
            Err(error) if self.check => return Err(failure(error)),
            Err(error) => {
                ui.say(&format!("{error}"));
                LockFile::new(BTreeMap::new())
            }
        };
        let spinner = Spinner::new(ui);
        let components = Components::load(&manifest, &config, &|step| spinner.show(&step)).await;
        spinner.done();
        let components = components.map_err(failure)?;
        let changes = changes(&before, &components, ui);
        let after = components.lock();
        let differs = after != before;
        ui.result(&json!({"lock": config.lock, "changed": differs, "changes": changes}), |_| {
            if differs {
                format!("{} pinned in {}", plural(after.components().len(), "component"), config.lock.display())
            } else {
                "nothing changed".to_owned()
            }
        })?;
        if self.check && differs {
            return Err(Failure::new(
                ExitCode::NotPinned,
                anyhow::anyhow!(
                    "the lock file does not pin what is there: look at it with `toolhold inspect`, then run `toolhold lock`"
                ),
            ));
        }
        if differs && !self.check {
            open::write_lock(&config.lock, &after).map_err(failure)?;
        }
        Ok(ExitCode::Success)
    }
}

/// What is different from what was accepted, told and returned.
fn changes(before: &LockFile, components: &Components, ui: Ui) -> Vec<String> {
    let mut told = Vec::new();
    for (name, pin) in components.pins() {
        match before.compare(name, &pin) {
            Comparison::Pinned => {}
            Comparison::Missing => told.push(format!("{name}: {} ({} tools)", pin.digest, pin.tools.len())),
            Comparison::Changed(changes) => told.extend(changes.iter().map(|change| format!("{name}: {change}"))),
        }
    }
    let gone = before.components().keys().filter(|known| !components.pins().any(|(name, _)| name == *known));
    told.extend(gone.map(|name| format!("{name}: not in the manifest any more")));
    told.iter()
        .for_each(|line| ui.say(&format!("{} {}", paint(Tone::Notice, "changed"), toolhold_core::escape::line(line))));
    told
}

/// `1 component`, `2 components`.
fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
