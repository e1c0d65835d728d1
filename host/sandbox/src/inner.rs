//! What all clones of a sandbox share: components by digest, engines, and the way of a call through them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use toolhold_core::call::{AuthorizedCall, Mode, Sends};
use toolhold_core::grant::{DirectoryGrant, Grants};
use toolhold_core::id::Digest;
use toolhold_core::limit::{Limit, Limits};

use crate::admission::{Admission, Ticket};
use crate::call::{
    Ended, Guest, HostMemory, Job, Request, Room, RunFailure, Staging, block_on, on_calling_thread, on_fiber,
};
use crate::capability::fs::{Anchors, OpenedGrants, Stage};
use crate::config::SandboxConfig;
use crate::engine::{Cache, Compiler, PoolSize, Ticker, new_engine};
use crate::load::{Entry, Loaded};
use crate::opened::Opened;
use crate::sandbox::{Error, RunOptions};
use crate::workers::Workers;

/// Components that stay warm on one engine: a call of one of them maps nothing.
const WARM_COMPONENTS: u32 = 128;

/// The shared part of a sandbox.
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

impl Inner {
    pub(crate) fn new(config: SandboxConfig) -> Result<Self, Error> {
        let seats = config.seats();
        let inner = Self {
            cache: Cache::open(config.cache.as_deref()),
            compiler: Compiler::new(config.compile_timeout),
            admission: Arc::new(Admission::new(config.max_calls_in_flight, seats, config.max_queue)),
            ticker: Ticker::start()?,
            seats: (0..seats).map(|_| OnceLock::new()).collect(),
            shared: OnceLock::new(),
            building: Mutex::new(()),
            workers: Workers::new(seats),
            memory: Arc::new(HostMemory::new(config.max_memory_in_flight)),
            opened: Opened::new(config.protected.clone(), Anchors::open(&config.granted)),
            registry: RwLock::default(),
            config,
        };
        inner.room(Some(0)).map_err(Error::Engine)?;
        Ok(inner)
    }

    /// Forgets the component `digest`.
    pub(crate) fn forget(&self, digest: &Digest) {
        self.registry.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    /// The number of engines for calls that compute.
    pub(crate) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Bytes of memory and tables that all calls hold.
    pub(crate) fn memory_in_flight(&self) -> u64 {
        self.memory.used()
    }

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

    /// The component and the job of an authorized call, and until when it may wait for room.
    pub(crate) fn prepare(
        &self,
        call: &AuthorizedCall,
        options: RunOptions,
    ) -> Result<(Arc<Entry>, Job, Instant), RunFailure> {
        let validated = call.call();
        let digest = validated.digest();
        let entry = self.entry(&digest).ok_or_else(|| RunFailure::Host(format!("{digest} is not loaded")))?;
        let request = match validated.command() {
            Some(call) => Request::Run(Arc::clone(call)),
            None => Request::Invoke {
                tool: validated.tool().local().as_str().to_owned(),
                text: Arc::clone(validated.text()),
                arguments: Arc::clone(validated.arguments()),
            },
        };
        let limits = call.limits().clone();
        let deadline = Instant::now() + Duration::from_micros(limits.get(Limit::Time));
        let staging = self.staging(call, &options)?;
        let job = self.job(request, call.grants().clone(), limits, options)?;
        let component = Some(validated.tool().component().clone());
        Ok((entry, Job { mode: call.mode(), sends: call.sends(), staging, component, ..job }, deadline))
    }

    /// Where the changes of a call are kept. A call that can change nothing needs no place for it.
    fn staging(&self, call: &AuthorizedCall, options: &RunOptions) -> Result<Option<Staging>, RunFailure> {
        let nothing_lands = call.mode() == Mode::Preview;
        if let Some(stage) = &options.stage {
            return Ok(Some(Staging { stage: Arc::clone(stage), nothing_lands }));
        }
        let is_staged = |grant: &DirectoryGrant| !grant.write.is_empty() && (grant.atomic || nothing_lands);
        if !call.grants().directories.iter().any(is_staged) {
            return Ok(None);
        }
        let no_place = || RunFailure::Host("there is no directory for staged changes".into());
        let home = self.config.staging.as_ref().ok_or_else(no_place)?;
        let name = options.name.clone().map_or_else(random_name, Ok)?;
        Ok(Some(Staging { stage: Arc::new(Stage::new(home.clone(), name)), nothing_lands }))
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
            mode: Mode::Live,
            sends: Sends::AsGranted,
            egress: Arc::clone(&self.config.egress),
            key: options.key,
            reel: options.reel,
            component: None,
            limits,
            events: options.events,
            caller: options.caller,
            cancel: options.cancel,
            memory: Arc::clone(&self.memory),
            workers: self.workers.clone(),
            staging: None,
        })
    }

    fn open(&self, directories: &Arc<[DirectoryGrant]>) -> Result<Arc<OpenedGrants>, RunFailure> {
        self.opened.get(directories).map_err(|error| RunFailure::Host(error.to_string()))
    }

    /// Makes all components ready whose machine code nobody has needed so far, one after the other. Blocks.
    pub(crate) fn make_all_ready(&self) {
        let entries: Vec<_> = self.registry.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for entry in entries {
            if let Err(error) = entry.artifact(self) {
                tracing::warn!(digest = %entry.loaded.digest, %error, "a component cannot be made ready; a call of it tries again");
            }
        }
    }

    /// Makes a component ready and returns how long that took: no call pays for it with its own time.
    fn make_ready(&self, entry: &Entry) -> Result<Duration, RunFailure> {
        if entry.is_ready() {
            return Ok(Duration::ZERO);
        }
        let begun = Instant::now();
        entry.artifact(self).map_err(|error| RunFailure::Host(error.to_string()))?;
        Ok(begun.elapsed())
    }

    /// [`make_ready`](Self::make_ready) on a thread of its own. Who stops waiting stops nothing: the next call finds it ready.
    async fn made_ready(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        cancel: &CancellationToken,
    ) -> Result<Duration, RunFailure> {
        if entry.is_ready() {
            return Ok(Duration::ZERO);
        }
        let (send, receive) = tokio::sync::oneshot::channel();
        let (inner, of_thread) = (Arc::clone(self), Arc::clone(entry));
        std::thread::Builder::new()
            .name("toolhold-load".into())
            .spawn(move || drop(send.send(inner.make_ready(&of_thread))))
            .map_err(|error| RunFailure::Host(error.to_string()))?;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(RunFailure::Cancelled),
            made = receive => made.unwrap_or_else(|_| Err(RunFailure::Host("the loading thread panicked".into()))),
        }
    }

    /// Runs `job` on this thread. Waits for room until `deadline`.
    pub(crate) fn run_blocking(self: &Arc<Self>, entry: &Entry, job: Job, deadline: Instant) -> Ended {
        let deadline = match self.make_ready(entry) {
            Ok(waited) => deadline + waited,
            Err(failure) => return Ended::refused(failure),
        };
        let entered = self.admission.enter((entry.loaded.lane, job.caller), deadline, &job.cancel, &self.workers);
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
    pub(crate) async fn run(self: &Arc<Self>, entry: &Arc<Entry>, job: Job, deadline: Instant) -> Ended {
        let deadline = match self.made_ready(entry, &job.cancel).await {
            Ok(waited) => deadline + waited,
            Err(failure) => return Ended::refused(failure),
        };
        let entered = self.admission.enter((entry.loaded.lane, job.caller), deadline, &job.cancel, &self.workers).await;
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
        let ended = (&mut task.0).await;
        ended.unwrap_or_else(|_| Ended::refused(RunFailure::Host("the worker threads are gone".into())))
    }

    fn place(&self, entry: &Entry, ticket: &Ticket) -> Result<(Arc<Room>, Arc<Guest>), RunFailure> {
        let room = self.room(ticket.seat).map_err(RunFailure::Host)?;
        let guest = entry.guest(self, ticket.seat, &room).map_err(|error| RunFailure::Host(error.to_string()))?;
        Ok((room, guest))
    }
}

/// A name that no other call has.
fn random_name() -> Result<String, RunFailure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| RunFailure::Host(error.to_string()))?;
    Ok(hex::encode(bytes))
}

/// A task that ends when nobody waits for it any more.
struct Owned(tokio::task::JoinHandle<Ended>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}
