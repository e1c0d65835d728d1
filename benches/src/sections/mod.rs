//! What is measured: one file per section, each printing one sentence of method and one table or more.

mod alone;
mod calls;
mod cold;
mod fleet;
mod growth;
mod mcp;
mod memory;
mod parked;
mod peers;
mod removal;
mod soak;
mod stages;
mod threads;

use anyhow::Result;

pub(crate) use self::cold::be_floor as cold_floor;
use crate::arguments::Measure;

/// A part of the whole that can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Calls,
    Mcp,
    Threads,
    Stages,
    Memory,
    Cold,
    Growth,
    Removal,
    Fleet,
    Parked,
    /// Only where it is named: it takes as long as it is told.
    Soak,
    /// Only where it is named: what it measures has to be installed.
    Peers,
}

impl Section {
    /// What is measured where none is named, in this order.
    pub(crate) const ALL: [Self; 10] = [
        Self::Calls,
        Self::Mcp,
        Self::Threads,
        Self::Stages,
        Self::Memory,
        Self::Cold,
        Self::Growth,
        Self::Removal,
        Self::Fleet,
        Self::Parked,
    ];

    /// The one that the command line calls so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Soak, Self::Peers]).find(|section| section.name() == name)
    }

    /// How the command line names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Mcp => "mcp",
            Self::Threads => "threads",
            Self::Stages => "stages",
            Self::Memory => "memory",
            Self::Cold => "cold",
            Self::Growth => "growth",
            Self::Removal => "removal",
            Self::Fleet => "fleet",
            Self::Parked => "parked",
            Self::Soak => "soak",
            Self::Peers => "peers",
        }
    }

    /// Measures and prints it.
    pub(crate) fn run(self, measure: &Measure) -> Result<()> {
        let budget = measure.budget;
        match self {
            Self::Calls => calls::run(budget),
            Self::Mcp => mcp::run(budget),
            Self::Threads => threads::run(budget),
            Self::Stages => stages::run(budget),
            Self::Memory => memory::run(),
            Self::Cold => cold::run(),
            Self::Growth => growth::run(budget),
            Self::Removal => removal::run(budget),
            Self::Fleet => fleet::run(budget),
            Self::Parked => parked::run(),
            Self::Soak => soak::run(measure.minutes),
            Self::Peers => peers::run(budget),
        }
    }
}
