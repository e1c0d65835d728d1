//! What is kept for undo and apply: which go where there are too many bytes, and how one is found.

use toolhold_core::event::Effects;
use toolhold_core::id::Digest;

use super::support::{State, call_id, intent, success};
use crate::journal::plans::{CALL, HISTORY};
use crate::journal::{HistoryFilter, KeptBytes, PlanKind, Planned};

/// The places of those that are outlived, of previews of so many bytes, the oldest first.
fn outlived(bytes: &[u64], most: u64, left: u64) -> Vec<usize> {
    let state = State::new();
    let journal = state.open();
    for (number, kept_bytes) in bytes.iter().enumerate() {
        let call = format!("c{number}");
        journal.admit_blocking(intent(&call, Effects::Staged)).unwrap();
        let kind = PlanKind::Preview { arguments: "{}".into(), manifest: Digest::of(b"m") };
        let (plan, effects, outcome) = ("{\"p\":1}".into(), "{}".into(), "1".into());
        let planned = Planned { call: call_id(&call), kind, plan, effects, outcome, kept_bytes: *kept_bytes, at: 2 };
        journal.plan_blocking(planned).unwrap();
        journal.settle_blocking(&call_id(&call), success("1", Effects::Staged)).unwrap();
    }
    let found = journal.reader().unwrap().outlived(0, &KeptBytes { most, left }).unwrap();
    let place = |call: &str| call.strip_prefix('c').unwrap().parse().unwrap();
    found.iter().map(|record| place(record.call.as_str())).collect()
}

#[test]
fn the_oldest_go_until_there_is_room_and_the_newest_stays_if_it_may_be_there_at_all() {
    // From the newest to the oldest there are 20, 50, 50, 100 and 110.
    let five = [10, 50, 0, 30, 20];
    assert_eq!(outlived(&five, 100, 100), [0]);
    assert_eq!(outlived(&five, 100, 60), [0, 1]);
    assert_eq!(outlived(&five, 110, 110), [0; 0]);
    assert_eq!(outlived(&[5, 90], 94, 60), [0], "the newest is more than is to be left");
    assert_eq!(outlived(&[70, 0, 0], 100, 60), [0; 0], "nothing newer has any");
    assert_eq!(outlived(&[1, 120, 1], 100, 100), [0, 1], "it is too much by itself");
    assert_eq!(outlived(&[1, 1], u64::MAX, u64::MAX), [0; 0]);
}

#[test]
fn the_changes_of_one_call_are_found_without_a_look_at_all_others() {
    let state = State::new();
    drop(state.open());
    let connection = rusqlite::Connection::open(state.path().join("journal.db")).unwrap();
    let sql = format!(
        "EXPLAIN QUERY PLAN {HISTORY} WHERE (?1 IS NULL OR c.run = ?1) AND {CALL} ORDER BY p.number DESC LIMIT ?3"
    );
    let steps: Vec<String> = connection
        .prepare(&sql)
        .unwrap()
        .query_map([None::<i64>; 3], |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(!steps.is_empty() && steps.iter().all(|step| !step.contains("SCAN")), "{steps:?}");
}

/// Whoever lists changes is not made to read all of what the largest calls have changed.
#[test]
fn a_list_of_changes_ends_where_it_has_enough_bytes_but_has_one() {
    let state = State::new();
    let journal = state.open();
    for number in 0..3 {
        let call = format!("c{number}");
        journal.admit_blocking(intent(&call, Effects::Staged)).unwrap();
        let kind = PlanKind::Preview { arguments: "{}".into(), manifest: Digest::of(b"m") };
        let effects = format!("{}{}", r#"{"basis":"observed"}"#, " ".repeat(1_000));
        let planned = Planned {
            call: call_id(&call),
            kind,
            plan: "{}".into(),
            effects,
            outcome: "1".into(),
            kept_bytes: 0,
            at: 2,
        };
        journal.plan_blocking(planned).unwrap();
    }
    let listed = |most_bytes| {
        let filter = HistoryFilter { most_bytes, ..HistoryFilter::default() };
        let found = journal.reader().unwrap().history(&filter).unwrap();
        found.into_iter().map(|entry| entry.call.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None), ["c2", "c1", "c0"]);
    assert_eq!(listed(Some(2_500)), ["c2", "c1"]);
    assert_eq!(listed(Some(10)), ["c2"], "one is there whatever it has");
}
