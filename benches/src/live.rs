//! Many calls that are under way at once, in a process of their own: what each of them holds.
//!
//! The guest sleeps for ever, so all of them are in the midst of a call: on the product's lane for guests that wait, and on fibers of bare
//! wasmtime.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use toolhold::{CallOptions, ToolCall};

use crate::floor;
use crate::place;
use crate::process::resident;
use crate::product::Product;
use crate::waiting::Waiting;

/// How long the memory of a process has to stay as it is to count as settled.
const SETTLED: Duration = Duration::from_millis(300);

const MANIFEST: &str = r#"
version = 1
[host]
max-calls-in-flight = MOST
[limits]
time = "600s"
[tools.waiting]
source = "waiting.wasm"
[[rules]]
name = "all"
decision = "allow"
tools = ["waiting.*"]
"#;

/// Holds `calls` calls of the product open and prints the bytes of each.
pub(crate) fn product(calls: usize, folder: &Path) -> Result<()> {
    std::fs::write(folder.join("waiting.wasm"), place::guest("waiting")?)?;
    let product = Product::open_manifest(folder, &MANIFEST.replace("MOST", &(calls + 1).to_string()))?;
    let begin = |all: &mut JoinSet<()>| {
        let host = product.host().clone();
        let call =
            async move { drop(host.call(ToolCall::new("waiting.sleep_forever", "{}"), CallOptions::default()).await) };
        all.spawn_on(call, product.runtime().handle());
    };
    measure(calls, product.runtime(), begin)
}

/// Holds `calls` calls of bare wasmtime open and prints the bytes of each.
pub(crate) fn bare(calls: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let most = u32::try_from(calls + 1)?;
    let waiting = Waiting::new(&place::guest("waiting")?, most).map_err(floor::failed)?;
    let begin = |all: &mut JoinSet<()>| {
        let waiting = waiting.clone();
        let call = async move {
            if let Err(error) = waiting.call().await {
                println!("a call ended: {error:#}");
            }
        };
        all.spawn_on(call, runtime.handle());
    };
    measure(calls, &runtime, begin)
}

fn measure(calls: usize, runtime: &Runtime, mut begin: impl FnMut(&mut JoinSet<()>)) -> Result<()> {
    let mut all = JoinSet::new();
    // What the first one brings with it is not of each.
    begin(&mut all);
    let before = settled(runtime)?;
    for _ in 0..calls {
        begin(&mut all);
    }
    let after = settled(runtime)?;
    anyhow::ensure!(all.try_join_next().is_none(), "a call has ended that should sleep");
    println!("{}", after.saturating_sub(before) / u64::try_from(calls).context("fewer calls")?);
    // Nobody waits for guests that sleep for ever.
    all.detach_all();
    Ok(())
}

/// The memory of this process, once it stays what it is.
fn settled(runtime: &Runtime) -> Result<u64> {
    let itself = std::process::id();
    let (mut last, mut since) = (resident(itself)?, Instant::now());
    while since.elapsed() < SETTLED {
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
        let now = resident(itself)?;
        if now.abs_diff(last) > 64 << 10 {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}
