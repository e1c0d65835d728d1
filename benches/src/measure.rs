//! Lanes that take turns, so that what the machine does meanwhile hits all of them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;

use crate::process;

/// How long one lane goes on before the next one has its turn, where lanes keep several calls in flight.
const TURN: Duration = Duration::from_millis(100);

/// Nanoseconds of each call of one lane.
pub(crate) struct Lane(Histogram<u64>);

impl Lane {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    pub(crate) fn time(&mut self, call: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        call()?;
        self.record(start.elapsed())
    }

    /// Counts one call.
    pub(crate) fn record(&mut self, took: Duration) -> Result<()> {
        Ok(self.0.record(u64::try_from(took.as_nanos())?)?)
    }

    /// The value below which `percent` of the calls stayed, in microseconds.
    pub(crate) fn micros(&self, percent: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of one call are far below 2^52")]
        let nanos = self.0.value_at_percentile(percent) as f64;
        nanos / 1000.0
    }

    /// How many calls were counted.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }
}

/// What several calls in flight come to: how long each took, and how many there were in which time.
pub(crate) struct Load {
    pub(crate) lane: Lane,
    time: Duration,
    /// Of all processors, for this process.
    worked: Duration,
}

impl Load {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { lane: Lane::new()?, time: Duration::ZERO, worked: Duration::ZERO })
    }

    /// Drives until `turn` is over, and counts what came of it.
    pub(crate) fn add(&mut self, driver: &mut dyn Driver, turn: Duration) -> Result<()> {
        let (began, worked) = (Instant::now(), process::worked());
        driver.drive(began + turn, &mut self.lane)?;
        self.time += began.elapsed();
        self.worked += process::worked().saturating_sub(worked);
        Ok(())
    }

    /// Calls that ended in a second.
    pub(crate) fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "as many calls as this there will never be")]
        let calls = self.lane.len() as f64;
        calls / self.time.as_secs_f64()
    }

    /// How many processors worked for this process meanwhile, on average.
    pub(crate) fn processors(&self) -> f64 {
        self.worked.as_secs_f64() / self.time.as_secs_f64()
    }
}

/// What keeps calls in flight.
pub(crate) trait Driver {
    /// Begins calls until `until`, and waits for those that have begun.
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()>;
}

/// Lets all of `drivers` take turns until each has had `budget`; the first turn of each warms up and does not count.
pub(crate) fn take_turns(budget: Duration, drivers: &mut [&mut dyn Driver]) -> Result<Vec<Load>> {
    take_turns_of(TURN.min(budget), budget, drivers)
}

/// The same, in turns of this length.
pub(crate) fn take_turns_of(turn: Duration, budget: Duration, drivers: &mut [&mut dyn Driver]) -> Result<Vec<Load>> {
    for driver in &mut *drivers {
        Load::new()?.add(*driver, turn)?;
    }
    let mut loads = drivers.iter().map(|_| Load::new()).collect::<Result<Vec<_>>>()?;
    while loads.iter().any(|load| load.time < budget) {
        for (load, driver) in loads.iter_mut().zip(&mut *drivers) {
            load.add(*driver, turn)?;
        }
    }
    Ok(loads)
}

/// Runs two lanes alternately, a block of calls each, until `budget` is spent; the first block of each warms up.
pub(crate) fn compare(
    budget: Duration,
    floor: &mut dyn FnMut() -> Result<()>,
    product: &mut dyn FnMut() -> Result<()>,
) -> Result<(Lane, Lane)> {
    let mut lanes = compare_all(budget, &mut [floor, product])?.into_iter();
    match (lanes.next(), lanes.next()) {
        (Some(floor), Some(product)) => Ok((floor, product)),
        _ => anyhow::bail!("two lanes were measured"),
    }
}

/// Runs lanes alternately, as many calls each as the first one makes in 5 ms, until `budget` is spent; the first block of each warms up.
pub(crate) fn compare_all(budget: Duration, calls: &mut [&mut dyn FnMut() -> Result<()>]) -> Result<Vec<Lane>> {
    let block = calls.first_mut().map_or(Ok(0), |first| block_size(*first))?;
    ensure!(block > 0, "there is nothing to measure");
    for call in calls.iter_mut().skip(1) {
        for _ in 0..block {
            call()?;
        }
    }
    let mut lanes = calls.iter().map(|_| Lane::new()).collect::<Result<Vec<_>>>()?;
    let started = Instant::now();
    while started.elapsed() < budget || lanes.iter().any(|lane| lane.len() < 20) {
        for (lane, call) in lanes.iter_mut().zip(calls.iter_mut()) {
            for _ in 0..block {
                lane.time(*call)?;
            }
        }
    }
    Ok(lanes)
}

/// As many calls as fit into about 5 ms, at least one.
fn block_size(call: &mut dyn FnMut() -> Result<()>) -> Result<u32> {
    call()?;
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < Duration::from_millis(5) {
        call()?;
        calls += 1;
    }
    Ok(calls.max(1))
}
