//! What a call costs while what is old is removed from the journal beside it, and while room goes back to the file system.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use comfy_table::Table;
use serde_json::json;
use toolhold::clock;
use toolhold::journal::{Journal, Prune};

use crate::case;
use crate::measure::Lane;
use crate::place;
use crate::product::{Product, Writes};
use crate::table::{count, mebibytes, number, ratio, table};

const METHOD: &str = "One call after the other at a host (journal on disk, durability `normal`), alone, while steps of removal go on beside it with 20 ms between two as in a \
server (each up to 256 entries of the audit with their calls), and while room is given back to the file system in steps of 512 pages (incremental vacuum), one after the other (a server pauses there, too). The lanes take turns of \
100 ms, that of giving back as long as there is something. Before both, and not counted, 4,000 calls are made to be removed; before giving back they are. Microseconds.";

/// How long a lane has its turn.
const TURN: Duration = Duration::from_millis(100);
/// Between two steps of removal: that of a server.
const PAUSE: Duration = Duration::from_millis(20);
/// Calls that are made to be removed.
const MANY: usize = 4_000;

/// What goes on beside the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Removal,
    GivingBack,
}

const LANES: [(Beside, &str); 3] =
    [(Beside::Nothing, "alone"), (Beside::Removal, "beside removal"), (Beside::GivingBack, "beside giving back")];

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    println!("{METHOD}\n");
    let mut rows =
        table(2, ["work", "lane", "p50", "p99", "p50 / alone", "p99 / alone", "calls", "steps", "given back, MiB"]);
    let write = json!({ "path": "/work/one", "content": "y".repeat(4096) }).to_string();
    for (work, tool, arguments) in [
        ("echo `{}`", "echo", "{}"),
        ("read 4 KiB", "read", r#"{"path":"/work/small"}"#),
        ("write 4 KiB", "write", &write),
    ] {
        measure(work, (tool, arguments), budget, &mut rows)?;
    }
    println!("{rows}");
    Ok(())
}

/// What one lane came to.
struct Came {
    lane: Lane,
    steps: u64,
    bytes: u64,
}

fn measure(work: &str, call: (&str, &str), budget: Duration, rows: &mut Table) -> Result<()> {
    let folder = tempfile::tempdir()?;
    case::prepare(&folder.path().join("work"))?;
    let product = Product::open(folder.path(), &place::guest("probes")?, Writes::AsAWhole)?;
    let mut lanes = Vec::new();
    for _ in LANES {
        lanes.push(Came { lane: Lane::new()?, steps: 0, bytes: 0 });
    }
    let (mut spent, mut is_warm) = (Duration::ZERO, false);
    while spent < 3 * budget || lanes.iter().any(|came| came.lane.len() < 20) {
        for ((beside, _), came) in LANES.iter().zip(&mut lanes) {
            let mut cold = Came { lane: Lane::new()?, steps: 0, bytes: 0 };
            spent += turn(&product, call, *beside, if is_warm { came } else { &mut cold })?;
        }
        is_warm = true;
    }
    let base = lanes.first().map(|came| [came.lane.micros(50.0), came.lane.micros(99.0)]).context("a lane")?;
    for ((beside, name), came) in LANES.iter().zip(&lanes) {
        let [p50, p99] = [came.lane.micros(50.0), came.lane.micros(99.0)];
        let [steps, given] = match beside {
            Beside::Nothing => [String::new(), String::new()],
            Beside::Removal => [count(came.steps), String::new()],
            Beside::GivingBack => [count(came.steps), mebibytes(came.bytes)],
        };
        rows.add_row([
            work.to_owned(),
            (*name).to_owned(),
            number(p50),
            number(p99),
            ratio(p50, base[0]),
            ratio(p99, base[1]),
            count(came.lane.len()),
            steps,
            given,
        ]);
    }
    Ok(())
}

/// Makes calls that can be removed.
fn fill(product: &Product) -> Result<()> {
    (0..MANY).try_for_each(|_| product.call("echo", "{}"))?;
    product.runtime().block_on(product.host().journal().written())?;
    Ok(())
}

/// One turn of one lane. Returns how long it took.
fn turn(product: &Product, (tool, arguments): (&str, &str), beside: Beside, came: &mut Came) -> Result<Duration> {
    let (journal, runtime) = (product.host().journal(), product.runtime());
    if beside != Beside::Nothing {
        fill(product)?;
    }
    if beside == Beside::GivingBack {
        runtime.block_on(remove(journal, &AtomicU64::new(0), Duration::ZERO))?;
    }
    let free = || anyhow::Ok(journal.reader()?.free_bytes()?);
    let (before, steps, began) = (free()?, Arc::new(AtomicU64::new(0)), Instant::now());
    let (own, of_task) = (journal.clone(), Arc::clone(&steps));
    let work = runtime.spawn(async move {
        match beside {
            Beside::Nothing => std::future::pending().await,
            Beside::Removal => loop {
                remove(&own, &of_task, PAUSE).await?;
                tokio::time::sleep(PAUSE).await;
            },
            Beside::GivingBack => {
                while own.give_back().await? {
                    of_task.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            }
        }
    });
    while match beside {
        Beside::GivingBack => !work.is_finished(),
        Beside::Nothing | Beside::Removal => began.elapsed() < TURN,
    } {
        came.lane.time(&mut || product.call(tool, arguments))?;
    }
    let took = began.elapsed();
    match work.is_finished() {
        true => runtime.block_on(work)??,
        false => work.abort(),
    }
    came.steps += steps.load(Ordering::Relaxed);
    came.bytes += before.saturating_sub(free()?);
    Ok(took)
}

/// Removes what is over now, a step after the other.
async fn remove(journal: &Journal, steps: &AtomicU64, pause: Duration) -> Result<()> {
    let before = clock::micros();
    loop {
        let step = Prune { before, by: "toolhold-bench".to_owned(), at: clock::micros() };
        if journal.prune(step).await?.entries == 0 {
            return Ok(());
        }
        steps.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(pause).await;
    }
}
