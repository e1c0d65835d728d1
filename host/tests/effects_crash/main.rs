//! `kill -9` at any moment of calls that change many files: each call is there as a whole or not at all, nothing acknowledged is
//! lost, and what an undo took back is back.
//!
//! The test starts itself as a child that makes calls and says what was acknowledged, and kills it after a number of lines.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts the child"
)]

mod retention;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use toolhold::journal::Durability;
use toolhold::{CallOptions, Host, HostConfig, ToolCall, pin};
use toolhold_core::call::Mode;
use toolhold_core::outcome::Outcome;

const PROJECT: &str = "TOOLHOLD_TEST_CRASH_PROJECT";
const ROUND: &str = "TOOLHOLD_TEST_CRASH_ROUND";
/// How many files each call changes.
const FILES: usize = 24;

const MANIFEST: &str = r#"
version = 1
[tools.files]
source = "files.wasm"
[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]
[[rules]]
name = "all"
decision = "allow"
tools = ["files.*"]
"#;

fn config(project: &Path) -> HostConfig {
    let cache = std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")));
    HostConfig {
        cache: Some(cache),
        durability: Durability::Normal,
        ..HostConfig::beside(&project.join("toolhold.toml"))
    }
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@{line}").unwrap();
    out.flush().unwrap();
}

/// The child: copies the tree, again and again, and says each copy that was acknowledged.
#[test]
#[ignore = "started by the other test as the process that is killed"]
fn child() {
    let Some(project) = std::env::var_os(PROJECT).map(PathBuf::from) else { return };
    let round = std::env::var(ROUND).unwrap();
    block_on(async {
        let host = Host::open(&config(&project), &|_| ()).await.unwrap();
        for number in 0.. {
            let name = format!("copy-{round}-{number}");
            let arguments = json!({ "from": "/work/tree", "to": format!("/work/{name}") }).to_string();
            let done = host.call(ToolCall::new("files.copy", arguments), CallOptions::default()).await;
            assert!(matches!(done.outcome, Outcome::Success(_)), "{:?}", done.outcome);
            say(&format!("{name} {}", done.call));
        }
    });
}

/// Runs a child until it has said `lines` things, kills it, and returns all that it said.
fn run_and_kill(child: &str, project: &Path, (round, lines): (usize, usize)) -> BTreeSet<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture"])
        .env(PROJECT, project)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BTreeSet::new();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    while said.len() < lines {
        let line = out.next().expect("the child ended by itself");
        said.extend(line.strip_prefix('@').map(str::to_owned));
    }
    child.kill().unwrap();
    said.extend(out.filter_map(|line| line.strip_prefix('@').map(str::to_owned)));
    child.wait().unwrap();
    said
}

fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn a_call_that_was_cut_off_is_whole_or_not_at_all() {
    let project = tempfile::tempdir().unwrap();
    let work = project.path().join("work");
    std::fs::create_dir_all(work.join("tree")).unwrap();
    for number in 0..FILES {
        std::fs::write(work.join(format!("tree/file-{number}")), format!("content {number}").repeat(100)).unwrap();
    }
    std::fs::write(project.path().join("toolhold.toml"), MANIFEST).unwrap();
    std::fs::write(
        project.path().join("files.wasm"),
        std::fs::read(toolhold_tests::guests::path("files").unwrap()).unwrap(),
    )
    .unwrap();
    block_on(pin(&config(project.path()))).unwrap();
    let whole = tree(&work.join("tree"));

    let rounds = std::env::var("TOOLHOLD_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8);
    let mut said = BTreeSet::new();
    for (round, lines) in [1, 2, 3, 1, 4, 2, 5, 3].into_iter().cycle().take(rounds).enumerate() {
        said.extend(run_and_kill("child", project.path(), (round, lines)));
        let host = block_on(Host::open(&config(project.path()), &|_| ())).unwrap();
        host.journal().reader().unwrap().verify(None).unwrap();
        for entry in std::fs::read_dir(&work).unwrap().map(Result::unwrap) {
            assert!(tree(&entry.path()) == whole, "half a copy: {:?}", entry.file_name());
        }
        for line in &said {
            let (name, _) = line.split_once(' ').unwrap();
            assert!(work.join(name).is_dir(), "lost: {line}");
        }
    }

    let host = block_on(Host::open(&config(project.path()), &|_| ())).unwrap();
    for line in &said {
        let (name, call) = line.split_once(' ').unwrap();
        block_on(host.undo(&call.parse().unwrap())).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(!work.join(name).exists(), "not undone: {line}");
    }
}

#[test]
fn while_a_plan_cannot_be_read_nothing_is_swept_that_it_may_need() {
    let project = tempfile::tempdir().unwrap();
    let config = config(project.path());
    std::fs::create_dir_all(project.path().join("work")).unwrap();
    std::fs::write(project.path().join("work/old"), "old").unwrap();
    std::fs::write(project.path().join("toolhold.toml"), MANIFEST).unwrap();
    let component = std::fs::read(toolhold_tests::guests::path("files").unwrap()).unwrap();
    std::fs::write(project.path().join("files.wasm"), component).unwrap();
    block_on(pin(&config)).unwrap();
    let call = block_on(async {
        let host = Host::open(&config, &|_| ()).await.unwrap();
        let arguments = json!({ "path": "/work/old" }).to_string();
        host.call(ToolCall::new("files.delete", arguments), CallOptions::default()).await.call
    });
    let staging = project.path().join(".toolhold/staging");
    std::fs::create_dir(staging.join("of-a-call-that-was-cut-off")).unwrap();
    let swap = |from: &str, to: &str| {
        let database = rusqlite::Connection::open(project.path().join(".toolhold/journal.db")).unwrap();
        let sql = "UPDATE plans SET plan = replace(plan, ?1, ?2)";
        assert_eq!(database.execute(sql, [from, to]).unwrap(), 1);
    };
    let open_and_count = || {
        drop(block_on(Host::open(&config, &|_| ())).unwrap());
        std::fs::read_dir(&staging).unwrap().count()
    };
    swap("\"version\"", "\"of another version\"");
    assert_eq!(open_and_count(), 2, "who knows what is needed");
    swap("\"of another version\"", "\"version\"");
    assert_eq!(open_and_count(), 1, "what no plan needs is swept");
    let host = block_on(Host::open(&config, &|_| ())).unwrap();
    block_on(host.undo(&call)).unwrap();
    assert_eq!(std::fs::read_to_string(project.path().join("work/old")).unwrap(), "old");
}

#[test]
fn of_two_applies_of_one_preview_one_lands_and_can_be_undone() {
    let project = tempfile::tempdir().unwrap();
    let config = config(project.path());
    std::fs::create_dir_all(project.path().join("work")).unwrap();
    std::fs::write(project.path().join("toolhold.toml"), MANIFEST).unwrap();
    let component = std::fs::read(toolhold_tests::guests::path("files").unwrap()).unwrap();
    std::fs::write(project.path().join("files.wasm"), component).unwrap();
    block_on(pin(&config)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::open(&config, &|_| ()).await.unwrap();
        for round in 0..20 {
            let file = project.path().join("work/file");
            std::fs::write(&file, format!("before {round}")).unwrap();
            let arguments = json!({ "path": "/work/file", "content": "after" }).to_string();
            let call = ToolCall { mode: Mode::Preview, ..ToolCall::new("files.write", arguments) };
            let preview = host.call(call, CallOptions::default()).await.call;
            let apply = || {
                let (host, preview) = (host.clone(), preview.clone());
                tokio::spawn(async move { host.apply(&preview, CallOptions::default()).await })
            };
            let tries = [apply(), apply(), apply()];
            let mut landed = Vec::new();
            for done in tries {
                let done = done.await.unwrap();
                match done.outcome {
                    Outcome::Success(_) => landed.push(done.call),
                    Outcome::Failure(failure) => assert_eq!(failure.code, "not-applicable", "{failure:?}"),
                }
            }
            assert_eq!(landed.len(), 1);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "after");
            host.undo(&landed[0]).await.unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("before {round}"));
        }
        host.journal().reader().unwrap().verify(None).unwrap();
    });
}

#[test]
fn a_plan_that_cannot_be_finished_is_parked_once_and_the_host_opens_all_the_same() {
    let project = tempfile::tempdir().unwrap();
    let config = config(project.path());
    std::fs::create_dir_all(project.path().join("work")).unwrap();
    std::fs::write(project.path().join("toolhold.toml"), MANIFEST).unwrap();
    let component = std::fs::read(toolhold_tests::guests::path("files").unwrap()).unwrap();
    std::fs::write(project.path().join("files.wasm"), component).unwrap();
    block_on(pin(&config)).unwrap();
    let call = block_on(async {
        let host = Host::open(&config, &|_| ()).await.unwrap();
        let arguments = json!({ "path": "/work/new", "content": "mine" }).to_string();
        host.call(ToolCall::new("files.write", arguments), CallOptions::default()).await.call
    });
    // As if the host had been killed before its first step, and somebody had taken the files of the plan since.
    let database = rusqlite::Connection::open(project.path().join(".toolhold/journal.db")).unwrap();
    database.execute("UPDATE plans SET state = 'ready', after = NULL", []).unwrap();
    let admitted = "UPDATE calls SET state = 'admitted', settled_at = NULL, succeeded = NULL, outcome = NULL,
                    outcome_digest = NULL, usage = NULL";
    database.execute(admitted, []).unwrap();
    drop(database);
    std::fs::write(project.path().join("work/new"), "theirs").unwrap();
    std::fs::remove_dir_all(project.path().join(".toolhold/staging")).unwrap();
    for _ in 0..3 {
        let host = block_on(Host::open(&config, &|_| ())).unwrap();
        let record = host.journal().reader().unwrap().get(&call).unwrap().unwrap();
        assert_eq!(record.state, toolhold::journal::State::Unknown);
    }
    assert_eq!(std::fs::read_to_string(project.path().join("work/new")).unwrap(), "theirs");
}
