//! The one thread that advances the epochs of all engines.
//!
//! A tick makes every running guest stop at its next loop or function entry and ask whether it may go on. It is never a
//! timer of one call: a call that costs microseconds cannot pay for one. While nothing runs, the thread sleeps.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// Time between ticks: how far past its deadline a guest can compute.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// Ticks without a call after which the thread sleeps. Waking it costs the next call some microseconds.
const IDLE_TICKS: u32 = 100;

/// Owns the thread. Dropping it ends the thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    engines: Mutex<Vec<EngineWeak>>,
    calls: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("toolhold-epoch".into()).spawn(move || of_thread.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks `engine` too, for as long as it lives.
    pub(crate) fn add(&self, engine: &Engine) {
        self.shared.engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine.weak());
    }

    /// Keeps the thread awake until the guard is dropped.
    pub(crate) fn busy(&self) -> Busy {
        // INVARIANT: counted before `asleep` is read. The thread sets `asleep` before it reads the count, so that one
        // of both sees the other, and no call runs without ticks.
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
        Busy(Arc::clone(&self.shared))
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut idle = 0;
        while !self.stop.load(Ordering::SeqCst) {
            if self.calls.load(Ordering::SeqCst) > 0 {
                idle = 0;
                self.tick();
            } else {
                idle += 1;
            }
            if idle > IDLE_TICKS {
                self.sleep();
                idle = 0;
            } else {
                std::thread::park_timeout(TICK);
            }
        }
    }

    fn tick(&self) {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.retain(|weak| weak.upgrade().inspect(Engine::increment_epoch).is_some());
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.asleep.load(Ordering::SeqCst)
            && self.calls.load(Ordering::SeqCst) == 0
            && !self.stop.load(Ordering::SeqCst)
        {
            std::thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// A call is running.
pub(crate) struct Busy(Arc<Shared>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}
