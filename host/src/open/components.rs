//! The components of a manifest, loaded, and their tools.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::id::{ComponentName, Digest, Hashed, LocalName, ToolDigest};
use toolhold_core::listing::{self, Listing};
use toolhold_core::lock::{Change, Lock, Pin};
use toolhold_core::manifest::{Code, Component as Granted, Manifest, Problem, SecretSource, Server, Transport};
use toolhold_core::tool::{Catalog, Tool};
use toolhold_sandbox::capability::fs::Protected;
use toolhold_sandbox::capability::http::{Egress, NoEgress};
use toolhold_sandbox::{Kind, Loaded, Sandbox, SandboxConfig};

use super::{Consents, HostConfig, NOT_IN_THE_FILE, OpenError, Papers, Progress, Vouching, staging};
use crate::store::{MAX_COMPONENT, Store};

/// Components that are read and loaded at once. Compiling takes one after the other, on every core.
const AT_ONCE: usize = 4;

/// The components of a manifest, in a sandbox. Nothing of them is callable by anyone yet.
#[derive(Debug)]
pub struct Components {
    sandbox: Sandbox,
    loaded: Vec<Component>,
    catalog: Catalog,
}

#[derive(Debug)]
struct Component {
    name: ComponentName,
    /// What a lock file says of it, before anybody vouched for it.
    pin: Pin,
    /// What the lock file says of these bytes beside what they say themselves.
    accepted: Option<Pin>,
    /// Of an MCP server, what it said of its tools.
    listing: Option<Listing>,
}

impl Components {
    /// Loads every component that the manifest names: files as they are now, the others as the lock file pins them.
    ///
    /// # Errors
    ///
    /// The first one that cannot be loaded, or whose tools cannot be used.
    pub async fn load(
        manifest: &Manifest,
        config: &HostConfig,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, OpenError> {
        let lock = super::lock(&config.lock).unwrap_or_default();
        Self::load_with(manifest, config, Files::AsTheyAre(&lock), Arc::new(NoEgress), progress).await
    }

    /// [`Components::load`], with what was accepted, and with what sends their requests.
    ///
    /// Nothing is compiled, let alone asked for its tools, before its bytes and its signatures were judged.
    pub(crate) async fn load_with(
        manifest: &Manifest,
        config: &HostConfig,
        files: Files<'_>,
        egress: Arc<dyn Egress>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, OpenError> {
        let lock = files.lock();
        let vouching = Vouching::of(manifest)?;
        let sandbox = Sandbox::new(settings(manifest, config, egress)?)?;
        let mut components = Self { sandbox: sandbox.clone(), loaded: Vec::new(), catalog: Catalog::default() };
        let ready = manifest.components().iter().map(async |granted| {
            progress(Progress::Loading(granted.0.clone()));
            ready(&sandbox, config, (files, &vouching), granted).await.map(|ready| (granted, ready))
        });
        // In the order of the manifest, whichever is ready first.
        let mut ready = pin!(futures_util::stream::iter(ready).buffered(AT_ONCE));
        while let Some(((name, component), ready)) = ready.try_next().await? {
            let pin = lock.components().get(name);
            match ready {
                Ready::Said(server, bytes) => components.add_server((name, component, server), &bytes, pin)?,
                Ready::Loaded(loaded) => components.add(manifest, (name, component), &loaded, pin)?,
            }
        }
        progress(Progress::Loaded);
        Ok(components)
    }

    /// The tools of a component that is loaded.
    fn add(
        &mut self,
        manifest: &Manifest,
        (name, component): (&ComponentName, &Granted),
        loaded: &Loaded,
        accepted: Option<&Pin>,
    ) -> Result<(), OpenError> {
        let tools = tools(manifest, name, component, loaded)?;
        tools.iter().try_for_each(|tool| self.catalog.add(tool.clone()))?;
        let accepted = accepted.filter(|pin| pin.digest == loaded.digest).cloned();
        let pin = pin_as_loaded(&component.written, loaded, &tools);
        self.loaded.push(Component { name: name.clone(), pin, accepted, listing: None });
        Ok(())
    }

    /// The tools of an MCP server, by what it said of them. The operator's word of them is no part of what is pinned.
    fn add_server(
        &mut self,
        (name, component, server): (&ComponentName, &Granted, &Server),
        bytes: &[u8],
        accepted: Option<&Pin>,
    ) -> Result<(), OpenError> {
        let unusable = |error: listing::Error| OpenError::Server { component: name.clone(), why: error.to_string() };
        let fail = |source| OpenError::Tool { component: name.clone(), source: Box::new(source) };
        let (digest, listing) = (Digest::of(bytes), Listing::parse(bytes).map_err(unusable)?);
        let tools = |hints: &dyn Fn(&LocalName) -> Hints| -> Result<Vec<Tool>, OpenError> {
            let infos = listing.tools(hints).map_err(unusable)?;
            infos.into_iter().map(|info| Tool::new(name, digest, info)).collect::<Result<_, _>>().map_err(fail)
        };
        let by_operator = |local: &LocalName| {
            let grant = server.grant(local);
            Hints {
                read_only: grant.reads_only,
                destructive: !grant.reads_only,
                idempotent: grant.idempotent,
                ..Hints::default()
            }
        };
        tools(&by_operator)?.into_iter().try_for_each(|tool| self.catalog.add(tool))?;
        let as_said = tools(&|_| Hints::default())?;
        let pin = Pin::of(&component.written, digest, bytes.len() as u64, listing::WORLD, &as_said);
        let pin = Pin { reached: Some(server.reached(&component.env)), ..pin };
        let accepted = accepted.filter(|pin| pin.digest == digest).cloned();
        self.loaded.push(Component { name: name.clone(), pin, accepted, listing: Some(listing) });
        Ok(())
    }

    /// What each MCP server said of its tools when it was accepted.
    pub(crate) fn listings(&self) -> BTreeMap<ComponentName, Listing> {
        let of = |component: &Component| Some((component.name.clone(), component.listing.clone()?));
        self.loaded.iter().filter_map(of).collect()
    }

    /// Each component as a lock file would have it.
    pub fn pins(&self) -> impl Iterator<Item = (&ComponentName, Pin)> {
        self.loaded.iter().map(|component| {
            let Component { name, pin, accepted, .. } = component;
            (name, accepted.as_ref().map_or_else(|| pin.clone(), |accepted| pin.clone().accepted_as(accepted)))
        })
    }

    /// The bytes that each component has.
    pub(crate) fn digests(&self) -> impl Iterator<Item = (&ComponentName, ToolDigest)> {
        self.loaded.iter().map(|component| (&component.name, component.pin.digest))
    }

    /// The lock file that pins all of them.
    #[must_use]
    pub fn lock(&self) -> Lock {
        Lock::new(self.pins().map(|(name, pin)| (name.clone(), pin)).collect())
    }

    pub(crate) fn into_parts(self) -> (Sandbox, Catalog) {
        (self.sandbox, self.catalog)
    }
}

/// Which files may be loaded. What comes from elsewhere is taken from the store, as the lock file pins it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Files<'a> {
    /// Those that the lock file pins, and no other bytes.
    AsPinned(&'a Lock),
    /// The same, to be called: what was loaded before is compiled, or its machine code looked at, when it is first called.
    ToBeCalled(&'a Lock),
    /// Whatever is in them now, to be looked at or pinned.
    AsTheyAre(&'a Lock),
    /// The same, and what MCP servers were just asked for instead of what is pinned of them.
    Asked(&'a Lock, &'a BTreeMap<ComponentName, Vec<u8>>),
}

impl<'a> Files<'a> {
    fn lock(self) -> &'a Lock {
        let (Self::AsPinned(lock) | Self::ToBeCalled(lock) | Self::AsTheyAre(lock) | Self::Asked(lock, _)) = self;
        lock
    }

    fn are_pinned(self) -> bool {
        matches!(self, Self::AsPinned(_) | Self::ToBeCalled(_))
    }
}

/// A component on its way into a sandbox.
enum Ready<'a> {
    /// What an MCP server said of its tools.
    Said(&'a Server, Vec<u8>),
    Loaded(Loaded),
}

/// Takes what the lock file allows of a component, and loads it. Reads it first, and judges what it has read.
async fn ready<'a>(
    sandbox: &Sandbox,
    config: &HostConfig,
    (files, vouching): (Files<'_>, &Vouching<'_>),
    (name, component): (&ComponentName, &'a Granted),
) -> Result<Ready<'a>, OpenError> {
    let pin = files.lock().components().get(name);
    if let Some(server) = &component.server {
        return Ok(Ready::Said(server, said(config, files, component, pin)?));
    }
    let source = source(component, pin)?;
    let bytes = match source {
        Bytes::File(path) => file(path)?,
        Bytes::Pinned(pin) => stored(config, name, pin.digest)?,
    };
    let read = Hashed::new(bytes);
    let digest = read.digest();
    match files {
        Files::AsPinned(lock) | Files::ToBeCalled(lock) => only_pinned(lock, name, component, digest)?,
        Files::AsTheyAre(_) | Files::Asked(..) => vouched(vouching, component, &source, digest)?,
    }
    let loaded = match files {
        Files::ToBeCalled(_) => sandbox.load_known(read).await,
        Files::AsPinned(_) | Files::AsTheyAre(_) | Files::Asked(..) => sandbox.load(read.into_bytes()).await,
    };
    loaded.map(Ready::Loaded).map_err(|source| OpenError::Load { component: name.clone(), source })
}

/// Where the bytes of a component are taken from.
enum Bytes<'a> {
    /// Its file, whatever is in it now.
    File(&'a Path),
    /// The store.
    Pinned(&'a Pin),
}

fn source<'a>(component: &'a Granted, pin: Option<&'a Pin>) -> Result<Bytes<'a>, OpenError> {
    let pin = pin.filter(|pin| pin.source == component.written);
    match (&component.path, pin) {
        (Some(path), None) => Ok(Bytes::File(&path.value)),
        (Some(path), Some(pin)) if !pin.held => Ok(Bytes::File(&path.value)),
        (_, Some(pin)) => Ok(Bytes::Pinned(pin)),
        (None, None) => Err(OpenError::NotAccepted(component.name.value.clone())),
    }
}

/// What an MCP server said of its tools: what it was just asked for, or what was accepted. Nothing is started for it.
fn said(config: &HostConfig, files: Files<'_>, component: &Granted, pin: Option<&Pin>) -> Result<Vec<u8>, OpenError> {
    let name = &component.name.value;
    if let Files::Asked(_, listings) = files
        && let Some(bytes) = listings.get(name)
    {
        return Ok(bytes.clone());
    }
    let reached = component.server.as_ref().map(|server| server.reached(&component.env));
    let is_accepted = || component.server.as_ref().is_some_and(|server| Consents::of(config).has(component, server));
    match pin {
        // The lock file may have come with a clone or a pull: it says nothing of what was accepted here.
        Some(pin) if pin.source == component.written && pin.reached == reached && is_accepted() => {
            stored(config, name, pin.digest)
        }
        Some(pin) if pin.source == component.written && pin.reached == reached => {
            Err(OpenError::ServerNotAccepted(name.clone()))
        }
        Some(pin) if pin.source == component.written && files.are_pinned() => {
            Err(OpenError::NotPinned { component: name.clone(), what: Change::Reached.to_string() })
        }
        Some(pin) if files.are_pinned() => {
            let change = Change::Source { locked: pin.source.clone(), found: component.written.clone() };
            Err(OpenError::NotPinned { component: name.clone(), what: change.to_string() })
        }
        _ => Err(OpenError::ServerNotAccepted(name.clone())),
    }
}

fn stored(config: &HostConfig, name: &ComponentName, digest: ToolDigest) -> Result<Vec<u8>, OpenError> {
    let bytes = Store::of(&config.state).get(digest)?;
    bytes.ok_or_else(|| OpenError::NotFetched { component: name.clone(), digest })
}

/// The bytes of a file: one more than a component may have, so that what is too large is told from what just fits.
fn file(path: &Path) -> Result<Vec<u8>, OpenError> {
    use std::io::Read as _;
    let fail = |source| OpenError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    // At its size at once; what it says of itself beyond the bound is not believed.
    let size = file.metadata().map_err(fail)?.len().min(MAX_COMPONENT);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default().saturating_add(1));
    file.take(MAX_COMPONENT + 1).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// Refuses bytes that the lock file does not pin.
fn only_pinned(lock: &Lock, name: &ComponentName, component: &Granted, digest: ToolDigest) -> Result<(), OpenError> {
    let what = match lock.components().get(name) {
        None => NOT_IN_THE_FILE.to_owned(),
        Some(pin) if pin.source != component.written => {
            Change::Source { locked: pin.source.clone(), found: component.written.clone() }.to_string()
        }
        Some(pin) if pin.digest != digest => Change::Bytes { locked: pin.digest, found: digest }.to_string(),
        Some(_) => return Ok(()),
    };
    Err(OpenError::NotPinned { component: name.clone(), what })
}

/// Refuses bytes that are not signed as the manifest asks: files by what lies beside them, others by what the lock file has.
fn vouched(
    vouching: &Vouching<'_>,
    component: &Granted,
    source: &Bytes<'_>,
    digest: ToolDigest,
) -> Result<(), OpenError> {
    let papers = match source {
        Bytes::File(path) => Papers::beside(path, digest)?,
        Bytes::Pinned(pin) => Papers::of(pin),
    };
    vouching.judge(component, digest, &papers).map(drop)
}

/// The manifest's bounds of the whole host, and what no grant may reach.
fn settings(manifest: &Manifest, config: &HostConfig, egress: Arc<dyn Egress>) -> Result<SandboxConfig, OpenError> {
    let limits = manifest.host();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(SandboxConfig {
        cache: config.cache.clone(),
        max_calls_in_flight: count(limits.max_calls_in_flight),
        max_queue: count(limits.max_queue),
        max_memory_in_flight: limits.max_memory,
        protected: Protected::new(
            own_files(config)?
                .into_iter()
                .chain(secret_files(manifest))
                .chain(programs(manifest))
                .chain(crate::sigstore::files(manifest).cloned()),
        )?
        .with_state(&config.state),
        staging: Some(staging(config)?),
        granted: manifest.components().values().flat_map(hosts).collect(),
        egress,
        ..SandboxConfig::default()
    })
}

fn hosts(component: &toolhold_core::manifest::Component) -> impl Iterator<Item = PathBuf> {
    component.directories.iter().map(|directory| directory.host.value.clone())
}

/// Absolute paths of what belongs to Toolhold. The cache is made now: what does not exist cannot be kept out of reach.
fn own_files(config: &HostConfig) -> Result<Vec<PathBuf>, OpenError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Read { path, source }
    };
    if let Some(cache) = &config.cache {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(cache).map_err(fail(cache))?;
    }
    let own = [Some(&config.manifest), Some(&config.lock), Some(&config.state), config.cache.as_ref()];
    own.into_iter().flatten().map(|path| std::path::absolute(path).map_err(fail(path))).collect()
}

/// A tool that could read these would have what the host keeps from it.
fn secret_files(manifest: &Manifest) -> impl Iterator<Item = PathBuf> {
    manifest.secrets().values().filter_map(|source| match source {
        SecretSource::File(path) => Some(path.clone()),
        SecretSource::Env(_) | SecretSource::Command(_) | SecretSource::Keyring { .. } => None,
    })
}

/// A tool that could write these would run outside of the sandbox at the next start of a server, or when a secret is next asked for.
fn programs(manifest: &Manifest) -> impl Iterator<Item = PathBuf> {
    let servers = manifest.components().values().filter_map(|component| component.server.as_ref());
    let of_servers = servers.filter_map(|server| match &server.transport {
        Transport::Stdio { program, arguments, directory, .. } => {
            let here = directory.as_ref().map_or(Path::new("/"), |directory| &directory.value);
            let words = std::iter::once(program.as_path()).chain(arguments.iter().map(Path::new));
            Some(words.map(|word| here.join(word)).collect::<Vec<_>>())
        }
        Transport::Http { .. } => None,
    });
    let of_secrets = manifest.secrets().values().filter_map(|source| match source {
        SecretSource::Command(words) => {
            // It runs where this process does.
            let files = words.iter().filter_map(|word| std::path::absolute(word).ok());
            Some(files.chain(words.first().and_then(|program| on_the_search_path(program))).collect())
        }
        SecretSource::Env(_) | SecretSource::File(_) | SecretSource::Keyring { .. } => None,
    });
    of_servers.chain(of_secrets).flatten().filter(|path| path.is_file())
}

/// The program that a bare name starts.
fn on_the_search_path(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where the operating system looks, too, when the program is started")]
    let path = std::env::var_os("PATH").filter(|_| !name.contains('/'))?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_absolute() && file.is_file())
}

/// What a lock file says of a component that was loaded, before anybody vouched for it.
pub(crate) fn pin_as_loaded(source: &str, loaded: &Loaded, tools: &[Tool]) -> Pin {
    Pin::of(source, loaded.digest, loaded.size, &loaded.kind.world(), tools)
}

/// The tools of a component: what it says of itself or, of a program, what the manifest says.
pub(crate) fn tools(
    manifest: &Manifest,
    name: &ComponentName,
    granted: &Granted,
    loaded: &Loaded,
) -> Result<Vec<Tool>, OpenError> {
    let fail = |source| OpenError::Tool { component: name.clone(), source: Box::new(source) };
    let described = || loaded.description.tools.iter().cloned();
    let Kind::Command { .. } = loaded.kind else {
        not_commands(manifest, name, granted)?;
        let tool = if loaded.schemas_compile { Tool::known } else { Tool::new };
        return described().map(|info| tool(name, loaded.digest, info)).collect::<Result<_, _>>().map_err(fail);
    };
    // The manifest says it again, and otherwise.
    let mut infos: Vec<ToolInfo> = described().filter(|info| !granted.commands.contains_key(&info.name)).collect();
    let needs = loaded.ceiling();
    infos.extend(granted.commands.values().map(|info| ToolInfo { needs: needs.clone(), ..info.value.clone() }));
    infos.sort_by(|left, right| left.name.cmp(&right.name));
    if infos.is_empty() {
        let message = format!("component `{name}` is a program, and nothing says how it is called");
        let problem = Problem::new(Code::Command, &granted.name.span, message).label("no command");
        let help = format!("add `[tools.{name}.commands.TOOL]` with a `description` and an `argv`");
        manifest.complain(vec![problem.help(help)])?;
    }
    infos.into_iter().map(|info| Tool::of_command(name, loaded.digest, info)).collect::<Result<_, _>>().map_err(fail)
}

/// Says so where the manifest has commands for a component that is no program.
fn not_commands(manifest: &Manifest, name: &ComponentName, granted: &Granted) -> Result<(), OpenError> {
    let Some(command) = granted.commands.values().next() else { return Ok(()) };
    let message = format!("component `{name}` is not a program: it has tools of its own");
    let problem = Problem::new(Code::Command, &command.span, message).label("no command line leads to it");
    manifest.complain(vec![problem.help("leave `commands` out; `toolhold inspect` shows its tools")])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_a_command_of_a_server_names_are_found_from_where_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("srv/lib")).unwrap();
        for name in ["srv/server.js", "srv/lib/more.js", "elsewhere.js", "server.js"] {
            std::fs::write(at(name), "").unwrap();
        }
        let elsewhere = at("elsewhere.js").display().to_string();
        let text = format!(
            "version = 1\n[tools.web]\nsource = \"mcp:stdio\"\n[tools.web.server]\nread-only = []\ndirectory = \"srv\"\n\
             command = [\"/bin/sh\", \"server.js\", \"lib/more.js\", \"lib\", \"--port=1\", \"../srv/server.js\", \"{elsewhere}\"]\n"
        );
        std::fs::write(at("toolhold.toml"), text).unwrap();
        let manifest = super::super::files::manifest(&at("toolhold.toml")).unwrap();
        let found: Vec<_> = programs(&manifest).filter_map(|path| path.canonicalize().ok()).collect();
        let expected = ["srv/server.js", "srv/lib/more.js", "srv/server.js", "elsewhere.js"];
        let expected = expected.map(|name| at(name).canonicalize().unwrap());
        assert_eq!(found.get(1..), Some(&expected[..]), "{found:?}");
    }
}
