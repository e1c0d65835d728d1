//! Core modules for WASI preview 1, as any older compiler makes them: adapted when they are loaded, run as programs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use toolhold_core::call::CommandCall;
use toolhold_core::command::{Command, Output, Written};
use toolhold_core::grant::Grants;
use toolhold_core::limit::Limits;

use super::support::sandbox;
use crate::call::{Answer, Request, RunFailure};
use crate::sandbox::RunOptions;
use crate::{DescribedBy, Kind, LoadError, Sandbox, ToolError};

/// Writes what it reads on standard input, then the bytes of its arguments, and exits with `status`.
fn program(status: u8) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 2)
        (func $put (param $at i32) (param $length i32)
            (i32.store (i32.const 0) (local.get $at))
            (i32.store (i32.const 4) (local.get $length))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
        (func (export "_start")
            (i32.store (i32.const 0) (i32.const 1024))
            (i32.store (i32.const 4) (i32.const 1024))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (call $put (i32.const 1024) (i32.load (i32.const 8)))
            (drop (call $sizes (i32.const 16) (i32.const 20)))
            (drop (call $args (i32.const 4096) (i32.const 8192)))
            (call $put (i32.const 8192) (i32.load (i32.const 20)))
            (call $exit (i32.const {status}))))"#
    );
    wat::parse_str(text).unwrap()
}

fn run(sandbox: &Sandbox, component: &[u8], written: Written) -> Result<String, RunFailure> {
    let loaded = sandbox.load_blocking(component).unwrap();
    assert!(matches!(loaded.kind, Kind::Command { .. }));
    assert_eq!((loaded.described_by, loaded.digest), (DescribedBy::Nobody, toolhold_core::id::Digest::of(component)));
    let input = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
    let command = Arc::new(Command::new(written, &input).unwrap());
    let invocation = command.invocation("it", json!({ "text": "hello" }).as_object().unwrap()).unwrap();
    let request = Request::Run(Arc::new(CommandCall { invocation, command }));
    let inner = sandbox.inner();
    let job = inner.job(request, Grants::default(), Limits::default(), RunOptions::default()).unwrap();
    let entry = inner.entry(&loaded.digest).unwrap();
    match inner.run_blocking(&entry, job, Instant::now() + Duration::from_secs(60)).outcome? {
        Answer::Text(text) => Ok(text),
        Answer::Tools(_) => panic!("a program was asked for its tools"),
    }
}

fn written() -> Written {
    Written { argv: vec!["-x".into(), "{text}".into()], stdin: Some("<{text}>".into()), ..Written::default() }
}

#[test]
fn a_module_reads_its_input_and_arguments_and_its_output_is_the_result() {
    let text = run(&sandbox(), &program(0), written()).unwrap();
    assert_eq!(text, r#""<hello>it\u0000-x\u0000hello\u0000""#);
}

#[test]
fn the_exit_status_of_a_module_is_kept_whole() {
    let seven = Written { success: vec![7], result: Output::Base64, ..written() };
    assert!(run(&sandbox(), &program(7), seven).is_ok());
    let failed = run(&sandbox(), &program(9), Written { not_found: vec![9], ..written() }).unwrap_err();
    assert!(matches!(&failed, RunFailure::Tool(ToolError::NotFound(text)) if text.contains("status 9")), "{failed:?}");
}

#[test]
fn a_module_that_imports_what_no_host_has_is_refused() {
    for import in ["env", "extism:host/env"] {
        let text = format!(
            r#"(module (import "{import}" "length" (func (param i64) (result i64))) (func (export "_start")))"#
        );
        let error = sandbox().load_blocking(&wat::parse_str(text).unwrap()).unwrap_err();
        assert!(matches!(error, LoadError::Inspect(_)), "{error}");
        let error = error.to_string();
        assert!(error.contains("cannot be made a component") && error.contains(import), "{error}");
    }
}
