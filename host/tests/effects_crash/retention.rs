//! `kill -9` in the midst of removing what is old: what is there is there as a whole, what is gone is gone with the audit of it, no file is
//! kept that nothing needs, and what is kept can be taken back.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use toolhold::journal::{HistoryFilter, Intent, Journal, Options, PlanState, Prune, Reader, Settlement};
use toolhold::{CallOptions, Host, ToolCall, clock, pin};
use toolhold_core::call::Mode;
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::limit::Usage;
use toolhold_core::outcome::Outcome;
use toolhold_core::tool::Tool;

use super::{MANIFEST, PROJECT, ROUND, block_on, config, run_and_kill, say};

/// Files that are written over again and again.
const FILES: usize = 4;

/// A project with these lines about the host, pinned.
fn project(host: &str) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let path = |name: &str| project.path().join(name);
    std::fs::create_dir(path("work")).unwrap();
    std::fs::write(path("toolhold.toml"), format!("{MANIFEST}\n[host]\n{host}\n")).unwrap();
    std::fs::write(path("files.wasm"), std::fs::read(toolhold_tests::guests::path("files").unwrap()).unwrap()).unwrap();
    block_on(pin(&config(project.path()))).unwrap();
    project
}

fn file(project: &Path, number: usize) -> PathBuf {
    project.join(format!("work/file-{}", number % FILES))
}

/// What a write of a round leaves: so much that few of them can be kept.
fn content(round: usize, number: usize) -> String {
    format!("{round}-{number} ").repeat(1_000)
}

/// The child: writes over files, and says each write that was acknowledged, while what is over is removed all the time.
#[test]
#[ignore = "started by another test as the process that is killed"]
fn child() {
    let Some(project) = std::env::var_os(PROJECT).map(PathBuf::from) else { return };
    let round = std::env::var(ROUND).unwrap().parse().unwrap();
    block_on(async {
        let host = Host::open(&config(&project), &|_| ()).await.unwrap();
        let journal = host.journal().clone();
        let prunes = async move {
            loop {
                let before = clock::micros();
                let step = || Prune { before, by: "a test".to_owned(), at: clock::micros() };
                while journal.prune(step()).await.unwrap().entries > 0 {}
                while journal.give_back().await.unwrap() {}
            }
        };
        let writes = async move {
            for number in 0.. {
                let path = format!("/work/file-{}", number % FILES);
                let arguments = json!({ "path": path, "content": content(round, number) }).to_string();
                let done = host.call(ToolCall::new("files.write", arguments), CallOptions::default()).await;
                assert!(matches!(done.outcome, Outcome::Success(_)), "{:?}", done.outcome);
                say(&number.to_string());
            }
        };
        tokio::spawn(prunes);
        tokio::spawn(writes).await.unwrap();
    });
}

/// Plans whose files are needed.
fn kept(reader: &Reader) -> usize {
    reader.plans(&[PlanState::Preview, PlanState::Ready, PlanState::Landed, PlanState::Undoing]).unwrap().len()
}

/// Takes the last write back that can be, and returns whether there was one.
fn undo_last(host: &Host) -> bool {
    let reader = host.journal().reader().unwrap();
    let all = reader.history(&HistoryFilter { limit: 1_000, ..HistoryFilter::default() }).unwrap();
    let Some(last) = all.iter().find(|entry| entry.state == PlanState::Landed) else { return false };
    block_on(host.undo(&last.call)).unwrap();
    true
}

#[test]
fn what_is_removed_while_calls_go_on_is_removed_whole_and_the_rest_can_be_taken_back() {
    let project = project("undo-bytes = \"40KiB\"");
    let path = project.path();
    // What each file has had, the last at the end.
    let mut had = vec![vec!["before".to_owned()]; FILES];
    (0..FILES).for_each(|number| std::fs::write(file(path, number), "before").unwrap());
    let (mut host, mut begins) = (None, BTreeSet::new());
    let rounds = std::env::var("TOOLHOLD_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6);
    for (round, lines) in [20, 31, 12, 43, 25, 38].into_iter().cycle().take(rounds).enumerate() {
        drop(host.take());
        let mut written = run_and_kill("retention::child", path, (round, lines)).len();
        let host = &*host.insert(block_on(Host::open(&config(path), &|_| ())).unwrap());
        let reader = host.journal().reader().unwrap();
        begins.extend(reader.verify(None).unwrap().begins_after.map(|head| head.sequence));
        let half = "SELECT (SELECT count(*) FROM plans WHERE call NOT IN (SELECT call FROM calls))
                         + (SELECT count(*) FROM calls WHERE state = 'admitted')";
        let database = rusqlite::Connection::open(path.join(".toolhold/journal.db")).unwrap();
        assert_eq!(database.query_row(half, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        let staged = std::fs::read_dir(path.join(".toolhold/staging")).unwrap().count();
        assert_eq!(staged, kept(&reader), "what nothing needs is removed, at the next start at the latest");
        // The last one may have landed before it could be said.
        let is_there = |number| std::fs::read_to_string(file(path, number)).unwrap() == content(round, number);
        written += usize::from(is_there(written));
        (0..written).for_each(|number| had[number % FILES].push(content(round, number)));
        for back in 0..3 {
            (0..FILES).for_each(|number| {
                assert!(std::fs::read_to_string(file(path, number)).unwrap() == *had[number].last().unwrap());
            });
            assert!(undo_last(host), "less than three writes are kept");
            had[(written - 1 - back) % FILES].pop();
        }
    }
    assert!(begins.len() > 1, "the beginning of the audit was removed again and again: {begins:?}");
    let host = host.unwrap();
    let left = kept(&host.journal().reader().unwrap());
    let undone = std::iter::from_fn(|| undo_last(&host).then_some(())).count();
    assert_eq!((undone, kept(&host.journal().reader().unwrap())), (left, 0));
    (0..FILES).for_each(|number| {
        let now = std::fs::read_to_string(file(path, number)).unwrap();
        assert!(had[number].contains(&now), "what was there before");
    });
    host.journal().reader().unwrap().verify(None).unwrap();
}

/// Calls of half a century ago, an entry each.
const OLD: u64 = 10_000;

fn old(number: u64) -> CallId {
    format!("old-{number}").parse().unwrap()
}

/// A journal that begins with old calls.
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
        journal.admit_blocking(Intent::new(old(number), run, &checked, Mode::Live, Effects::None, 1)).unwrap();
        let settled = Settlement::success("1", Usage::default(), Effects::None, 2);
        journal.settle_blocking(&old(number), settled).unwrap();
    }
}

/// The program, at work on a project.
fn start(project: &Path, words: &[&str]) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_toolhold"));
    program.arg("--manifest").arg(project.join("toolhold.toml"));
    program.arg("--cache").arg(config(project).cache.unwrap()).args(words);
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// How many of the old calls were removed: the first ones, and no other.
fn removed(project: &Path) -> u64 {
    let reader = Reader::open(&project.join(".toolhold")).unwrap();
    reader.verify(None).unwrap();
    let is_there = |number: &u64| reader.get(&old(*number)).unwrap().is_some();
    let first = (0..OLD).find(is_there).unwrap_or(OLD);
    assert!((first..OLD).all(|number| is_there(&number)), "a hole behind {first}");
    first
}

/// Kills a process as soon as more of the audit is removed.
fn kill_in_the_midst(project: &Path, mut child: Child) {
    let database = rusqlite::Connection::open(project.join(".toolhold/journal.db")).unwrap();
    let first = || {
        let read = database.query_row("SELECT min(sequence) FROM audit", [], |row| row.get::<_, i64>(0));
        read.unwrap()
    };
    let before = first();
    while first() == before {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_program_and_a_server_that_are_killed_while_they_remove_leave_whole_steps() {
    let project = project("journal-age = \"1d\"");
    let path = project.path();
    std::fs::remove_dir_all(path.join(".toolhold")).unwrap_or_default();
    begin(&path.join(".toolhold"));
    block_on(pin(&config(path))).unwrap();
    std::fs::write(file(path, 0), "before").unwrap();
    let call = block_on(async {
        let host = Host::open(&config(path), &|_| ()).await.unwrap();
        let arguments = json!({ "path": "/work/file-0", "content": "after" }).to_string();
        host.call(ToolCall::new("files.write", arguments), CallOptions::default()).await.call
    });
    let prune = ["journal", "prune", "--older-than", "1d"];
    let mut gone = vec![removed(path)];
    kill_in_the_midst(path, start(path, &prune));
    gone.push(removed(path));
    // What a server does when it starts.
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    kill_in_the_midst(path, start(path, &serve));
    gone.push(removed(path));
    // And what it does for somebody who asks for it, with pauses, as by itself.
    let mut server = start(path, &serve);
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("http://"), "{line}");
    let mut asks = start(path, &prune);
    kill_in_the_midst(path, server);
    assert!(!asks.wait().unwrap().success(), "whoever asked is not told that it was done");
    gone.push(removed(path));
    assert!(gone.is_sorted_by(|one, next| one < next) && *gone.last().unwrap() < OLD, "{gone:?}");

    let host = block_on(Host::open(&config(path), &|_| ())).unwrap();
    block_on(host.undo(&call)).unwrap();
    assert_eq!(std::fs::read_to_string(file(path, 0)).unwrap(), "before");
    drop(host);
    assert!(start(path, &prune).wait().unwrap().success());
    assert_eq!(removed(path), OLD);
}
