//! From files to a [`Host`]: manifest, components, lock file, policy, journal; each checked before the next is used.
//!
//! Everything that is wrong with the manifest is reported at once. A component that the lock file does not pin, or that is not signed
//! as the manifest asks, is not even compiled, and nothing is called at all while anything is wrong.

mod asking;
mod components;
mod error;
mod files;
mod locking;
mod vouching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toolhold_core::event::{Event, bounded};
use toolhold_core::id::ComponentName;
use toolhold_core::lock::{Comparison, Lock, Pin};
use toolhold_core::manifest::Manifest;
use toolhold_core::policy::Policy;
use toolhold_sandbox::capability::fs::commit::Durable;
use toolhold_sandbox::capability::http::{Egress, NoEgress};

pub(crate) use self::asking::{Asked, ask};
pub use self::components::Components;
pub(crate) use self::components::{Files, pin_as_loaded, tools};
pub use self::error::OpenError;
pub(crate) use self::files::{manifest, manifest_text, optional_text, parsed};
pub(crate) use self::locking::Accepted;
pub(crate) use self::vouching::{BUNDLE, Papers, Voucher, Vouching, bundle_in, signatures_beside};
use crate::approvals::{ApprovalFilter, ApprovalState, Desk, Hook};
use crate::attempt::{Dependencies, HostTime, Running, Time};
use crate::clock;
use crate::effects::{Effects, Kept};
use crate::egress::{Client, Guarded, SecretLookup};
use crate::host::{Host, Inner};
use crate::journal::{Durability, Journal, Options};
use crate::quota::Quotas;
use crate::runs::AtWork;
use crate::secrets::{KnownSecret, Secrets};
use crate::telemetry::Telemetry;
use crate::upstream::{Means, Upstreams};

/// What is wrong with a component that was never pinned.
const NOT_IN_THE_FILE: &str = "it is not in the file";

/// Where a host's files are, and how it keeps its word.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The permission manifest.
    pub manifest: PathBuf,
    /// The lock file.
    pub lock: PathBuf,
    /// Folder of the journal. Made if it is not there.
    pub state: PathBuf,
    /// Folder of compiled components; `None` compiles in every process.
    pub cache: Option<PathBuf>,
    /// What an acknowledged call with effects survives.
    pub durability: Durability,
    /// The clock, the sleep and the dice of retries, breakers and rates.
    pub time: Arc<dyn Time>,
    /// Secrets beside those of the manifest that must not be shown, such as the key of a model.
    pub known: Vec<KnownSecret>,
}

impl HostConfig {
    /// Lock file and state beside `manifest`, no compile cache, calls that survive a power cut.
    #[must_use]
    pub fn beside(manifest: &Path) -> Self {
        Self {
            lock: manifest.with_extension("lock"),
            state: manifest.with_file_name(".toolhold"),
            manifest: manifest.to_owned(),
            cache: None,
            durability: Durability::Full,
            known: Vec::new(),
            time: Arc::new(HostTime),
        }
    }
}

/// What takes a while when a host is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// This component is being loaded: compiled, where the cache does not have it.
    Loading(ComponentName),
    /// All of them are.
    Loaded,
}

impl Host {
    /// Opens a host: nothing has run when this returns, and everything is checked.
    ///
    /// # Errors
    ///
    /// [`OpenError`] says which file is wrong, where, and what would mend it.
    pub async fn open(config: &HostConfig, progress: &(dyn Fn(Progress) + Sync)) -> Result<Self, OpenError> {
        Self::open_with(config, None, progress).await
    }

    /// [`Host::open`], where `sender` answers the requests of tools instead of the network.
    pub(crate) async fn open_with(
        config: &HostConfig,
        sender: Option<Arc<dyn Egress>>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, OpenError> {
        let manifest = Arc::new(files::manifest(&config.manifest)?);
        let lock = lock(&config.lock)?;
        let secrets = Secrets::open(manifest.secrets(), config.known.clone())?;
        // First of all the journal: it makes the state directory, which the sandbox then keeps out of every grant.
        let redactor = secrets.redactor();
        let options = Options { now: clock::micros(), durability: config.durability, redactor: redactor.clone() };
        let journal = Journal::open(&config.state, &options)?;
        let dependencies = Dependencies::open(&journal, Arc::clone(&config.time))?;
        // Whoever answers the requests of tools otherwise has no server called either.
        let calls_servers = sender.is_none();
        let client = client(&secrets);
        let egress = sender.unwrap_or_else(|| egress(&manifest, client.clone(), &dependencies));
        // INVARIANT: no byte is compiled, and no component asked for its tools, that is not pinned and signed as it must be.
        Vouching::of(&manifest)?.all(&lock)?;
        let components = Components::load_with(&manifest, config, Files::AsPinned(&lock), egress, progress).await?;
        components.pins().try_for_each(|(name, pin)| pinned(&lock, name, &pin))?;
        let facts = announcements(&manifest, &config.manifest, &components)?;
        let listings = if calls_servers { components.listings() } else { BTreeMap::new() };
        let means = Means { secrets: &secrets, client };
        let upstreams = Upstreams::new(&manifest, &listings, &means, &dependencies);
        let (sandbox, catalog) = components.into_parts();
        let policy = Policy::resolve(manifest, &catalog)?;
        for fact in facts {
            journal.announce(clock::micros(), fact).await?;
        }
        let kept = Kept::new(policy.manifest().host());
        let effects = Effects { staging: staging(config)?, durable: durable(config.durability), kept };
        let running = Running::default();
        let quotas = Quotas::default();
        let desk = Arc::new(desk(&journal, &policy, &secrets)?);
        let host = Self(Arc::new(Inner {
            policy,
            catalog,
            sandbox,
            journal,
            effects,
            redactor,
            dependencies,
            running,
            quotas,
            secrets,
            telemetry: Telemetry::default(),
            desk,
            at_work: AtWork::default(),
            upstreams,
        }));
        host.recover().await?;
        host.keep_approvals();
        crate::runs::expire(&host).await?;
        host.remove_old_approvals().await?;
        Ok(host)
    }
}

/// What is open of approvals, and who is told of them.
fn desk(journal: &Journal, policy: &Policy, secrets: &Secrets) -> Result<Desk, OpenError> {
    let states =
        vec![ApprovalState::Waiting, ApprovalState::Approved, ApprovalState::Modified, ApprovalState::Rejected];
    let open = journal.reader()?.approvals(&ApprovalFilter { states, limit: u32::MAX, ..ApprovalFilter::default() })?;
    Ok(Desk::new(&open, Hook::of(policy.manifest().approvals().webhook.as_ref(), secrets)))
}

/// What sends requests of tools: it knows the secrets, and leaves alone what fails.
fn egress(manifest: &Arc<Manifest>, client: Client, dependencies: &Dependencies) -> Arc<dyn Egress> {
    let known = Arc::clone(manifest);
    let settings = move |component: &ComponentName| {
        let own = known.components().get(component).map(|component| &component.reliability);
        own.unwrap_or(known.reliability()).breaker.clone()
    };
    Arc::new(Guarded::new(client, dependencies, settings))
}

/// What sends requests of this host: it puts secrets into them, and takes them out of what comes back.
fn client(secrets: &Secrets) -> Client {
    let (known, redactor) = (secrets.clone(), secrets.redactor());
    Client::new(SecretLookup::new(move |name| known.get(name).cloned()), redactor)
}

/// Where staged changes are kept, and what was there before those that landed.
fn staging(config: &HostConfig) -> Result<PathBuf, OpenError> {
    let path = config.state.join("staging");
    std::path::absolute(&path).map_err(|source| OpenError::Read { path, source })
}

fn durable(durability: Durability) -> Durable {
    match durability {
        Durability::Full => Durable::Yes,
        Durability::Normal => Durable::No,
    }
}

/// Reads and checks a manifest and resolves its rules against its components, without a journal or a lock file.
///
/// # Errors
///
/// [`OpenError`].
pub(crate) async fn policy(
    config: &HostConfig,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Policy, toolhold_core::tool::Catalog), OpenError> {
    let manifest: Arc<Manifest> = Arc::new(files::manifest(&config.manifest)?);
    let (_sandbox, catalog) = Components::load(&manifest, config, progress).await?.into_parts();
    Ok((Policy::resolve(manifest, &catalog)?, catalog))
}

/// Pins the components of the manifest as they are now, without a look at them: for embedders that made them. Its MCP servers are started
/// or contacted for it.
///
/// # Errors
///
/// [`OpenError`].
pub async fn pin(config: &HostConfig) -> Result<(), OpenError> {
    let manifest = files::manifest(&config.manifest)?;
    let asked = ask(&manifest, &manifest.components().keys().cloned().collect()).await?;
    let listings = asked.into_iter().map(|(name, asked)| match asked {
        Asked { listing: Ok(listing), .. } => Ok((name, listing.text().into_bytes())),
        Asked { listing: Err(why), .. } => Err(OpenError::Server { component: name, why }),
    });
    let listings = listings.collect::<Result<BTreeMap<_, _>, _>>()?;
    let lock = lock(&config.lock).unwrap_or_default();
    let files = Files::Asked(&lock, &listings);
    let components = Components::load_with(&manifest, config, files, Arc::new(NoEgress), &|_| ()).await?;
    Accepted::of(config, &manifest, &components)?.write()
}

/// The lock file at `path`.
pub(crate) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let text = files::optional_text(path)?.ok_or_else(|| OpenError::NoLock(path.to_owned()))?;
    Lock::parse(&text).map_err(|error| OpenError::Lock { path: path.to_owned(), message: error.to_string() })
}

/// What applies from here on, for the audit.
fn announcements(manifest: &Manifest, path: &Path, components: &Components) -> Result<Vec<Event>, OpenError> {
    let absolute = path.canonicalize().map_err(|source| OpenError::Read { path: path.to_owned(), source })?;
    let loaded = Event::ManifestLoaded { manifest: manifest.digest(), path: bounded(&absolute.to_string_lossy()) };
    let pinned = components.digests().map(|(name, digest)| Event::ToolPinned { component: name.clone(), digest });
    Ok(std::iter::once(loaded).chain(pinned).collect())
}

fn pinned(lock: &Lock, name: &ComponentName, pin: &Pin) -> Result<(), OpenError> {
    let what = match lock.compare(name, pin) {
        Comparison::Pinned => return Ok(()),
        Comparison::Missing => NOT_IN_THE_FILE.to_owned(),
        Comparison::Changed(changes) => changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    Err(OpenError::NotPinned { component: name.clone(), what })
}
