//! `kill -9` at any moment: nothing acknowledged is lost, nothing is half done, and the next host goes on.
//!
//! The test starts itself as a child that makes calls and says what was acknowledged, and kills it after a number of lines.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts the child"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use toolhold::journal::{Admission, Intent, Journal, Options, Reader, ScopedKey, Settlement, State};
use toolhold_core::call::Mode;
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::limit::Usage;
use toolhold_core::tool::Tool;

const DIRECTORY: &str = "TOOLHOLD_TEST_CRASH_DIRECTORY";
const ROUND: &str = "TOOLHOLD_TEST_CRASH_ROUND";

fn tool() -> Tool {
    let info = ToolInfo {
        name: "write".parse().unwrap(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    Tool::new(&"files".parse().unwrap(), Digest::of(b"component"), info).unwrap()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@{line}").unwrap();
    out.flush().unwrap();
}

/// The child: endless calls, on several threads, with and without effects; every acknowledgement is said at once.
#[test]
#[ignore = "started by the other test as the process that is killed"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let round = std::env::var(ROUND).unwrap();
    let journal = Journal::open(Path::new(&directory), &Options::default()).unwrap();
    let tool = tool();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (journal, tool, round) = (&journal, &tool, &round);
            scope.spawn(move || {
                let effects = if thread == 2 { Effects::None } else { Effects::Possible };
                for number in 0.. {
                    let name = format!("r{round}-t{thread}-{number}");
                    let call: CallId = name.parse().unwrap();
                    let checked = tool.validate(&json!({ "path": name }).to_string()).unwrap();
                    let intent = Intent::new(call.clone(), "run".parse().unwrap(), &checked, Mode::Live, effects, 1);
                    let key = ScopedKey { scope: "crash".into(), key: name.parse().unwrap() };
                    assert_eq!(journal.admit_blocking(intent.with_key(key)).unwrap(), Admission::Fresh);
                    say(&format!("admitted {effects:?} {name}"));
                    journal
                        .settle_blocking(
                            &call,
                            Settlement::success(json!(name).to_string(), Usage::default(), effects, 2),
                        )
                        .unwrap();
                    say(&format!("settled {effects:?} {name}"));
                }
            });
        }
    });
}

/// Runs the child until it has said `lines` things, kills it, and returns all that it said.
fn run_and_kill(directory: &Path, round: usize, lines: usize) -> BTreeSet<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
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
    // What was on its way when it was killed was acknowledged as well.
    said.extend(out.filter_map(|line| line.strip_prefix('@').map(str::to_owned)));
    child.wait().unwrap();
    said
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_repeated() {
    let directory = tempfile::TempDir::new().unwrap();
    let state = directory.path().join("state");
    let mut said = BTreeSet::new();
    for (round, lines) in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 7, 40].into_iter().enumerate() {
        said.extend(run_and_kill(&state, round, lines));
        // The dead host's view first, then a new host's.
        check(&Reader::open(&state).unwrap(), &said);
        let journal = Journal::open(&state, &Options::default()).unwrap();
        check(&journal.reader().unwrap(), &said);
        repeat(&journal, &said, round);
    }
}

fn check(reader: &Reader, said: &BTreeSet<String>) {
    reader.verify(None).unwrap();
    for line in said.iter().filter(|line| line.contains(" Possible ")) {
        let (word, name) = line.split_once(" Possible ").unwrap();
        let record = reader.get(&name.parse().unwrap()).unwrap().unwrap_or_else(|| panic!("lost: {line}"));
        if word == "settled" {
            assert_eq!((record.state, record.outcome), (State::Settled, Some(json!(name).to_string())), "{line}");
        }
    }
}

/// Every key of a call with effects is taken: by its outcome, or by nobody knowing it. None runs again.
fn repeat(journal: &Journal, said: &BTreeSet<String>, round: usize) {
    let tool = tool();
    for (number, line) in said.iter().filter(|line| line.starts_with("admitted Possible ")).enumerate() {
        let name = line.strip_prefix("admitted Possible ").unwrap();
        let checked = tool.validate(&json!({ "path": name }).to_string()).unwrap();
        let call = format!("again-{round}-{number}").parse().unwrap();
        let intent = Intent::new(call, "run".parse().unwrap(), &checked, Mode::Live, Effects::Possible, 3);
        let key = ScopedKey { scope: "crash".into(), key: name.parse().unwrap() };
        match journal.admit_blocking(intent.with_key(key)).unwrap() {
            Admission::Replay(settled) => assert_eq!(settled.call.as_str(), name),
            Admission::Unknown { call } => {
                assert_eq!(call.as_str(), name);
                assert!(!said.contains(&format!("settled Possible {name}")), "{name} was settled");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}
