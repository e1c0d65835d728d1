//! A person says of a call that was parked while it landed that it did nothing.

use std::future::Future;

use toolhold_core::event::Effects;
use toolhold_core::id::Digest;

use super::support::{State as Directory, call_id, intent, success};
use crate::journal::{AuditFilter, Journal, PlanKind, PlanState, Planned, State};

fn run<T>(act: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(act)
}

fn plan(journal: &Journal, call: &str, kind: PlanKind, plan: &str) {
    journal.admit_blocking(intent(call, Effects::Staged)).unwrap();
    let (plan, effects, outcome) = (plan.to_owned(), "{}".into(), "1".into());
    let planned = Planned { call: call_id(call), kind, plan, effects, outcome, kept_bytes: 0, at: 2 };
    journal.plan_blocking(planned).unwrap();
}

fn preview(journal: &Journal, call: &str, text: &str) {
    plan(journal, call, PlanKind::Preview { arguments: "{}".into(), manifest: Digest::of(b"m") }, text);
    journal.settle_blocking(&call_id(call), success("1", Effects::Staged)).unwrap();
}

fn state_of(journal: &Journal, call: &str) -> PlanState {
    journal.reader().unwrap().plan(&call_id(call)).unwrap().unwrap().state
}

#[test]
fn its_plan_is_never_done_and_the_preview_that_it_was_can_be_applied_again() {
    let state = Directory::new();
    let journal = state.open();
    preview(&journal, "p1", "{\"p\":1}");
    preview(&journal, "p2", "{\"p\":2}");
    for (call, preview, text) in [("a1", "p1", "{\"p\":1}"), ("a2", "p2", "{\"p\":2}")] {
        plan(&journal, call, PlanKind::Apply(call_id(preview)), text);
        journal.park_blocking(&call_id(call), "stuck".into(), 3).unwrap();
    }
    run(journal.resolve(&call_id("a1"), None, 4)).unwrap();
    run(journal.resolve(&call_id("a2"), Some("1".into()), 4)).unwrap();
    let states = ["a1", "p1", "a2", "p2"].map(|call| state_of(&journal, call));
    assert_eq!(states, [PlanState::Refused, PlanState::Preview, PlanState::Ready, PlanState::Applied]);
    let reader = journal.reader().unwrap();
    assert_eq!(reader.get(&call_id("a1")).unwrap().unwrap().state, State::Abandoned);
    let kind = Some("changes-refused".to_owned());
    let told = reader.latest_entries(&AuditFilter { kind, ..AuditFilter::default() }).unwrap();
    let calls: Vec<_> = told.iter().filter_map(|told| told.entry.event.call()).collect();
    assert_eq!(calls, [&call_id("a1")]);
    reader.verify(None).unwrap();
}
