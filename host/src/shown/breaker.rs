//! The circuit breaker of one dependency.

use serde::Serialize;
use toolhold_core::breaker::State;
use utoipa::ToSchema;

use super::time;
use crate::attempt::DependencyState;

/// The breaker of a dependency that failed lately.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Breaker {
    /// Which dependency: `tool:NAME`, `host:COMPONENT:ORIGIN` or `model:NAME`.
    pub(crate) name: String,
    /// `closed`, `open` or `half-open`.
    pub(crate) state: &'static str,
    /// Faults since the last success.
    pub(crate) faults_in_row: u64,
    /// Until when it is left alone, in UTC.
    pub(crate) until: Option<String>,
}

impl Breaker {
    pub(crate) fn of(one: &DependencyState) -> Self {
        let (state, until) = match one.state {
            State::Closed => ("closed", None),
            State::Open { until } => ("open", Some(until)),
            State::HalfOpen { probe_until } => ("half-open", Some(probe_until)),
        };
        Self { name: one.name.clone(), state, faults_in_row: one.faults_in_row, until: until.map(time) }
    }
}
