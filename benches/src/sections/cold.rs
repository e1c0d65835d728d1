//! From the start of a process to its first result.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::floor::{self, Floor};
use crate::load::{Request, StdioClient};
use crate::measure::{Driver as _, Lane};
use crate::place;
use crate::product;
use crate::table::{mebibytes, number, ratio, table};

const METHOD: &str = "From the start of a process to its first result, artifact cached, 30 times each in turn after one that does not count: a whole `toolhold call`; `toolhold mcp` until it \
has answered `initialize` and one call; and a process that loads the same compiled component into bare wasmtime and calls it; milliseconds. Calls \
of `echo {}`.";

/// How often each.
const TIMES: usize = 30;

/// Measures and prints.
pub(super) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (folder, cache) = (folder.path(), folder.path().join("cache"));
    product::pinned_project(folder, &cache)?;
    let artifact = folder.join("artifact");
    std::fs::write(&artifact, floor::artifact(&place::guest("probes")?).map_err(floor::failed)?)?;
    let starts: [(&str, &dyn Fn() -> Result<Duration>); 4] = [
        ("bare wasmtime", &|| whole(place::command(&place::itself()?).arg("be-cold-floor").arg(&artifact))),
        ("`toolhold --version`: the program alone", &|| whole(place::command(&place::toolhold()?).arg("--version"))),
        ("`toolhold call`", &|| whole(place::toolhold_in(folder, &cache)?.args(["call", "probes.echo", "{}"]))),
        ("`toolhold mcp`, first result", &|| first_result(folder, &cache)),
    ];
    let mut lanes = starts.iter().map(|_| Lane::new()).collect::<Result<Vec<_>>>()?;
    for turn in 0..=TIMES {
        for (lane, (name, start)) in lanes.iter_mut().zip(&starts) {
            let took = start().with_context(|| name.to_string())?;
            if turn > 0 {
                lane.record(took)?;
            }
        }
    }
    println!("{METHOD}\n");
    let mut rows = table(1, ["process", "median", "p90", "median / bare"]);
    let base = lanes.first().map_or(f64::NAN, |lane| lane.micros(50.0));
    for (lane, (name, _)) in lanes.iter().zip(&starts) {
        let (median, p90) = (lane.micros(50.0), lane.micros(90.0));
        rows.add_row([name.to_string(), number(median / 1000.0), number(p90 / 1000.0), ratio(median, base)]);
    }
    println!("{rows}\n");
    sizes(folder)
}

fn whole(command: &mut std::process::Command) -> Result<Duration> {
    let began = Instant::now();
    place::printed(command)?;
    Ok(began.elapsed())
}

fn first_result(folder: &Path, cache: &Path) -> Result<Duration> {
    let began = Instant::now();
    let mut server = place::toolhold_in(folder, cache)?;
    let mut client = StdioClient::start(server.arg("mcp"), Request::new("probes__echo", "{}"), 1)?;
    client.drive(Instant::now(), &mut Lane::new()?)?;
    Ok(began.elapsed())
}

/// Prints how large the programs are, as they are shipped: without symbols.
fn sizes(folder: &Path) -> Result<()> {
    println!("Sizes of the programs without symbols (`strip`); MiB.\n");
    let mut rows = table(1, ["program", "size"]);
    for (name, path) in [("`toolhold`", place::toolhold()?), ("this bench: wasmtime and the product", place::itself()?)]
    {
        let stripped = folder.join("stripped");
        let strip = place::printed(place::command("strip".as_ref()).arg("-o").arg(&stripped).arg(&path));
        let size = std::fs::metadata(if strip.is_ok() { &stripped } else { &path })?.len();
        rows.add_row([name.to_owned(), mebibytes(size)]);
    }
    println!("{rows}");
    Ok(())
}

/// Is the bare process: loads the artifact, calls, and prints what came of it.
pub(crate) fn be_floor(artifact: &Path) -> Result<()> {
    let floor = Floor::from_artifact(artifact).map_err(floor::failed)?;
    println!("{}", floor.call("echo", "{}", None).map_err(floor::failed)?);
    Ok(())
}
