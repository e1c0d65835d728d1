//! `make bench`: the product's full `Host::call` against bare wasmtime, the same component and work, in one run.
//!
//! The two take turns in blocks of a few milliseconds, so that the machine's moods hit both; what counts is the ratio.
//! Nothing here is a test: a slow machine fails no build.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod case;
mod floor;
mod measure;
mod product;

use std::time::Duration;

use anyhow::{Context as _, Result};
use comfy_table::{CellAlignment, Table, presets};

use crate::case::{CASES, Case};
use crate::floor::Floor;
use crate::product::{Product, Writes};

/// Where `cargo build --manifest-path tools/Cargo.toml --release --target wasm32-wasip2` leaves the probes.
const PROBES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/target/wasm32-wasip2/release/probes.wasm");

fn main() -> Result<()> {
    let component = std::fs::read(PROBES).context("the probes are not built: run `make bench`")?;
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    case::prepare(&work)?;
    let in_place = tempfile::tempdir()?;
    case::prepare(&in_place.path().join("work"))?;
    let floor = Floor::new(&component).map_err(in_wasmtime)?;
    let lanes = Lanes {
        floor,
        product: Product::open(folder.path(), &component, Writes::AsAWhole)?,
        in_place: Product::open(in_place.path(), &component, Writes::InPlace)?,
    };
    let budget = Duration::from_millis(std::env::args().nth(1).map_or(Ok(3000), |text| text.parse())?);
    println!("{}", header());
    let mut table = new_table();
    for case in &CASES {
        run(case, &lanes, &work, budget, &mut table)?;
    }
    println!("{table}");
    println!("{}", lanes.product.durability_note());
    Ok(())
}

/// What is compared.
struct Lanes {
    floor: Floor,
    product: Product,
    /// The product without staging: what that costs.
    in_place: Product,
}

fn run(case: &Case, lanes: &Lanes, work: &std::path::Path, budget: Duration, table: &mut Table) -> Result<()> {
    let Lanes { floor, product, in_place } = lanes;
    let arguments = case.arguments();
    let directory = case.directory.then_some(work);
    let mut below = || floor.call(case.tool, &arguments, directory).map(drop).map_err(in_wasmtime);
    let mut whole = || product.call(case.tool, &arguments);
    let (floor_lane, product_lane) = measure::compare(budget, &mut below, &mut whole)?;
    let staging = if case.directory {
        let mut whole = || product.call(case.tool, &arguments);
        let mut plain = || in_place.call(case.tool, &arguments);
        let (plain, staged) = measure::compare(budget, &mut plain, &mut whole)?;
        format!("{:.2}", staged.micros(50.0) / plain.micros(50.0))
    } else {
        String::new()
    };
    let (floor_p50, floor_p99) = (floor_lane.micros(50.0), floor_lane.micros(99.0));
    let (product_p50, product_p99) = (product_lane.micros(50.0), product_lane.micros(99.0));
    table.add_row([
        case.name.to_owned(),
        format!("{floor_p50:.1}"),
        format!("{floor_p99:.1}"),
        format!("{product_p50:.1}"),
        format!("{product_p99:.1}"),
        format!("{:.2}", product_p50 / floor_p50),
        format!("{:.2}", product_p99 / floor_p99),
        format!("{:.2}", product_p99 / product_p50),
        staging,
        product_lane.len().to_string(),
    ]);
    Ok(())
}

/// wasmtime has an error type of its own.
fn in_wasmtime(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
        "case",
        "floor p50 µs",
        "p99",
        "Host::call p50 µs",
        "p99",
        "ratio p50",
        "ratio p99",
        "p99/p50",
        "staged / in place, p50",
        "calls",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn header() -> String {
    let profile = if cfg!(debug_assertions) { "DEV PROFILE: numbers mean nothing" } else { "release" };
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("profile {profile}, {cpus} CPUs, wasmtime 48, fresh store per call in both lanes\n")
}
