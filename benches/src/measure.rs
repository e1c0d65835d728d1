//! Two lanes that take turns, so that what the machine does meanwhile hits both.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

/// Nanoseconds of each call of one lane.
pub(crate) struct Lane(Histogram<u64>);

impl Lane {
    fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    fn time(&mut self, call: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        call()?;
        self.0.record(u64::try_from(start.elapsed().as_nanos())?)?;
        Ok(())
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

/// Runs both lanes alternately, a block of calls each, until `budget` is spent; the first block of each warms up.
pub(crate) fn compare(
    budget: Duration,
    floor: &mut dyn FnMut() -> Result<()>,
    product: &mut dyn FnMut() -> Result<()>,
) -> Result<(Lane, Lane)> {
    let (mut floor_lane, mut product_lane) = (Lane::new()?, Lane::new()?);
    let block = block_size(floor)?;
    for _ in 0..block {
        product()?;
    }
    let started = Instant::now();
    while started.elapsed() < budget || product_lane.len() < 20 {
        for _ in 0..block {
            floor_lane.time(floor)?;
        }
        for _ in 0..block {
            product_lane.time(product)?;
        }
    }
    Ok((floor_lane, product_lane))
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
