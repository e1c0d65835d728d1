//! What the journal knows of a call of a run, for whoever has no host to ask.
//!
//! Nothing is run, and nothing is finished: a plan that is about to land is finished by the next host.

use std::collections::BTreeSet;

use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::id::{CallId, IdempotencyKey, Label, RunId, ToolDigest};
use toolhold_core::manifest::{Component, Manifest};
use toolhold_core::outcome::{CallReport, Class, Failure, Outcome, ServedBy};
use toolhold_core::run::{CallSummary, Machine, PendingCall, RunEvent, result_of_call};

use crate::attempt::key_instead;
use crate::journal::{self, CallRecord, Filter, PlanState, Reader, ScopedKey, State};
use crate::{CallOptions, Host, report as reports};

/// Most calls of a run that are looked through for one that stood in.
const LOOKED_THROUGH: u32 = 10_000;

/// What the journal knows of a call.
enum Known {
    /// It was never made, or did nothing.
    Nothing,
    /// It was made, and what it came to is not known, or not kept.
    Nobody,
    /// This one was made, and came to that.
    Outcome(Box<(CallRecord, Outcome)>),
}

/// What the call came to, of a run that is at its end; `None` where nobody knows.
pub(super) fn of(reader: &Reader, machine: &Machine, call: &PendingCall) -> Result<Option<RunEvent>, journal::Error> {
    Ok(match known(reader, machine, call)? {
        Known::Nobody => None,
        Known::Nothing => Some(returned(machine, call, report(machine, call, None))),
        Known::Outcome(known) => Some(returned(machine, call, report(machine, call, Some(*known)))),
    })
}

/// The same of a call that is not made again, of a run of `host` that goes on; `None` where nobody knows.
pub(super) fn of_open(host: &Host, machine: &Machine, call: &PendingCall) -> Result<Option<RunEvent>, journal::Error> {
    Ok(match known(&host.journal().reader()?, machine, call)? {
        Known::Nobody => None,
        Known::Nothing => Some(machine.not_made(call)),
        Known::Outcome(known) => {
            let labels = labels(host.policy().manifest(), &[call.tool.as_str(), known.0.tool.as_str()]);
            let mut report = host.without_secrets(report(machine, call, Some(*known)));
            report.effects.labels = labels;
            Some(returned(machine, call, report))
        }
    })
}

/// Whether the journal has the call, or one that stood in for it, other than as one that did nothing.
pub(super) fn is_on_record(
    reader: &Reader,
    (run, mode): (&RunId, Mode),
    key: &IdempotencyKey,
) -> Result<bool, journal::Error> {
    Ok(!records(reader, (run, mode), key)?.is_empty())
}

/// What is said of anything that these tools may have read: what they did read is not known any more.
fn labels(manifest: &Manifest, tools: &[&str]) -> BTreeSet<Label> {
    let is_of = |component: &Component| {
        let of = |tool: &&str| tool.split_once('.').is_some_and(|(name, _)| name == component.name.value.as_str());
        tools.iter().any(of)
    };
    let components = || manifest.components().values().filter(|component| is_of(component));
    let of_files = components().flat_map(|component| &component.directories).map(|grant| &grant.labels);
    let of_requests = components().flat_map(|component| &component.http).map(|grant| &grant.value.labels);
    let of_servers = components().filter_map(|component| component.server.as_ref()).map(|server| &server.labels);
    of_files.chain(of_requests).chain(of_servers).flat_map(|labels| labels.iter().cloned()).collect()
}

fn known(reader: &Reader, machine: &Machine, call: &PendingCall) -> Result<Known, journal::Error> {
    let Some(key) = &call.key else { return Ok(Known::Nobody) };
    let mut known = Vec::new();
    for record in records(reader, (machine.run(), machine.start().mode), key)? {
        let Some(outcome) = outcome(reader, &record)? else { return Ok(Known::Nobody) };
        known.push((record, outcome));
    }
    if known.is_empty() {
        return Ok(Known::Nothing);
    }
    // The tool failed, and another one stood in.
    let best = known.iter().position(|(_, outcome)| matches!(outcome, Outcome::Success(_)));
    let (record, outcome) = known.swap_remove(best.unwrap_or_default());
    Ok(Known::Outcome(Box::new((record, outcome))))
}

/// The call with this key and those that stood in for it, without what did nothing.
fn records(
    reader: &Reader,
    (run, mode): (&RunId, Mode),
    key: &IdempotencyKey,
) -> Result<Vec<CallRecord>, journal::Error> {
    let scoped = ScopedKey { scope: CallOptions::default().client, key: key.clone() };
    let own = reader.keyed(&scoped, mode)?;
    let filter = Filter { run: Some(run.clone()), limit: LOOKED_THROUGH, ..Filter::default() };
    let stood_in = reader
        .calls(&filter)?
        .into_iter()
        .filter(|record| record.state != State::Abandoned && record.key == Some(key_instead(key, &record.tool)));
    Ok(own.into_iter().chain(stood_in).collect())
}

/// `None` where nobody knows, or the outcome is not kept.
fn outcome(reader: &Reader, record: &CallRecord) -> Result<Option<Outcome>, journal::Error> {
    let text = match record.state {
        State::Settled => record.outcome.clone(),
        State::Admitted => {
            reader.plan(&record.call)?.filter(|plan| plan.state == PlanState::Ready).map(|plan| plan.outcome)
        }
        State::Unknown | State::Abandoned => None,
    };
    let failed = record.succeeded == Some(false);
    Ok(text.and_then(|text| match failed {
        true => serde_json::from_str(&text).map(Outcome::Failure).ok(),
        false => serde_json::from_str(&text).map(Outcome::Success).ok(),
    }))
}

/// `None` is that nothing was made.
fn report(machine: &Machine, call: &PendingCall, known: Option<(CallRecord, Outcome)>) -> CallReport {
    let start = machine.start();
    let asked = ToolCall {
        run: start.run.clone(),
        tool: call.tool.clone(),
        arguments: call.arguments.clone(),
        key: call.key.clone(),
        mode: start.mode,
    };
    let blank = |id: CallId, digest: Option<ToolDigest>| reports::refused(id, &asked, digest, cut_off());
    match known {
        Some((record, outcome)) => {
            let served_by = (record.tool.as_str() != call.tool).then(|| ServedBy::Tool { tool: record.tool.clone() });
            CallReport { outcome, replayed: true, served_by, ..blank(record.call, Some(record.digest)) }
        }
        None => blank(crate::clock::new_call(), None),
    }
}

fn returned(machine: &Machine, call: &PendingCall, report: CallReport) -> RunEvent {
    let start = machine.start();
    let content = result_of_call(&report, start.mode, start.limits.kept_bytes);
    let mut summary = CallSummary::of(call.turn, &report);
    // Where nothing was made, nothing has that name.
    summary.call = summary.call.filter(|_| report.replayed);
    RunEvent::CallReturned { call: summary, content, labels: report.effects.labels }
}

fn cut_off() -> Failure {
    Failure::new(Class::Cancelled, "cut-off", "the call was cut off before it changed anything; the run is at its end")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use toolhold_core::call::Mode;
    use toolhold_core::describe::{Hints, ToolInfo};
    use toolhold_core::event::Effects;
    use toolhold_core::id::Digest;
    use toolhold_core::limit::Usage;
    use toolhold_core::run::event::VERSION;
    use toolhold_core::run::{Finish, Identity, Kind, Next, RequestedCall, RunLimits, Start, Tokens, ToolSpec, Turn};
    use toolhold_core::tool::Tool;

    use super::*;
    use crate::agent::Engine as _;
    use crate::journal::{Intent, Journal, Options, PlanKind, Planned, Settlement};
    use crate::runs::{JournalEngine, Past, cancel};

    fn tool(component: &str) -> Tool {
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
        Tool::new(&component.parse().unwrap(), Digest::of(b"bytes"), info).unwrap()
    }

    /// A run that was cut off after it had started a call of `files.write`.
    async fn cut_off(journal: &Journal) -> PendingCall {
        let spec = ToolSpec {
            name: "files.write".parse().unwrap(),
            description: String::new(),
            input_schema: json!({ "type": "object" }),
            digest: None,
        };
        let start = Start {
            version: VERSION,
            run: "run-1".parse().unwrap(),
            agent: "local".into(),
            by: None,
            task: "t".into(),
            mode: Mode::Live,
            models: vec![Identity { name: "m".into(), kind: Kind::Scripted }],
            prices: Vec::new(),
            tools: vec![spec],
            limits: RunLimits::default(),
            manifest: None,
            answer_schema: None,
        };
        let mut engine = JournalEngine::new(journal, "test");
        let mut machine = Machine::begin(start);
        let call = RequestedCall { id: "c".into(), name: "files__write".into(), arguments: "{}".into() };
        let answer = Turn {
            text: String::new(),
            calls: vec![call],
            finish: Finish::ToolCalls,
            tokens: Tokens::default(),
            served_by: None,
        };
        loop {
            let event = match machine.next(Duration::ZERO) {
                Next::Note(event) => event,
                Next::Ask(ask) if machine.steps() < 2 => ask.event(),
                Next::Ask(_) => RunEvent::ModelAnswered { turn: 1, answer: answer.clone() },
                Next::Call(call) if call.is_started => {
                    journal.flush().await.unwrap();
                    return call;
                }
                Next::Call(call) => call.event(),
                next => panic!("{next:?}"),
            };
            let act = Box::pin(std::future::ready((Duration::ZERO, event)));
            let happened = engine.once(&machine, act).await.unwrap();
            machine.apply(Duration::ZERO, &happened.event).unwrap();
        }
    }

    async fn admit(journal: &Journal, call: &str, component: &str, key: &toolhold_core::id::IdempotencyKey) {
        let validated = tool(component).validate("{}").unwrap();
        let intent =
            Intent::new(call.parse().unwrap(), "run-1".parse().unwrap(), &validated, Mode::Live, Effects::Possible, 1);
        let key = ScopedKey { scope: "local".into(), key: key.clone() };
        journal.admit(intent.with_key(key)).await.unwrap();
    }

    /// What the run says of its call after it was cancelled by somebody who has the journal and nothing else.
    async fn cancelled(journal: &Journal) -> CallSummary {
        let run = "run-1".parse().unwrap();
        cancel(journal, &run).await.unwrap();
        let report = Past::of(&journal.reader().unwrap(), &run).unwrap().machine().unwrap().report();
        assert_eq!(report.state, toolhold_core::state::State::Cancelled);
        journal.reader().unwrap().verify(None).unwrap();
        report.calls.into_iter().next().unwrap()
    }

    fn journal() -> (tempfile::TempDir, Journal) {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        (state, journal)
    }

    fn code(call: &CallSummary) -> &str {
        call.failure.as_ref().map_or("", |failure| &failure.code)
    }

    #[tokio::test]
    async fn a_call_whose_outcome_is_on_record_came_to_that() {
        let (_state, journal) = journal();
        let call = cut_off(&journal).await;
        admit(&journal, "c1", "files", call.key.as_ref().unwrap()).await;
        let success = Settlement::success("7", Usage::default(), Effects::Possible, 2);
        journal.settle(&"c1".parse().unwrap(), success).await.unwrap();
        let known = cancelled(&journal).await;
        assert_eq!((code(&known), &known.call, known.replayed), ("", &Some("c1".parse().unwrap()), true));
    }

    #[tokio::test]
    async fn a_call_whose_plan_will_land_has_the_result_that_goes_with_it() {
        let (state, journal) = journal();
        let call = cut_off(&journal).await;
        admit(&journal, "c1", "files", call.key.as_ref().unwrap()).await;
        let planned = Planned {
            call: "c1".parse().unwrap(),
            kind: PlanKind::Commit,
            plan: "{}".into(),
            effects: "{}".into(),
            outcome: "7".into(),
            kept_bytes: 0,
            at: 2,
        };
        journal.plan(planned).await.unwrap();
        drop(journal);
        let again = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        assert_eq!(code(&cancelled(&again).await), "");
    }

    #[tokio::test]
    async fn a_call_of_which_nobody_knows_stays_so_and_one_that_was_never_made_did_nothing() {
        let (state, journal) = journal();
        let call = cut_off(&journal).await;
        admit(&journal, "c1", "files", call.key.as_ref().unwrap()).await;
        drop(journal);
        let again = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        assert_eq!(code(&cancelled(&again).await), "abandoned");

        let (_other, journal) = self::journal();
        cut_off(&journal).await;
        let known = cancelled(&journal).await;
        assert_eq!((code(&known), &known.call), ("cut-off", &None));
    }

    #[tokio::test]
    async fn a_call_is_on_record_unless_it_was_never_made_or_did_nothing() {
        let (_state, journal) = journal();
        let call = cut_off(&journal).await;
        let (run, key) = ("run-1".parse().unwrap(), call.key.as_ref().unwrap());
        let is_known = || is_on_record(&journal.reader().unwrap(), (&run, Mode::Live), key).unwrap();
        assert!(!is_known());
        admit(&journal, "c1", "files", key).await;
        assert!(is_known());
        let nothing = Settlement::nothing("open", Effects::Possible, 2);
        journal.settle(&"c1".parse().unwrap(), nothing).await.unwrap();
        assert!(!is_known());
        let tool = "archive.write".parse().unwrap();
        admit(&journal, "c2", "archive", &key_instead(key, &tool)).await;
        assert!(is_known(), "it stood in");
    }

    #[tokio::test]
    async fn what_stood_in_for_a_call_gives_its_outcome() {
        let (_state, journal) = journal();
        let call = cut_off(&journal).await;
        let tool = "archive.write".parse().unwrap();
        admit(&journal, "c2", "archive", &key_instead(call.key.as_ref().unwrap(), &tool)).await;
        let success = Settlement::success("7", Usage::default(), Effects::Possible, 2);
        journal.settle(&"c2".parse().unwrap(), success).await.unwrap();
        assert_eq!(cancelled(&journal).await.call, Some("c2".parse().unwrap()));
    }
}
