//! Runs: their steps are kept in order and without a gap, found out when they are changed, removed when they are too old.

use toolhold_core::call::Mode;
use toolhold_core::event::Event;
use toolhold_core::redact::Redactor;
use toolhold_core::state::State;

use crate::journal::{Error, Journal, Options, Reader, RunFilter, RunHead, RunStep};

fn step(number: u64, state: State, body: &str) -> RunStep {
    let head = RunHead { task: "a task".into(), mode: Mode::Live, origin: None };
    let run: toolhold_core::id::RunId = "run-1".parse().unwrap();
    let begun = Event::RunStarted { run: run.clone(), front: "test".into(), manifest: None };
    let ended = Event::RunEnded { run: run.clone(), end: state.to_string(), reason: None, steps: None, history: None };
    RunStep {
        run,
        step: number,
        state,
        body: body.to_owned(),
        head: (number == 1).then_some(head),
        event: match (number, state) {
            (1, _) => Some(begun),
            (_, State::DeadLettered) => None,
            _ => state.is_end().then_some(ended),
        },
        waits: true,
        durable: false,
        at: number,
    }
}

async fn two_steps(journal: &Journal) {
    journal.run_step(step(1, State::Processing, r#"{"a":1}"#)).await.unwrap();
    journal.run_step(step(2, State::Completed, r#"{"b":2}"#)).await.unwrap();
}

#[tokio::test]
async fn steps_are_kept_in_order_and_only_once() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), &Options::default()).unwrap();
    for wrong in [step(2, State::Processing, "{}"), RunStep { head: None, ..step(1, State::Processing, "{}") }] {
        assert!(matches!(journal.run_step(wrong).await, Err(Error::Taken(_))));
    }
    two_steps(&journal).await;
    for wrong in [1, 2, 4].map(|number| step(number, State::Processing, "{}")) {
        assert!(matches!(journal.run_step(wrong).await, Err(Error::Taken(_))));
    }
    let reader = journal.reader().unwrap();
    let run = "run-1".parse().unwrap();
    let bodies: Vec<String> = reader.run_events(&run).unwrap().into_iter().map(|event| event.body).collect();
    assert_eq!(bodies, [r#"{"a":1}"#, r#"{"b":2}"#]);
    let record = reader.run(&run).unwrap().unwrap();
    assert_eq!((record.steps, record.state, record.task.as_str()), (2, State::Completed, "a task"));
    let listed =
        |states: &[State]| reader.runs(&RunFilter { states: states.to_vec(), ..RunFilter::default() }).unwrap().len();
    assert_eq!([listed(&[]), listed(&[State::Completed, State::Failed]), listed(&[State::Failed])], [1, 1, 0]);
    reader.verify(None).unwrap();
}

#[tokio::test]
async fn a_step_that_was_changed_cut_or_added_is_found() {
    for damage in [
        "UPDATE run_events SET body = '{\"a\":2}' WHERE step = 1",
        "DELETE FROM run_events WHERE step = 1",
        "UPDATE run_events SET body = (SELECT body FROM run_events WHERE step = 2)",
        "DELETE FROM runs",
        "UPDATE runs SET steps = 1",
        "UPDATE runs SET expired = 1; DELETE FROM run_events",
        "INSERT INTO run_events VALUES ('run-1', 3, 3, '{}'); UPDATE runs SET steps = 3, state = 'dead-lettered'",
        "INSERT INTO runs SELECT 9, 'forged', task, mode, state, steps, history, origin_run, origin_step, started_at, changed_at, expired FROM runs",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), &Options::default()).unwrap();
        two_steps(&journal).await;
        journal.reader().unwrap().verify(None).unwrap();
        journal.with_connection(|connection| connection.execute_batch(damage).unwrap());
        assert!(matches!(journal.reader().unwrap().verify(None), Err(Error::Broken(_))), "{damage}");
    }
}

#[tokio::test]
async fn a_secret_is_in_no_step_and_the_digest_is_of_what_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let redactor = Redactor::new([("token", "s3cr3t-s3cr3t")]);
    let journal = Journal::open(directory.path(), &Options { redactor, ..Options::default() }).unwrap();
    let said = r#"{"milliseconds":0,"state":"processing","event":"person-noted","text":"it is s3cr3t-s3cr3t"}"#;
    let mut first = step(1, State::Processing, said);
    first.head = Some(RunHead { task: "use s3cr3t-s3cr3t".into(), mode: Mode::Live, origin: None });
    journal.run_step(first).await.unwrap();
    journal.run_step(step(2, State::Failed, "{}")).await.unwrap();
    let reader = journal.reader().unwrap();
    let run = "run-1".parse().unwrap();
    let stored = format!("{:?}{:?}", reader.run_events(&run).unwrap(), reader.run(&run).unwrap());
    assert!(!stored.contains("s3cr3t-s3cr3t") && stored.contains("it is "), "{stored}");
    reader.verify(None).unwrap();
}

#[tokio::test]
async fn a_step_that_would_lose_its_form_with_a_secret_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let redactor = Redactor::new([("pin", "8273645")]);
    let journal = Journal::open(directory.path(), &Options { redactor, ..Options::default() }).unwrap();
    let said = r#"{"milliseconds":8273645,"state":"processing","event":"person-noted","text":"x"}"#;
    assert!(matches!(journal.run_step(step(1, State::Processing, said)).await, Err(Error::Secret)));
    assert_eq!(journal.reader().unwrap().runs(&RunFilter::default()).unwrap(), []);
}

#[tokio::test]
async fn what_is_too_old_is_removed_and_dead_letters_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), &Options::default()).unwrap();
    two_steps(&journal).await;
    let mut dead = step(1, State::Processing, "{}");
    dead.run = "run-2".parse().unwrap();
    journal.run_step(dead.clone()).await.unwrap();
    journal.run_step(RunStep { step: 2, state: State::DeadLettered, head: None, ..dead }).await.unwrap();
    let reader = journal.reader().unwrap();
    let old = reader.outlived_runs(1_000).unwrap();
    assert_eq!(old.iter().map(|record| record.run.as_str()).collect::<Vec<_>>(), ["run-1"]);
    assert_eq!(reader.outlived_runs(2).unwrap().len(), 0);
    journal.expire_run(&old[0].run, 9).await.unwrap();
    assert!(journal.expire_run(&old[0].run, 9).await.is_err());
    assert_eq!(reader.run_events(&old[0].run).unwrap().len(), 0);
    assert!(reader.run(&old[0].run).unwrap().unwrap().expired);
    reader.verify(None).unwrap();
}

#[test]
fn a_journal_from_before_runs_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), &Options::default()).unwrap();
    journal.with_connection(|connection| connection.execute_batch("DROP TABLE runs; DROP TABLE run_events").unwrap());
    drop(journal);
    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.runs(&RunFilter::default()).unwrap(), []);
    assert_eq!(reader.run(&"run-1".parse().unwrap()).unwrap(), None);
}
