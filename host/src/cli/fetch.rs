//! `toolhold fetch`: gets what the lock file pins and this machine does not have. After a clone, before the first call.

use clap::Args;
use serde_json::json;
use toolhold_core::escape;
use toolhold_core::id::{ComponentName, Digest};
use toolhold_core::lock::Pin;
use toolhold_core::manifest::Transport;
use toolhold_core::origin::Origin;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::{Project, failure};
use super::sources::{self, Sources};
use super::ui::Ui;
use crate::distribution::Options;
use crate::exit_code::ExitCode;
use crate::store::{History, Store};
use crate::{HostConfig, OpenError, distribution, open};

/// Get the components that the lock file pins, by their digests.
///
/// Asks nothing: what the lock file pins was accepted. Where something else is by now, nothing is kept. What can be fetched is, also if
/// something else cannot. MCP servers that are programs, or that get secrets, are left to `toolhold lock`, which asks first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git clone … && toolhold fetch && toolhold call …")]
pub(super) struct Fetch {
    #[command(flatten)]
    sources: Sources,
}

impl Fetch {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let config = project.host();
        let lock = open::lock(&config.lock).map_err(failure)?;
        let (store, options) = (Store::of(&config.state), self.sources.options(project));
        let (mut fetched, mut failed) = (Vec::new(), Vec::new());
        for (name, pin) in lock.components() {
            let origin = Origin::parse(&pin.source).code(ExitCode::BadInput)?;
            // What cannot be read is as good as absent: it is fetched, and written anew. That the bytes are here says nothing of a server:
            // they may have come for another component.
            let there = matches!(store.get(pin.digest), Ok(Some(_))) && !matches!(origin, Origin::Server(_));
            if there || !(origin.is_remote() || pin.held) {
                continue;
            }
            let got = match &origin {
                Origin::Server(_) => listed(&config, &store, name, pin, ui).await,
                _ => {
                    ui.say(&format!("fetching {name} from {origin}"));
                    get(&store, &origin, pin, &options).await.map(|()| true)
                }
            };
            match got {
                Ok(false) => {}
                Ok(true) => fetched.push(json!({ "component": name, "digest": pin.digest })),
                Err(error) => {
                    ui.say_always(&format!("{name}: {error}"));
                    failed.push((name, error));
                }
            }
        }
        // From here on these bytes are the project's: what empties the store looks at the lock files that are known.
        let history = History::of(&config.state, &config.lock).code(ExitCode::Host)?;
        history.know(&lock).code(ExitCode::Host)?;
        if failed.is_empty() {
            history.shorten().code(ExitCode::Host)?;
        }
        let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
        ui.result(&json!({ "fetched": fetched, "failed": names }), |_| match (fetched.len(), names.len()) {
            (0, 0) => "everything is here".to_owned(),
            (many, _) => format!("{many} fetched"),
        })?;
        match (names.join(", "), failed.into_iter().next()) {
            (_, None) => Ok(ExitCode::Success),
            (names, Some((_, error))) => {
                Err(Failure::new(error.code(), anyhow::anyhow!("these are not here and cannot be fetched: {names}")))
            }
        }
    }
}

/// Asks an MCP server on the web for its tools, and keeps what it says if that is what `pin` pins. Whether it had to be asked.
///
/// Nobody is asked here, and manifest and lock file may have come with a clone: no program is started and no secret read for them.
async fn listed(config: &HostConfig, store: &Store, name: &ComponentName, pin: &Pin, ui: Ui) -> Result<bool, Failure> {
    let manifest = open::manifest(&config.manifest).map_err(failure)?;
    let component = manifest.components().get(name);
    let server = component.and_then(|component| Some((component, component.server.as_ref()?)));
    let is_here = || matches!(store.get(pin.digest), Ok(Some(_)));
    if server.is_none() && is_here() {
        return Ok(false);
    }
    if let Some((component, server)) = server {
        let is_pinned = pin.source == component.written && pin.reached == Some(server.reached(&component.env));
        let is_harmless = matches!(server.transport, Transport::Http { .. }) && server.secrets().is_empty();
        if is_pinned && open::Consents::of(config).has(component, server) && is_here() {
            return Ok(false);
        }
        if !(is_pinned && is_harmless) {
            let error = anyhow::anyhow!(
                "nobody accepted this server on this machine: `toolhold lock` shows what would be started or asked, asks you, and shows what it says"
            );
            return Err(Failure::new(ExitCode::NotPinned, error));
        }
    }
    ui.say(&format!("asking {name} at {}", escape::short(&pin.source, 300)));
    let asked = open::ask(&manifest, &[name.clone()].into()).await.map_err(failure)?.remove(name);
    let gone = || Failure::new(ExitCode::BadInput, anyhow::anyhow!("the manifest has no server `{name}` any more"));
    let listing = asked.ok_or_else(gone)?.listing;
    let listing = listing.map_err(|why| failure(OpenError::Server { component: name.clone(), why }))?;
    let bytes = listing.text();
    if Digest::of(bytes.as_bytes()) != pin.digest {
        let error =
            anyhow::anyhow!("it says something else of its tools than what is pinned: `toolhold lock` shows it");
        return Err(Failure::new(ExitCode::NotPinned, error));
    }
    store.put(bytes.as_bytes()).code(ExitCode::Host)?;
    if let Some((component, server)) = server {
        open::Consents::of(config).keep(component, server).map_err(failure)?;
    }
    Ok(true)
}

/// Fetches what `pin` pins into the store.
async fn get(store: &Store, origin: &Origin, pin: &Pin, options: &Options) -> Result<(), Failure> {
    let bytes = distribution::fetch_pinned(origin, pin.digest, options).await.map_err(sources::failure)?;
    store.put(&bytes).code(ExitCode::Host)?;
    Ok(())
}
