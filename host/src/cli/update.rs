//! `toolhold update`: what an origin leads to now, beside what was accepted.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use toolhold_core::describe::Description;
use toolhold_core::id::ComponentName;
use toolhold_core::lock::{Lock, Pin};
use toolhold_core::manifest::{Component, Manifest};
use toolhold_core::signature::Bundle;
use toolhold_sandbox::Sandbox;

use super::acceptance::{Answers, Candidate};
use super::add::{described, locked, pin, with_bundle};
use super::failure::{CommandResult, Failure, WithCode as _};
use super::pack;
use super::project::{Project, failure};
use super::snapshot::Snapshot;
use super::sources::{self, Sources};
use super::ui::Ui;
use crate::HostConfig;
use crate::distribution::{self, Fetched, Options};
use crate::exit_code::ExitCode;
use crate::open::{self, Accepted, Papers, Vouching};
use crate::store::Store;

/// Look for newer bytes of components, show what is different, and pin them.
///
/// What asks for more than was accepted (a new tool, a new need, a promise that is not made any more) or says something else to a model
/// (another description or schema) is refused until you say that it may: at the terminal, or with `--accept-needs`. Either all of the
/// components are pinned anew or none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold update                       every component of the manifest
  toolhold update weather --yes         if it asks for no more than before, in the same words
  toolhold update weather --yes --accept-needs
  toolhold update weather --bundle weather.wasm.sigstore.json")]
pub(super) struct Update {
    /// Only these components.
    components: Vec<ComponentName>,
    /// Accept what asks for no more than was accepted, in the same words, without a question.
    #[arg(long)]
    yes: bool,
    /// Also accept what asks for more, or says something else.
    #[arg(long, requires = "yes")]
    accept_needs: bool,
    /// The sigstore bundle of the one component that is updated, where it does not lie beside it.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    sources: Sources,
}

/// What an update is made with.
struct Context<'a> {
    config: &'a HostConfig,
    manifest: &'a Manifest,
    sandbox: Sandbox,
    vouching: Vouching<'a>,
    bundle: Option<Bundle>,
    options: Options,
    answers: Answers,
    ui: Ui,
}

/// A component that was accepted anew.
struct Updated {
    pin: Pin,
    bytes: Vec<u8>,
}

impl Update {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let config = project.host();
        let snapshot = Snapshot::of(&config)?;
        let manifest = open::manifest(&config.manifest).map_err(failure)?;
        if let Some(unknown) = self.components.iter().find(|name| !manifest.components().contains_key(*name)) {
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!("the manifest has no component `{unknown}`")));
        }
        if self.bundle.is_some() && self.components.len() != 1 {
            let error = anyhow::anyhow!("a bundle is of one component: name the one that `--bundle` is for");
            return Err(Failure::new(ExitCode::Usage, error));
        }
        let lock = locked(&config)?;
        let context = Context {
            config: &config,
            manifest: &manifest,
            vouching: Vouching::of(&manifest).map_err(failure)?,
            bundle: self.bundle.as_deref().map(open::bundle_in).transpose().map_err(failure)?,
            sandbox: pack::sandbox(project)?,
            options: self.sources.options(project),
            answers: Answers { yes: self.yes, needs: self.accept_needs },
            ui,
        };
        let mut pins = lock.components().clone();
        let mut told = Vec::new();
        let mut bytes = Vec::new();
        for (name, component) in manifest.components() {
            if !self.components.is_empty() && !self.components.contains(name) {
                continue;
            }
            // What a server says is accepted with `toolhold lock`; one that is named here is told so.
            if component.server.is_some() && self.components.is_empty() {
                continue;
            }
            let before = lock.components().get(name);
            if let Some(updated) = context.update(name, component, before).await? {
                told.push(
                    json!({ "component": name, "before": before.map(|pin| pin.digest), "after": updated.pin.digest }),
                );
                pins.insert(name.clone(), updated.pin);
                bytes.push(updated.bytes);
            }
        }
        if !told.is_empty() {
            let accepted = Accepted::stored(&config, &manifest, Lock::new(pins)).map_err(failure)?;
            let _turn = snapshot.holds(&config)?;
            let store = Store::of(&config.state);
            bytes.iter().try_for_each(|bytes| store.put(bytes).map(drop)).code(ExitCode::Host)?;
            accepted.write().map_err(failure)?;
        }
        ui.result(&json!({ "updated": told }), |_| match told.len() {
            0 => "nothing is newer".to_owned(),
            1 => "1 component pinned anew; `toolhold lock --back` goes back".to_owned(),
            many => format!("{many} components pinned anew; `toolhold lock --back` goes back"),
        })?;
        Ok(ExitCode::Success)
    }
}

impl Context<'_> {
    /// What is there now, if it is different and was accepted.
    async fn update(
        &self,
        name: &ComponentName,
        component: &Component,
        before: Option<&Pin>,
    ) -> Result<Option<Updated>, Failure> {
        let path = component.path.as_ref().map(|path| path.value.clone());
        let fetched = distribution::fetch(&component.origin.value, path, &self.options).await;
        let fetched = with_bundle(fetched.map_err(sources::failure)?, &component.origin.value, self.bundle.as_ref())?;
        let signer = self.vouching.judge(component, fetched.digest, &fetched.papers).map_err(failure)?;
        let same = |pin: &Pin| {
            pin.digest == fetched.digest
                && pin.source == component.written
                && !pin.held
                && Papers::of(pin) == fetched.papers
        };
        if before.is_some_and(same) {
            return Ok(None);
        }
        let loaded = pack::load(&self.sandbox, fetched.bytes.clone(), self.ui).await?;
        let tools = open::tools(self.manifest, name, component, &loaded).map_err(failure)?;
        let accepted = match before {
            Some(before) => self.accepted(name, component, before).await,
            None => None,
        };
        let candidate = Candidate {
            name,
            origin: &component.written,
            digest: loaded.digest,
            size: loaded.size,
            description: &described(&tools),
            signer: signer.as_ref(),
            signatures: fetched.papers.count(),
            before: before.map(|before| (before.digest, accepted.as_ref())),
            grants: Some(component),
        };
        candidate.ask(self.answers, self.ui)?;
        let pin = pin(&component.written, &loaded, &tools, &fetched);
        let Fetched { bytes, .. } = fetched;
        Ok(Some(Updated { pin, bytes }))
    }

    /// What the bytes that were accepted said of themselves, if they are still here, and whoever must vouch for them still does: what nobody
    /// vouches for is not even looked at by the compiler.
    async fn accepted(&self, name: &ComponentName, component: &Component, before: &Pin) -> Option<Description> {
        self.vouching.judge(component, before.digest, &Papers::of(before)).ok()?;
        let bytes = Store::of(&self.config.state).get(before.digest).ok().flatten()?;
        let loaded = self.sandbox.load(bytes).await.ok()?;
        Some(described(&open::tools(self.manifest, name, component, &loaded).ok()?))
    }
}
