//! Counts what the journal tells of: a thread of its own, so that no call waits for it.
//!
//! The thread ends when the journal is closed, and keeps nothing of it open. What it was too slow for is counted as missed and not
//! made up for: these numbers are rates for a graph, the journal is the record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use toolhold_core::cost::Prices;
use toolhold_core::event::Event;
use toolhold_core::id::RunId;
use toolhold_core::run::{Occurrence, RunEvent, Start};

use super::metrics::Metrics;
use super::names::{self, OTHER};
use crate::journal::{Noted, Reader, RunEventRecord};

/// Models that labels may name: of the first ones that answer. Their names come from manifests and command lines.
const MOST_MODELS: usize = 32;

/// Runs that are followed at once. Beyond, what is known of the oldest is read again when it goes on.
const MOST_RUNS: usize = 1024;

/// Codes that labels may name.
const CODES: [&str; 9] = [
    "denied",
    "needs-approval",
    "secret-in-path",
    "not-applicable",
    "unknown-tool",
    "invalid-arguments",
    "secret-in-key",
    "breaker-open",
    "rate-limited",
];

/// Follows until the journal in `directory` is closed.
pub(super) fn follow(mut receiver: Receiver<Arc<Noted>>, metrics: Arc<Metrics>, directory: PathBuf) {
    let mut ledger = Ledger::new(metrics, directory);
    loop {
        match receiver.blocking_recv() {
            Ok(noted) => ledger.note(&noted),
            Err(RecvError::Lagged(missed)) => {
                ledger.metrics.missed.inc_by(missed);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// What has to be remembered to count.
struct Ledger {
    metrics: Arc<Metrics>,
    directory: PathBuf,
    runs: BTreeMap<RunId, Chain>,
    models: BTreeSet<String>,
}

/// The models of a run.
#[derive(Debug, Clone, Default)]
struct Chain {
    models: Vec<String>,
    prices: Vec<Option<Prices>>,
    current: usize,
    /// Its steps up to this one were copied from another run, which they were counted for.
    copied: u64,
}

impl Chain {
    /// Takes what changes the models or which of them is asked.
    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(start) => {
                let Start { models, prices, .. } = &**start;
                self.models = models.iter().map(|model| model.name.clone()).collect();
                self.prices.clone_from(prices);
            }
            RunEvent::RunResumed { models: Some(models), prices, .. } => {
                self.models = models.iter().map(|model| model.name.clone()).collect();
                self.prices.clone_from(prices);
            }
            RunEvent::ModelAsked { model, .. } => self.current = *model,
            _ => {}
        }
    }
}

impl Ledger {
    fn new(metrics: Arc<Metrics>, directory: PathBuf) -> Self {
        Self { metrics, directory, runs: BTreeMap::new(), models: BTreeSet::new() }
    }

    fn note(&mut self, noted: &Noted) {
        match noted {
            Noted::Entry { sequence, entry } => {
                self.metrics.audit_entries.set(i64::try_from(*sequence).unwrap_or(i64::MAX));
                self.entry(&entry.event);
            }
            Noted::Step { run, event, .. } => self.step(run, event),
        }
    }

    fn entry(&mut self, event: &Event) {
        let metrics = &self.metrics;
        match event {
            Event::RunStarted { .. } => {
                metrics.runs_started.inc();
            }
            Event::RunForked { run, step, .. } => {
                metrics.runs_started.inc();
                if let Some(chain) = self.runs.get_mut(run) {
                    chain.copied = *step;
                }
            }
            Event::RunDeadLettered { .. } => {
                metrics.runs_dead.inc();
            }
            Event::AttemptFailed { failure, .. } => {
                let failure = failure.as_ref().map_or("asked".into(), word);
                metrics.retries.get_or_create(&names::RETRIES.labels([failure.into()])).inc();
            }
            Event::FallbackServed { by, .. } => {
                let by = if by.is_some() { "tool" } else { "value" };
                metrics.fallbacks.get_or_create(&names::FALLBACKS.labels([by.into()])).inc();
            }
            Event::CallDenied { code, .. } => {
                metrics.denials.get_or_create(&names::DENIALS.labels([known(code).into()])).inc();
            }
            Event::CallInvalid { code, .. } => {
                metrics.invalid.get_or_create(&names::INVALID.labels([known(code).into()])).inc();
            }
            Event::CallTurnedAway { code, .. } => {
                metrics.turned_away.get_or_create(&names::TURNED_AWAY.labels([known(code).into()])).inc();
            }
            Event::CallUnknown { .. } => {
                metrics.unknown.inc();
            }
            Event::UnknownResolved { .. } => {
                metrics.resolved.inc();
            }
            Event::BreakerTurned { dependency, turned } => {
                let kind = match dependency.split_once(':') {
                    Some(("tool", _)) => "tool",
                    Some(("host", _)) => "host",
                    Some(("model", _)) => "model",
                    Some(("server", _)) => "server",
                    _ => OTHER,
                };
                let labels = names::BREAKER_TURNS.labels([kind.into(), word(turned).into()]);
                metrics.breaker_turns.get_or_create(&labels).inc();
            }
            Event::SecretRedacted { places, .. } => {
                for place in places {
                    metrics.redactions.get_or_create(&names::REDACTIONS.labels([word(place).into()])).inc();
                }
            }
            other => self.others(other),
        }
    }

    /// What is one of a few things that become of something.
    fn others(&self, event: &Event) {
        if let Some(what) = change(event) {
            self.metrics.changes.get_or_create(&names::CHANGES.labels([what.into()])).inc();
        }
        if let Some(what) = approval(event) {
            self.metrics.approvals.get_or_create(&names::APPROVALS.labels([what.into()])).inc();
        }
        if let Event::AccessRefused { code, unrecorded, .. } = event {
            let code = ["unauthorized", "forbidden"].into_iter().find(|known| known == code).unwrap_or(OTHER);
            let refused = self.metrics.refused.get_or_create(&names::REFUSED.labels([code.into()]));
            refused.inc_by(unrecorded.saturating_add(1));
        }
    }

    fn step(&mut self, run: &RunId, record: &RunEventRecord) {
        let Ok(happened) = serde_json::from_str::<Occurrence>(&record.body) else { return };
        let mut chain = match self.runs.remove(run) {
            Some(chain) => chain,
            None => self.read(run, record.step),
        };
        chain.take(&happened.event);
        if record.step > chain.copied {
            self.count(&chain, &happened);
        }
        if !matches!(happened.event, RunEvent::RunEnded { .. }) {
            if self.runs.len() >= MOST_RUNS {
                // The names of runs sort by time.
                drop(self.runs.pop_first());
            }
            self.runs.insert(run.clone(), chain);
        }
    }

    fn count(&mut self, chain: &Chain, happened: &Occurrence) {
        match &happened.event {
            RunEvent::ModelAnswered { answer, .. } => {
                let model = self.model(chain, chain.current);
                let metrics = &self.metrics;
                let labels = names::MODEL_REQUESTS.labels([model.clone().into(), "answered".into()]);
                metrics.model_requests.get_or_create(&labels).inc();
                let tokens = answer.tokens;
                for (kind, count) in [("input", tokens.input), ("output", tokens.output), ("cached", tokens.cached)] {
                    let labels = names::MODEL_TOKENS.labels([model.clone().into(), kind.into()]);
                    metrics.model_tokens.get_or_create(&labels).inc_by(count);
                }
                if let Some(Some(prices)) = chain.prices.get(chain.current) {
                    let micro = prices.cost(tokens.input, tokens.output, tokens.cached);
                    metrics.model_cost.get_or_create(&names::MODEL_COST.labels([model.into()])).inc_by(dollars(micro));
                }
            }
            RunEvent::ModelFailed { .. } => {
                let labels = names::MODEL_REQUESTS.labels([self.model(chain, chain.current).into(), "failed".into()]);
                self.metrics.model_requests.get_or_create(&labels).inc();
            }
            RunEvent::ModelFellBack { from, .. } => {
                let labels = names::MODEL_FALLBACKS.labels([self.model(chain, *from).into()]);
                self.metrics.model_fallbacks.get_or_create(&labels).inc();
            }
            RunEvent::RunEnded { end, .. } => {
                let labels = |spec: &names::Spec| spec.labels([end.as_str().into()]);
                self.metrics.runs_ended.get_or_create(&labels(&names::RUNS_ENDED)).inc();
                let duration = self.metrics.run_duration.get_or_create(&labels(&names::RUN_DURATION));
                duration.observe(happened.elapsed.as_secs_f64());
            }
            _ => {}
        }
    }

    /// A model as a label.
    fn model(&mut self, chain: &Chain, index: usize) -> String {
        let Some(name) = chain.models.get(index) else { return OTHER.to_owned() };
        if !self.models.contains(name) {
            if self.models.len() >= MOST_MODELS {
                return OTHER.to_owned();
            }
            self.models.insert(name.clone());
        }
        name.clone()
    }

    /// What a run was before this step: it began before anybody followed, or was not followed any more.
    fn read(&self, run: &RunId, before: u64) -> Chain {
        let mut chain = Chain::default();
        if before <= 1 {
            return chain;
        }
        let events = Reader::open(&self.directory).and_then(|reader| reader.run_events(run)).unwrap_or_default();
        for record in events.iter().filter(|record| record.step < before) {
            if let Ok(happened) = serde_json::from_str::<Occurrence>(&record.body) {
                chain.take(&happened.event);
            }
        }
        chain
    }
}

/// What became of staged changes.
fn change(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::ChangesLanded { .. } => "landed",
        Event::ChangesRefused { .. } => "refused",
        Event::PreviewKept { .. } => "previewed",
        Event::PreviewApplied { .. } => "applied",
        Event::ChangesUndone { .. } => "undone",
        Event::UndoRefused { .. } => "undo-refused",
        Event::ChangesExpired { .. } => "expired",
        _ => return None,
    })
}

/// What became of a question to a person.
fn approval(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::ApprovalAsked { .. } => "asked",
        Event::ApprovalGranted { .. } => "granted",
        Event::ApprovalRejected { .. } => "rejected",
        Event::ApprovalModified { .. } => "modified",
        Event::ApprovalExpired { .. } => "expired",
        Event::ApprovalUsed { .. } => "used",
        Event::ApprovalWithdrawn { .. } => "withdrawn",
        _ => return None,
    })
}

/// A code as a label.
fn known(code: &str) -> &'static str {
    CODES.into_iter().find(|known| *known == code).unwrap_or(OTHER)
}

/// The word by which a value of a small enum is stored.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => OTHER.to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "whole dollars are exact far beyond what anybody pays")]
fn dollars(micro: u64) -> f64 {
    micro as f64 / 1e6
}
