//! The metrics of one host: what is counted, and how it is told to a scraper.
//!
//! Filled from two places and no third: the journal, which is followed ([`super::follow`]), and the way of each call
//! ([`super::calls`]). What can be looked up is looked up when somebody asks ([`super::scrape`]).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{PoisonError, RwLock};

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::names::{self, Labels, OTHER, Spec};
use super::scrape::Looked;

/// In seconds: from what a small call takes to what the longest stage may.
const CALL_SECONDS: [f64; 13] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// In seconds: runs take turns of models.
const RUN_SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// In bytes: from one page of memory to four gibibytes.
const MEMORY_BYTES: [f64; 9] = [
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];

/// Counts, by labels.
pub(super) type Counters = Family<Labels, Counter>;
/// Money, by labels.
pub(super) type Sums = Family<Labels, Counter<f64, AtomicU64>>;
/// Histograms, by labels.
pub(super) type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// How a scraper wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What is counted of one host.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// The tools that a label may name: those of every manifest that was in force.
    tools: RwLock<BTreeSet<String>>,
    pub(super) calls: Counters,
    pub(super) call_duration: Histograms,
    pub(super) stage_duration: Histograms,
    pub(super) calls_open: Gauge,
    pub(super) fuel: Counters,
    pub(super) memory: Histograms,
    pub(super) retries: Counters,
    pub(super) fallbacks: Counters,
    pub(super) denials: Counters,
    pub(super) invalid: Counters,
    pub(super) turned_away: Counters,
    pub(super) unknown: Counter,
    pub(super) resolved: Counter,
    pub(super) changes: Counters,
    pub(super) redactions: Counters,
    pub(super) runs_started: Counter,
    pub(super) runs_ended: Counters,
    pub(super) run_duration: Histograms,
    pub(super) runs_dead: Counter,
    pub(super) model_requests: Counters,
    pub(super) model_fallbacks: Counters,
    pub(super) model_tokens: Counters,
    pub(super) model_cost: Sums,
    pub(super) breaker_turns: Counters,
    pub(super) approvals: Counters,
    pub(super) refused: Counters,
    pub(super) audit_entries: Gauge,
    pub(super) stream_clients: Gauge,
    pub(super) missed: Counter,
}

impl Metrics {
    /// Nothing is counted yet. Labels may name `tools`; `looked` is asked for the rest.
    pub(super) fn new(tools: BTreeSet<String>, looked: Looked) -> Self {
        let in_calls: fn() -> Histogram = || Histogram::new(CALL_SECONDS);
        let in_runs: fn() -> Histogram = || Histogram::new(RUN_SECONDS);
        let in_bytes: fn() -> Histogram = || Histogram::new(MEMORY_BYTES);
        let mut metrics = Self {
            registry: Registry::default(),
            tools: RwLock::new(tools),
            calls: Family::default(),
            call_duration: Family::new_with_constructor(in_calls),
            stage_duration: Family::new_with_constructor(in_calls),
            calls_open: Gauge::default(),
            fuel: Family::default(),
            memory: Family::new_with_constructor(in_bytes),
            retries: Family::default(),
            fallbacks: Family::default(),
            denials: Family::default(),
            invalid: Family::default(),
            turned_away: Family::default(),
            unknown: Counter::default(),
            resolved: Counter::default(),
            changes: Family::default(),
            redactions: Family::default(),
            runs_started: Counter::default(),
            runs_ended: Family::default(),
            run_duration: Family::new_with_constructor(in_runs),
            runs_dead: Counter::default(),
            model_requests: Family::default(),
            model_fallbacks: Family::default(),
            model_tokens: Family::default(),
            model_cost: Family::default(),
            breaker_turns: Family::default(),
            approvals: Family::default(),
            refused: Family::default(),
            audit_entries: Gauge::default(),
            stream_clients: Gauge::default(),
            missed: Counter::default(),
        };
        metrics.registry = metrics.registered();
        metrics.registry.register_collector(Box::new(looked));
        metrics
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::default();
        add(&mut registry, &names::CALLS, self.calls.clone());
        add(&mut registry, &names::CALL_DURATION, self.call_duration.clone());
        add(&mut registry, &names::STAGE_DURATION, self.stage_duration.clone());
        add(&mut registry, &names::CALLS_OPEN, self.calls_open.clone());
        add(&mut registry, &names::CALL_FUEL, self.fuel.clone());
        add(&mut registry, &names::CALL_MEMORY, self.memory.clone());
        add(&mut registry, &names::RETRIES, self.retries.clone());
        add(&mut registry, &names::FALLBACKS, self.fallbacks.clone());
        add(&mut registry, &names::DENIALS, self.denials.clone());
        add(&mut registry, &names::INVALID, self.invalid.clone());
        add(&mut registry, &names::TURNED_AWAY, self.turned_away.clone());
        add(&mut registry, &names::UNKNOWN, self.unknown.clone());
        add(&mut registry, &names::RESOLVED, self.resolved.clone());
        add(&mut registry, &names::CHANGES, self.changes.clone());
        add(&mut registry, &names::REDACTIONS, self.redactions.clone());
        add(&mut registry, &names::RUNS_STARTED, self.runs_started.clone());
        add(&mut registry, &names::RUNS_ENDED, self.runs_ended.clone());
        add(&mut registry, &names::RUN_DURATION, self.run_duration.clone());
        add(&mut registry, &names::RUNS_DEAD, self.runs_dead.clone());
        add(&mut registry, &names::MODEL_REQUESTS, self.model_requests.clone());
        add(&mut registry, &names::MODEL_FALLBACKS, self.model_fallbacks.clone());
        add(&mut registry, &names::MODEL_TOKENS, self.model_tokens.clone());
        add(&mut registry, &names::MODEL_COST, self.model_cost.clone());
        add(&mut registry, &names::BREAKER_TURNS, self.breaker_turns.clone());
        add(&mut registry, &names::APPROVALS, self.approvals.clone());
        add(&mut registry, &names::REFUSED, self.refused.clone());
        add(&mut registry, &names::AUDIT_ENTRIES, self.audit_entries.clone());
        add(&mut registry, &names::STREAM_CLIENTS, self.stream_clients.clone());
        add(&mut registry, &names::MISSED, self.missed.clone());
        registry
    }

    /// All of it, for a scraper.
    ///
    /// # Errors
    ///
    /// Never, as far as is known: it is written into memory.
    pub fn encode(&self, format: Format) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        match format {
            Format::Prometheus => prometheus_text::encode(&mut out, &self.registry)?,
            Format::OpenMetrics => text::encode(&mut out, &self.registry)?,
        }
        Ok(out)
    }

    /// A tool as a label: its name where a manifest has it.
    pub(super) fn tool(&self, name: &str) -> Cow<'static, str> {
        let is_known = self.tools.read().unwrap_or_else(PoisonError::into_inner).contains(name);
        if is_known { name.to_owned().into() } else { OTHER.into() }
    }

    /// There are these tools, too.
    pub(super) fn knows<'a>(&self, tools: impl Iterator<Item = &'a str>) {
        self.tools.write().unwrap_or_else(PoisonError::into_inner).extend(tools.map(str::to_owned));
    }
}

fn add(registry: &mut Registry, spec: &Spec, metric: impl Metric) {
    match unit(spec) {
        Some(unit) => registry.register_with_unit(spec.base(), spec.help, unit, metric),
        None => registry.register(spec.base(), spec.help, metric),
    }
}

/// The unit, for what appends it to the name.
pub(super) fn unit(spec: &Spec) -> Option<Unit> {
    match spec.unit {
        "" => None,
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        other => Some(Unit::Other(other.to_owned())),
    }
}
