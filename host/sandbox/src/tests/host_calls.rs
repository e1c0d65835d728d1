//! The limit of host calls, to the call: neither a loop nor a straight run of calls gets one past it.

use toolhold_core::grant::{DirectoryGrant, Grants, Patterns, Symlinks};
use toolhold_core::limit::{Exceeded, Limit};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{environment, exit, stdin, stdout, terminal_stdout};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::random::{insecure_seed, random};

use super::guests::{COMMAND_LINE, CONTEXT, importing};
use super::support::{Call, WAYS, exceeded, limits, sandbox, stops_at};
use crate::RunReport;
use crate::bindings::toolhold::tool::context;
use crate::call::{CallState, Gate};
use crate::capability::fs::FsView;

/// What comes of a guest that makes these calls one after the other and may make `allowed`, on each way.
fn straight(imports: super::guests::Imports, calls: &str, allowed: u64) -> [RunReport; 2] {
    let sandbox = sandbox();
    let loaded = sandbox.load_blocking(&importing(imports, calls)).unwrap();
    WAYS.map(|way| Call::of(&sandbox, &loaded).limited(&[(Limit::HostCalls, allowed)]).run(way))
}

#[test]
fn a_loop_of_host_calls_stops() {
    let busy = importing(CONTEXT, "(loop $l (drop (call $cancelled)) (br $l))");
    stops_at(Limit::HostCalls, &busy, &[(Limit::HostCalls, 1000), (Limit::Fuel, u64::MAX)]);
}

#[test]
fn a_straight_run_of_calls_may_use_the_limit_up() {
    for report in straight(CONTEXT, &"(drop (call $cancelled))".repeat(20), 20) {
        assert_eq!(report.outcome.unwrap(), "{}");
        assert_eq!(report.usage.get(Limit::HostCalls), 20);
    }
}

#[test]
fn the_first_call_past_the_limit_has_no_effect_and_is_the_last() {
    let log = "(call $log (i32.const 1) (i32.const 2048) (i32.const 4))";
    for report in straight(CONTEXT, &log.repeat(20), 7) {
        assert_eq!(exceeded(&report), Exceeded { limit: Limit::HostCalls, allowed: 7, used: 8 });
        assert_eq!(report.output.log.len(), 7);
        assert_eq!(report.usage.get(Limit::HostCalls), 7);
    }
}

#[test]
fn neither_has_one_that_works_on_a_handle() {
    let write = "(call $write (local.get $i) (i32.const 2048) (i32.const 4) (i32.const 64))";
    for report in straight(COMMAND_LINE, &format!("(local.set $i (call $out)) {}", write.repeat(20)), 4) {
        assert_eq!(exceeded(&report), Exceeded { limit: Limit::HostCalls, allowed: 4, used: 5 });
        assert_eq!(report.output.stdout, "oopsoopsoops");
    }
}

/// A call that has made all the calls it may.
fn used_up() -> CallState {
    crate::call::test_state(Grants::default(), limits(&[(Limit::HostCalls, 0)]))
}

#[track_caller]
fn ends_the_guest<T>(answer: wasmtime::Result<T>) {
    let error = answer.map(drop).unwrap_err();
    assert_eq!(error.downcast_ref::<Exceeded>().map(|exceeded| exceeded.limit), Some(Limit::HostCalls), "{error:#}");
}

#[test]
fn no_function_without_a_handle_answers_past_the_limit() {
    let ends = |call: fn(Gate<'_>) -> wasmtime::Result<()>| ends_the_guest(call(used_up().counted()));
    ends(|mut gate| wall_clock::Host::now(&mut gate).map(drop));
    ends(|mut gate| wall_clock::Host::resolution(&mut gate).map(drop));
    ends(|mut gate| monotonic_clock::Host::now(&mut gate).map(drop));
    ends(|mut gate| monotonic_clock::Host::resolution(&mut gate).map(drop));
    ends(|mut gate| monotonic_clock::Host::subscribe_instant(&mut gate, 1).map(drop));
    ends(|mut gate| monotonic_clock::Host::subscribe_duration(&mut gate, 1).map(drop));
    ends(|mut gate| random::Host::get_random_bytes(&mut gate, 1).map(drop));
    ends(|mut gate| insecure_seed::Host::insecure_seed(&mut gate).map(drop));
    ends(|mut gate| environment::Host::get_environment(&mut gate).map(drop));
    ends(|mut gate| environment::Host::get_arguments(&mut gate).map(drop));
    ends(|mut gate| environment::Host::initial_cwd(&mut gate).map(drop));
    ends(|mut gate| exit::Host::exit(&mut gate, Ok(())));
    ends(|mut gate| stdin::Host::get_stdin(&mut gate).map(drop));
    ends(|mut gate| stdout::Host::get_stdout(&mut gate).map(drop));
    ends(|mut gate| terminal_stdout::Host::get_terminal_stdout(&mut gate).map(drop));
    ends(|mut gate| context::Host::progress(&mut gate, 1.0, None, String::new()));
    ends(|mut gate| context::Host::emit(&mut gate, String::new()));
    ends(|mut gate| context::Host::cancelled(&mut gate).map(drop));
}

#[test]
fn the_file_system_answers_nothing_past_the_limit() {
    use crate::capability::fs::bindings::types::{ErrorCode, Host as _, HostDescriptor as _};
    ends_the_guest(used_up().fs().get_directories());
    ends_the_guest(used_up().fs().convert_error_code(ErrorCode::NoEntry.into()));
    // What is of handles finds none.
    assert!(used_up().fs().sync(Resource::new_borrow(0)).is_err());
}

#[test]
fn a_granted_directory_is_out_of_reach_past_the_limit() {
    use crate::capability::fs::bindings::types::HostDescriptor as _;
    let temp = tempfile::tempdir().unwrap();
    let everything = || Patterns::new(["**"]).unwrap();
    let directory = DirectoryGrant {
        host: temp.path().to_owned(),
        guest: "/work".into(),
        read: everything(),
        write: everything(),
        deny: Patterns::none(),
        symlinks: Symlinks::Deny,
        atomic: false,
        labels: Default::default(),
    };
    let grants = Grants { directories: [directory].into(), ..Grants::default() };
    let mut state = crate::call::test_state(grants, limits(&[(Limit::HostCalls, 3)]));
    let root = state.fs().get_directories().unwrap().remove(0).0.rep();
    let stat = |state: &mut CallState| state.fs().stat(Resource::new_borrow(root)).map(drop);
    stat(&mut state).unwrap();
    state.fs().create_directory_at(Resource::new_borrow(root), "one".into()).unwrap();
    for _ in 0..2 {
        assert!(stat(&mut state).is_err());
        assert!(state.fs().create_directory_at(Resource::new_borrow(root), "two".into()).is_err());
        ends_the_guest(state.fs().get_directories());
        assert!(state.fs().drop(Resource::new_own(root)).is_err());
    }
    assert!(temp.path().join("one").exists() && !temp.path().join("two").exists());
}
