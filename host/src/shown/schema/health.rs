//! How well things work.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// How well everything works.
#[derive(ToSchema)]
pub(crate) struct Overview {
    /// Tools, models, agents, and runs as a whole, by name.
    health: Vec<Health>,
    /// The sets of tools that runs had, the latest first.
    tool_sets: Vec<ToolSet>,
    /// The earlier set of tools with which runs went clearly better.
    better_before: Option<ToolSet>,
    /// First choices that are away for long.
    away: Vec<Away>,
    /// Runs that are unlike the ones before them.
    unusual: Vec<Unusual>,
    /// How many runs took so many turns.
    turns: BTreeMap<String, u64>,
}

/// How well one thing works.
#[derive(ToSchema)]
pub(crate) struct Health {
    /// Which: `tool:files.read`, `model:openai:gpt-5`, `runs`.
    name: String,
    /// `unknown`, `healthy`, `slow`, `degraded` or `critical`.
    verdict: String,
    /// How many uses there were.
    uses: u64,
    /// How many of them failed by its own fault.
    faults: u64,
    /// Faults in a hundred uses.
    fault_percent: u64,
    /// The mean time of a use, in microseconds.
    mean_micros: u64,
    /// The time that 99 of 100 uses do not exceed.
    p99_micros: u64,
}

/// How well runs went with one set of tools.
#[derive(ToSchema)]
pub(crate) struct ToolSet {
    /// The digest of the tools and their bytes.
    digest: String,
    /// When the first of its runs began, in microseconds since 1970.
    since: u64,
    /// How many runs there were.
    runs: u64,
    /// Successes in a hundred runs.
    percent: u32,
    /// Nine times in ten it is not lower than this.
    at_least_percent: u32,
    /// Nine times in ten it is not higher than this.
    at_most_percent: u32,
}

/// A model that is the first choice, and has not answered for long.
#[derive(ToSchema)]
pub(crate) struct Away {
    /// The model.
    model: String,
    /// Since when, in microseconds since 1970.
    since: u64,
    /// How often it was asked in vain.
    failures: u64,
}

/// A run that is unlike the ones before it.
#[derive(ToSchema)]
pub(crate) struct Unusual {
    /// Which run.
    run: String,
    /// What is unusual.
    what: String,
    /// How many it had.
    number: u64,
    /// How many are usual at most.
    usual: u64,
}
