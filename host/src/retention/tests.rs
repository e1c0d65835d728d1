//! What a process that serves does while it does: it looks again and again.

use std::path::Path;
use std::sync::mpsc;

use serde_json::json;
use tempfile::TempDir;
use toolhold_core::call::Mode;
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::limit::Usage;
use toolhold_core::tool::Tool;

use super::*;
use crate::journal::{Intent, Options, Settlement};
use crate::{HostConfig, control};

/// Calls of half a century ago: more than are removed when a host is opened, by a step of the loop and half of another one.
const OLD: u64 = 4 * STEP + STEP + STEP / 2;
/// Entries of a step; a call that changes nothing is one.
const STEP: u64 = 256;

/// A host whose journal began with old calls, which it is to keep for a day.
async fn old() -> (TempDir, Current) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("toolhold.toml");
    std::fs::write(&manifest, "version = 1\n[host]\njournal-age = \"1d\"\n").unwrap();
    std::fs::write(folder.path().join("toolhold.lock"), "version = 1\n").unwrap();
    let config = HostConfig::beside(&manifest);
    begin(&config.state);
    let host = Host::open(&config, &|_| ()).await.unwrap();
    (folder, Current::new(host, config, |_| ()))
}

fn begin(state: &Path) {
    let info = ToolInfo {
        name: "read".parse().unwrap(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    let tool = Tool::new(&"files".parse().unwrap(), Digest::of(b"component"), info).unwrap();
    let checked = tool.validate("{}").unwrap();
    let journal = Journal::open(state, &Options::default()).unwrap();
    for number in 0..OLD {
        let run = "old-run".parse().unwrap();
        journal.admit_blocking(Intent::new(call(number), run, &checked, Mode::Live, Effects::None, 1)).unwrap();
        let settled = Settlement::success("1", Usage::default(), Effects::None, 2);
        journal.settle_blocking(&call(number), settled).unwrap();
    }
    journal.flush_blocking().unwrap();
}

fn call(number: u64) -> CallId {
    format!("old-{number}").parse().unwrap()
}

/// The first of the old calls that is still there.
fn first(current: &Current) -> Option<u64> {
    let reader = current.host().journal().reader().unwrap();
    (0..OLD).find(|number| reader.get(&call(*number)).unwrap().is_some())
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// In a test nobody waits for an hour.
const OFTEN: Duration = Duration::from_millis(1);

#[tokio::test]
async fn what_a_start_leaves_is_removed_while_the_process_serves() {
    let (_folder, current) = old().await;
    let left = first(&current).expect("a start removes a little only");
    let shutdown = Shutdown::default();
    let kept = tokio::spawn(keep(current.clone(), shutdown.clone(), OFTEN));
    until(|| first(&current).is_none()).await;
    shutdown.begin();
    kept.await.unwrap();
    let reader = current.host().journal().reader().unwrap();
    assert!(reader.verify(None).unwrap().begins_after.unwrap().sequence >= OLD, "{left}");
}

#[tokio::test]
async fn a_look_that_fails_is_not_the_last_one() {
    let (_folder, current) = old().await;
    let left = first(&current).unwrap();
    let host = current.host();
    let tamper = |from: &str, to: &str| {
        let sql = "UPDATE audit SET body = replace(body, ?1, ?2) WHERE instr(body, ?1) > 0";
        host.journal().with_connection(|connection| {
            connection.execute_batch("DROP TRIGGER IF EXISTS audit_is_not_changed").unwrap();
            assert_ne!(connection.execute(sql, [from, to]).unwrap(), 0);
        });
    };
    // In the second step of the loop: when the first one is done, this is found.
    let (last, other) = (format!("\"old-{}\"", OLD - 1), "\"another\"");
    tamper(&last, other);
    let shutdown = Shutdown::default();
    let kept = tokio::spawn(keep(current.clone(), shutdown.clone(), OFTEN));
    until(|| first(&current).is_some_and(|first| first > left)).await;
    tokio::time::sleep(10 * PAUSE).await;
    let broken = first(&current).expect("nothing is removed from a part of the audit that does not hold");
    assert!(host.remove_what_is_old(AtOnce::AFew).await.is_err());
    tamper(other, &last);
    until(|| first(&current).is_none()).await;
    shutdown.begin();
    kept.await.unwrap();
    assert!(broken > left);
    host.journal().reader().unwrap().verify(None).unwrap();
}

#[tokio::test]
async fn it_ends_with_the_process_while_it_waits_and_while_it_looks() {
    let (_folder, current) = old().await;
    let shutdown = Shutdown::default();
    let waits = tokio::spawn(keep(current.clone(), shutdown.clone(), PERIOD));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!waits.is_finished());
    shutdown.begin();
    waits.await.unwrap();
    // Nothing is written for as long as somebody holds the journal: a look does not come to its end.
    let (held, holds) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let journal = current.host().journal().clone();
    let holder = std::thread::spawn(move || {
        journal.with_connection(|_| {
            held.send(()).unwrap();
            released.recv().unwrap();
        });
    });
    holds.recv().unwrap();
    let shutdown = Shutdown::default();
    let looks = tokio::spawn(keep(current.clone(), shutdown.clone(), OFTEN));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!looks.is_finished());
    shutdown.begin();
    looks.await.unwrap();
    release.send(()).unwrap();
    holder.join().unwrap();
    current.host().journal().reader().unwrap().verify(None).unwrap();
}

#[tokio::test]
async fn a_process_that_nobody_can_reach_removes_what_is_old_too() {
    let (folder, current) = old().await;
    // In the place of the socket there is something that cannot be replaced.
    let in_its_place = folder.path().join(".toolhold").join(control::CONTROL).join("something");
    std::fs::create_dir_all(&in_its_place).unwrap();
    let shutdown = Shutdown::default();
    control::hold_with(&current, axum::Router::new, &shutdown, OFTEN);
    until(|| first(&current).is_none()).await;
    shutdown.stop_now();
    shutdown.ended().await;
    assert!(in_its_place.exists());
}
