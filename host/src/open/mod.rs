//! From files to a [`Host`]: manifest, components, lock file, policy, journal; each checked before the next is used.
//!
//! Everything that is wrong with the manifest is reported at once. A component that the lock file does not pin, or that is not signed
//! as the manifest asks, is not even compiled, and nothing is called at all while anything is wrong.

mod asking;
mod components;
mod consent;
mod error;
mod files;
mod locking;
mod vouching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::ComponentName;
use toolhold_core::lock::{Comparison, Lock, Pin};
use toolhold_core::manifest::Manifest;
use toolhold_core::policy::Policy;
use toolhold_core::redact::Redactor;
use toolhold_sandbox::capability::fs::commit::Durable;
use toolhold_sandbox::capability::http::{Egress, NoEgress};

pub(crate) use self::asking::{Asked, ask};
pub use self::components::Components;
pub(crate) use self::components::{Files, pin_as_loaded, tools};
pub(crate) use self::consent::Consents;
pub use self::error::OpenError;
pub(crate) use self::files::{manifest, manifest_text, parsed};
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
use crate::retention::AtOnce;
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
        let written = Written::read(config)?;
        // First of all the journal: it makes the state directory, which the sandbox then keeps out of every grant.
        let redactor = written.secrets.redactor();
        let options = Options { now: clock::micros(), durability: config.durability, redactor: redactor.clone() };
        let lasting = Lasting::begin(Journal::open(&config.state, &options)?, config)?;
        let host = Self::put_together(config, written, (redactor, sender), lasting, progress).await?;
        host.takes_over();
        host.recover().await?;
        host.keep_approvals();
        host.remove_what_is_old(AtOnce::AFew).await?;
        Ok(host)
    }

    /// A host of the files as they are now, for the place of this one in the same process. Nothing of this one is changed, and nothing is
    /// called by the new one, until somebody [lets it](crate::Current::reload).
    ///
    /// What is begun is not recovered: here nobody has stopped. `learn` is told what must not be printed before anything can be.
    pub(crate) async fn open_anew(&self, config: &HostConfig, learn: fn(&Redactor)) -> Result<Self, OpenError> {
        let written = Written::read(config)?;
        let secrets = written.secrets.remembering(&self.0.secrets);
        let redactor = secrets.redactor();
        learn(&redactor);
        self.0.journal.learn(&redactor);
        let written = Written { secrets, ..written };
        Self::put_together(config, written, (redactor, None), Lasting::of(self), &|_| ()).await
    }

    /// Checks everything, in this order, and announces what then applies.
    async fn put_together(
        config: &HostConfig,
        Written { manifest, lock, secrets }: Written,
        (redactor, sender): (Redactor, Option<Arc<dyn Egress>>),
        Lasting { journal, dependencies, running, quotas, at_work, telemetry, desk }: Lasting,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, OpenError> {
        // Whoever answers the requests of tools otherwise has no server called either.
        let calls_servers = sender.is_none();
        let client = client(&secrets, &redactor);
        let egress = sender.unwrap_or_else(|| egress(&manifest, client.clone(), &dependencies));
        // INVARIANT: no byte is compiled, and no component asked for its tools, that is not pinned and signed as it must be.
        Vouching::of(&manifest)?.all(&lock)?;
        let components = Components::load_with(&manifest, config, Files::ToBeCalled(&lock), egress, progress).await?;
        components.pins().try_for_each(|(name, pin)| pinned(&lock, name, &pin))?;
        let facts = announcements(&manifest, &config.manifest, &components)?;
        let listings = if calls_servers { components.listings() } else { BTreeMap::new() };
        let means = Means { secrets: &secrets, client };
        let upstreams = Upstreams::new(&manifest, &listings, &means, &dependencies);
        let (sandbox, catalog) = components.into_parts();
        let policy = Policy::resolve(manifest, &catalog)?;
        let kept = Kept::new(policy.manifest().host());
        let effects = Effects { staging: staging(config)?, durable: durable(config.durability), kept };
        for fact in facts {
            journal.announce(clock::micros(), fact).await?;
        }
        Ok(Self(Arc::new(Inner {
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
            telemetry,
            desk,
            at_work,
            upstreams,
            replaced: CancellationToken::new(),
        })))
    }

    /// From here on it is this host that looks after approvals, whoever its manifest names is told of them, and its tools are counted.
    pub(crate) fn takes_over(&self) {
        let hook = Hook::of(self.0.policy.manifest().approvals().webhook.as_ref(), &self.0.secrets);
        self.0.desk.is_of(&self.0, hook);
        self.0.telemetry.knows(self.tools().map(|tool| tool.name().as_str()));
    }

    /// For a process that serves: from here on, components are made ready that were not compiled, or loaded, when this was opened.
    pub(crate) fn makes_ready(&self) {
        self.0.sandbox.make_ready();
    }
}

/// What is in the files of a host, checked as far as one file can be, and what they name of secrets.
struct Written {
    manifest: Arc<Manifest>,
    lock: Lock,
    secrets: Secrets,
}

impl Written {
    fn read(config: &HostConfig) -> Result<Self, OpenError> {
        let manifest = Arc::new(files::manifest(&config.manifest)?);
        let lock = lock(&config.lock)?;
        let secrets = Secrets::open(manifest.secrets(), config.known.clone())?;
        Ok(Self { manifest, lock, secrets })
    }
}

/// What is of a process and not of a manifest: every host that is in force in it has the same.
struct Lasting {
    journal: Journal,
    dependencies: Dependencies,
    running: Running,
    quotas: Quotas,
    at_work: AtWork,
    telemetry: Telemetry,
    desk: Arc<Desk>,
}

impl Lasting {
    fn begin(journal: Journal, config: &HostConfig) -> Result<Self, OpenError> {
        let dependencies = Dependencies::open(&journal, Arc::clone(&config.time))?;
        Ok(Self {
            desk: Arc::new(desk(&journal)?),
            journal,
            dependencies,
            running: Running::default(),
            quotas: Quotas::default(),
            at_work: AtWork::default(),
            telemetry: Telemetry::default(),
        })
    }

    fn of(Host(host): &Host) -> Self {
        Self {
            journal: host.journal.clone(),
            dependencies: host.dependencies.clone(),
            running: host.running.clone(),
            quotas: host.quotas.clone(),
            at_work: host.at_work.clone(),
            telemetry: host.telemetry.clone(),
            desk: Arc::clone(&host.desk),
        }
    }
}

/// What is open of approvals.
fn desk(journal: &Journal) -> Result<Desk, OpenError> {
    let states =
        vec![ApprovalState::Waiting, ApprovalState::Approved, ApprovalState::Modified, ApprovalState::Rejected];
    let open = journal.reader()?.approvals(&ApprovalFilter { states, limit: u32::MAX, ..ApprovalFilter::default() })?;
    Ok(Desk::new(&open))
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
fn client(secrets: &Secrets, redactor: &Redactor) -> Client {
    let known = secrets.clone();
    Client::new(SecretLookup::new(move |name| known.get(name).cloned()), redactor.clone())
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
