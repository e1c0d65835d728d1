//! The sandbox without a host around it, against bare wasmtime and what wasmtime's own bounds cost there.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::alone::Alone;
use crate::case::{self, CASES};
use crate::floor::{self, Bounds, Floor};
use crate::measure::{Lane, compare_all};
use crate::place;
use crate::table::{count, number, ratio, table};

const METHOD: &str = "The sandbox alone (a decided call under every limit; no host, journal or staging), bare wasmtime as above, and bare wasmtime with each of its own bounds \
and with all three, same component, in one process, taking turns in blocks of 5 ms; p50 in microseconds. Bare wasmtime reads files by wasmtime-wasi on the calling thread.";

/// Those of all cases that write nothing and are quick.
const NAMES: [&str; 4] =
    ["echo, empty object", "echo, 4 KiB of JSON", "read a file of 4 KiB", "SHA-256 of 1 MiB in the guest"];

/// The bounds of each lane of wasmtime.
const LANES: [Bounds; 5] = [
    Bounds { epochs: false, fuel: false, limiter: false },
    Bounds { epochs: true, fuel: false, limiter: false },
    Bounds { epochs: false, fuel: true, limiter: false },
    Bounds { epochs: false, fuel: false, limiter: true },
    Bounds { epochs: true, fuel: true, limiter: true },
];

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    let component = place::guest("probes")?;
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    case::prepare(&work)?;
    let alone = Alone::new(folder.path(), &component)?;
    let floors = LANES.iter().map(|bounds| Floor::bounded(&component, *bounds).map_err(floor::failed));
    let floors = floors.collect::<Result<Vec<_>>>()?;
    println!("{METHOD}\n");
    let columns = [
        "case",
        "bare",
        "epochs",
        "fuel",
        "limiter",
        "all three",
        "sandbox",
        "all three / bare",
        "sandbox / bare",
        "sandbox / all three",
        "calls",
    ];
    let mut rows = table(1, columns);
    let mut medians = Vec::new();
    for name in NAMES {
        let case = CASES.iter().find(|case| case.name == name).context("no such case")?;
        let (arguments, directory) = (case.arguments(), case.directory.then_some(work.as_path()));
        let call = alone.decide(case.tool, &arguments)?;
        let bare = |floor: &Floor| floor.call(case.tool, &arguments, directory).map(drop).map_err(floor::failed);
        let mut lanes: Vec<_> = floors.iter().map(|floor| Box::new(move || bare(floor)) as Call<'_>).collect();
        lanes.push(Box::new(|| alone.run(&call)));
        let mut lanes: Vec<&mut dyn FnMut() -> Result<()>> = lanes.iter_mut().map(|lane| &mut **lane as _).collect();
        let lanes = compare_all(budget, &mut lanes)?;
        let p50: Vec<f64> = lanes.iter().map(|lane| lane.micros(50.0)).collect();
        let &[bare, _, _, _, all, sandbox] = &p50[..] else { anyhow::bail!("six lanes were measured") };
        let ratios = [ratio(all, bare), ratio(sandbox, bare), ratio(sandbox, all)];
        let calls = count(lanes.last().map_or(0, Lane::len));
        rows.add_row([name.to_owned()].into_iter().chain(p50.into_iter().map(number)).chain(ratios).chain([calls]));
        medians.push([bare, all, sandbox]);
    }
    println!("{rows}\n");
    if let [echo, _, read, _] = &medians[..] {
        let mut beyond = read.iter().zip(echo).map(|(read, echo)| read - echo);
        let [bare, all, sandbox] = std::array::from_fn(|_| beyond.next().unwrap_or(f64::NAN));
        println!(
            "Opening and reading the file takes, beyond `echo {{}}`: bare {}, all three {}, sandbox {}; sandbox / bare {}.",
            number(bare),
            number(all),
            number(sandbox),
            ratio(sandbox, bare)
        );
    }
    Ok(())
}

type Call<'c> = Box<dyn FnMut() -> Result<()> + 'c>;
