//! A run that was cut off in a call, and is taken up where the call cannot be made again as it was.

use std::sync::Arc;

use serde_json::json;
use toolhold::agent::model::Model;
use toolhold::agent::model::script::{Script, Scripted};
use toolhold::agent::{Reason, RunEvent, TokioClock};
use toolhold::runs::{Ended, HostTools, Past, Worker};
use toolhold::{CallOptions, Host};
use toolhold_core::id::RunId;
use toolhold_core::run::CallSummary;
use toolhold_core::state::State;

use crate::replay::{Place, SECRET, block_on, cut_off_in};

/// Takes a run up, or lets a dead one go on, with a model that answers. It is cancelled as soon as a person would be asked.
async fn taken_up(host: &Host, run: &RunId, is_dead: bool) -> Ended {
    host.journal().flush().await.unwrap();
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let cancel = CallOptions::default().cancel;
    let worker =
        Worker { tools: &tools, clock: Arc::new(TokioClock::default()), cancel: cancel.clone(), front: "test" };
    let script = Script::parse("[[turn]]\ntext = \"done\"\n").unwrap();
    // Another model than the one before: it plays its file from the begin.
    let mut models: [Box<dyn Model>; 1] = [Box::new(Scripted::new("other.toml", script))];
    let mut observe = |happened: &toolhold::agent::Occurrence| {
        if matches!(happened.event, RunEvent::ApprovalRequested { .. }) {
            cancel.cancel();
        }
    };
    match is_dead {
        true => worker.requeue(run, &mut models, &mut observe).await.unwrap(),
        false => worker.resume(run, &mut models, &mut observe).await.unwrap(),
    }
}

fn code(call: &CallSummary) -> &str {
    call.failure.as_ref().map_or("", |failure| &failure.code)
}

fn labels(host: &Host, run: &RunId) -> Vec<String> {
    host.journal().flush_blocking().unwrap();
    let machine = Past::of(&host.journal().reader().unwrap(), run).unwrap().machine().unwrap();
    machine.labels().iter().map(ToString::to_string).collect()
}

#[test]
fn a_call_with_a_secret_is_never_made_without_it() {
    let place = Place::new("");
    let write = |name: &str| {
        format!("tool = \"files.write\"\narguments = {{ path = \"/work/{name}\", content = \"key {SECRET}\" }}\n")
    };
    block_on(async {
        let host = place.open().await;
        let call = cut_off_in(&host, "not-made", &write("not-made")).await;
        let report = taken_up(&host, &call.run, false).await.report;
        assert_eq!((report.state, code(&report.calls[0])), (State::Completed, "secret-taken-out"), "{report:?}");
        assert!(!place.path("work/not-made").exists());

        let call = cut_off_in(&host, "made", &write("made")).await;
        let run = call.run.clone();
        let made = host.call(call, CallOptions::default()).await;
        let report = taken_up(&host, &run, false).await.report;
        assert_eq!((report.state, code(&report.calls[0])), (State::Completed, ""), "{report:?}");
        assert_eq!((&report.calls[0].call, report.calls[0].replayed), (&Some(made.call), true));
        assert_eq!(std::fs::read_to_string(place.path("work/made")).unwrap(), format!("key {SECRET}"));
        assert_eq!(labels(&host, &run), [""; 0], "nothing that it can read has one");
    });
}

#[test]
fn what_a_call_with_a_secret_may_have_read_counts_in_the_run() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let call = format!("tool = \"web.fetch\"\narguments = {{ url = \"{}?{SECRET}\" }}\n", place.url());
        let call = cut_off_in(&host, "read", &call).await;
        let run = call.run.clone();
        host.call(call, CallOptions::default()).await;
        let report = taken_up(&host, &run, false).await.report;
        assert!(report.calls[0].replayed, "{report:?}");
        assert_eq!(labels(&host, &run), ["untrusted"]);
    });
}

#[test]
fn a_run_does_not_wait_for_a_person_because_of_a_call_that_was_made() {
    let place = Place::new("");
    let write = "tool = \"files.write\"\narguments = { path = \"/work/new\", content = \"1\" }\n";
    block_on(async {
        let host = place.open().await;
        let call = cut_off_in(&host, "made", write).await;
        let made = call.run.clone();
        host.call(call, CallOptions::default()).await;
        let not_made = cut_off_in(&host, "not-made", &write.replace("new", "other")).await.run;
        host.journal().flush().await.unwrap();
        drop(host);
        place.manifest("ask", "");
        let host = place.open().await;
        let ended = taken_up(&host, &made, false).await;
        assert!(matches!(ended.report.reason, Some(Reason::Unknown { .. })), "{:?}", ended.report);
        assert!(ended.is_kept && place.path("work/new").exists());
        // It waits for a person, and the test gives it up.
        let report = taken_up(&host, &not_made, false).await.report;
        assert_eq!((report.state, place.path("work/other").exists()), (State::Cancelled, false), "{report:?}");
        drop(host);
        // Where it is as it was, the run goes on with what the call came to.
        place.manifest("allow", "");
        let host = place.open().await;
        let report = taken_up(&host, &made, true).await.report;
        assert_eq!((report.state, report.answer), (State::Completed, Some("done".to_owned())));
        assert_eq!(json!(report.calls.last().unwrap().replayed), true);
    });
}
