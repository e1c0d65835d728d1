//! The limits of one run, with their defaults in one place.
//!
//! Every loop of the agent is bounded by one of these; none can be switched off, only set. Reaching one that
//! [`RunLimit`] names leads to the graceful end: the model is asked once more, without tools.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cost::in_dollars;

/// How far a run may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct RunLimits {
    /// Turns of the model, the last answer not counted.
    pub iterations: u32,
    /// Time from the start to the last answer being asked for.
    #[serde(with = "super::milliseconds")]
    pub time: Duration,
    /// Tokens that the model may write per turn. Sent with every request; enforced as `answer_bytes`.
    pub tokens_per_turn: u32,
    /// Tokens read and written over all turns.
    pub tokens_per_run: u64,
    /// Millionths of a dollar that models with prices may cost.
    pub cost: u64,
    /// Tokens read and written in an hour, by all runs of an agent.
    pub tokens_per_hour: u64,
    /// Calls that reach the host in an hour, by all runs of an agent.
    pub calls_per_hour: u64,
    /// Calls that reach the host.
    pub calls: u32,
    /// Calls in one turn. Those after are dropped, and the model is told.
    pub calls_per_turn: usize,
    /// Turns in a row that brought nothing usable and were answered with what to repair.
    pub repairs: u32,
    /// How often the same call with the same arguments may be denied.
    pub same_denials: u32,
    /// How often the same calls may give the same results, one after the other, before the model is told so. At twice as
    /// often the run is at its limit.
    pub same_results: u32,
    /// Turns after which the model looks back on what it has done; 0 is never.
    pub reflect_every: u32,
    /// Attempts per request to the model, the first one included.
    pub attempts: usize,
    /// One attempt of a request to the model, from sending to the end of the answer.
    #[serde(with = "super::milliseconds")]
    pub turn_time: Duration,
    /// The last answer, waits and attempts included.
    #[serde(with = "super::milliseconds")]
    pub last_answer_time: Duration,
    /// The longest pause between attempts. A server that asks for more is given up.
    #[serde(with = "super::milliseconds")]
    pub longest_wait: Duration,
    /// How long a cancelled call is waited for before it is left alone.
    #[serde(with = "super::milliseconds")]
    pub cancel_grace: Duration,
    /// Bytes of one tool result that the model is shown at once.
    pub result_bytes: usize,
    /// Bytes of one tool result that the run keeps: the model can ask for the parts that it was not shown.
    pub kept_bytes: usize,
    /// Bytes of the conversation that the model is shown. Where it is longer, older results give way.
    pub context_bytes: usize,
    /// Bytes of text and arguments in one turn. What is beyond is cut, and counts as cut at `tokens_per_turn`.
    pub answer_bytes: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            iterations: 10,
            time: Duration::from_secs(300),
            tokens_per_turn: 4096,
            tokens_per_run: 200_000,
            cost: 10_000_000,
            tokens_per_hour: 2_000_000,
            calls_per_hour: 1_000,
            calls: 50,
            calls_per_turn: 16,
            repairs: 3,
            same_denials: 3,
            same_results: 3,
            reflect_every: 0,
            attempts: 3,
            turn_time: Duration::from_secs(120),
            last_answer_time: Duration::from_secs(30),
            longest_wait: Duration::from_secs(60),
            cancel_grace: Duration::from_secs(5),
            result_bytes: 32 << 10,
            kept_bytes: 1 << 20,
            context_bytes: 384 << 10,
            answer_bytes: 256 << 10,
        }
    }
}

/// A limit that leads to the graceful end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunLimit {
    /// [`RunLimits::iterations`].
    Iterations,
    /// [`RunLimits::time`].
    Time,
    /// [`RunLimits::tokens_per_turn`].
    TokensPerTurn,
    /// [`RunLimits::tokens_per_run`].
    TokensPerRun,
    /// [`RunLimits::cost`].
    Cost,
    /// [`RunLimits::calls`].
    Calls,
    /// [`RunLimits::same_results`].
    SameResults,
    /// [`RunLimits::tokens_per_hour`].
    TokensPerHour,
    /// [`RunLimits::calls_per_hour`].
    CallsPerHour,
}

impl RunLimit {
    /// The limit and its number, in words that fit a sentence.
    #[must_use]
    pub fn in_words(self, limits: &RunLimits) -> String {
        match self {
            Self::Iterations => format!("{} turns of the model", limits.iterations),
            Self::Time => format!("{} seconds", limits.time.as_secs_f64()),
            Self::TokensPerTurn => format!("{} tokens per turn", limits.tokens_per_turn),
            Self::TokensPerRun => format!("{} tokens", limits.tokens_per_run),
            Self::Cost => format!("{} dollars", in_dollars(limits.cost)),
            Self::Calls => format!("{} tool calls", limits.calls),
            Self::TokensPerHour => format!(
                "{} tokens in an hour for all runs of its agent (`max-tokens-per-hour` of `[run]`)",
                limits.tokens_per_hour
            ),
            Self::CallsPerHour => format!(
                "{} tool calls in an hour for all runs of its agent (`max-tool-calls-per-hour` of `[run]`)",
                limits.calls_per_hour
            ),
            Self::SameResults => {
                format!("{} rounds of the same calls with the same results", limits.same_results.saturating_mul(2))
            }
        }
    }
}

impl fmt::Display for RunLimit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}
