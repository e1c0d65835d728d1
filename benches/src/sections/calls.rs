//! The full call against bare wasmtime, from nothing to much; and what staging costs where something is written.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use comfy_table::Table;

use crate::case::{self, CASES, Case};
use crate::floor::{self, Floor};
use crate::measure;
use crate::place;
use crate::product::{Product, Writes};
use crate::table::{count, number, ratio, table};

const METHOD: &str = "`Host::call` (resolve, validate, decide, journal, sandbox with every limit, output check, settle) and bare wasmtime with the same \
component, in one process, taking turns in blocks of 5 ms; microseconds. Journal on disk, durability `normal` (calls with effects survive a kill \
of the process; `full`, the default, also waits for the disk).";

/// What is compared.
struct Lanes {
    floor: Floor,
    product: Product,
    /// The product without staging: what that costs.
    in_place: Product,
}

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    let component = place::guest("probes")?;
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    case::prepare_all(&work)?;
    let in_place = tempfile::tempdir()?;
    case::prepare_all(&in_place.path().join("work"))?;
    let lanes = Lanes {
        floor: Floor::new(&component).map_err(floor::failed)?,
        product: Product::open(folder.path(), &component, Writes::AsAWhole)?,
        in_place: Product::open(in_place.path(), &component, Writes::InPlace)?,
    };
    println!("{METHOD}\n");
    let mut rows = table(
        1,
        [
            "case",
            "bare p50",
            "p99",
            "`Host::call` p50",
            "p99",
            "ratio p50",
            "ratio p99",
            "p99/p50",
            "staged / in place, p50",
            "calls",
        ],
    );
    for case in &CASES {
        measure(case, &lanes, &work, budget, &mut rows)?;
    }
    println!("{rows}\n");
    super::alone::run(budget)
}

fn measure(case: &Case, lanes: &Lanes, work: &Path, budget: Duration, rows: &mut Table) -> Result<()> {
    let Lanes { floor, product, in_place } = lanes;
    let arguments = case.arguments();
    let directory = case.directory.then_some(work);
    let mut below = || floor.call(case.tool, &arguments, directory).map(drop).map_err(floor::failed);
    let mut whole = || product.call(case.tool, &arguments);
    let (bare, full) = measure::compare(budget, &mut below, &mut whole)?;
    let staging = if case.directory {
        let mut whole = || product.call(case.tool, &arguments);
        let mut plain = || in_place.call(case.tool, &arguments);
        let (plain, staged) = measure::compare(budget, &mut plain, &mut whole)?;
        ratio(staged.micros(50.0), plain.micros(50.0))
    } else {
        String::new()
    };
    let (bare_p50, bare_p99) = (bare.micros(50.0), bare.micros(99.0));
    let (full_p50, full_p99) = (full.micros(50.0), full.micros(99.0));
    rows.add_row([
        case.name.to_owned(),
        number(bare_p50),
        number(bare_p99),
        number(full_p50),
        number(full_p99),
        ratio(full_p50, bare_p50),
        ratio(full_p99, bare_p99),
        ratio(full_p99, full_p50),
        staging,
        count(full.len()),
    ]);
    Ok(())
}
