//! What a person settles, and what is remembered of dependencies.

use serde_json::json;
use toolhold_core::event::{Effects, Event};
use toolhold_core::outcome::Outcome;
use toolhold_core::redact::Redactor;

use super::support::{State as Directory, call_id, intent, key, write_call};
use crate::journal::{Admission, Error, Filter, Journal, Kind, Options, Remember, State};

fn run<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn parked(journal: &Journal, call: &str) {
    journal.admit_blocking(intent(call, Effects::Possible).with_key(key("client", call))).unwrap();
    journal.park_blocking(&call_id(call), "POST https://a/ was not answered".into(), 2).unwrap();
}

fn again(journal: &Journal, call: &str) -> Admission {
    let repeat = intent(&format!("{call}-again"), Effects::Possible).with_key(key("client", call));
    journal.admit_blocking(repeat).unwrap()
}

#[test]
fn a_person_settles_what_is_parked_and_nothing_else() {
    let state = Directory::new();
    let journal = state.open();
    parked(&journal, "a");
    parked(&journal, "b");
    write_call(&journal, "done");
    journal.admit_blocking(intent("runs", Effects::Possible)).unwrap();
    let unknown = Filter { state: Some(State::Unknown), ..Filter::default() };
    let listed = journal.reader().unwrap().calls(&unknown).unwrap();
    assert_eq!(listed.iter().map(|call| call.call.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert!(listed.iter().all(|call| call.evidence.as_deref() == Some("POST https://a/ was not answered")));
    run(journal.resolve(&call_id("a"), Some(r#"{"order":1}"#.into()), 3)).unwrap();
    run(journal.resolve(&call_id("b"), None, 3)).unwrap();
    let Admission::Replay(settled) = again(&journal, "a") else { panic!("no replay") };
    assert_eq!(settled.outcome, Outcome::Success(json!({"order": 1})));
    assert_eq!(again(&journal, "b"), Admission::Fresh);
    for call in ["a", "b", "done", "runs", "none"] {
        let refused = run(journal.resolve(&call_id(call), None, 4));
        assert!(matches!(refused, Err(Error::NotUnknown(_))), "{call}");
    }
    journal.reader().unwrap().verify(None).unwrap();
}

#[test]
fn what_is_parked_behind_is_parked_before_anybody_is_answered() {
    let state = Directory::new();
    let journal = state.open();
    journal.admit_blocking(intent("a", Effects::Possible).with_key(key("client", "a"))).unwrap();
    journal.park_behind(&call_id("a"), "nobody waited".into(), 2);
    assert_eq!(again(&journal, "a"), Admission::Unknown { call: call_id("a") });
}

#[test]
fn a_call_that_a_crash_cut_off_says_why_nobody_knows() {
    let state = Directory::new();
    state.open().admit_blocking(intent("a", Effects::Possible)).unwrap();
    let record = state.open().reader().unwrap().get(&call_id("a")).unwrap().unwrap();
    assert_eq!(record.evidence.as_deref(), Some("the host stopped before the outcome was known"));
}

#[test]
fn the_evidence_holds_no_secret() {
    let state = Directory::new();
    let redactor = Redactor::new([("token", "hunter22-long")]);
    let journal = Journal::open(&state.path(), &Options { redactor, ..Options::default() }).unwrap();
    journal.admit_blocking(intent("a", Effects::Possible)).unwrap();
    journal.park_blocking(&call_id("a"), "GET /?key=hunter22-long".into(), 2).unwrap();
    let record = journal.reader().unwrap().get(&call_id("a")).unwrap().unwrap();
    assert_eq!(record.evidence.as_deref(), Some("GET /?key=[redacted]"));
}

#[test]
fn what_is_remembered_outlives_the_host_and_is_forgotten_when_told() {
    let state = Directory::new();
    let journal = state.open();
    let remember = |name: &str, state: Option<&str>, event: Option<Event>| Remember {
        kind: Kind::Breaker,
        name: name.to_owned(),
        state: state.map(str::to_owned),
        event,
        at: 5,
    };
    let turned = Event::BreakerReset { dependency: "tool:a".into() };
    journal.remember(remember("tool:a", Some("1"), None));
    journal.remember(remember("tool:a", Some("2"), Some(turned)));
    journal.remember(remember("tool:b", Some("3"), None));
    journal.remember(remember("tool:b", None, None));
    drop(journal);
    let reader = state.reader();
    let remembered = reader.remembered(Kind::Breaker).unwrap();
    assert_eq!(
        remembered.iter().map(|one| (&*one.name, &*one.state, one.at)).collect::<Vec<_>>(),
        [("tool:a", "2", 5)]
    );
    assert_eq!(reader.remembered(Kind::Rate).unwrap(), []);
    assert_eq!(reader.verify(None).unwrap().entries, 1);
}
