//! Files that are offered as components: bombs, broken bytes, machine code. One clear error each, in bounded time.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use toolhold_core::limit::Limit;
use toolhold_sandbox::{CompileError, InspectError, LoadError, Sandbox, SandboxConfig};
use toolhold_tests::test_host::{self, TestHost};
use toolhold_tests::{bomb, guests, wat_guest};

use crate::check::{next_call_works, stops};

fn load(bytes: &[u8]) -> Result<(), LoadError> {
    let sandbox = test_host::shared().unwrap();
    let loaded = sandbox.load_blocking(bytes).map(drop);
    next_call_works(&sandbox);
    loaded
}

fn refused(bytes: &[u8]) -> LoadError {
    load(bytes).unwrap_err()
}

#[test]
fn what_is_no_component_is_told_apart_in_one_line() {
    let core = wat::parse_str("(module (func (export \"run\")))").unwrap();
    assert!(matches!(refused(&core), LoadError::Inspect(InspectError::CoreModule(_))));
    assert!(matches!(refused(b"\x7fELF\x02\x01\x01\0"), LoadError::Inspect(InspectError::Precompiled)));
    for bytes in
        [&b""[..], b"\0", b"\0asm", b"\0asm\x0d\0\x01", b"#!/bin/sh\n", b"PK\x03\x04", b"(component)", &[0xff; 4096]]
    {
        let error = refused(bytes).to_string();
        assert!(!error.contains('\n') && error.len() < 500, "{error}");
    }
}

#[test]
fn a_component_that_was_cut_or_changed_anywhere_is_no_crash() {
    let whole = wat_guest::component("bad_log_text").unwrap();
    let sandbox = test_host::shared().unwrap();
    for cut in (0..whole.len()).step_by(17) {
        drop(sandbox.load_blocking(&whole[..cut]));
    }
    for place in (8..whole.len()).step_by(13) {
        let mut changed = whole.clone();
        changed[place] ^= 0x55;
        drop(sandbox.load_blocking(&changed));
    }
    next_call_works(&sandbox);
}

#[test]
fn a_module_that_was_changed_anywhere_is_no_crash() {
    let whole = wat::parse_str(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 3))))"#,
    )
    .unwrap();
    let sandbox = test_host::shared().unwrap();
    assert!(sandbox.load_blocking(&whole).is_ok());
    for place in 8..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x15;
        drop(sandbox.load_blocking(&changed));
        drop(sandbox.load_blocking(&whole[..place]));
    }
    next_call_works(&sandbox);
}

#[test]
fn machine_code_from_the_cache_is_not_taken_as_a_component() {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(SandboxConfig { cache: Some(cache.path().into()), ..test_host::config() }).unwrap();
    next_call_works(&sandbox);
    let artifact = artifacts(cache.path()).remove(0);
    let error = sandbox.load_file_blocking(&artifact).unwrap_err();
    assert!(matches!(error, LoadError::Inspect(InspectError::Precompiled)), "{error}");
}

#[test]
fn a_changed_cache_file_is_compiled_again() {
    let cache = tempfile::tempdir().unwrap();
    let config = || SandboxConfig { cache: Some(cache.path().into()), ..test_host::config() };
    next_call_works(&Sandbox::new(config()).unwrap());
    for artifact in artifacts(cache.path()) {
        let mut code = std::fs::read(&artifact).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 0xff;
        std::fs::write(&artifact, code).unwrap();
    }
    next_call_works(&Sandbox::new(config()).unwrap());
}

#[test]
fn a_cache_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let cache = tempfile::tempdir().unwrap();
    std::fs::set_permissions(cache.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    next_call_works(&Sandbox::new(SandboxConfig { cache: Some(cache.path().into()), ..test_host::config() }).unwrap());
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

fn artifacts(cache: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let artifacts: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect();
    assert!(!artifacts.is_empty());
    artifacts
}

#[test]
fn a_component_over_the_size_is_refused_by_its_size() {
    let padded = bomb::custom_section("padding", 128 << 20).unwrap();
    let error = refused(&padded);
    assert!(matches!(error, LoadError::Inspect(InspectError::TooLarge { .. })), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("padded.wasm");
    std::fs::write(&path, padded).unwrap();
    assert!(matches!(
        test_host::shared().unwrap().load_file_blocking(&path),
        Err(LoadError::Inspect(InspectError::TooLarge { .. }))
    ));
    // What fits is loaded without minding what it means.
    load(&bomb::custom_section("padding", 8 << 20).unwrap()).unwrap();
    let large = bomb::custom_section(toolhold_core::describe::SECTION, 8 << 20).unwrap();
    assert!(matches!(refused(&large), LoadError::Inspect(_)));
}

#[test]
fn what_is_read_from_a_fifo_or_a_directory_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(test_host::shared().unwrap().load_file_blocking(directory.path()).is_err());
    assert!(test_host::shared().unwrap().load_file_blocking(&directory.path().join("missing.wasm")).is_err());
    let endless = Path::new("/dev/zero");
    assert!(matches!(test_host::shared().unwrap().load_file_blocking(endless), Err(LoadError::Inspect(_))));
}

#[test]
fn bombs_are_refused_before_they_are_compiled() {
    for bomb in [
        bomb::functions(300_000).unwrap(),
        bomb::code(1, 4 << 20).unwrap(),
        bomb::nested_components(200),
        bomb::beside("", 5_000).unwrap(),
    ] {
        let error = refused(&bomb);
        assert!(matches!(error, LoadError::Inspect(InspectError::Excessive { .. })), "{error}");
    }
}

#[test]
fn types_that_double_with_each_line_are_refused() {
    let error = refused(&bomb::types(40).unwrap());
    assert!(matches!(error, LoadError::Inspect(_) | LoadError::Compile(_)), "{error}");
}

#[test]
fn blocks_within_blocks_do_not_overflow_the_hosts_stack() {
    // Whether it compiles is not the point.
    drop(load(&bomb::nested_blocks(50_000).unwrap()));
}

#[test]
fn compiling_is_given_up_after_its_time() {
    let config = SandboxConfig { cache: None, compile_timeout: Duration::from_millis(1), ..test_host::config() };
    let sandbox = Sandbox::new(config).unwrap();
    let error = sandbox.load_blocking(&bomb::code(20, 20_000).unwrap()).unwrap_err();
    assert!(matches!(error, LoadError::Compile(CompileError::TimedOut(_))), "{error}");
}

#[test]
fn two_memories_below_the_limit_are_together_above_it() {
    let sandbox = test_host::shared().unwrap();
    // 100 pages are 6.25 MiB.
    let two = bomb::beside("(memory 100)", 2).unwrap();
    stops(&TestHost::new(&sandbox, &two, "limits.memory = \"10MiB\"").unwrap(), "run", json!({}), Limit::Memory);
    let one = bomb::beside("(memory 100)", 1).unwrap();
    let reply = TestHost::new(&sandbox, &one, "limits.memory = \"10MiB\"").unwrap().call("run", json!({})).unwrap();
    assert!(reply.value().is_ok(), "one of them fits: {reply:?}");
    assert!(reply.usage.get(Limit::Memory) > 100 * 65_536, "{:?}", reply.usage);
}

#[test]
fn two_tables_below_the_limit_are_together_above_it() {
    let sandbox = test_host::shared().unwrap();
    let two = bomb::beside("(table 60 funcref)", 2).unwrap();
    stops(
        &TestHost::new(&sandbox, &two, "limits.table-elements = 100").unwrap(),
        "run",
        json!({}),
        Limit::TableElements,
    );
}

#[test]
fn more_memories_tables_and_instances_than_any_tool_needs_are_refused() {
    let sandbox = test_host::shared().unwrap();
    for (fields, count) in [
        ("(memory 1)", 100),
        ("(table 1 funcref)", 100),
        ("", 900),
        ("(memory 1) (memory 1)", 1),
        ("(memory i64 1)", 1),
    ] {
        let bomb = bomb::beside(fields, count).unwrap();
        let outcome = TestHost::new(&sandbox, &bomb, "").and_then(|host| host.call("run", json!({})));
        assert!(outcome.is_err() || outcome.is_ok_and(|reply| reply.outcome.is_err()), "{count} of `{fields}`");
        next_call_works(&sandbox);
    }
}

#[test]
fn a_component_that_is_swapped_afterwards_is_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tool.wasm");
    let sandbox = test_host::shared().unwrap();
    std::fs::write(&path, wat_guest::from_text("(module)", "").unwrap()).unwrap();
    let approved = sandbox.load_file_blocking(&path).unwrap();
    std::fs::write(&path, guests::component("hostile").unwrap()).unwrap();
    let swapped = sandbox.load_file_blocking(&path).unwrap();
    assert_ne!(approved.digest, swapped.digest);
    assert_eq!(approved.description.tools.len(), 1);
}
