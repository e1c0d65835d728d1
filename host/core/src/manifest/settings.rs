//! Numbers that hold for a whole run of an agent and for the whole host, beside the limits of one call.
//!
//! As with [`crate::limit::LIMITS`], one table each says key, unit, default and meaning; everything else walks it.

mod reliability;

use crate::limit::Unit;

pub use reliability::{BREAKER, RETRY};

/// One row: a number of `T`.
#[derive(Debug)]
pub struct Setting<T> {
    /// Its key in the manifest.
    pub key: &'static str,
    /// How it is to be read.
    pub unit: Unit,
    /// What applies where the manifest says nothing.
    pub default: u64,
    /// Smaller than this makes no sense.
    pub least: u64,
    /// One line for the reference page.
    pub doc: &'static str,
    /// The field of `T` that holds it.
    pub(super) field: fn(&mut T) -> &mut u64,
}

/// The bounds of one run of an agent: `[run]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunLimits {
    /// Turns of the model.
    pub max_iterations: u64,
    /// Microseconds of the whole run.
    pub max_time: u64,
    /// Tokens that the model may write in one turn.
    pub max_tokens_per_turn: u64,
    /// Tokens read and written in the whole run.
    pub max_tokens: u64,
    /// Calls of tools, refused ones included.
    pub max_tool_calls: u64,
    /// Unusable answers of the model in a row that it is asked to repair.
    pub max_repairs: u64,
    /// Turns after which the model looks back; 0 is never.
    pub reflect_every: u64,
    /// Millionths of a dollar that models with prices may cost in the whole run.
    pub max_cost: u64,
    /// Tokens read and written in an hour, by all runs of an agent.
    pub max_tokens_per_hour: u64,
    /// Calls of tools in an hour, by all runs of an agent.
    pub max_tool_calls_per_hour: u64,
}

/// The bounds of the whole host: `[host]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostLimits {
    /// Calls that run at once.
    pub max_calls_in_flight: u64,
    /// Calls that wait for a place; one more is refused as busy.
    pub max_queue: u64,
    /// Bytes of guest memory of all running calls together.
    pub max_memory: u64,
    /// Microseconds for which the steps of a run are kept after its end.
    pub run_age: u64,
    /// Microseconds for which a call can be undone and a preview applied.
    pub undo_age: u64,
    /// Bytes of what is kept for that in all.
    pub undo_bytes: u64,
    /// Bytes of answers that are kept of each attempt at a call of a run.
    pub replay_bytes: u64,
    /// Microseconds for which calls and runs that ended, and the audit of them, are kept; 0 is for ever.
    pub journal_age: u64,
}

/// Every key of `[run]`.
pub const RUN: [Setting<RunLimits>; 10] = [
    Setting {
        key: "max-iterations",
        unit: Unit::Count,
        default: 10,
        least: 1,
        doc: "turns of the model",
        field: |run| &mut run.max_iterations,
    },
    Setting {
        key: "max-time",
        unit: Unit::Micros,
        default: 300_000_000,
        least: 1,
        doc: "wall-clock time of the whole run",
        field: |run| &mut run.max_time,
    },
    Setting {
        key: "max-tokens-per-turn",
        unit: Unit::Count,
        default: 4_096,
        least: 1,
        doc: "tokens that the model may write in one turn",
        field: |run| &mut run.max_tokens_per_turn,
    },
    Setting {
        key: "max-tokens",
        unit: Unit::Count,
        default: 200_000,
        least: 1,
        doc: "tokens read and written in the whole run",
        field: |run| &mut run.max_tokens,
    },
    Setting {
        key: "max-tool-calls",
        unit: Unit::Count,
        default: 50,
        least: 0,
        doc: "calls of tools in the whole run, refused ones included",
        field: |run| &mut run.max_tool_calls,
    },
    Setting {
        key: "max-repairs",
        unit: Unit::Count,
        default: 3,
        least: 0,
        doc: "unusable answers in a row that the model is asked to repair",
        field: |run| &mut run.max_repairs,
    },
    Setting {
        key: "reflect-every",
        unit: Unit::Count,
        default: 0,
        least: 0,
        doc: "turns after which the model looks back on what it has done, and may go back to where it was; 0 is never",
        field: |run| &mut run.reflect_every,
    },
    Setting {
        key: "max-cost",
        unit: Unit::MicroDollars,
        default: 10_000_000,
        least: 0,
        doc: "what models with `prices` may cost in the whole run",
        field: |run| &mut run.max_cost,
    },
    Setting {
        key: "max-tokens-per-hour",
        unit: Unit::Count,
        default: 2_000_000,
        least: 1,
        doc: "tokens read and written in an hour, by all runs of an agent together",
        field: |run| &mut run.max_tokens_per_hour,
    },
    Setting {
        key: "max-tool-calls-per-hour",
        unit: Unit::Count,
        default: 1_000,
        least: 0,
        doc: "calls of tools in an hour, by all runs of an agent together",
        field: |run| &mut run.max_tool_calls_per_hour,
    },
];

/// Every key of `[host]`.
pub const HOST: [Setting<HostLimits>; 8] = [
    Setting {
        key: "max-calls-in-flight",
        unit: Unit::Count,
        default: 64,
        least: 1,
        doc: "calls that run at once",
        field: |host| &mut host.max_calls_in_flight,
    },
    Setting {
        key: "max-queue",
        unit: Unit::Count,
        default: 1_024,
        least: 0,
        doc: "calls that wait for a place, clients in turn; one more is refused as busy",
        field: |host| &mut host.max_queue,
    },
    Setting {
        key: "max-memory",
        unit: Unit::Bytes,
        default: 4 << 30,
        least: 1,
        doc: "guest memory of all running calls together",
        field: |host| &mut host.max_memory,
    },
    Setting {
        key: "run-age",
        unit: Unit::Micros,
        default: 90 * 24 * 3_600 * 1_000_000,
        least: 0,
        doc: "for how long the steps of a run are kept after its end, and an approval after its time; dead letters are kept until a person decides",
        field: |host| &mut host.run_age,
    },
    Setting {
        key: "undo-age",
        unit: Unit::Micros,
        default: 14 * 24 * 3_600_000_000,
        least: 0,
        doc: "how long a call can be undone and a preview applied",
        field: |host| &mut host.undo_age,
    },
    Setting {
        key: "undo-bytes",
        unit: Unit::Bytes,
        default: 1 << 30,
        least: 0,
        doc: "what is kept for that in all: files as they were before, staged files of previews; over it, the oldest go first",
        field: |host| &mut host.undo_bytes,
    },
    Setting {
        key: "replay-bytes",
        unit: Unit::Bytes,
        default: 1 << 20,
        least: 0,
        doc: "what is kept of the answers that each attempt at a call of a run got, so that it can be replayed; larger ones are not kept",
        field: |host| &mut host.replay_bytes,
    },
    Setting {
        key: "journal-age",
        unit: Unit::Micros,
        default: 0,
        least: 0,
        doc: "for how long calls and runs that ended, their keys and the audit of them are kept; less than a day counts as a day, 0 is for ever",
        field: |host| &mut host.journal_age,
    },
];

impl Default for RunLimits {
    /// The documented defaults: every bound is on.
    fn default() -> Self {
        let mut run = Self {
            max_iterations: 0,
            max_time: 0,
            max_tokens_per_turn: 0,
            max_tokens: 0,
            max_tool_calls: 0,
            max_repairs: 0,
            reflect_every: 0,
            max_cost: 0,
            max_tokens_per_hour: 0,
            max_tool_calls_per_hour: 0,
        };
        RUN.iter().for_each(|row| *(row.field)(&mut run) = row.default);
        run
    }
}

impl Default for HostLimits {
    /// The documented defaults: every bound is on.
    fn default() -> Self {
        let mut host = Self {
            max_calls_in_flight: 0,
            max_queue: 0,
            max_memory: 0,
            run_age: 0,
            undo_age: 0,
            undo_bytes: 0,
            replay_bytes: 0,
            journal_age: 0,
        };
        HOST.iter().for_each(|row| *(row.field)(&mut host) = row.default);
        host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_holds_the_field_that_its_key_names() {
        let mut run = RunLimits::default();
        RUN.iter().enumerate().for_each(|(index, row)| *(row.field)(&mut run) = index as u64);
        let run = serde_json::to_value(&run).unwrap();
        RUN.iter().enumerate().for_each(|(index, row)| assert_eq!(run[row.key], index, "{}", row.key));
        let mut host = HostLimits::default();
        HOST.iter().enumerate().for_each(|(index, row)| *(row.field)(&mut host) = index as u64);
        let host = serde_json::to_value(&host).unwrap();
        HOST.iter().enumerate().for_each(|(index, row)| assert_eq!(host[row.key], index, "{}", row.key));
    }
}
