//! `make bench`: the product against the least that could do the same work, in one run.
//!
//! Lanes take turns, so that the machine's moods hit all of them; what counts is the ratio. Nothing here is a test: a slow machine
//! fails no build. `toolhold-bench [--budget MS] [--minutes N] [SECTION…]` measures the sections named, or all that are quick.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod agents;
mod alone;
mod arguments;
mod case;
mod chaos;
mod floor;
mod least;
mod live;
mod load;
mod measure;
mod parked;
mod place;
mod process;
mod product;
mod sections;
mod soak;
mod table;
mod waiting;

use anyhow::Result;

use crate::arguments::{Command, Measure, Part};

/// The program's own, for every lane.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    match Command::parse(std::env::args_os().skip(1))? {
        Command::Measure(measure) => run(&measure),
        Command::Be(part) => be(&part),
    }
}

fn run(measure: &Measure) -> Result<()> {
    println!("{}", header());
    for section in &measure.sections {
        println!("\n## {}\n", section.name());
        section.run(measure)?;
    }
    Ok(())
}

fn be(part: &Part) -> Result<()> {
    match part {
        Part::LeastHost { artifact, directory, journal } => least::serve(artifact, directory, journal),
        Part::ColdFloor { artifact } => sections::cold_floor(artifact),
        Part::LiveFloor { calls } => live::bare(*calls),
        Part::Fleet { agents, writes, folder } => agents::fleet(*agents, *writes, folder),
        Part::ChaoticFleet { agents, folder } => chaos::fleet(*agents, folder),
        Part::Parked { runs, waiting, folder } => parked::measure(*runs, *waiting, folder),
        Part::LiveHost { calls, folder } => live::product(*calls, folder),
    }
}

fn header() -> String {
    let profile = if cfg!(debug_assertions) { "DEV PROFILE: numbers mean nothing" } else { "release" };
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("profile {profile}, {cpus} CPUs, wasmtime 48, a fresh store per call in every lane")
}
