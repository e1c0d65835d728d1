//! Retention: what is over and old goes with the audit of it, what is not over stays, and whoever removes something otherwise is found.

use rusqlite::Connection;
use toolhold_core::approval::{Approval, ApprovalScope, ApprovalState, Foreseen, Verdict, binding};
use toolhold_core::call::Mode;
use toolhold_core::chain::{Broken, Head, Why};
use toolhold_core::event::{Effects, Event};
use toolhold_core::id::{Digest, RunId};
use toolhold_core::manifest::Risk;
use toolhold_core::state::State as RunState;

use super::support::{State, call_id, intent, key, success, validated, write_call};
use crate::journal::{
    Admission, Ask, AuditSearch, Change, Error, Journal, PlanKind, PlanState, Planned, Prune, Pruned, RunHead, RunStep,
    Settlement,
};

/// Everything of these tests happens before it.
const BEFORE: u64 = 1_000;
const NOW: u64 = 2_000;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn step_before(journal: &Journal, before: u64) -> Result<Pruned, Error> {
    runtime().block_on(journal.prune(Prune { before, by: "local:7".into(), at: NOW }))
}

/// All steps.
fn prune(journal: &Journal) -> Pruned {
    let mut total = Pruned::default();
    loop {
        let step = step_before(journal, BEFORE).unwrap();
        if step.entries == 0 {
            return total;
        }
        total = total.and(&step);
    }
}

/// A call that changes nothing: nobody waits for its record.
fn read_call(journal: &Journal, call: &str, result: &str) {
    journal.admit_blocking(intent(call, Effects::None)).unwrap();
    journal.settle_blocking(&call_id(call), success(result, Effects::None)).unwrap();
}

fn broken(state: &State) -> Broken {
    match state.reader().verify(None).unwrap_err() {
        Error::Broken(broken) => broken,
        other => panic!("{other}"),
    }
}

fn is_there(journal: &Journal, call: &str) -> bool {
    journal.reader().unwrap().get(&call_id(call)).unwrap().is_some()
}

/// A journal with this many calls that are over, pruned, and one call after that.
fn pruned() -> (State, Head) {
    let state = State::new();
    let journal = state.open();
    ["c1", "c2", "c3"].iter().for_each(|call| write_call(&journal, call));
    let noted = journal.reader().unwrap().verify(None).unwrap().head;
    assert_eq!(prune(&journal), Pruned { entries: 6, kept: 0, calls: 3, runs: 0 });
    write_call(&journal, "c4");
    drop(journal);
    (state, noted)
}

#[test]
fn what_is_old_and_over_goes_and_the_audit_says_where_it_begins() {
    let (state, noted) = pruned();
    let verified = state.reader().verify(None).unwrap();
    assert_eq!((verified.entries, verified.begins_after, verified.head.sequence), (3, Some(noted), 9));
    let journal = state.open();
    assert!(!is_there(&journal, "c1") && is_there(&journal, "c4"));
    let told = journal.reader().unwrap().search(&AuditSearch::default()).unwrap().entries;
    assert_eq!(told[0].sequence, 7);
    assert_eq!(told[0].body["event"]["type"], "journal-pruned");
    assert_eq!((&told[0].body["event"]["by"], &told[0].body["event"]["calls"]), (&"local:7".into(), &3.into()));
    assert_eq!(told[0].body["event"]["hash"], noted.hash.to_string());
    // It goes on like any other, and can be pruned again.
    write_call(&journal, "c5");
    assert_eq!(step_before(&journal, BEFORE).unwrap(), Pruned::default(), "the entry about the first pruning is young");
    assert_eq!(step_before(&journal, NOW + 1).unwrap(), Pruned { entries: 5, kept: 0, calls: 2, runs: 0 });
    assert_eq!(journal.reader().unwrap().verify(None).unwrap().entries, 1);
}

#[test]
fn nothing_that_is_young_goes() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "c1");
    assert_eq!(step_before(&journal, 1).unwrap(), Pruned::default());
    // Admitted before, settled after.
    assert_eq!(step_before(&journal, 2).unwrap(), Pruned { entries: 1, kept: 1, calls: 0, runs: 0 });
    assert!(is_there(&journal, "c1"));
    journal.reader().unwrap().verify(None).unwrap();
}

#[test]
fn whoever_changes_or_removes_something_of_what_is_left_is_found() {
    let cases = [
        ("UPDATE audit SET body = replace(body, 'local:7', 'local:8') WHERE sequence = 7", 7),
        ("UPDATE audit SET body = replace(body, 'c4', 'cX') WHERE sequence = 8", 8),
        ("DELETE FROM audit WHERE sequence = 7", 1),
        ("DELETE FROM audit WHERE sequence = 8", 8),
        ("DELETE FROM audit WHERE sequence = 9", 9),
        ("UPDATE calls SET outcome = '\"forged\"' WHERE call = 'c4'", 9),
        ("DELETE FROM calls WHERE call = 'c4'", 8),
        (
            "INSERT INTO calls SELECT 99, 'c1', run, tool, digest, mode, effects, scope, key, arguments, arguments_digest, admitted_at, state, settled_at, succeeded, outcome, outcome_digest, usage, staged, evidence, approval FROM calls WHERE call = 'c4'",
            9,
        ),
    ];
    for (sql, at) in cases {
        let (state, _) = pruned();
        state.tamper(sql);
        assert_eq!(broken(&state).at, at, "{sql}");
    }
}

#[test]
fn a_removal_from_the_beginning_that_the_audit_does_not_tell_of_is_found_and_no_host_goes_on() {
    for (sql, at) in [
        ("DELETE FROM audit WHERE sequence <= 2; DELETE FROM calls WHERE call = 'c1'", 1),
        // And with the note that the database itself goes by.
        (
            "INSERT INTO audit_start SELECT 1, sequence, hash, 3 FROM audit WHERE sequence = 2; DELETE FROM audit WHERE sequence <= 2; DELETE FROM calls WHERE call = 'c1'",
            1,
        ),
    ] {
        let state = State::new();
        let journal = state.open();
        ["c1", "c2"].iter().for_each(|call| write_call(&journal, call));
        drop(journal);
        state.tamper(sql);
        assert_eq!(broken(&state).at, at, "{sql}");
        assert!(matches!(state.try_open(), Err(Error::Broken(_))), "{sql}");
    }
    // More than the audit says.
    let (state, _) = pruned();
    state.tamper("DELETE FROM audit WHERE sequence <= 7");
    assert_eq!(broken(&state).at, 1);
    assert!(matches!(state.try_open(), Err(Error::Broken(_))));
}

#[test]
fn the_database_itself_refuses_to_be_cut_behind_its_noted_beginning() {
    let (state, _) = pruned();
    let connection = Connection::open(state.path().join("journal.db")).unwrap();
    for sql in ["DELETE FROM audit WHERE sequence = 7", "DELETE FROM audit WHERE sequence = 9", "DELETE FROM audit"] {
        let error = connection.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

#[test]
fn an_export_joins_on_to_what_is_left_and_another_one_does_not() {
    let state = State::new();
    let journal = state.open();
    ["c1", "c2", "c3"].iter().for_each(|call| write_call(&journal, call));
    let reader = journal.reader().unwrap();
    let (mut exported, mut early) = (Vec::new(), reader.verify(None).unwrap().head);
    reader.export(0, &mut exported).unwrap();
    let noted = early;
    prune(&journal);
    let verify = |expected: Option<&Head>, export: &[u8]| {
        journal.reader().unwrap().verify_joined(expected, Some(&mut &export[..]))
    };
    assert_eq!(verify(None, &exported).unwrap().begins_after, Some(noted));
    // What was noted before the beginning is looked for in the export, and not taken on trust without it.
    early.sequence = 2;
    early.hash = serde_json::from_slice::<serde_json::Value>(exported.split(|byte| *byte == b'\n').nth(1).unwrap())
        .unwrap()["hash"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    verify(Some(&early), &exported).unwrap();
    let alone = journal.reader().unwrap().verify(Some(&early)).unwrap_err();
    assert!(matches!(alone, Error::Removed { .. }) && alone.to_string().contains("--older"), "{alone}");
    let other = Head { sequence: 2, hash: Digest::of(b"other") };
    assert!(matches!(verify(Some(&other), &exported), Err(Error::Broken(Broken { at: 2, why: Why::Replaced }))));
    // Its end is missing, its begin, or it was changed.
    let lines: Vec<&[u8]> = exported.split_inclusive(|byte| *byte == b'\n').collect();
    let unjoined = verify(None, &lines[..5].concat()).unwrap_err();
    assert!(matches!(unjoined, Error::Broken(Broken { at: 6, why: Why::Unjoined })), "{unjoined}");
    assert!(matches!(verify(None, &lines[1..].concat()), Err(Error::Broken(Broken { at: 1, .. }))));
    let changed = String::from_utf8(exported).unwrap().replace("\"call\":\"c2\"", "\"call\":\"cX\"");
    assert!(matches!(verify(None, changed.as_bytes()), Err(Error::Broken(Broken { at: 3, why: Why::Changed }))));
}

#[test]
fn a_part_that_was_tampered_with_before_is_not_removed() {
    let state = State::new();
    let journal = state.open();
    ["c1", "c2"].iter().for_each(|call| write_call(&journal, call));
    drop(journal);
    state.tamper("UPDATE audit SET body = replace(body, 'c1', 'cX') WHERE sequence = 1");
    let journal = state.open();
    assert!(matches!(step_before(&journal, BEFORE), Err(Error::Broken(Broken { at: 1, why: Why::Changed }))));
    assert!(is_there(&journal, "c1"));
    // The evidence is there, and the journal works.
    assert_eq!(broken(&state).at, 1);
    write_call(&journal, "c3");
}

#[test]
fn an_entry_that_is_not_understood_stays_with_all_after_it() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "c1");
    drop(journal);
    // Of a newer version, and well in the chain.
    let end = state.reader().verify(None).unwrap().head;
    let body = r#"{"version":1,"at":3,"event":{"type":"not-known-yet"}}"#;
    let next = end.after(body);
    let connection = Connection::open(state.path().join("journal.db")).unwrap();
    let row = (3, end.hash.as_bytes(), next.hash.as_bytes(), body);
    connection.execute("INSERT INTO audit VALUES (?1, ?2, ?3, ?4)", row).unwrap();
    drop(connection);
    let journal = state.open();
    write_call(&journal, "c2");
    assert_eq!(prune(&journal), Pruned { entries: 2, kept: 0, calls: 1, runs: 0 });
    assert!(is_there(&journal, "c2"));
}

#[test]
fn a_step_is_bounded_and_calls_go_on_between_two_of_them() {
    let state = State::new();
    let journal = state.open();
    let hold = journal.hold();
    (0..300).for_each(|number| read_call(&journal, &format!("c{number}"), "1"));
    drop(hold);
    journal.flush_blocking().unwrap();
    let first = step_before(&journal, BEFORE).unwrap();
    assert_eq!((first.entries, first.calls), (256, 256));
    write_call(&journal, "between");
    journal.reader().unwrap().verify(None).unwrap();
    let rest = prune(&journal);
    assert_eq!(first.and(&rest).calls, 300);
    assert!(is_there(&journal, "between"));
    journal.reader().unwrap().verify(None).unwrap();
}

/// Calls that overlap: the last entry of one is in another step than its first.
#[test]
fn calls_across_the_border_of_a_step_leave_an_audit_that_holds_after_each() {
    let state = State::new();
    let journal = state.open();
    for number in 0..150 {
        journal.admit_blocking(intent(&format!("c{number}"), Effects::None)).unwrap();
    }
    journal.flush_blocking().unwrap();
    for number in 0..150 {
        journal.settle_blocking(&call_id(&format!("c{number}")), success("1", Effects::None)).unwrap();
    }
    journal.flush_blocking().unwrap();
    assert_eq!(journal.reader().unwrap().prunable(BEFORE, &[].into()).unwrap().calls, 150);
    let first = step_before(&journal, BEFORE).unwrap();
    assert_eq!(first, Pruned { entries: 256, kept: 0, calls: 150, runs: 0 });
    journal.reader().unwrap().verify(None).unwrap();
    assert_eq!(prune(&journal), Pruned { entries: 44, kept: 0, calls: 0, runs: 0 });
    journal.reader().unwrap().verify(None).unwrap();
}

/// Everything that is not over, each with a call that is beside it.
struct Open {
    state: State,
    journal: Journal,
}

impl Open {
    fn new() -> Self {
        let state = State::new();
        let journal = state.open();
        write_call(&journal, "over");
        Self { state, journal }
    }

    /// Nothing but the call that is over goes, once and again, and everything can be verified.
    fn stays(&self, call: &str) {
        self.journal.flush_blocking().unwrap();
        let before = self.journal.reader().unwrap().prunable(BEFORE, &[].into()).unwrap();
        let removed = prune(&self.journal);
        assert_eq!((removed.calls, removed.runs), (1, 0), "{call}");
        assert_eq!((before.calls, before.entries, before.kept), (1, removed.entries, removed.kept), "{call}");
        assert!(removed.kept > 0 && is_there(&self.journal, call) && !is_there(&self.journal, "over"), "{call}");
        self.state.reader().verify(None).unwrap();
        // Its entries are old once more.
        let again = step_before(&self.journal, NOW + 1).unwrap();
        assert_eq!((again.calls, again.runs), (0, 0), "{call}");
        assert!(is_there(&self.journal, call), "{call}");
        self.state.reader().verify(None).unwrap();
    }

    /// Somebody who changes it is found, though the entries that tell of it are others now.
    fn is_guarded(&self, sql: &str) {
        self.journal.with_connection(|connection| connection.execute_batch(sql).unwrap());
        assert!(matches!(self.state.reader().verify(None), Err(Error::Broken(_))), "{sql}");
    }
}

fn planned(call: &str, kind: PlanKind) -> Planned {
    let (plan, effects, outcome) = ("{\"p\":1}".into(), "{}".into(), "1".into());
    Planned { call: call_id(call), kind, plan, effects, outcome, kept_bytes: 1, at: 2 }
}

#[test]
fn a_call_under_way_or_unknown_stays() {
    let open = Open::new();
    open.journal.admit_blocking(intent("c", Effects::Possible)).unwrap();
    open.stays("c");
    open.is_guarded("UPDATE calls SET arguments = '{}' WHERE call = 'c'");

    let open = Open::new();
    open.journal.admit_blocking(intent("c", Effects::Possible)).unwrap();
    open.journal.park_blocking(&call_id("c"), "nobody knows".into(), 3).unwrap();
    open.stays("c");
    // A person decides in the end.
    runtime().block_on(open.journal.resolve(&call_id("c"), Some("1".into()), 4)).unwrap();
    open.state.reader().verify(None).unwrap();
    open.is_guarded("DELETE FROM calls WHERE call = 'c'");
}

#[test]
fn a_plan_that_can_be_applied_or_taken_back_stays_until_it_has_expired() {
    let preview = PlanKind::Preview { arguments: "{}".into(), manifest: Digest::of(b"m") };
    for (kind, state) in [(preview, PlanState::Preview), (PlanKind::Commit, PlanState::Landed)] {
        let open = Open::new();
        open.journal.admit_blocking(intent("c", Effects::Staged)).unwrap();
        open.journal.plan_blocking(planned("c", kind)).unwrap();
        let settlement = success("1", Effects::Staged);
        let settlement = if state == PlanState::Landed { settlement.landed("{}".into()) } else { settlement };
        open.journal.settle_blocking(&call_id("c"), settlement).unwrap();
        open.stays("c");
        runtime().block_on(open.journal.expire(&call_id("c"), state, 5)).unwrap();
        let then = step_before(&open.journal, NOW + 1).unwrap();
        assert_eq!(then.calls, 1, "{state:?}");
        open.state.reader().verify(None).unwrap();
        assert!(open.journal.reader().unwrap().plan(&call_id("c")).unwrap().is_none());
    }
}

#[test]
fn a_plan_that_is_being_done_stays() {
    let open = Open::new();
    open.journal.admit_blocking(intent("c", Effects::Staged)).unwrap();
    open.journal.plan_blocking(planned("c", PlanKind::Commit)).unwrap();
    open.stays("c");
    open.is_guarded("UPDATE plans SET plan = '{}'");
}

fn step(run: &RunId, (number, state): (u64, RunState), event: Option<Event>) -> RunStep {
    let head = RunHead { task: "a task".into(), mode: Mode::Live, origin: None };
    let body = "{}".to_owned();
    let head = (number == 1).then_some(head);
    RunStep { run: run.clone(), step: number, state, body, head, event, waits: true, durable: false, at: number }
}

/// A run of an agent with one call, up to a state.
fn run_until(journal: &Journal, state: RunState) -> RunId {
    let run: RunId = "run".parse().unwrap();
    let begun = Event::RunStarted { run: run.clone(), front: "test".into(), manifest: None };
    let ended = Event::RunEnded { run: run.clone(), end: state.to_string(), reason: None, steps: None, history: None };
    runtime().block_on(journal.run_step(step(&run, (1, RunState::Processing), Some(begun)))).unwrap();
    write_call(journal, "of-run");
    let event = state.is_end().then_some(ended);
    runtime().block_on(journal.run_step(step(&run, (2, state), event))).unwrap();
    run
}

#[test]
fn a_run_that_is_not_over_or_has_its_steps_stays_with_its_calls() {
    for state in [RunState::AwaitingApproval, RunState::DeadLettered, RunState::Completed] {
        // The call of `Open` is of a run of this name, so it stays as well: it is made here without.
        let state_dir = State::new();
        let journal = state_dir.open();
        run_until(&journal, state);
        let removed = prune(&journal);
        assert_eq!((removed.calls, removed.runs), (0, 0), "{state}");
        assert!(is_there(&journal, "of-run"), "{state}");
        state_dir.reader().verify(None).unwrap();
        journal.with_connection(|connection| {
            connection.execute_batch("UPDATE run_events SET body = '[]'").unwrap();
        });
        let is_found = matches!(state_dir.reader().verify(None), Err(Error::Broken(_)));
        assert_eq!(is_found, state.is_end(), "{state}");
    }
}

#[test]
fn a_run_whose_steps_were_removed_goes_with_its_calls() {
    let state = State::new();
    let journal = state.open();
    let run = run_until(&journal, RunState::Completed);
    let foreseen = journal.reader().unwrap().prunable(BEFORE, &[run.clone()].into()).unwrap();
    assert_eq!((foreseen.calls, foreseen.runs), (1, 1));
    runtime().block_on(journal.expire_run(&run, NOW)).unwrap();
    assert_eq!(prune(&journal), Pruned { entries: 4, kept: 0, calls: 1, runs: 1 });
    let reader = journal.reader().unwrap();
    assert!(reader.run(&run).unwrap().is_none() && !is_there(&journal, "of-run"));
    // The entry of its steps is younger than it.
    assert_eq!(reader.verify(None).unwrap().entries, 2);
    assert_eq!(step_before(&journal, NOW + 1).unwrap().entries, 2);
    reader.verify(None).unwrap();
}

#[test]
fn a_key_counts_as_long_as_its_call_is_there() {
    let state = State::new();
    let journal = state.open();
    let keyed = |call: &str| intent(call, Effects::Possible).with_key(key("local", "k"));
    journal.admit_blocking(keyed("c1")).unwrap();
    journal.settle_blocking(&call_id("c1"), success("1", Effects::Possible)).unwrap();
    assert_eq!(step_before(&journal, 1).unwrap().calls, 0);
    assert!(matches!(journal.admit_blocking(keyed("c2")).unwrap(), Admission::Replay(_)));
    prune(&journal);
    assert_eq!(journal.admit_blocking(keyed("c3")).unwrap(), Admission::Fresh);
    journal.reader().unwrap().verify(None).unwrap();
}

fn approval() -> Approval {
    let call = validated("component", "write", r#"{"path":"/work/a","text":"b"}"#);
    let manifest = Digest::of(b"manifest");
    Approval {
        id: "a1".parse().unwrap(),
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
        asked_at: 1,
        expires_at: 5_000_000,
        state: ApprovalState::Waiting,
        answer: None,
        uses: 0,
    }
}

#[test]
fn an_approval_in_force_stays_and_is_guarded_though_the_call_that_used_it_is_gone() {
    let state = State::new();
    let journal = state.open();
    let ask = Ask { approval: approval(), foreseen: Foreseen::default(), max_waiting: 3, per_minute: 4 };
    runtime().block_on(journal.ask(ask)).unwrap();
    let change =
        Change::Decide { verdict: Verdict::Approve(ApprovalScope::Run), modified: None, by: "terminal:me".into() };
    let id: toolhold_core::id::ApprovalId = "a1".parse().unwrap();
    runtime().block_on(journal.change_approval(&id, change, 2)).unwrap();
    let by = intent("c", Effects::Possible).approved(Some(id.clone()));
    assert_eq!(journal.admit_blocking(by).unwrap(), Admission::Fresh);
    journal.settle_blocking(&call_id("c"), success("1", Effects::Possible)).unwrap();
    let removed = prune(&journal);
    assert_eq!((removed.calls, removed.kept), (1, 3), "asked, granted, used");
    let (stored, _) = journal.reader().unwrap().approval(&id).unwrap().unwrap();
    assert!(stored.state.is_granted());
    state.reader().verify(None).unwrap();
    let found = state.reader().search(&AuditSearch { kind: Some("approval-granted".into()), ..AuditSearch::default() });
    assert_eq!(found.unwrap().entries.len(), 1, "what was said again is found by what it says");
    journal.with_connection(|connection| {
        connection.execute_batch("UPDATE approvals SET body = replace(body, 'terminal:me', 'terminal:he')").unwrap();
    });
    assert!(matches!(state.reader().verify(None), Err(Error::Broken(_))));
}

#[test]
fn what_the_audit_said_last_of_a_manifest_is_said_again() {
    let state = State::new();
    let journal = state.open();
    let loaded = |text: &[u8]| Event::ManifestLoaded { manifest: Digest::of(text), path: "/m".into() };
    runtime().block_on(journal.announce(1, loaded(b"one"))).unwrap();
    runtime().block_on(journal.announce(2, loaded(b"two"))).unwrap();
    journal.flush_blocking().unwrap();
    assert_eq!(prune(&journal), Pruned { entries: 2, kept: 1, calls: 0, runs: 0 });
    state.reader().verify(None).unwrap();
    runtime().block_on(journal.announce(NOW, loaded(b"two"))).unwrap();
    journal.flush_blocking().unwrap();
    assert_eq!(state.reader().verify(None).unwrap().entries, 2, "it is no news");
}

/// Whatever of a step fails, nothing of it is done, and what is done after it is whole.
#[test]
fn a_disk_that_fails_in_the_middle_of_a_step_leaves_nothing_of_it() {
    for broken in [
        "CREATE TEMP TRIGGER t BEFORE DELETE ON calls BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TEMP TRIGGER t BEFORE DELETE ON plans BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TEMP TRIGGER t BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TEMP TRIGGER t BEFORE INSERT ON audit_start BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TEMP TRIGGER t BEFORE DELETE ON audit WHEN OLD.sequence = 2 BEGIN SELECT RAISE(ABORT, 'no'); END",
    ] {
        let state = State::new();
        let journal = state.open();
        journal.admit_blocking(intent("c", Effects::Staged)).unwrap();
        journal.plan_blocking(planned("c", PlanKind::Commit)).unwrap();
        let landed: Settlement = success("1", Effects::Staged).landed("{}".into());
        journal.settle_blocking(&call_id("c"), landed).unwrap();
        runtime().block_on(journal.expire(&call_id("c"), PlanState::Landed, 3)).unwrap();
        let whole = journal.reader().unwrap().verify(None).unwrap();
        journal.with_connection(|connection| connection.execute_batch(broken).unwrap());
        step_before(&journal, BEFORE).unwrap_err();
        assert_eq!(journal.reader().unwrap().verify(None).unwrap(), whole, "{broken}");
        assert!(is_there(&journal, "c"), "{broken}");
        journal.with_connection(|connection| connection.execute_batch("DROP TRIGGER t").unwrap());
        assert_eq!(prune(&journal).calls, 1, "{broken}");
        journal.reader().unwrap().verify(None).unwrap();
    }
}

#[test]
fn the_room_goes_back_to_the_file_system() {
    let state = State::new();
    let journal = state.open();
    let long = format!("\"{}\"", "x".repeat(60_000));
    (0..40).for_each(|number| read_call(&journal, &format!("c{number}"), &long));
    journal.flush_blocking().unwrap();
    prune(&journal);
    assert!(journal.reader().unwrap().free_bytes().unwrap() > 2_000_000);
    while runtime().block_on(journal.give_back()).unwrap() {}
    assert_eq!(journal.reader().unwrap().free_bytes().unwrap(), 0);
    drop(journal);
    assert!(state.path().join("journal.db").metadata().unwrap().len() < 300_000);
    state.open();
    state.reader().verify(None).unwrap();
}

/// A database that was begun before pages could be given back goes on, and is compacted when somebody asks.
#[test]
fn an_older_database_is_compacted_by_hand() {
    let state = State::new();
    drop(state.open());
    let connection = Connection::open(state.path().join("journal.db")).unwrap();
    connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
    drop(connection);
    let journal = state.open();
    let long = format!("\"{}\"", "x".repeat(60_000));
    (0..40).for_each(|number| read_call(&journal, &format!("c{number}"), &long));
    journal.flush_blocking().unwrap();
    prune(&journal);
    assert!(!runtime().block_on(journal.give_back()).unwrap());
    assert!(journal.reader().unwrap().free_bytes().unwrap() > 2_000_000);
    journal.compact().unwrap();
    assert!(state.path().join("journal.db").metadata().unwrap().len() < 300_000);
    write_call(&journal, "after");
    let verified = journal.reader().unwrap().verify(None).unwrap();
    assert_eq!(verified.entries, 3);
}

/// Who was told the end of the audit long ago, and was killed since, opens it all the same.
#[test]
fn a_noted_end_that_was_removed_since_is_no_cut() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "c1");
    let old = std::fs::read(state.path().join("audit.head")).unwrap();
    write_call(&journal, "c2");
    prune(&journal);
    write_call(&journal, "c3");
    drop(journal);
    std::fs::write(state.path().join("audit.head"), old).unwrap();
    drop(state.open());
    state.reader().verify(None).unwrap();
}
