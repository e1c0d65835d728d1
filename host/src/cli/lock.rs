//! `toolhold lock`: pins the components of the manifest by the digest of their bytes.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;
use toolhold_core::id::ComponentName;
use toolhold_core::lock::{Comparison, Lock as LockFile, Pin};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::{Project, Spinner, failure};
use super::servers::Said;
use super::snapshot::Snapshot;
use super::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::open::{self, Accepted, Files};
use crate::store::{History, Store};
use crate::{Components, HostConfig, OpenError};

/// Pin the components that the manifest names.
///
/// A call of a component that is not pinned, or is not what was pinned, is refused. What changed since the last lock is
/// printed: a new description or need is a reason to look before you go on. Files are pinned as they are; what comes from a
/// registry or the web stays as it was accepted, until `toolhold update`. MCP servers are asked what they say of their tools, once you
/// accepted that they are started or contacted; where what they say is not what was accepted, all of it is shown, and accepted by you.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold lock
  toolhold lock --check    (writes nothing; exits with 9 if anything differs)
  toolhold lock --back     the tools that you had before, without a network")]
pub(super) struct Lock {
    /// Write nothing; fail if the lock file is missing or differs.
    #[arg(long)]
    check: bool,
    /// Go back to the lock file before this one. Its components run again, also where a file has other bytes by now.
    #[arg(long, conflicts_with = "check")]
    back: bool,
    /// Go back, or accept MCP servers and what they say of their tools, without a question.
    #[arg(long, conflicts_with = "check")]
    yes: bool,
}

impl Lock {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let config = project.host();
        if self.back {
            return back(&config, self.yes, ui);
        }
        let snapshot = Snapshot::of(&config)?;
        let manifest = open::manifest(&config.manifest).map_err(failure)?;
        let known = self.known(&config, ui)?;
        let is_there = known.is_some();
        let before = known.unwrap_or_default();
        let said = Said::of((&config, &manifest), &before, (self.check, self.yes), ui).await?;
        let spinner = Spinner::new(ui);
        // What runs from the store because somebody went back is pinned to its file again: that is what this command is for. A
        // check asks whether what runs is what is pinned, and that is.
        let known = if self.check { before.clone() } else { before.released() };
        let egress = std::sync::Arc::new(toolhold_sandbox::capability::http::NoEgress);
        let files = Files::Asked(&known, &said.listings);
        let components = Components::load_with(&manifest, &config, files, egress, &|step| spinner.show(&step)).await;
        spinner.done();
        let components = components.map_err(failure)?;
        if self.check {
            let held = before.components().iter().filter(|(_, pin)| pin.held).map(|(name, _)| name.as_str());
            held.for_each(|name| {
                ui.say(&format!("note: `{name}` runs from the store since `lock --back`, whatever its file holds"))
            });
        }
        let changes = changes(&before, &components, ui);
        let accepted = Accepted::of(&config, &manifest, &components).map_err(failure)?;
        if !self.check {
            said.accepted((&config, &manifest), &before, self.yes, ui)?;
        }
        let after = accepted.lock();
        // Also where it pins nothing: a host wants one.
        let differs = !is_there || *after != before;
        ui.result(&json!({"lock": config.lock, "changed": differs, "changes": changes}), |_| {
            if differs && self.check {
                format!("{} differs from what is there; nothing was written", config.lock.display())
            } else if differs {
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
            let _turn = snapshot.holds(&config)?;
            accepted.write().map_err(failure)?;
        }
        Ok(ExitCode::Success)
    }
}

impl Lock {
    /// The lock file that is there, if one is. One that cannot be used is written anew, unless it is only checked.
    fn known(&self, config: &HostConfig, ui: Ui) -> Result<Option<LockFile>, Failure> {
        match open::lock(&config.lock) {
            Ok(lock) => Ok(Some(lock)),
            Err(OpenError::NoLock(_)) => Ok(None),
            Err(error) if self.check => Err(failure(error)),
            Err(error) => {
                ui.say(&format!("{error}"));
                Ok(None)
            }
        }
    }
}

/// Goes back to the lock file before.
fn back(config: &HostConfig, yes: bool, ui: Ui) -> CommandResult {
    let snapshot = Snapshot::of(config)?;
    let manifest = open::manifest(&config.manifest).map_err(failure)?;
    // One that is gone, or that nobody can read, is what one goes back from too.
    let known = open::lock(&config.lock).ok();
    let present = known.clone().unwrap_or_default();
    let history = History::of(&config.state, &config.lock).code(ExitCode::Host)?;
    // What was added since stays as it is: going back takes no tool away that the manifest names.
    let with_later = |before: &LockFile| {
        let since = present.components().iter().filter(|(name, _)| manifest.components().contains_key(*name));
        let mut pins: BTreeMap<ComponentName, Pin> = since.map(|(name, pin)| (name.clone(), pin.clone())).collect();
        pins.extend(before.components().clone());
        LockFile::new(pins)
    };
    let now = present.released();
    let differs = |before: &LockFile| known.is_none() || with_later(before).released() != now;
    let Some((number, before)) = history.before(known.as_ref(), differs).code(ExitCode::Host)? else {
        let error = anyhow::anyhow!("there is no lock file before this one: none was written over on this machine");
        return Err(Failure::new(ExitCode::BadInput, error));
    };
    let mut pins = with_later(&before).components().clone();
    let store = Store::of(&config.state);
    for (name, pin) in &mut pins {
        let Some(component) = manifest.components().get(name) else { continue };
        let file = component.path.as_ref();
        pin.held = file.is_some_and(|file| {
            !std::fs::read(&file.value).is_ok_and(|bytes| toolhold_core::id::Digest::of(&bytes) == pin.digest)
        });
        let there = matches!(store.get(pin.digest), Ok(Some(_)));
        if !there && (pin.held || file.is_none()) {
            let error = anyhow::anyhow!("the bytes of `{name}` as they were ({}) are not here any more", pin.digest);
            return Err(Failure::new(ExitCode::NotPinned, error));
        }
    }
    let accepted = Accepted::stored(config, &manifest, LockFile::new(pins)).map_err(failure)?;
    let told = differences(&present, accepted.lock());
    told.iter().for_each(|line| ui.say_always(line));
    if !yes {
        super::acceptance::ask("go back? [y/N] ", "nobody said that these are to run again", "--yes")?;
    }
    let _turn = snapshot.holds(config)?;
    accepted.write_going_back(&history, number).map_err(failure)?;
    ui.result(&json!({"lock": config.lock, "changed": true, "components": told}), |_| {
        format!("went back; pinned are now\n{}", told.join("\n"))
    })?;
    Ok(ExitCode::Success)
}

/// Which components have other bytes in `after`, and which have the same.
fn differences(present: &LockFile, after: &LockFile) -> Vec<String> {
    let of = |(name, pin): (&ComponentName, &Pin)| match present.components().get(name) {
        Some(now) if now.digest == pin.digest => format!("{name}: {}, as it is", pin.digest),
        Some(now) => format!("{name}: {} instead of {}", pin.digest, now.digest),
        None => format!("{name}: {}, which is not pinned now", pin.digest),
    };
    let gone = present.components().keys().filter(|name| !after.components().contains_key(*name));
    after.components().iter().map(of).chain(gone.map(|name| format!("{name}: not pinned any more"))).collect()
}

/// What is different from what was accepted, told and returned.
fn changes(before: &LockFile, components: &Components, ui: Ui) -> Vec<String> {
    let mut told: Vec<(&str, String)> = Vec::new();
    for (name, pin) in components.pins() {
        match before.compare(name, &pin) {
            Comparison::Pinned => {}
            Comparison::Missing => {
                told.push(("new", format!("{name}: {} ({})", pin.digest, plural(pin.tools.len(), "tool"))));
            }
            Comparison::Changed(changes) => {
                told.extend(changes.iter().map(|change| ("changed", format!("{name}: {change}"))));
            }
        }
    }
    let gone = before.components().keys().filter(|known| !components.pins().any(|(name, _)| name == *known));
    told.extend(gone.map(|name| ("gone", format!("{name}: not in the manifest any more"))));
    for (word, line) in &told {
        ui.say(&format!("{} {}", paint(Tone::Notice, word), toolhold_core::escape::line(line)));
    }
    told.into_iter().map(|(_, line)| line).collect()
}

/// `1 component`, `2 components`.
fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
