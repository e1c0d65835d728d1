//! Who follows the journal hears what was committed, in order, and nothing else; the writer waits for nobody.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use toolhold_core::call::Mode;
use toolhold_core::event::{Effects, Event};
use toolhold_core::redact::Redactor;

use super::support::{State, intent, write_call};
use crate::journal::subscription::KEPT_NOTES;
use crate::journal::{Error, Journal, Noted, Options, RunHead, RunStep};

fn heard(receiver: &mut Receiver<Arc<Noted>>) -> Vec<Arc<Noted>> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

fn begun(number: usize) -> Event {
    Event::RunStarted { run: format!("run-{number}").parse().unwrap(), front: "test".into(), manifest: None }
}

fn step(number: u64, body: &str) -> RunStep {
    let run: toolhold_core::id::RunId = "run-1".parse().unwrap();
    let first = number == 1;
    RunStep {
        event: first.then(|| Event::RunStarted { run: run.clone(), front: "test".into(), manifest: None }),
        head: first.then(|| RunHead { task: "a task".into(), mode: Mode::Live, origin: None }),
        run,
        step: number,
        state: toolhold_core::state::State::Processing,
        body: body.to_owned(),
        waits: true,
        durable: false,
        at: number,
    }
}

#[test]
fn entries_are_told_as_the_audit_has_them_and_in_its_order() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "before");
    let mut receiver = journal.subscribe();
    for number in 0..50 {
        journal.record_blocking(7, begun(number)).unwrap();
        write_call(&journal, &format!("c{number}"));
    }
    journal.flush_blocking().unwrap();
    let told: Vec<String> = heard(&mut receiver)
        .iter()
        .map(|noted| match &**noted {
            Noted::Entry { sequence, entry } => format!("{sequence} {}", serde_json::to_string(entry).unwrap()),
            step @ Noted::Step { .. } => panic!("{step:?}"),
        })
        .collect();
    let mut stored = Vec::new();
    journal.with_connection(|connection| {
        let mut rows =
            connection.prepare("SELECT sequence, body FROM audit WHERE sequence > 2 ORDER BY sequence").unwrap();
        let rows = rows.query_map([], |row| Ok(format!("{} {}", row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
        stored = rows.unwrap().map(Result::unwrap).collect();
    });
    assert_eq!(told, stored);
    assert_eq!(told.len(), 150);
}

#[test]
fn what_is_told_is_committed_already() {
    let state = State::new();
    let journal = state.open();
    let mut receiver = journal.subscribe();
    let reader = journal.reader().unwrap();
    for number in 0..20 {
        write_call(&journal, &format!("c{number}"));
        for noted in heard(&mut receiver) {
            let Noted::Entry { sequence, .. } = &*noted else { panic!("{noted:?}") };
            assert!(reader.verify(None).unwrap().entries >= *sequence);
        }
    }
    let held = journal.hold();
    journal.settle_behind(&"c0".parse().unwrap(), super::support::success("1", Effects::None));
    journal.record_blocking(7, begun(1)).unwrap();
    assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty, "nothing is told before it is written");
    drop(held);
    journal.flush_blocking().unwrap();
    assert_eq!(heard(&mut receiver).len(), 1);
}

#[test]
fn nothing_of_a_batch_that_was_rolled_back_is_told() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "before");
    let mut receiver = journal.subscribe();
    // The second entry of the batch cannot be stored, so the first one is taken back.
    journal.with_connection(|connection| {
        let refuses = "CREATE TEMP TRIGGER refuses BEFORE INSERT ON audit WHEN NEW.sequence = 4
                       BEGIN SELECT RAISE(ABORT, 'no'); END";
        connection.execute_batch(refuses).unwrap();
    });
    let held = journal.hold();
    journal.record_blocking(7, begun(1)).unwrap();
    journal.record_blocking(7, begun(2)).unwrap();
    drop(held);
    assert!(journal.flush_blocking().is_err());
    assert_eq!(heard(&mut receiver), []);
    journal.with_connection(|connection| connection.execute_batch("DROP TRIGGER refuses").unwrap());
    journal.flush_blocking().unwrap();
    let sequences: Vec<u64> = heard(&mut receiver)
        .iter()
        .map(|noted| match &**noted {
            Noted::Entry { sequence, .. } => *sequence,
            Noted::Step { .. } => 0,
        })
        .collect();
    assert_eq!(sequences, [3, 4], "once each, when they are there");
}

#[tokio::test]
async fn steps_of_runs_are_told_as_they_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let redactor = Redactor::new([("token", "s3cr3t-s3cr3t")]);
    let journal = Journal::open(directory.path(), &Options { redactor, ..Options::default() }).unwrap();
    let mut receiver = journal.subscribe();
    journal.run_step(step(1, r#"{"a":1}"#)).await.unwrap();
    let noted = r#"{"milliseconds":0,"state":"processing","event":"person-noted","text":"s3cr3t-s3cr3t"}"#;
    journal.run_step(step(2, noted)).await.unwrap();
    assert!(matches!(journal.run_step(step(2, "{}")).await, Err(Error::Taken(_))));
    let run = "run-1".parse().unwrap();
    let stored = journal.reader().unwrap().run_events(&run).unwrap();
    let heard = heard(&mut receiver);
    let steps: Vec<_> = heard
        .iter()
        .filter_map(|noted| match &**noted {
            Noted::Step { run, event, .. } => Some((run.as_str(), event.clone())),
            Noted::Entry { .. } => None,
        })
        .collect();
    assert_eq!(steps, stored.into_iter().map(|event| ("run-1", event)).collect::<Vec<_>>());
    assert!(!format!("{heard:?}").contains("s3cr3t-s3cr3t"), "{heard:?}");
    assert!(matches!(&*heard[1], Noted::Entry { sequence: 1, .. }), "{heard:?}");
}

#[test]
fn who_is_slow_is_told_so_and_the_writer_goes_on() {
    let state = State::new();
    let journal = state.open();
    let mut slow = journal.subscribe();
    let more = 3;
    for number in 0..KEPT_NOTES + more {
        journal.record_blocking(7, begun(number)).unwrap();
    }
    journal.flush_blocking().unwrap();
    assert_eq!(slow.try_recv().unwrap_err(), TryRecvError::Lagged(more as u64));
    let heard = heard(&mut slow);
    assert!(matches!(&*heard[0], Noted::Entry { sequence: 4, .. }), "{:?}", heard[0]);
    assert_eq!(heard.len(), KEPT_NOTES);
}

#[test]
fn who_subscribes_while_a_batch_is_written_misses_nothing_that_is_not_there_to_read() {
    let state = State::new();
    let journal = state.open();
    let held = journal.hold();
    let waits = {
        let journal = journal.clone();
        std::thread::spawn(move || journal.admit_blocking(intent("c", Effects::Possible)).unwrap())
    };
    let mut receiver = journal.subscribe();
    let before = journal.reader().unwrap().verify(None).unwrap().entries;
    drop(held);
    waits.join().unwrap();
    assert_eq!((before, heard(&mut receiver).len()), (0, 1));
}

#[test]
fn a_closed_journal_tells_that_it_is() {
    let state = State::new();
    let journal = state.open();
    let mut receiver = journal.subscribe();
    write_call(&journal, "c");
    drop(journal);
    assert_eq!(heard(&mut receiver).len(), 2);
    assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
}
