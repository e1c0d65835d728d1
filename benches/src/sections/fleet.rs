//! Many agents at one host: how much gets done, how long a call waits, and what one that floods does to the others.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use comfy_table::Table;
use serde_json::Value;
use tokio::task::JoinSet;
use toolhold::{CallOptions, Host, ToolCall};

use crate::case;
use crate::measure::Lane;
use crate::place;
use crate::product::{Product, Writes, succeeded};
use crate::table::{count, mebibytes, number, ratio, table};

const METHOD: &str = "Agents in one process, a fresh process per row, each with a run and a name of its own, making 20 calls one after the other through \
`Host::call`: half `echo`, half reads of 4 KiB; in the rows with writes every fifth call is a staged write of 100 bytes at durability `full`, \
which waits for the disk. Default bounds: 64 calls run at once, 1,024 wait for a place, one more is refused as `busy`. Times in microseconds, \
waiting for a place included; RSS in MiB before the agents begin and at most.";

const CHAOS: &str = "The same among faults, from a seed, with the rates of the chaos run of the agent loop (`host/tests/chaos.rs`): half of the 20 calls are requests to a \
server that drops the answer of 5 % after it acted and refuses 6 % (429 or 503, `retry-after: 1`); before 10 % of the calls the agent makes one that traps, never ends \
or is denied, and before 6 % one that makes no sense. `[retry]` has 6 attempts; requests carry an idempotency key; durability `normal`. Succeeded is the share of the 20; \
those that must fail are not among them, and all did. Again: attempts beyond the first. Twice: requests for which the server acted more than once.";

const FAIRNESS: &str = "32 agents that make one call of `echo {}` after the other, with and without one that keeps 64 in flight, in turns of 500 ms.";

/// Agents in one process.
const AGENTS: [usize; 3] = [10, 100, 1_000];
/// Agents that make one call at a time.
const POLITE: usize = 32;
/// Calls that the other one keeps in flight.
const FLOOD: usize = 64;
/// How long it does, and does not.
const TURN: Duration = Duration::from_millis(500);

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    println!("{METHOD}\n");
    let mut rows =
        table(1, ["agents", "calls", "calls/s", "p50", "p99", "failed", "busy", "RSS before", "RSS at most"]);
    for (part, name) in [("be-fleet", "reads"), ("be-writing-fleet", "with writes")] {
        for agents in AGENTS {
            let folder = tempfile::tempdir()?;
            let mut child = place::command(&place::itself()?);
            let printed = place::printed(child.arg(part).arg(agents.to_string()).arg(folder.path()))?;
            add_row(&format!("{}, {name}", count(agents as u64)), &serde_json::from_str(&printed)?, &mut rows)?;
        }
    }
    println!("{rows}\n");
    chaos()?;
    fairness(budget)
}

fn add_row(name: &str, came: &Value, rows: &mut Table) -> Result<()> {
    let float = |key: &str| came.get(key).and_then(Value::as_f64).with_context(|| format!("no `{key}`"));
    let whole = |key: &str| came.get(key).and_then(Value::as_u64).with_context(|| format!("no `{key}`"));
    rows.add_row([
        name.to_owned(),
        count(whole("calls")?),
        number(float("calls")? / float("seconds")?),
        number(float("p50")?),
        number(float("p99")?),
        count(whole("failed")?),
        count(whole("busy")?),
        mebibytes(whole("before")?),
        mebibytes(whole("most")?),
    ]);
    Ok(())
}

fn chaos() -> Result<()> {
    println!("{CHAOS}\n");
    let faults = ["dropped", "refused", "broken", "garbage"];
    let mut rows = table(
        1,
        [
            "agents",
            "calls",
            "calls/s",
            "p50",
            "p99",
            "failed",
            "succeeded",
            "again",
            "twice",
            "dropped",
            "refused",
            "broken",
            "no sense",
            "RSS before",
            "RSS at most",
        ],
    );
    for agents in AGENTS {
        let folder = tempfile::tempdir()?;
        let mut child = place::command(&place::itself()?);
        let printed = place::printed(child.arg("be-chaotic-fleet").arg(agents.to_string()).arg(folder.path()))?;
        let came: Value = serde_json::from_str(&printed)?;
        let float = |key: &str| came.get(key).and_then(Value::as_f64).with_context(|| format!("no `{key}`"));
        let whole = |key: &str| came.get(key).and_then(Value::as_u64).with_context(|| format!("no `{key}`"));
        let (calls, failed) = (float("calls")?, float("failed")?);
        let mut row = vec![
            count(agents as u64),
            count(whole("calls")?),
            number(calls / float("seconds")?),
            number(float("p50")?),
            number(float("p99")?),
            count(whole("failed")?),
            format!("{:.2} %", 100.0 * (calls - failed) / calls),
            count(whole("again")?),
            count(whole("twice")?),
        ];
        for fault in faults {
            row.push(count(whole(fault)?));
        }
        row.extend([mebibytes(whole("before")?), mebibytes(whole("most")?)]);
        rows.add_row(row);
    }
    println!("{rows}\n");
    Ok(())
}

fn fairness(budget: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    case::prepare(&folder.path().join("work"))?;
    let product = Product::open(folder.path(), &place::guest("probes")?, Writes::AsAWhole)?;
    let (mut alone, mut flooded, mut flood) = (Lane::new()?, Lane::new()?, Lane::new()?);
    turn(&product, 0, (&mut Lane::new()?, &mut Lane::new()?))?;
    let began = Instant::now();
    while began.elapsed() < 2 * budget.max(TURN) {
        turn(&product, 0, (&mut alone, &mut flood))?;
        turn(&product, FLOOD, (&mut flooded, &mut flood))?;
    }
    println!("{FAIRNESS}\n");
    let mut rows = table(1, ["", "calls of the 32", "p50", "p99", "p99 / alone"]);
    for (name, lane) in [("alone", &alone), ("beside a flood", &flooded)] {
        let p99 = lane.micros(99.0);
        let numbers = [number(lane.micros(50.0)), number(p99), ratio(p99, alone.micros(99.0))];
        rows.add_row([name.to_owned(), count(lane.len())].into_iter().chain(numbers));
    }
    println!(
        "{rows}\n\nThe one that floods made {} calls meanwhile, p50 {}.",
        count(flood.len()),
        number(flood.micros(50.0))
    );
    Ok(())
}

/// One turn of the polite ones, beside as many calls in flight of the other one.
fn turn(product: &Product, flood: usize, (polite, flooding): (&mut Lane, &mut Lane)) -> Result<()> {
    let until = Instant::now() + TURN;
    let mut all = JoinSet::new();
    for index in 0..POLITE + flood {
        let floods = index >= POLITE;
        let client = if floods { "flood".to_owned() } else { format!("agent-{index}") };
        all.spawn_on(one_by_one(product.host().clone(), (client, floods), until), product.runtime().handle());
    }
    while let Some(came) = product.runtime().block_on(all.join_next()) {
        let (floods, took) = came.context("an agent ended")??;
        let lane = if floods { &mut *flooding } else { &mut *polite };
        took.into_iter().try_for_each(|took| lane.record(took))?;
    }
    Ok(())
}

async fn one_by_one(host: Host, (client, floods): (String, bool), until: Instant) -> Result<(bool, Vec<Duration>)> {
    let (mut took, client) = (Vec::new(), std::sync::Arc::<str>::from(client));
    loop {
        let began = Instant::now();
        if began >= until {
            return Ok((floods, took));
        }
        let options = CallOptions { client: std::sync::Arc::clone(&client), ..CallOptions::default() };
        succeeded(&host.call(ToolCall::new("probes.echo", "{}"), options).await)?;
        took.push(began.elapsed());
    }
}
