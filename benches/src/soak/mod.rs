//! `toolhold serve` for minutes or hours, under a light mix of everything that clients do, right and wrong: what grows?
//!
//! A server that has run for long removes what is old all the time. So this one begins with a journal of yesterday, whose calls come of
//! age while it runs, as many in a minute as are made; what it keeps for undo is bounded so that the oldest go with nearly every write.

mod acts;
mod client;
mod mix;
mod project;
mod samples;
mod tally;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use self::client::Server;
use self::mix::Clients;
use self::project::Project;
use self::samples::Samples;
use self::tally::Tally;
use crate::place;

/// How often it is looked at how much the server has, in all.
const SAMPLES: u32 = 20;

/// Uses a server for so many minutes and prints what it had meanwhile.
pub(crate) fn run(minutes: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let time = Duration::from_secs(60 * u64::from(minutes));
    let project = Project::begin(folder.path(), time)?;
    // Ends with this value, however this function does.
    let server = project.serve()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let tally = Arc::new(Tally::new()?);
    let clients = Clients {
        server: Arc::new(Server { address: server.address(), token: server.token().to_owned() }),
        person: Arc::new(Server { address: server.address(), token: project.token("person", "approve")? }),
        tally: Arc::clone(&tally),
    };
    let mut samples = Samples::of(server.id(), folder.path());
    let used = async {
        tokio::select! {
            used = use_it(&project, &clients, time, &mut samples) => used,
            ended = told_to_end() => ended,
        }
    };
    let used = runtime.block_on(used);
    // Clients that are in the midst of something go away.
    runtime.shutdown_timeout(Duration::from_secs(10));
    samples.print();
    let failed = tally.print();
    used.with_context(|| project.last_words())?;
    ensure!(failed == 0, "{failed} calls failed that should not have; {}", project.last_words());
    Ok(())
}

/// Whoever ends this program ends the server with it.
async fn told_to_end() -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    anyhow::bail!("it was told to end before its time")
}

async fn use_it(project: &Project<'_>, clients: &Clients, time: Duration, samples: &mut Samples) -> Result<()> {
    let began = Instant::now();
    let mut lanes = JoinSet::new();
    clients.begin(&mut lanes, began + time);
    let (window, mut removed) = (time / SAMPLES, 0);
    for number in 1..=SAMPLES {
        tokio::time::sleep_until((began + window * number).into()).await;
        let kept = clients.kept().await?;
        samples.take(began.elapsed(), &clients.tally, [kept, removed])?;
        if number < SAMPLES {
            removed = maintain(project).await?;
        }
    }
    while let Some(ended) = lanes.join_next().await {
        ended.context("a client ended")?;
    }
    // Of hours, that takes minutes: longer than a request may.
    let mut verify = project.command()?;
    verify.args(["audit", "verify"]);
    tokio::task::spawn_blocking(move || place::printed(&mut verify)).await??;
    Ok(())
}

/// What an operator does now and then. Returns how many calls were removed from the journal.
async fn maintain(project: &Project<'_>) -> Result<u64> {
    let mut pruned = String::new();
    for words in [&["reload"][..], &["journal", "prune", "--older-than", "1d", "--json"]] {
        let mut command = project.command()?;
        command.args(words);
        pruned = tokio::task::spawn_blocking(move || place::printed(&mut command)).await??;
    }
    let pruned: Value = serde_json::from_str(&pruned)?;
    pruned.get("calls").and_then(Value::as_u64).with_context(|| format!("nothing is said of calls: {pruned}"))
}

/// Bytes of all files below a folder, and how many there are. What is removed meanwhile does not count.
fn files_below(folder: &Path) -> (u64, u64) {
    let (mut bytes, mut files) = (0, 0);
    let Ok(entries) = std::fs::read_dir(folder) else { return (0, 0) };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                let (more, of_them) = files_below(&entry.path());
                (bytes, files) = (bytes + more, files + of_them);
            }
            Ok(metadata) => (bytes, files) = (bytes + metadata.len(), files + 1),
            Err(_) => {}
        }
    }
    (bytes, files)
}
