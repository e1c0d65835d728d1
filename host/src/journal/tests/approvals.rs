//! Approvals on record: a question joins its like, an answer is used with the call that it admits, and nobody changes one unnoticed.

use toolhold_core::approval::{Approval, ApprovalScope, ApprovalState, Foreseen, Verdict, binding};
use toolhold_core::call::Mode;
use toolhold_core::event::{Effects, Event};
use toolhold_core::id::{ApprovalId, Digest};
use toolhold_core::manifest::Risk;
use toolhold_core::redact::Redactor;

use super::support::{State, call_id, intent, key, success, validated};
use crate::journal::{Admission, ApprovalFilter, Ask, Asked, AuditFilter, Change, Error, Intent, Journal};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn id(name: &str) -> ApprovalId {
    name.parse().unwrap()
}

/// A question that waits until 5,000,000: journals of tests are opened at 1,000,000.
fn question(name: &str, path: &str) -> Approval {
    let call = validated("component", "write", &format!(r#"{{"path":"{path}","text":"b"}}"#));
    let manifest = Digest::of(b"manifest");
    Approval {
        id: id(name),
        call: call_id("asked"),
        run: "run".parse().unwrap(),
        client: "local".into(),
        agent: None,
        tool: call.tool().clone(),
        digest: call.digest(),
        manifest,
        mode: Mode::Live,
        arguments: call.text().to_string(),
        arguments_digest: call.arguments_digest(),
        binding: binding(&call, manifest, Mode::Live),
        rule: "ask".into(),
        reason: None,
        risk: Risk::Medium,
        every_time: false,
        secrets: Vec::new(),
        asked_at: 1_000_000,
        expires_at: 5_000_000,
        state: ApprovalState::Waiting,
        answer: None,
        uses: 0,
    }
}

fn ask(journal: &Journal, approval: Approval) -> Asked {
    let ask = Ask { approval, foreseen: Foreseen::default(), max_waiting: 3, per_minute: 4 };
    runtime().block_on(journal.ask(ask)).unwrap()
}

fn decide(journal: &Journal, name: &str, verdict: Verdict, at: u64) -> Result<Approval, Error> {
    let change = Change::Decide { verdict, modified: None, by: "terminal:me".into() };
    runtime().block_on(journal.change_approval(&id(name), change, at))
}

fn approve(journal: &Journal, name: &str, scope: ApprovalScope) {
    decide(journal, name, Verdict::Approve(scope), 2_000_000).unwrap();
}

fn by(name: &str, call: &str) -> Intent {
    let intent = Intent { at: 2_500_000, ..intent(call, Effects::Possible) };
    intent.approved(Some(id(name)))
}

#[test]
fn the_same_question_is_asked_once_and_the_number_of_questions_is_bounded() {
    let state = State::new();
    let journal = state.open();
    assert_eq!(ask(&journal, question("a", "/work/a")), Asked::New);
    assert_eq!(ask(&journal, question("b", "/work/a")), Asked::Joined(id("a")));
    assert_eq!(ask(&journal, Approval { client: "mcp".into(), ..question("c", "/work/a") }), Asked::New);
    assert_eq!(ask(&journal, question("d", "/work/d")), Asked::New);
    assert_eq!(ask(&journal, question("e", "/work/e")), Asked::TooMany);
    decide(&journal, "a", Verdict::Reject("no".into()), 2_000_000).unwrap();
    assert_eq!(ask(&journal, question("f", "/work/f")), Asked::New);
    decide(&journal, "f", Verdict::Reject("no".into()), 2_000_000).unwrap();
    assert_eq!(ask(&journal, question("g", "/work/g")), Asked::TooOften, "four in a minute, answered or not");
    let later = Approval { asked_at: 62_000_000, expires_at: 70_000_000, ..question("h", "/work/h") };
    assert_eq!(ask(&journal, later), Asked::New);
    drop(journal);
    state.reader().verify(None).unwrap();
}

#[test]
fn an_approval_admits_one_call_and_no_kill_gives_it_back() {
    let state = State::new();
    let journal = state.open();
    ask(&journal, question("a", "/work/a"));
    let not_yet = journal.admit_blocking(by("a", "c0")).unwrap();
    assert_eq!(not_yet, Admission::NotApproved { approval: id("a") }, "nobody has decided");
    approve(&journal, "a", ApprovalScope::Once);
    assert_eq!(journal.admit_blocking(by("a", "c1")).unwrap(), Admission::Fresh);
    // What is on disk at this moment is what a kill leaves behind.
    let copy = State::new();
    super::support::copy(&state.path(), &copy.path());
    for (journal, what) in [(&journal, "the same process"), (&copy.open(), "the one after a kill")] {
        let again = journal.admit_blocking(by("a", "c2")).unwrap();
        assert_eq!(again, Admission::NotApproved { approval: id("a") }, "{what}");
        let (approval, _) = journal.reader().unwrap().approval(&id("a")).unwrap().unwrap();
        assert_eq!((approval.state, approval.uses), (ApprovalState::Used, 1), "{what}");
        assert_eq!(journal.reader().unwrap().approval_of_call(&call_id("c1")).unwrap().unwrap().id, id("a"));
    }
    copy.reader().verify(None).unwrap();
}

#[test]
fn a_call_that_changes_nothing_takes_its_approval_too() {
    let state = State::new();
    let journal = state.open();
    ask(&journal, question("a", "/work/a"));
    approve(&journal, "a", ApprovalScope::Once);
    let harmless = |call: &str| Intent { effects: Effects::None, ..by("a", call) };
    assert_eq!(journal.admit_blocking(harmless("c1")).unwrap(), Admission::Fresh);
    journal.settle_blocking(&call_id("c1"), success("1", Effects::None)).unwrap();
    assert_eq!(journal.admit_blocking(harmless("c2")).unwrap(), Admission::NotApproved { approval: id("a") });
    drop(journal);
    state.reader().verify(None).unwrap();
}

#[test]
fn an_approval_for_a_run_admits_many_until_its_time_is_over() {
    let state = State::new();
    let journal = state.open();
    ask(&journal, question("a", "/work/a"));
    approve(&journal, "a", ApprovalScope::Run);
    for call in ["c1", "c2", "c3"] {
        assert_eq!(journal.admit_blocking(by("a", call)).unwrap(), Admission::Fresh, "{call}");
    }
    let late = Intent { at: 5_000_000, ..by("a", "c4") };
    assert_eq!(journal.admit_blocking(late).unwrap(), Admission::NotApproved { approval: id("a") });
}

#[test]
fn what_waits_still_waits_after_a_restart_and_what_expired_has() {
    let state = State::new();
    let journal = state.open();
    let short = |name: &str, path: &str| Approval { expires_at: 1_000_001, ..question(name, path) };
    ask(&journal, question("waits", "/work/a"));
    ask(&journal, short("over", "/work/b"));
    ask(&journal, short("yes", "/work/c"));
    decide(&journal, "yes", Verdict::Approve(ApprovalScope::Once), 1_000_000).unwrap();
    drop(journal);
    let options = crate::journal::Options { now: 3_000_000, ..Default::default() };
    let journal = Journal::open(&state.path(), &options).unwrap();
    let known = journal.reader().unwrap().approvals(&ApprovalFilter::default()).unwrap();
    let states: Vec<_> = known.iter().map(|approval| (approval.id.as_str(), approval.state)).collect();
    let expected =
        [("yes", ApprovalState::Expired), ("over", ApprovalState::Expired), ("waits", ApprovalState::Waiting)];
    assert_eq!(states, expected);
    assert!(matches!(
        decide(&journal, "over", Verdict::Approve(ApprovalScope::Once), 3_000_000),
        Err(Error::Unanswerable { .. })
    ));
    assert!(matches!(
        decide(&journal, "waits", Verdict::Approve(ApprovalScope::Once), 6_000_000),
        Err(Error::ApprovalOver(_))
    ));
    drop(journal);
    state.reader().verify(None).unwrap();
}

#[test]
fn whoever_changes_an_approval_in_the_database_is_found_out() {
    for sql in [
        "UPDATE approvals SET state = 'approved', body = replace(body, '\"state\":\"waiting\"', '\"state\":\"approved\"')",
        "UPDATE approvals SET state = 'approved'",
        "UPDATE approvals SET body = replace(body, '/work/a', '/work/b')",
        "UPDATE approvals SET foreseen = '{\"effects\":{}}'",
        "DELETE FROM approvals",
    ] {
        let state = State::new();
        let journal = state.open();
        ask(&journal, question("a", "/work/a"));
        drop(journal);
        state.reader().verify(None).unwrap();
        state.tamper(sql);
        assert!(matches!(state.reader().verify(None), Err(Error::Broken(_))), "{sql}");
    }
}

#[test]
fn a_call_whose_approval_was_taken_off_its_record_is_found_out() {
    let state = State::new();
    let journal = state.open();
    ask(&journal, question("a", "/work/a"));
    approve(&journal, "a", ApprovalScope::Once);
    assert_eq!(journal.admit_blocking(by("a", "c1")).unwrap(), Admission::Fresh);
    drop(journal);
    state.reader().verify(None).unwrap();
    state.tamper("UPDATE calls SET approval = NULL");
    assert!(matches!(state.reader().verify(None), Err(Error::Broken(_))));
}

#[test]
fn what_nobody_can_answer_or_use_any_more_is_removed_when_it_is_old_and_a_repeat_still_finds_its_own() {
    let state = State::new();
    let journal = state.open();
    for (name, path) in [("used", "/work/a"), ("keyed", "/work/b"), ("rejected", "/work/c")] {
        assert_eq!(ask(&journal, question(name, path)), Asked::New);
        match name {
            "rejected" => drop(decide(&journal, name, Verdict::Reject("no".into()), 2_000_000).unwrap()),
            _ => approve(&journal, name, ApprovalScope::Once),
        }
    }
    assert_eq!(
        ask(&journal, Approval { asked_at: 90_000_000, expires_at: 95_000_000, ..question("open", "/work/d") }),
        Asked::New
    );
    let keyed = Intent { key: Some(key("local", "k")), ..by("keyed", "c-2") };
    for intent in [by("used", "c-1"), keyed] {
        assert_eq!(journal.admit_blocking(intent).unwrap(), Admission::Fresh);
    }
    let remove = |before| runtime().block_on(journal.remove_approvals(before, 99_000_000)).unwrap();
    assert_eq!(remove(5_000_000), 0, "their time is over at that moment and not before");
    assert_eq!(remove(u64::MAX >> 1), 2);
    assert_eq!(remove(u64::MAX >> 1), 0);
    let reader = journal.reader().unwrap();
    let left: Vec<String> =
        reader.approvals(&ApprovalFilter::default()).unwrap().iter().map(|approval| approval.id.to_string()).collect();
    assert_eq!(left, ["open", "keyed"], "one waits, and one is what a repeat is told by");
    drop((reader, journal));
    state.reader().verify(None).unwrap();
    state.tamper("DELETE FROM approvals WHERE approval = 'keyed'");
    assert!(matches!(state.reader().verify(None), Err(Error::Broken(_))), "removed, and not by us");
}

/// The host has learned a secret since, which stands where nothing can take its place.
#[test]
fn an_approval_that_cannot_be_written_down_as_used_admits_nothing_and_is_in_the_way_of_nothing() {
    let state = State::new();
    let journal = state.open();
    ask(&journal, Approval { client: "mcp:editor".into(), ..question("a", "/work/a") });
    approve(&journal, "a", ApprovalScope::Once);
    journal.learn(&Redactor::new([("token", "editor")]));
    let held = journal.hold();
    let begun = Event::RunStarted { run: "r".parse().unwrap(), front: "test".into(), manifest: None };
    journal.record_blocking(3, begun).unwrap();
    std::thread::scope(|scope| {
        let [refused, other] = [by("a", "c1"), intent("c2", Effects::Possible)]
            .map(|intent| scope.spawn(|| runtime().block_on(journal.admit(intent))));
        // Both are in one batch with the event.
        while journal.watch().waiting().0 < 3 {
            std::thread::yield_now();
        }
        drop(held);
        assert!(matches!(refused.join().unwrap(), Err(Error::Secret)));
        assert_eq!(other.join().unwrap().unwrap(), Admission::Fresh);
    });
    journal.flush_blocking().unwrap();
    let reader = journal.reader().unwrap();
    assert_eq!(reader.get(&call_id("c1")).unwrap(), None);
    let kind = Some("run-started".to_owned());
    assert_eq!(reader.latest_entries(&AuditFilter { kind, ..AuditFilter::default() }).unwrap().len(), 1);
    reader.verify(None).unwrap();
}
