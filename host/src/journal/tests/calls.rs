//! Admission, keys, outcomes, order, recovery.

use serde_json::json;
use toolhold_core::call::Mode;
use toolhold_core::event::{Effects, Event};
use toolhold_core::limit::Usage;
use toolhold_core::outcome::{Class, Failure, Outcome};
use toolhold_core::redact::Redactor;

use super::support::{State as Directory, call_id, intent, key, success, validated, write_call};
use crate::journal::{Admission, Error, Filter, Intent, Journal, Options, Settlement, State};

fn with_key(call: &str, name: &str) -> Intent {
    intent(call, Effects::Possible).with_key(key("client", name))
}

#[test]
fn a_repeat_with_the_same_key_gets_the_stored_outcome() {
    let state = Directory::new();
    let journal = state.open();
    assert_eq!(journal.admit_blocking(with_key("c1", "k")).unwrap(), Admission::Fresh);
    assert_eq!(journal.admit_blocking(with_key("c2", "k")).unwrap(), Admission::InFlight { call: call_id("c1") });
    journal.settle_blocking(&call_id("c1"), success(r#"{"b":1,"a":[2]}"#, Effects::Possible)).unwrap();
    let Admission::Replay(settled) = journal.admit_blocking(with_key("c3", "k")).unwrap() else { panic!("no replay") };
    assert_eq!(
        (settled.call, settled.at, settled.outcome),
        (call_id("c1"), 2, Outcome::Success(json!({"b": 1, "a": [2]})))
    );
    drop(journal);
    assert!(matches!(state.open().admit_blocking(with_key("c4", "k")).unwrap(), Admission::Replay(_)));
}

#[test]
fn a_failure_is_replayed_as_it_was() {
    let state = Directory::new();
    let journal = state.open();
    journal.admit_blocking(with_key("c1", "k")).unwrap();
    let failure = Failure::new(Class::Tool, "not-found", "no such file").with_detail("for the operator");
    let settlement = Settlement::failure(failure.clone(), Usage::default(), Effects::Possible, 2);
    journal.settle_blocking(&call_id("c1"), settlement).unwrap();
    let Admission::Replay(settled) = journal.admit_blocking(with_key("c2", "k")).unwrap() else { panic!("no replay") };
    assert_eq!(settled.outcome, Outcome::Failure(failure));
}

#[test]
fn a_key_that_belongs_to_something_else_is_a_conflict() {
    let state = Directory::new();
    let journal = state.open();
    journal.admit_blocking(with_key("c1", "k")).unwrap();
    journal.settle_blocking(&call_id("c1"), success("1", Effects::Possible)).unwrap();
    let other = |component, tool, arguments| {
        let call = validated(component, tool, arguments);
        let intent = Intent::new(call_id("c2"), "run".parse().unwrap(), &call, Mode::Live, Effects::Possible, 1);
        journal.admit_blocking(intent.with_key(key("client", "k"))).unwrap()
    };
    let same = r#"{"text":"b","path":"/work/a"}"#;
    assert!(matches!(other("component", "write", same), Admission::Replay(_)), "the order of fields does not count");
    let conflict = |differs| Admission::Conflict { call: call_id("c1"), differs };
    assert_eq!(other("component", "read", same), conflict("the tool"));
    assert_eq!(other("component", "write", "{}"), conflict("the arguments"));
    assert_eq!(other("other", "write", same), conflict("the tool's bytes"));
}

#[test]
fn keys_of_different_clients_and_of_previews_never_meet() {
    let state = Directory::new();
    let journal = state.open();
    assert_eq!(journal.admit_blocking(with_key("c1", "1")).unwrap(), Admission::Fresh);
    let other = intent("c2", Effects::Possible).with_key(key("other-client", "1"));
    assert_eq!(journal.admit_blocking(other).unwrap(), Admission::Fresh);
    let call = validated("component", "write", "{}");
    let preview = Intent::new(call_id("c3"), "run".parse().unwrap(), &call, Mode::Preview, Effects::Possible, 1);
    assert_eq!(journal.admit_blocking(preview.with_key(key("client", "1"))).unwrap(), Admission::Fresh);
}

#[test]
fn a_call_that_never_began_leaves_its_key_free() {
    let state = Directory::new();
    let journal = state.open();
    journal.admit_blocking(with_key("c1", "k")).unwrap();
    journal.settle_blocking(&call_id("c1"), Settlement::nothing("busy", Effects::Possible, 2)).unwrap();
    assert_eq!(journal.admit_blocking(with_key("c2", "k")).unwrap(), Admission::Fresh);
}

#[test]
fn calls_that_a_crash_cut_off_are_abandoned_or_unknown() {
    let state = Directory::new();
    let journal = state.open();
    journal.admit_blocking(with_key("wrote", "w")).unwrap();
    journal.admit_blocking(intent("read", Effects::None).with_key(key("client", "r"))).unwrap();
    write_call(&journal, "done");
    drop(journal);
    let journal = state.open();
    let reader = journal.reader().unwrap();
    let states = ["wrote", "read", "done"].map(|call| reader.get(&call_id(call)).unwrap().unwrap().state);
    assert_eq!(states, [State::Unknown, State::Abandoned, State::Settled]);
    assert_eq!(journal.admit_blocking(with_key("again", "w")).unwrap(), Admission::Unknown { call: call_id("wrote") });
    assert_eq!(
        journal.admit_blocking(intent("reads", Effects::None).with_key(key("client", "r"))).unwrap(),
        Admission::Fresh
    );
    // A person finds out that it worked.
    journal.settle_blocking(&call_id("wrote"), success("1", Effects::Possible)).unwrap();
    assert!(matches!(journal.admit_blocking(with_key("again", "w")).unwrap(), Admission::Replay(_)));
    reader.verify(None).unwrap();
}

#[test]
fn a_call_is_admitted_once_and_settled_once() {
    let state = Directory::new();
    let journal = state.open();
    write_call(&journal, "c1");
    assert!(matches!(journal.admit_blocking(intent("c1", Effects::Possible)), Err(Error::Duplicate(_))));
    let again = journal.settle_blocking(&call_id("c1"), success("1", Effects::Possible));
    assert!(matches!(again, Err(Error::NotOpen(_))));
    assert!(matches!(
        journal.settle_blocking(&call_id("none"), success("1", Effects::Possible)),
        Err(Error::NotOpen(_))
    ));
    assert_eq!(journal.reader().unwrap().verify(None).unwrap().entries, 2);
}

#[test]
fn what_nobody_waits_for_is_written_in_order_and_before_what_somebody_waits_for() {
    let state = Directory::new();
    let journal = state.open();
    for number in 0..500 {
        let call = format!("c{number:03}");
        assert_eq!(journal.admit_blocking(intent(&call, Effects::None)).unwrap(), Admission::Fresh);
        journal.settle_blocking(&call_id(&call), success("1", Effects::None)).unwrap();
    }
    write_call(&journal, "last");
    let mut lines = Vec::new();
    let written = journal.reader().unwrap().export(1, &mut lines).unwrap();
    assert!((502..=1002).contains(&written), "a call is one entry or two: {written}");
    let event = |line| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["body"]["event"]["call"].as_str().unwrap().to_owned()
    };
    let mut calls: Vec<String> = String::from_utf8(lines).unwrap().lines().map(event).collect();
    calls.dedup();
    let expected: Vec<String> = (0..500).map(|number| format!("c{number:03}")).chain(["last".into()]).collect();
    assert_eq!(calls, expected);
    journal.reader().unwrap().verify(None).unwrap();
}

#[test]
fn a_call_that_nobody_waited_for_is_one_entry_with_all_that_two_would_tell() {
    let state = Directory::new();
    let journal = state.open();
    let hold = journal.hold();
    journal.admit_blocking(intent("read", Effects::None)).unwrap();
    let failure = Failure::new(Class::Tool, "not-found", "no such file");
    journal
        .settle_blocking(&call_id("read"), Settlement::failure(failure, Usage::default(), Effects::None, 7))
        .unwrap();
    drop(hold);
    journal.flush_blocking().unwrap();
    let reader = journal.reader().unwrap();
    assert_eq!(reader.verify(None).unwrap().entries, 1);
    let record = reader.get(&call_id("read")).unwrap().unwrap();
    assert_eq!((record.state, record.admitted_at, record.settled_at), (State::Settled, 1, Some(7)));
    assert!(record.outcome.unwrap().contains("no such file"));
    assert_eq!(record.arguments.unwrap(), r#"{"path":"/work/a","text":"b"}"#);
}

#[test]
fn closing_writes_everything() {
    let state = Directory::new();
    let journal = state.open();
    for number in 0..100 {
        journal.admit_blocking(intent(&format!("c{number}"), Effects::None)).unwrap();
    }
    drop(journal);
    assert_eq!(state.reader().verify(None).unwrap().entries, 100);
}

#[test]
fn many_threads_and_tasks_share_one_journal_and_each_key_runs_once() {
    let state = Directory::new();
    let journal = state.open();
    let fresh = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (journal, fresh) = (&journal, &fresh);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for number in 0..25 {
                    let call = format!("c{thread}-{number}");
                    let intent = with_key(&call, &format!("k{number}"));
                    let blocking = thread % 2 == 0;
                    let admission =
                        if blocking { journal.admit_blocking(intent) } else { runtime.block_on(journal.admit(intent)) };
                    if admission.unwrap() == Admission::Fresh {
                        fresh.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let settlement = success("1", Effects::Possible);
                        let id = call_id(&call);
                        let settled = if blocking {
                            journal.settle_blocking(&id, settlement)
                        } else {
                            runtime.block_on(journal.settle(&id, settlement))
                        };
                        settled.unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(fresh.into_inner(), 25);
    journal.reader().unwrap().verify(None).unwrap();
}

#[test]
fn listing_filters_and_starts_with_the_newest() {
    let state = Directory::new();
    let journal = state.open();
    write_call(&journal, "c1");
    write_call(&journal, "c2");
    journal.admit_blocking(intent("c3", Effects::Possible)).unwrap();
    let reader = journal.reader().unwrap();
    let names = |filter: Filter| {
        reader.calls(&filter).unwrap().into_iter().map(|call| call.call.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(Filter::default()), ["c3", "c2", "c1"]);
    assert_eq!(names(Filter { state: Some(State::Admitted), ..Filter::default() }), ["c3"]);
    assert_eq!(names(Filter { limit: 1, ..Filter::default() }), ["c3"]);
    assert!(names(Filter { run: Some("other".parse().unwrap()), ..Filter::default() }).is_empty());
    assert_eq!(names(Filter { tool: Some("files.write".parse().unwrap()), ..Filter::default() }).len(), 3);
}

#[test]
fn long_contents_are_kept_only_where_they_may_be_asked_for_again() {
    let state = Directory::new();
    let journal = state.open();
    let long = format!("\"{}\"", "x".repeat(100_000));
    for intent in [intent("plain", Effects::Possible), with_key("keyed", "k")] {
        let id = intent.call.clone();
        journal.admit_blocking(intent).unwrap();
        journal.settle_blocking(&id, success(&long, Effects::Possible)).unwrap();
    }
    let reader = journal.reader().unwrap();
    assert_eq!(reader.get(&call_id("plain")).unwrap().unwrap().outcome, None);
    assert_eq!(reader.get(&call_id("keyed")).unwrap().unwrap().outcome, Some(long));
    reader.verify(None).unwrap();
}

/// However it is written, wherever it stands, while the log is open and after it is closed.
#[test]
fn a_known_secret_is_in_no_file_of_the_journal() {
    let secret = "s3cret \"välue\"/+";
    let base64 = "czNjcmV0ICJ2w6RsdWUiLys";
    let encoded = ["s3cret", "s3cret%20%22", "S3CRET", base64, "733363726574", "73336372657420"];
    let directory = Directory::new();
    let redactor = Redactor::new([("token", secret)]);
    let options = Options { redactor: redactor.clone(), ..Options::default() };
    let journal = Journal::open(&directory.path(), &options).unwrap();
    let texts = [
        secret.to_owned(),
        "s3cret%20%22v%C3%A4lue%22%2F%2b".to_owned(),
        "\\u00733cret \\\"v\\u00e4lue\\\"\\/+".to_owned(),
        format!("{base64}="),
        "733363726574202276c3a46c7565222f2b".to_owned(),
    ];
    for (number, text) in texts.iter().enumerate() {
        let arguments = serde_json::json!({"text": format!("my {text}")}).to_string();
        let call = validated("component", "write", &arguments);
        for effects in [Effects::Possible, Effects::None] {
            for fails in [true, false] {
                let id = call_id(&format!("c{number}-{effects:?}-{fails}").to_lowercase());
                let intent = Intent::new(id.clone(), "run".parse().unwrap(), &call, Mode::Live, effects, 1);
                journal.admit_blocking(intent).unwrap();
                let failure = Failure::new(Class::Tool, "x", format!("echo: {text}")).with_detail(text.as_str());
                let settlement = match fails {
                    true => Settlement::failure(failure, Usage::default(), effects, 2),
                    false => Settlement::success(
                        serde_json::json!({ (text.as_str()): [text] }).to_string(),
                        Usage::default(),
                        effects,
                        2,
                    ),
                };
                journal.settle_blocking(&id, settlement).unwrap();
            }
        }
        let reason = Some(format!("it said {text}"));
        journal
            .record_blocking(
                3,
                Event::RunEnded {
                    run: "run".parse().unwrap(),
                    end: "failed".into(),
                    reason,
                    steps: None,
                    history: None,
                },
            )
            .unwrap();
    }
    journal.flush_blocking().unwrap();
    let clean = || {
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(redactor.redact_bytes(&bytes), bytes, "{}", path.display());
            for form in encoded {
                assert!(
                    !bytes.windows(form.len()).any(|window| window == form.as_bytes()),
                    "{form} in {}",
                    path.display()
                );
            }
        }
    };
    clean();
    let reader = journal.reader().unwrap();
    reader.verify(None).unwrap();
    let record = reader.get(&call_id("c0-possible-false")).unwrap().unwrap();
    assert_eq!(record.outcome.as_deref(), Some(r#"{"[redacted]":["[redacted]"]}"#));
    drop((reader, journal));
    clean();
}

#[test]
fn a_secret_in_a_key_is_refused_and_not_written() {
    let directory = Directory::new();
    let options = Options { redactor: Redactor::new([("token", "s3cret-value")]), ..Options::default() };
    let journal = Journal::open(&directory.path(), &options).unwrap();
    let refused = journal.admit_blocking(intent("c", Effects::Possible).with_key(key("local", "a-s3cret-value")));
    assert!(matches!(refused, Err(Error::Secret)), "{refused:?}");
    assert_eq!(journal.reader().unwrap().get(&call_id("c")).unwrap(), None);
}

#[test]
fn what_was_left_open_is_found_by_an_index_however_many_calls_there_were() {
    let state = Directory::new();
    drop(state.open());
    let connection = rusqlite::Connection::open(state.path().join("journal.db")).unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {}", super::super::calls::OPEN);
    let steps: Vec<String> =
        connection.prepare(&sql).unwrap().query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
    assert!(steps.iter().any(|step| step.contains("USING INDEX calls_unfinished")), "{steps:?}");
}

#[test]
fn calls_are_listed_without_a_look_at_all_others() {
    let state = Directory::new();
    drop(state.open());
    let connection = rusqlite::Connection::open(state.path().join("journal.db")).unwrap();
    let plan = |filter: &Filter| -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", super::super::reader::listed(filter));
        let mut statement = connection.prepare(&sql).unwrap();
        statement.query_map(["a", "b", "c", "1"], |row| row.get(3)).unwrap().map(Result::unwrap).collect()
    };
    let of = |state| Filter { state: Some(state), ..Filter::default() };
    let run = Filter { run: Some("r".parse().unwrap()), ..Filter::default() };
    let page = Filter { before: Some(call_id("c")), ..run.clone() };
    for (filter, how) in [
        (of(State::Unknown), "SEARCH calls USING INDEX calls_unfinished (state=?)"),
        (of(State::Admitted), "SEARCH calls USING INDEX calls_unfinished (state=?)"),
        (run, "SEARCH calls USING INDEX calls_by_run (run=?)"),
        (page, "SEARCH calls USING INDEX calls_by_run (run=? AND rowid<?)"),
        (
            Filter { before: Some(call_id("c")), ..Filter::default() },
            "SEARCH calls USING INTEGER PRIMARY KEY (rowid<?)",
        ),
    ] {
        let steps = plan(&filter);
        assert_eq!(steps.first().map(String::as_str), Some(how), "{filter:?}: {steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{filter:?}: {steps:?}");
    }
}

#[test]
fn who_opens_it_and_calls_nothing_writes_nothing() {
    let state = Directory::new();
    write_call(&state.open(), "c");
    let bytes = || std::fs::read(state.path().join("journal.db")).unwrap();
    let before = bytes();
    drop(state.open());
    assert!(bytes() == before, "what is written has to be on the disk before anything else is done");
}
