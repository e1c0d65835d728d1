//! A call that was under way when its run was cut off, and of which the run has not everything any more.

use super::*;

/// A run that has started a call whose arguments hold a secret, as it is read back from where it was stored.
fn cut_off() -> Lived {
    let write = World::Calls(vec![("files__write", r#"{"text":"[redacted]"}"#)], Finish::ToolCalls);
    let mut lived = Lived::begin(1);
    loop {
        match lived.machine.next(Duration::ZERO) {
            Next::Call(call) => {
                lived.take(Duration::ZERO, call.event());
                return lived;
            }
            next => act(next, &write, &lived.machine).into_iter().for_each(|event| lived.take(Duration::ZERO, event)),
        }
    }
}

fn code(call: &CallSummary) -> &str {
    call.failure.as_ref().map_or("", |failure| &failure.code)
}

#[test]
fn a_call_that_was_started_and_lost_a_secret_is_not_made_again_and_what_it_did_is_not_known() {
    let mut lived = cut_off();
    assert!(matches!(lived.machine.next(Duration::ZERO), Next::Call(_)), "whoever started it has everything");
    lived.take(Duration::ZERO, resumed());
    let Next::Note(event) = lived.machine.next(Duration::ZERO) else { panic!("it is made") };
    lived.take(Duration::ZERO, event);
    let report = lived.machine.report();
    assert_eq!(code(&report.calls[0]), "outcome-unknown");
    lived.live(&[World::Text("done", Finish::Stop)], Duration::ZERO);
    assert!(matches!(lived.machine.report().reason, Some(Reason::Unknown { .. })));
    assert_eq!(lived.machine.requeue_at(), Some(RequeueAt::Call));
    // A person lets it go on, and it is not made then either.
    lived.take(Duration::ZERO, RunEvent::DeadLettered);
    lived.take(Duration::ZERO, RunEvent::Requeued { at: RequeueAt::Call });
    lived.take(Duration::ZERO, resumed());
    assert!(matches!(lived.machine.next(Duration::ZERO), Next::Note(RunEvent::CallReturned { .. })));
}

#[test]
fn a_run_hears_of_its_call_that_it_lost_a_secret_where_it_was_never_made_and_goes_on() {
    let mut lived = cut_off();
    lived.take(Duration::ZERO, resumed());
    let call = lived.machine.open_call().unwrap();
    lived.take(Duration::ZERO, lived.machine.not_made(&call));
    assert_eq!(code(&lived.machine.report().calls[0]), "secret-taken-out");
    let heard =
        |message: &Message| matches!(message, Message::Tool { content, .. } if content.contains("ask for it again"));
    assert!(lived.machine.messages().iter().any(heard));
    lived.live(&[World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    assert_well_formed(lived.machine.messages());
}

#[test]
fn nobody_is_asked_about_a_call_that_lost_a_secret() {
    let mut lived = cut_off();
    let (turn, tool, approval) = (1, "files.write".to_owned(), "approval-1".parse().unwrap());
    lived.take(Duration::ZERO, RunEvent::ApprovalRequested { turn, tool, approval });
    assert!(matches!(lived.machine.next(Duration::ZERO), Next::Await(_)));
    lived.take(Duration::ZERO, resumed());
    let Next::Note(RunEvent::ApprovalRefused { failure, .. }) = lived.machine.next(Duration::ZERO) else { panic!() };
    assert_eq!(failure.code, "secret-taken-out");
    lived.live(&[World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    assert_well_formed(lived.machine.messages());
}
