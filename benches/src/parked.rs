//! Many calls that wait for a person, in one process: what each of them holds, and what the host costs that has them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use toolhold::approvals::{ApprovalFilter, ApprovalScope, ApprovalState, Decider, Verdict};
use toolhold::{Asking, CallOptions, Host, ToolCall, clock};
use toolhold_core::call::Mode;
use toolhold_core::outcome::{CallReport, Class, Outcome};

use crate::measure::Lane;
use crate::place;
use crate::process::resident;
use crate::product::Product;

/// Questions that are being written down at once.
const AT_ONCE: usize = 64;
/// Approvals on a page of a list.
const PAGE: u32 = 50;
/// How often a list is read and a question decided.
const TIMES: usize = 20;

const MANIFEST: &str = r#"
version = 1
[tools.probes]
source = "probes.wasm"
[approvals]
lifetime = "1d"
max-waiting = 1000000
prompts-per-minute = 1000000
[[rules]]
name = "a person"
decision = "ask"
tools = ["probes.*"]
"#;

/// Writes the project into `folder`, and compiles what its host needs: the process that is measured compiles nothing.
pub(crate) fn prepare(folder: &Path) -> Result<()> {
    std::fs::write(folder.join("probes.wasm"), place::guest("probes")?)?;
    Product::open_manifest(folder, MANIFEST).map(drop)
}

/// Parks `runs` calls, each of a run of its own, in a host whose files are in `folder`, and prints what came of it as JSON. With `waiting`,
/// their callers stay and wait for the answer.
pub(crate) fn measure(runs: usize, waiting: bool, folder: &Path) -> Result<()> {
    let product = Product::open_again(folder)?;
    product.runtime().block_on(ask(product.host().clone(), usize::MAX, Asking::Park));
    let before = resident(std::process::id())?;
    let (mut callers, began) = (JoinSet::new(), Instant::now());
    for number in 0..runs {
        let asking = if waiting { Asking::Wait(Duration::from_secs(24 * 3600)) } else { Asking::Park };
        callers.spawn_on(ask(product.host().clone(), number, asking), product.runtime().handle());
        // Those that wait are on record, and no further along.
        product.runtime().block_on(recorded(&product, (number + 1).saturating_sub(AT_ONCE)))?;
    }
    product.runtime().block_on(recorded(&product, runs))?;
    let parked = began.elapsed().as_secs_f64();
    let holds = resident(std::process::id())?.saturating_sub(before);
    let (list, decide) = product.runtime().block_on(used(product.host()))?;
    callers.abort_all();
    while let Some(ended) = product.runtime().block_on(callers.join_next()) {
        if let Ok(report) = ended {
            parks(&report)?;
        }
    }
    drop(product);
    let began = Instant::now();
    let again = Product::open_again(folder)?;
    let open = began.elapsed();
    let left = again.runtime().block_on(waiting_in(again.host()))?;
    ensure!(left + TIMES as u64 == runs as u64 + 1, "{left} of {runs} wait after the host was opened again");
    let printed = json!({
        "runs": runs, "seconds": parked, "bytes": holds, "list": list.micros(50.0), "decide": decide.micros(50.0),
        "open": open.as_secs_f64(),
    });
    println!("{printed}");
    Ok(())
}

/// One call that a person is asked about. No two have the same arguments: the same call of the same client is the same question.
async fn ask(host: Host, number: usize, asking: Asking) -> CallReport {
    let call = ToolCall {
        run: clock::new_run(),
        tool: "probes.echo".to_owned(),
        arguments: json!({ "number": number }).to_string(),
        key: None,
        mode: Mode::Live,
    };
    host.call(call, CallOptions { asking, ..CallOptions::default() }).await
}

/// A call that was not decided is parked. One that was is made.
fn parks(report: &CallReport) -> Result<()> {
    let is_parked = matches!(&report.outcome, Outcome::Failure(failure) if failure.class == Class::AwaitingApproval);
    ensure!(is_parked || matches!(report.outcome, Outcome::Success(_)), "{:?}", report.outcome);
    Ok(())
}

/// Until at least so many questions wait, beside the first one.
async fn recorded(product: &Product, least: usize) -> Result<()> {
    while waiting_in(product.host()).await? <= least as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn waiting_in(host: &Host) -> Result<u64> {
    host.journal().written().await?;
    Ok(host.journal().reader()?.approvals_waiting()?)
}

/// What it takes to read a page of the list, and to approve one.
async fn used(host: &Host) -> Result<(Lane, Lane)> {
    let (mut list, mut decide) = (Lane::new()?, Lane::new()?);
    let (approvals, person) = (host.approvals(), Decider::new("bench", "person"));
    for _ in 0..TIMES {
        let filter = ApprovalFilter { states: vec![ApprovalState::Waiting], limit: PAGE, ..ApprovalFilter::default() };
        let began = Instant::now();
        let page = approvals.list(&filter).await?;
        list.record(began.elapsed())?;
        let one = page.last().context("nothing waits")?;
        let began = Instant::now();
        approvals.decide(&one.id, &person, Verdict::Approve(ApprovalScope::Once)).await?;
        decide.record(began.elapsed())?;
    }
    Ok((list, decide))
}
