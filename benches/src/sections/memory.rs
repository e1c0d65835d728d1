//! Memory: of a server that waits, of one that has done much, and of each call under way.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::floor;
use crate::load::{Request, StdioClient};
use crate::measure::{Driver as _, Lane};
use crate::place;
use crate::process::resident;
use crate::product;
use crate::table::{count, mebibytes, ratio, table};

const METHOD: &str = "Resident memory (VmRSS) of `toolhold mcp` with one tool, its artifact cached, and of the least possible MCP host: before the first call, \
after one, and after 10,000 calls of `echo {}` one after the other; MiB.";

const LIVE: &str = "What 256 and 1,000 calls add each to the resident memory of a process while all of them are in a guest that sleeps: \
`Host::call`, and bare wasmtime with the same guest on fibers; KiB.";

/// Calls after which a server is looked at again.
const MANY: u64 = 10_000;

/// Measures and prints.
pub(super) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    servers(folder.path())?;
    println!();
    live()
}

fn servers(folder: &Path) -> Result<()> {
    let cache = folder.join("cache");
    product::pinned_project(folder, &cache)?;
    let mut toolhold = place::toolhold_in(folder, &cache)?;
    toolhold.arg("mcp");
    let mut least = place::command(&place::itself()?);
    std::fs::write(folder.join("artifact"), floor::artifact(&place::guest("probes")?).map_err(floor::failed)?)?;
    least.arg("be-least-host").args(["artifact", "work", "journal"].map(|name| folder.join(name)));
    println!("{METHOD}\n");
    let mut rows = table(1, ["process", "idle", "after 1 call", "after 10,000 calls"]);
    for (name, server) in [("`toolhold mcp`", &mut toolhold), ("least host", &mut least)] {
        let mut client = StdioClient::start(server, Request::new("probes__echo", "{}"), 1)?;
        let idle = resident(client.id())?;
        // Whose time is over has one call to make.
        client.drive(Instant::now(), &mut Lane::new()?)?;
        let once = resident(client.id())?;
        let mut lane = Lane::new()?;
        while lane.len() < MANY {
            client.drive(Instant::now() + Duration::from_millis(20), &mut lane)?;
        }
        let many = resident(client.id())?;
        rows.add_row([name.to_owned(), mebibytes(idle), mebibytes(once), mebibytes(many)]);
    }
    println!("{rows}");
    Ok(())
}

fn live() -> Result<()> {
    println!("{LIVE}\n");
    let mut rows = table(1, ["calls under way", "bare wasmtime", "`Host::call`", "ratio"]);
    for calls in [256, 1000] {
        let folder = tempfile::tempdir()?;
        let of = |part: &str| -> Result<u64> {
            let mut command = place::command(&place::itself()?);
            let printed = place::printed(command.arg(part).arg(calls.to_string()).arg(folder.path()))?;
            printed.trim().parse().with_context(|| format!("`{part}` has printed `{printed}`"))
        };
        let (bare, full) = (of("be-live-floor")?, of("be-live-host")?);
        #[expect(clippy::cast_precision_loss, reason = "bytes of a call are few")]
        let times = ratio(full as f64, bare as f64);
        rows.add_row([count(calls), count(bare >> 10), count(full >> 10), times]);
    }
    println!("{rows}");
    Ok(())
}
