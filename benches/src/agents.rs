//! Many agents in one process, each with a run and a name of its own, making one call after the other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use toolhold::{CallOptions, Host, ToolCall, clock};
use toolhold_core::call::Mode;
use toolhold_core::outcome::Outcome;

use crate::case;
use crate::measure::Lane;
use crate::place;
use crate::process::resident;
use crate::product::{Product, Writes};

/// Calls of each agent.
pub(crate) const CALLS: usize = 20;

/// What the calls of agents came to.
#[derive(Debug, Default)]
struct Came {
    took: Vec<Duration>,
    busy: u64,
    failed: u64,
}

/// Lets `agents` agents make their calls, in a host whose files are in `folder`, and prints what came of it as JSON.
pub(crate) fn fleet(agents: usize, writes: bool, folder: &Path) -> Result<()> {
    case::prepare(&folder.join("work"))?;
    let product = Product::open_durable(folder, &place::guest("probes")?, Writes::AsAWhole)?;
    product.call("read", r#"{"path":"/work/small"}"#)?;
    let before = resident(std::process::id())?;
    let mut all = JoinSet::new();
    let began = Instant::now();
    for number in 0..agents {
        all.spawn_on(agent(product.host().clone(), number, writes), product.runtime().handle());
    }
    let (mut lane, mut busy, mut failed, mut most) = (Lane::new()?, 0, 0, before);
    while let Some(came) = product.runtime().block_on(all.join_next()) {
        let came = came.context("an agent ended")?;
        (busy, failed) = (busy + came.busy, failed + came.failed);
        came.took.into_iter().try_for_each(|took| lane.record(took))?;
        most = most.max(resident(std::process::id())?);
    }
    let seconds = began.elapsed().as_secs_f64();
    let printed = json!({
        "calls": lane.len(), "seconds": seconds, "p50": lane.micros(50.0), "p99": lane.micros(99.0),
        "before": before, "most": most, "busy": busy, "failed": failed,
    });
    println!("{printed}");
    Ok(())
}

async fn agent(host: Host, number: usize, writes: bool) -> Came {
    let (run, client) = (clock::new_run(), Arc::<str>::from(format!("agent-{number}")));
    let mut came = Came::default();
    for index in 0..CALLS {
        let (tool, arguments) = work(number, index, writes);
        let tool = format!("probes.{tool}");
        let call = ToolCall { run: run.clone(), tool, arguments: arguments.to_string(), key: None, mode: Mode::Live };
        let options = CallOptions { client: Arc::clone(&client), ..CallOptions::default() };
        let began = Instant::now();
        let report = host.call(call, options).await;
        came.took.push(began.elapsed());
        match report.outcome {
            Outcome::Success(_) => {}
            Outcome::Failure(failure) if failure.code == "busy" => came.busy += 1,
            Outcome::Failure(_) => came.failed += 1,
        }
    }
    came
}

/// Half echoes, half reads; where there are writes, every fifth is one, to a file of the agent's own.
fn work(agent: usize, index: usize, writes: bool) -> (&'static str, Value) {
    match index {
        _ if writes && index % 5 == 4 => {
            ("write", json!({ "path": format!("/work/out/agent-{agent}"), "content": "w".repeat(100) }))
        }
        _ if index.is_multiple_of(2) => ("echo", json!({ "step": index })),
        _ => ("read", json!({ "path": "/work/small" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_in_five_writes_where_there_are_writes() {
        let writes = |with| (0..CALLS).filter(|index| work(7, *index, with).0 == "write").count();
        assert_eq!((writes(true), writes(false)), (4, 0));
        assert_eq!(work(7, 4, true).1["path"], "/work/out/agent-7");
    }
}
