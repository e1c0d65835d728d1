//! `wasi:clocks`: the host's clocks or, for replays, one that stands still.
//!
//! A guest that sleeps waits for a timer of the sandbox's own runtime, on either lane. A clock that stands still still
//! lets a guest sleep: a replay takes the time that the call took.

use std::time::{Duration, Instant, SystemTime};

use toolhold_core::grant::Clock;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::call::Gate;
use crate::reel::Reel;
use crate::workers::Workers;

/// Clocks are shown to a guest in steps of this, so that they are of less use for spying on its neighbours.
const RESOLUTION_NANOS: u64 = 1_000;

/// Where the monotonic clock of every call starts. Not at zero: Go's run time takes that for a clock that does not work,
/// and stops.
const START_NANOS: u64 = 1_000_000_000;

/// The clocks of one call.
#[derive(Debug)]
pub(crate) struct ClockCtx {
    clock: Clock,
    started: Instant,
    workers: Workers,
    /// A clock that stands still needs none.
    reel: Option<Reel>,
}

impl ClockCtx {
    pub(crate) fn new(clock: Clock, workers: Workers, reel: Option<Reel>) -> Self {
        let reel = reel.filter(|_| clock == Clock::Host);
        Self { clock, started: Instant::now(), workers, reel }
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the host's clock is granted to a guest")]
    fn wall(&self) -> Duration {
        let host = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match (self.clock, &self.reel) {
            (Clock::Fixed(nanos), _) => Duration::from_nanos(nanos),
            (Clock::Host, Some(Reel::Played(player))) => Duration::from_nanos(player.wall()),
            (Clock::Host, Some(Reel::Recorded(recorder))) => {
                let now = host();
                recorder.wall(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
                now
            }
            (Clock::Host, None) => host(),
        }
    }

    fn monotonic(&self) -> u64 {
        match &self.reel {
            Some(Reel::Played(player)) => player.monotonic().unwrap_or(START_NANOS),
            Some(Reel::Recorded(recorder)) => {
                let now = self.elapsed();
                recorder.monotonic(now);
                now
            }
            None => self.elapsed(),
        }
    }

    /// Where the clock is, for a guest that waits: it has not asked.
    fn place(&self) -> u64 {
        match &self.reel {
            Some(Reel::Played(player)) => player.last_monotonic().unwrap_or(START_NANOS),
            _ => self.elapsed(),
        }
    }

    fn elapsed(&self) -> u64 {
        match self.clock {
            Clock::Fixed(_) => START_NANOS,
            Clock::Host => {
                u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(START_NANOS)
            }
        }
    }

    fn timer(&self, nanos: u64) -> Timer {
        Timer { at: Instant::now().checked_add(Duration::from_nanos(nanos)), workers: self.workers.clone() }
    }
}

const fn coarse(nanos: u64) -> u64 {
    nanos - nanos % RESOLUTION_NANOS
}

impl wall_clock::Host for Gate<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now = self.enter()?.clock.wall();
        let nanoseconds = u32::try_from(coarse(now.subsec_nanos().into())).unwrap_or(0);
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.enter()?;
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: u32::try_from(RESOLUTION_NANOS).unwrap_or(1) })
    }
}

impl monotonic_clock::Host for Gate<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(coarse(self.enter()?.clock.monotonic()))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.enter().map(|_| RESOLUTION_NANOS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let nanos = when.saturating_sub(self.enter()?.clock.place());
        self.subscribe_duration(nanos)
    }

    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let state = self.enter()?;
        let timer = state.table.push(state.clock.timer(when))?;
        subscribe(&mut state.table, timer)
    }
}

/// Ready at an instant; never, where that is too far away to be told.
struct Timer {
    at: Option<Instant>,
    workers: Workers,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        match self.at {
            Some(at) if at <= Instant::now() => {}
            Some(at) => self.workers.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
