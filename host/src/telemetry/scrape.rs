//! What is looked up when somebody scrapes: breakers, the size of the journal, what waits for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use toolhold_core::breaker::State;

use super::metrics::unit;
use super::names::{self, Labels, Spec};
use crate::attempt::WeakDependencies;
use crate::journal::Watched;

/// Kinds of dependency, as their names begin.
const KINDS: [&str; 4] = ["tool", "host", "model", "server"];

/// Breakers of tools, models and servers that are told one by one.
const MOST_BREAKERS: usize = 256;

/// Where it is looked up. Keeps nothing open.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) dependencies: WeakDependencies,
    pub(super) journal: Watched,
}

impl Collector for Looked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let breakers = self.dependencies.upgrade().map(|known| known.breakers()).unwrap_or_default();
        let mut open: BTreeMap<&str, i64> = KINDS.iter().map(|kind| (*kind, 0)).collect();
        let mut states = Vec::new();
        for breaker in &breakers {
            let (kind, _) = breaker.name.split_once(':').unwrap_or_default();
            let state = match breaker.state {
                State::Closed => 0,
                State::HalfOpen { .. } => 1,
                State::Open { .. } => 2,
            };
            if let Some(count) = open.get_mut(kind).filter(|_| state == 2) {
                *count += 1;
            }
            // The names of remote hosts are as many as a tool may ask.
            if kind != "host" && states.len() < MOST_BREAKERS {
                states.push((names::BREAKER_STATE.labels([breaker.name.clone().into()]), state));
            }
        }
        let kinds =
            open.into_iter().map(|(kind, count)| (names::BREAKERS_OPEN.labels([kind.to_owned().into()]), count));
        gauges(&mut encoder, &names::BREAKER_STATE, states)?;
        gauges(&mut encoder, &names::BREAKERS_OPEN, kinds)?;
        self.journal(&mut encoder)?;
        let version = names::BUILD.labels([Cow::Borrowed(env!("CARGO_PKG_VERSION"))]);
        gauges(&mut encoder, &names::BUILD, [(version, 1)])
    }
}

impl Looked {
    fn journal(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let sizes = [("database", self.journal.database_bytes()), ("log", self.journal.log_bytes())];
        let sizes = sizes.map(|(file, bytes)| (names::JOURNAL_SIZE.labels([Cow::Borrowed(file)]), number(bytes)));
        gauges(encoder, &names::JOURNAL_SIZE, sizes)?;
        let (waiting, failing) = self.journal.waiting();
        gauges(encoder, &names::JOURNAL_QUEUE, [(Labels::new(), number(waiting as u64))])?;
        gauges(encoder, &names::JOURNAL_FAILING, [(Labels::new(), i64::from(failing))])?;
        // What cannot be read is told by nothing rather than by a number that is wrong.
        let waits = self.journal.approvals_waiting().map(|waits| (Labels::new(), number(waits)));
        gauges(encoder, &names::APPROVALS_WAITING, waits)
    }
}

fn number(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    spec: &Spec,
    values: impl IntoIterator<Item = (Labels, i64)>,
) -> fmt::Result {
    let unit = unit(spec);
    let mut metric = encoder.encode_descriptor(spec.base(), spec.help, unit.as_ref(), MetricType::Gauge)?;
    for (labels, value) in values {
        let gauge = ConstGauge::new(value);
        if labels.is_empty() {
            return gauge.encode(metric);
        }
        gauge.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}
