//! Many calls that wait for a person.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::place;
use crate::table::{count, number, table};

const METHOD: &str = "Calls of as many runs that an `ask` rule puts to a person, in one process, a fresh one per row: parked (the call has ended, the same one \
after the decision is made by it) or with its caller waiting for the answer. Each is rehearsed and written down first. Bytes are the growth of RSS, divided \
by the runs. A page is the 50 newest that wait; one is approved. p50 of 20, in microseconds. Opening is of the whole host, over all of them, in milliseconds.";

/// Runs that are parked.
const RUNS: [usize; 3] = [100, 1_000, 10_000];

/// Measures and prints.
pub(super) fn run() -> Result<()> {
    println!("{METHOD}\n");
    let mut rows = table(1, ["runs", "runs/s", "bytes of each", "a page", "approve one", "open the host"]);
    for (part, name) in [("be-parked", "parked"), ("be-parked-waiting", "waiting")] {
        for runs in RUNS {
            let folder = tempfile::tempdir()?;
            crate::parked::prepare(folder.path())?;
            let mut child = place::command(&place::itself()?);
            let printed = place::printed(child.arg(part).arg(runs.to_string()).arg(folder.path()))?;
            let came: Value = serde_json::from_str(&printed)?;
            let float = |key: &str| came.get(key).and_then(Value::as_f64).with_context(|| format!("no `{key}`"));
            rows.add_row([
                format!("{}, {name}", count(runs as u64)),
                number(float("runs")? / float("seconds")?),
                number(float("bytes")? / float("runs")?),
                number(float("list")?),
                number(float("decide")?),
                number(float("open")? * 1_000.0),
            ]);
        }
    }
    println!("{rows}");
    Ok(())
}
