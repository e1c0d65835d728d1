//! The sandbox: components by digest, engines, and the way of a call through them.

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use toolhold_core::call::{AuthorizedCall, Mode};
use toolhold_core::grant::{DirectoryGrant, Grants};
use toolhold_core::id::{Digest, ToolDigest};
use toolhold_core::limit::{Limit, Limits, Usage};
use toolhold_core::outcome::SideOutput;

use crate::admission::{Admission, Ticket};
use crate::call::{
    Answer, Ended, HostMemory, Job, Request, Room, RunFailure, block_on, on_calling_thread, on_fiber,
};
use crate::capability::context::EventSink;
use crate::capability::fs::{Notes, OpenedGrants};
use crate::config::SandboxConfig;
use crate::engine::{Cache, Compiler, PoolSize, Ticker, new_engine};
use crate::load::{self, Entry, LoadError, Loaded};
use crate::opened::Opened;
use crate::workers::Workers;

/// Components that stay warm on one engine: a call of one of them maps nothing.
const WARM_COMPONENTS: u32 = 128;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No engine could be made: too little address space, or a machine that wasmtime does not support.
    #[error("no WebAssembly engine: {0}")]
    Engine(String),
    /// The thread that bounds computing time could not be started.
    #[error("no epoch thread: {0}")]
    Ticker(#[from] std::io::Error),
}

/// What the caller of one call wants beside its result.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Is told of log lines, progress and emitted parts as they come.
    pub events: Option<EventSink>,
    /// Stops the guest.
    pub cancel: CancellationToken,
}

/// What came of a call.
#[derive(Debug)]
pub struct RunReport {
    /// The text of the result, or why there is none. That the text is JSON is not checked here.
    pub outcome: Result<String, RunFailure>,
    /// What it used of each limit.
    pub usage: Usage,
    /// What the guest said on the side.
    pub output: SideOutput,
    /// What it touched of the granted directories, and what it was refused there.
    pub files: Notes,
}

impl From<Ended> for RunReport {
    fn from(ended: Ended) -> Self {
        let outcome = ended.outcome.and_then(|answer| match answer {
            Answer::Text(text) => Ok(text),
            Answer::Tools(_) => Err(RunFailure::Host("`invoke` was answered with tools".into())),
        });
        Self { outcome, usage: ended.usage, output: ended.output, files: ended.files }
    }
}

/// Runs components. Cheap to clone; all clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: SandboxConfig,
    pub(crate) cache: Cache,
    pub(crate) compiler: Compiler,
    admission: Arc<Admission>,
    ticker: Ticker,
    seats: Vec<OnceLock<Arc<Room>>>,
    shared: OnceLock<Arc<Room>>,
    building: Mutex<()>,
    workers: Workers,
    memory: Arc<HostMemory>,
    opened: Opened,
    registry: RwLock<HashMap<Digest, Arc<Entry>>>,
}

impl Sandbox {
    /// A sandbox without components.
    ///
    /// # Errors
    ///
    /// [`Error`] if the machine gives no engine or thread. A cache that cannot be trusted is not an error: it is not
    /// used, and a warning says why.
    pub fn new(config: SandboxConfig) -> Result<Self, Error> {
        let seats = config.seats();
        let inner = Inner {
            cache: Cache::open(config.cache.as_deref()),
            compiler: Compiler::new(config.compile_timeout),
            admission: Arc::new(Admission::new(config.max_calls_in_flight, seats, config.max_queue)),
            ticker: Ticker::start()?,
            seats: (0..seats).map(|_| OnceLock::new()).collect(),
            shared: OnceLock::new(),
            building: Mutex::new(()),
            workers: Workers::new(seats),
            memory: Arc::new(HostMemory::new(config.max_memory_in_flight)),
            opened: Opened::new(config.protected.clone()),
            registry: RwLock::default(),
            config,
        };
        inner.room(Some(0)).map_err(Error::Engine)?;
        Ok(Self(Arc::new(inner)))
    }

    /// Loads a component: compiles it, or takes the compiled form from the cache, and learns its tools. Blocks.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub fn load_blocking(&self, bytes: &[u8]) -> Result<Loaded, LoadError> {
        load::load(&self.0, bytes)
    }

    /// Reads and loads a component. Blocks. What was read counts: the file is not looked at again.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub fn load_file_blocking(&self, path: &Path) -> Result<Loaded, LoadError> {
        let bytes = load::read(path, self.0.config.max_component_bytes)?;
        self.load_blocking(&bytes)
    }

    /// [`Self::load_blocking`] on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<Loaded, LoadError> {
        self.loading(move |sandbox| sandbox.load_blocking(&bytes)).await
    }

    /// [`Self::load_file_blocking`] on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub async fn load_file(&self, path: &Path) -> Result<Loaded, LoadError> {
        let path = path.to_path_buf();
        self.loading(move |sandbox| sandbox.load_file_blocking(&path)).await
    }

    async fn loading(
        &self,
        load: impl FnOnce(&Self) -> Result<Loaded, LoadError> + Send + 'static,
    ) -> Result<Loaded, LoadError> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let sandbox = self.clone();
        std::thread::Builder::new()
            .name("toolhold-load".into())
            .spawn(move || drop(send.send(load(&sandbox))))
            .map_err(|error| LoadError::Host(error.to_string()))?;
        receive.await.unwrap_or_else(|_| Err(LoadError::Host("the loading thread panicked".into())))
    }

    /// Forgets a component. Calls of it that run go on.
    pub fn unload(&self, digest: &ToolDigest) {
        self.0.registry.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    /// Runs one call on this thread to its end, once there is room for it. For callers outside of an async runtime.
    #[must_use]
    pub fn run_blocking(&self, call: &AuthorizedCall, options: RunOptions) -> RunReport {
        let prepared = self.0.prepare(call, options);
        prepared.map_or_else(Ended::refused, |(entry, job, deadline)| self.0.run_blocking(&entry, job, deadline)).into()
    }

    /// Runs one call. It starts on the task that asks; one that does not end within a tick goes on on a worker thread, so
    /// that neither short calls pay for a hand-over nor long ones hold up the runtime.
    ///
    /// Dropping the future stops the guest.
    pub async fn run(&self, call: &AuthorizedCall, options: RunOptions) -> RunReport {
        match self.0.prepare(call, options) {
            Ok((entry, job, deadline)) => self.0.run(&entry, job, deadline).await.into(),
            Err(failure) => Ended::refused(failure).into(),
        }
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Bytes of linear memory and tables that all calls hold at this moment.
    #[must_use]
    pub fn memory_in_flight(&self) -> u64 {
        self.0.memory.used()
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sandbox").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Inner {
    /// The component `digest`, if it is loaded.
    pub(crate) fn entry(&self, digest: &Digest) -> Option<Arc<Entry>> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Makes `entry` callable, unless another thread was faster: then its work counts.
    pub(crate) fn register(&self, entry: Entry) -> Loaded {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        registry.entry(entry.loaded.digest).or_insert_with(|| Arc::new(entry)).loaded.clone()
    }

    /// The engine of `seat`, or the shared one. Made when it is first needed.
    pub(crate) fn room(&self, seat: Option<usize>) -> Result<Arc<Room>, String> {
        let slot = seat.map_or(Some(&self.shared), |seat| self.seats.get(seat)).ok_or("there is no such seat")?;
        if let Some(room) = slot.get() {
            return Ok(Arc::clone(room));
        }
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = slot.get() {
            return Ok(Arc::clone(room));
        }
        let calls = match seat {
            Some(_) => 1,
            None => u32::try_from(self.config.max_calls_in_flight).unwrap_or(u32::MAX),
        };
        let size = PoolSize { calls, memories: calls.saturating_mul(2).max(WARM_COMPONENTS) };
        let engine = new_engine(size).map_err(|error| format!("{error:#}"))?;
        self.ticker.add(&engine);
        Ok(Arc::clone(slot.get_or_init(|| Arc::new(Room::new(engine)))))
    }

    fn prepare(
        &self,
        call: &AuthorizedCall,
        options: RunOptions,
    ) -> Result<(Arc<Entry>, Job, Instant), RunFailure> {
        if call.mode() == Mode::Preview {
            return Err(RunFailure::Host("this sandbox cannot hold back effects, so it runs no previews".into()));
        }
        let validated = call.call();
        let digest = validated.digest();
        let entry = self.entry(&digest).ok_or_else(|| RunFailure::Host(format!("{digest} is not loaded")))?;
        let tool = validated.tool().local().as_str().to_owned();
        let request = Request::Invoke { tool, arguments: Arc::clone(validated.text()) };
        let limits = call.limits().clone();
        let deadline = Instant::now() + Duration::from_micros(limits.get(Limit::Time));
        let job = self.job(request, call.grants().clone(), limits, options)?;
        Ok((entry, job, deadline))
    }

    /// A job of what a call may reach and use.
    pub(crate) fn job(
        &self,
        request: Request,
        grants: Grants,
        limits: Limits,
        options: RunOptions,
    ) -> Result<Job, RunFailure> {
        Ok(Job {
            request,
            opened: self.open(&grants.directories)?,
            grants,
            limits,
            events: options.events,
            cancel: options.cancel,
            memory: Arc::clone(&self.memory),
            workers: self.workers.clone(),
        })
    }

    fn open(&self, directories: &Arc<[DirectoryGrant]>) -> Result<Arc<OpenedGrants>, RunFailure> {
        self.opened.get(directories).map_err(|error| RunFailure::Host(error.to_string()))
    }

    /// Runs `job` on this thread. Waits for room until `deadline`.
    pub(crate) fn run_blocking(self: &Arc<Self>, entry: &Entry, job: Job, deadline: Instant) -> Ended {
        let entered = self.admission.enter(entry.loaded.lane, deadline, &job.cancel, &self.workers);
        let ticket = match block_on(entered, None) {
            Some(Ok(ticket)) => ticket,
            Some(Err(failure)) => return Ended::refused(failure),
            None => return Ended::refused(RunFailure::Cancelled),
        };
        let _busy = self.ticker.busy();
        if ticket.seat.is_none() {
            let ended = block_on(self.as_fiber(entry, job, ticket), None);
            return ended.unwrap_or_else(|| Ended::refused(RunFailure::Cancelled));
        }
        match self.place(entry, &ticket) {
            Ok((room, guest)) => on_calling_thread(&room, &guest, job),
            Err(failure) => Ended::refused(failure),
        }
    }

    /// Runs `job` as a fiber. Waits for room until `deadline`.
    pub(crate) async fn run(self: &Arc<Self>, entry: &Entry, job: Job, deadline: Instant) -> Ended {
        let entered = self.admission.enter(entry.loaded.lane, deadline, &job.cancel, &self.workers).await;
        match entered {
            Ok(ticket) => self.as_fiber(entry, job, ticket).await,
            Err(failure) => Ended::refused(failure),
        }
    }

    async fn as_fiber(self: &Arc<Self>, entry: &Entry, job: Job, ticket: Ticket) -> Ended {
        let (room, guest) = match self.place(entry, &ticket) {
            Ok(place) => place,
            Err(failure) => return Ended::refused(failure),
        };
        let busy = self.ticker.busy();
        let mut fiber = Box::pin(async move {
            let ended = on_fiber(room, guest, job).await;
            drop((ticket, busy));
            ended
        });
        let first = std::future::poll_fn(|context| Poll::Ready(fiber.as_mut().poll(context))).await;
        if let Poll::Ready(ended) = first {
            return ended;
        }
        let Some(threads) = self.workers.handle() else { return fiber.await };
        let mut task = Owned(threads.spawn(fiber));
        let ended = pin!(&mut task.0).await;
        ended.unwrap_or_else(|_| Ended::refused(RunFailure::Host("the worker threads are gone".into())))
    }

    fn place(&self, entry: &Entry, ticket: &Ticket) -> Result<(Arc<Room>, Arc<crate::call::Guest>), RunFailure> {
        let room = self.room(ticket.seat).map_err(RunFailure::Host)?;
        let guest = entry.guest(ticket.seat, &room).map_err(|error| RunFailure::Host(error.to_string()))?;
        Ok((room, guest))
    }
}

/// A task that ends when nobody waits for it any more.
struct Owned(tokio::task::JoinHandle<Ended>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

