//! A tool's own error, a trap, a crossed limit and a fault of the host are four different things.

use toolhold_core::outcome::{Class, Failure};

use super::guests::{COMMAND_LINE, computing, importing};
use super::support::{Call, WAYS, sandbox, trap};
use crate::capability::context::{Event, EventSink};
use crate::{RunFailure, ToolError};

#[test]
fn a_tools_own_error_is_its_own() {
    let sandbox = sandbox();
    let loaded = sandbox.load_blocking(&computing("(return (i32.const 32))")).unwrap();
    for way in WAYS {
        let failure = Call::of(&sandbox, &loaded).run(way).outcome.unwrap_err();
        assert_eq!(failure, RunFailure::Tool(ToolError::Failed("oops".into())));
        assert_eq!(Failure::from(failure).class, Class::Tool);
    }
}

#[test]
fn a_trap_has_a_name_and_shows_no_path() {
    let sandbox = sandbox();
    for (invoke, code) in [
        ("unreachable", "unreachable"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "division-by-zero"),
        ("(drop (i32.load (i32.const -4)))", "memory-out-of-bounds"),
        ("(return (call $f))", "stack-overflow"),
        // A result beyond the memory, one that is not aligned, a case that does not exist, text that is not UTF-8.
        ("(return (i32.const 131070))", "invalid-call"),
        ("(return (i32.const 1))", "invalid-call"),
        ("(i32.store8 (i32.const 0) (i32.const 7))", "invalid-call"),
        ("(i32.store8 (i32.const 1024) (i32.const 255))", "invalid-call"),
    ] {
        let module = "(func $f (result i32) (i32.add (call $f) (call $f)))";
        let text = super::guests::Text { invoke, module, ..super::guests::Text::default() };
        let loaded = sandbox.load_blocking(&super::guests::guest(text)).unwrap();
        for way in WAYS {
            let report = Call::of(&sandbox, &loaded).run(way);
            assert_eq!(trap(&report), code, "{invoke}");
            let failure = Failure::from(report.outcome.unwrap_err());
            assert_eq!(failure.class, Class::Trap);
            assert!(!failure.detail.unwrap().contains('/'), "{invoke}");
        }
    }
}

#[test]
fn a_guest_that_exits_did_not_return() {
    let sandbox = sandbox();
    for status in [0, 1] {
        let loaded =
            sandbox.load_blocking(&importing(COMMAND_LINE, &format!("(call $exit (i32.const {status}))"))).unwrap();
        for way in WAYS {
            let failure = Call::of(&sandbox, &loaded).run(way).outcome.unwrap_err();
            assert_eq!(failure, RunFailure::Exit(status));
        }
    }
}

#[test]
fn a_host_function_that_panics_is_a_fault_of_the_host_and_the_next_call_works() {
    let sandbox = sandbox();
    let loaded = sandbox
        .load_blocking(&importing(super::guests::CONTEXT, "(call $emit (i32.const 1024) (i32.const 2))"))
        .unwrap();
    for way in WAYS {
        let mut call = Call::of(&sandbox, &loaded);
        call.options.events = Some(EventSink::new(|_: Event| panic!("/secret/path")));
        let failure = call.run(way).outcome.unwrap_err();
        assert_eq!(failure, RunFailure::Host("a host function panicked".into()));
        for _ in 0..4 {
            assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), "{}");
        }
    }
}

#[test]
fn an_answer_of_the_wrong_kind_is_a_fault_of_the_host() {
    let ended = crate::call::Ended {
        outcome: Ok(super::support::tools()),
        usage: toolhold_core::limit::Usage::default(),
        output: toolhold_core::outcome::SideOutput::default(),
        files: crate::capability::fs::Notes::default(),
        staged: None,
        requests: crate::capability::http::Requests::default(),
    };
    assert!(matches!(crate::RunReport::from(ended).outcome, Err(RunFailure::Host(_))));
}
