//! From bytes to a component that can be called: looked at, compiled or taken from the cache, loaded, described.
//!
//! The digest of the bytes that were read is the component's only name: a file that is swapped afterwards is another
//! component, and a cache entry belongs to a digest.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use toolhold_core::describe::{Description, Need};
use toolhold_core::grant::Grants;
use toolhold_core::id::{Digest, Hashed, ToolDigest};
use toolhold_core::limit::{Limit, Limits};
use toolhold_core::schema::CompiledSchema;

use crate::call::{Answer, Guest, LaneLinker, Request, Room, RunFailure};
use crate::component::{
    self, DescriptionError, InspectError, Inspected, Kind, Lane, MergeError, Refused, SUPPORTED, Surface, TooMany,
    WorldError, adapt, inspect, kind_of, lane_of, needs_of, without_section,
};
use crate::engine::{Artifact, CompileError, Unusable};
use crate::inner::Inner;
use crate::learned::{self, Code};
use crate::sandbox::RunOptions;

/// Bytes that the adapter adds to a module.
const ADAPTER: u64 = 1 << 20;

/// Why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a component, or too large a one.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It is built for another world.
    #[error(transparent)]
    World(#[from] WorldError),
    /// It exports more functions than tools may be.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Its section says something else than its types.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// It does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It imports something that is not there, or exports the tool interface in another shape.
    #[error("the component does not fit this host, which supports `{SUPPORTED}` and WASI 0.2: {0}")]
    Unfit(String),
    /// What it says of its tools is not acceptable.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// It failed while it was asked for its tools.
    #[error("the component failed while it was asked for its tools: {0}")]
    Describe(RunFailure),
    /// The host failed.
    #[error("the host failed: {0}")]
    Host(String),
}

impl From<Unusable> for LoadError {
    fn from(error: Unusable) -> Self {
        Self::Host(error.to_string())
    }
}

/// Where a description comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DescribedBy {
    /// The component's `toolhold:tool` section: nothing ran.
    Section,
    /// The component itself, which ran once, without any grant.
    Guest,
    /// The types of its functions.
    Types,
    /// A program says nothing of itself: the manifest does.
    Nobody,
}

/// A component that can be called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The digest of its bytes.
    pub digest: ToolDigest,
    /// Its size in bytes.
    pub size: u64,
    /// Its tools.
    pub description: Arc<Description>,
    /// Who says so.
    pub described_by: DescribedBy,
    /// How its tools are called.
    pub kind: Kind,
    /// How its calls are run.
    pub lane: Lane,
    /// What it imports.
    pub imports: Arc<[String]>,
    /// What it exports.
    pub exports: Arc<[String]>,
    /// Functions that it exports and that cannot be tools.
    pub refused: Arc<[Refused]>,
    /// All schemas of its tools were compiled once, by this version.
    pub schemas_compile: bool,
}

impl Loaded {
    /// The most that it can need, by what it imports.
    #[must_use]
    pub fn ceiling(&self) -> Vec<Need> {
        needs_of(&self.imports)
    }
}

/// A loaded component and its code on each engine that has needed it so far.
pub(crate) struct Entry {
    pub(crate) loaded: Loaded,
    code: Code,
    is_module: bool,
    seats: Vec<OnceLock<Arc<Guest>>>,
    shared: OnceLock<Arc<Guest>>,
}

impl Entry {
    /// Whether its machine code is there.
    pub(crate) fn is_ready(&self) -> bool {
        self.code.get().is_some()
    }

    /// Its machine code: compiled now, or taken from the cache, if nobody needed it before. Blocks.
    ///
    /// What was linked to see that it fits is what the first seat runs.
    pub(crate) fn artifact(&self, inner: &Inner) -> Result<&Artifact, LoadError> {
        self.code.get_or_make(|bytes| {
            let room = inner.room(Some(0)).map_err(LoadError::Host)?;
            let component = match self.is_module {
                true => adapted(inner, bytes)?.0,
                false => Cow::Borrowed(bytes),
            };
            let (artifact, guest) = compiled(inner, &room, &Digest::of(&component), &component, &self.loaded.kind)?;
            guest.pre(&room, LaneLinker::Fiber).map_err(|error| unfit(&error))?;
            self.sit(guest);
            Ok(artifact)
        })
    }

    /// Keeps a guest of the engine of the first seat for the calls that run there.
    fn sit(&self, guest: Guest) {
        if let (Lane::Compute, Some(first)) = (self.loaded.lane, self.seats.first()) {
            drop(first.set(Arc::new(guest)));
        }
    }

    /// Whether the first seat has it.
    #[cfg(test)]
    pub(crate) fn has_sat_down(&self) -> bool {
        self.seats.first().is_some_and(|first| first.get().is_some())
    }

    /// The component on the engine of `room`, which is that of `seat`, or the shared one.
    pub(crate) fn guest(&self, inner: &Inner, seat: Option<usize>, room: &Room) -> Result<Arc<Guest>, LoadError> {
        let slot = seat.map_or(Some(&self.shared), |seat| self.seats.get(seat));
        let slot = slot.ok_or_else(|| LoadError::Host("there is no such seat".into()))?;
        if let Some(guest) = slot.get() {
            return Ok(Arc::clone(guest));
        }
        let guest = Arc::new(new_guest(self.artifact(inner)?, room, &self.loaded.kind)?);
        Ok(Arc::clone(slot.get_or_init(|| guest)))
    }
}

fn new_guest(artifact: &Artifact, room: &Room, kind: &Kind) -> Result<Guest, LoadError> {
    Guest::new(artifact.load(&room.engine)?, kind).map_err(|error| unfit(&error))
}

/// Why wasmtime, or what is built on its types, does not take a component.
fn unfit(error: &wasmtime::Error) -> LoadError {
    match error.downcast_ref::<TooMany>() {
        Some(too_many) => LoadError::TooMany(*too_many),
        None => LoadError::Unfit(format!("{error:#}")),
    }
}

/// The bytes of the file at `path`, of at most `max_bytes`.
pub(crate) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, LoadError> {
    let fail = |source| LoadError::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    // One more than allowed, so that what is too large is told from what just fits.
    std::fs::File::open(path).map_err(fail)?.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// Loads the component `bytes` by what was learned of it, if it was loaded as a whole before: without its machine code, until a call needs it.
/// Else as [`load`] does.
pub(crate) fn load_known(inner: &Arc<Inner>, component: Hashed) -> Result<Loaded, LoadError> {
    let (digest, bytes) = (component.digest(), component.into_bytes());
    if let Some(entry) = inner.entry(&digest) {
        return Ok(entry.loaded.clone());
    }
    let (size, most) = (bytes.len() as u64, inner.config.max_component_bytes);
    if size > most {
        return Err(InspectError::TooLarge { size, most }.into());
    }
    let room = inner.room(Some(0)).map_err(LoadError::Host)?;
    let learned = inner.cache.learned(&digest, &room.engine);
    let Some((loaded, is_module)) = learned.and_then(|json| learned::from_json(&json, digest, size)) else {
        return load(inner, &bytes);
    };
    let seats = (0..inner.seats()).map(|_| OnceLock::new()).collect();
    Ok(inner.register(Entry { loaded, code: Code::of(bytes), is_module, seats, shared: OnceLock::new() }))
}

/// What is made of a module, and how it looks.
fn adapted(inner: &Inner, bytes: &[u8]) -> Result<(Cow<'static, [u8]>, Inspected), LoadError> {
    let written = inspect(bytes, inner.config.max_component_bytes)?;
    // What a module says of itself is no part of what it does: with and without it, the machine code is the same.
    let component = adapt(&without_section(bytes), &written.exports)?;
    let found = inspect(&component, inner.config.max_component_bytes.saturating_add(ADAPTER))?;
    if found.exports.is_empty() {
        let why = "it has neither the `_start` of a program nor the types of a component";
        return Err(InspectError::CoreModule(why.into()).into());
    }
    Ok((Cow::Owned(component), found))
}

/// Loads the component `bytes`, unless it is loaded.
pub(crate) fn load(inner: &Arc<Inner>, bytes: &[u8]) -> Result<Loaded, LoadError> {
    let digest = Digest::of(bytes);
    if let Some(entry) = inner.entry(&digest) {
        return Ok(entry.loaded.clone());
    }
    let written = inspect(bytes, inner.config.max_component_bytes)?;
    let section = written.section.clone().and_then(|range| bytes.get(range));
    let is_module = written.is_module;
    let (component, found) = match is_module {
        true => adapted(inner, bytes)?,
        false => (Cow::Borrowed(bytes), written),
    };
    let kind = kind_of(&found.exports)?;
    let room = inner.room(Some(0)).map_err(LoadError::Host)?;
    // Of a module, machine code is kept for what was made of it: another adapter makes another component.
    let (artifact, guest) = compiled(inner, &room, &Digest::of(&component), &component, &kind)?;
    guest.pre(&room, LaneLinker::CallingThread).map_err(|error| unfit(&error))?;
    let guest_type = guest.component.component_type();
    let lane = lane_of(&guest_type, &room.engine);
    let seats: Vec<_> = (0..inner.seats()).map(|_| OnceLock::new()).collect();
    if let (Lane::Compute, Some(first)) = (lane, seats.first()) {
        drop(first.set(Arc::new(guest)));
    }
    let nothing = Arc::new(Description { format: 1, tools: Vec::new() });
    let surface = match kind {
        Kind::Typed { .. } => Some(Surface::of(&guest_type, &room.engine)?),
        Kind::Described { .. } | Kind::Command { .. } => None,
    };
    let mut entry = Entry {
        loaded: Loaded {
            digest,
            size: bytes.len() as u64,
            description: nothing,
            described_by: DescribedBy::Section,
            kind,
            lane,
            imports: found.imports.iter().cloned().collect(),
            exports: found.exports.iter().cloned().collect(),
            refused: surface.iter().flat_map(|surface| surface.refused.iter().cloned()).collect(),
            schemas_compile: false,
        },
        code: Code::made(artifact),
        is_module,
        seats,
        shared: OnceLock::new(),
    };
    let (description, described_by) = described(inner, &entry, surface.as_ref(), section)?;
    entry.loaded.description = Arc::new(description);
    entry.loaded.described_by = described_by;
    entry.loaded.schemas_compile = schemas_compile(&entry.loaded.description);
    // What has a schema that does not compile is looked at as a whole each time, and whoever wants its tools is told.
    if entry.loaded.schemas_compile
        && let Some(json) = learned::to_json(&entry.loaded, is_module)
    {
        inner.cache.keep_learned(&digest, &room.engine, &json);
    }
    Ok(inner.register(entry))
}

/// The machine code of `bytes`, and its guest on the engine of `room`.
fn compiled(
    inner: &Inner,
    room: &Room,
    digest: &Digest,
    bytes: &[u8],
    kind: &Kind,
) -> Result<(Artifact, Guest), LoadError> {
    if let Some(artifact) = inner.cache.artifact(digest, &room.engine) {
        match artifact.load(&room.engine) {
            Ok(component) => {
                let guest = Guest::new(component, kind).map_err(|error| unfit(&error))?;
                return Ok((artifact, guest));
            }
            Err(error) => {
                tracing::warn!(%digest, %error, "compiling again");
                inner.cache.forget_artifact(digest, &room.engine);
            }
        }
    }
    let code = inner.compiler.compile(&room.engine, bytes)?;
    inner.cache.keep_artifact(digest, &room.engine, &code);
    let artifact = match inner.cache.artifact(digest, &room.engine) {
        Some(artifact) => artifact,
        None => Artifact::from_compiled(&code)?,
    };
    let guest = new_guest(&artifact, room, kind)?;
    Ok((artifact, guest))
}

fn schemas_compile(description: &Description) -> bool {
    let schemas =
        description.tools.iter().flat_map(|tool| std::iter::once(&tool.input_schema).chain(&tool.output_schema));
    schemas.into_iter().all(|schema| CompiledSchema::compile(schema).is_ok())
}

fn described(
    inner: &Arc<Inner>,
    entry: &Entry,
    surface: Option<&Surface>,
    section: Option<&[u8]>,
) -> Result<(Description, DescribedBy), LoadError> {
    let packed = section.map(component::from_json).transpose()?;
    if let Some(surface) = surface {
        if surface.functions.is_empty() {
            return Err(WorldError::Unusable(surface.refused.clone()).into());
        }
        let derived = surface.describe(&entry.loaded.imports);
        return Ok(match packed {
            Some(packed) => (component::merge(derived, packed)?, DescribedBy::Section),
            None => (derived, DescribedBy::Types),
        });
    }
    match (packed, &entry.loaded.kind) {
        (Some(description), _) => return Ok((description, DescribedBy::Section)),
        (None, Kind::Command { .. }) => return Ok((Description { format: 1, tools: Vec::new() }, DescribedBy::Nobody)),
        (None, _) => {}
    }
    let digest = entry.loaded.digest;
    if let Some(kept) = inner.cache.description(&digest) {
        match component::from_json(&kept) {
            Ok(description) => return Ok((description, DescribedBy::Guest)),
            Err(error) => tracing::warn!(%digest, %error, "asking the component again"),
        }
    }
    let ended = inner.describe(entry);
    let description = match ended.map_err(LoadError::Describe)? {
        Answer::Tools(tools) => component::from_guest(tools)?,
        Answer::Text(_) => return Err(LoadError::Host("`describe` was answered with a result".into())),
    };
    if let Some(json) = component::to_json(&description) {
        inner.cache.keep_description(&digest, &json);
    }
    Ok((description, DescribedBy::Guest))
}

/// What `describe` may use. Interpreters start up in it, so it is not nothing.
fn describe_limits() -> Limits {
    let mut limits = Limits::default();
    for (limit, most) in [
        (Limit::Fuel, 500_000_000),
        (Limit::Time, 10_000_000),
        (Limit::Output, 4 << 20),
        (Limit::HostCalls, 100_000),
        (Limit::BytesRead, 0),
        (Limit::BytesWritten, 0),
        (Limit::FilesCreated, 0),
    ] {
        limits.set(limit, most);
    }
    limits
}

impl Inner {
    /// Asks a component for its tools: without a grant, on a clock that stands still, with fixed randomness, because the
    /// answer must not depend on anything but the component.
    fn describe(self: &Arc<Self>, entry: &Entry) -> Result<Answer, RunFailure> {
        use toolhold_core::grant::{Clock, Random};
        let grants = Grants { clock: Clock::Fixed(0), random: Random::Seeded(0), ..Grants::default() };
        let limits = describe_limits();
        let options = RunOptions::default();
        let deadline = Instant::now() + std::time::Duration::from_micros(limits.get(Limit::Time));
        let job = self.job(Request::Describe, grants, limits, options)?;
        self.run_blocking(entry, job, deadline).outcome
    }
}
