//! What is loaded, what is refused, and in which words.

use std::time::Duration;

use toolhold_core::limit::Limit;

use super::guests::{COMMAND_LINE, Text, computing, guest, importing, undescribed, with_section};
use super::support::{config, sandbox};
use crate::{
    CompileError, DescribedBy, DescriptionError, InspectError, LoadError, RunFailure, Sandbox, SandboxConfig,
    WorldError,
};

fn refused(bytes: &[u8]) -> LoadError {
    sandbox().load_blocking(bytes).unwrap_err()
}

#[test]
fn a_component_with_a_section_is_listed_without_running_it() {
    let component =
        guest(Text { describe: "unreachable", module: "(func $s unreachable) (start $s)", ..Text::default() });
    let loaded = sandbox().load_blocking(&component).unwrap();
    assert_eq!(loaded.described_by, DescribedBy::Section);
    assert_eq!(loaded.description.tools[0].name.as_str(), "t");
    assert!(loaded.imports.iter().any(|name| name == "toolhold:tool/types@0.1.0"));
}

#[test]
fn a_component_without_a_section_is_asked_once_under_limits() {
    let error = refused(&undescribed(Text::default()));
    assert!(matches!(error, LoadError::Description(DescriptionError::Count(0))), "{error}");
    let error = refused(&undescribed(Text { describe: "(loop $l (br $l))", ..Text::default() }));
    match error {
        // Which of both comes first is the machine's speed.
        LoadError::Describe(RunFailure::Exceeded(exceeded)) => {
            assert!(matches!(exceeded.limit, Limit::Fuel | Limit::Time), "{exceeded}");
        }
        other => panic!("{other}"),
    }
    let error = refused(&undescribed(Text { describe: "unreachable", ..Text::default() }));
    assert!(matches!(error, LoadError::Describe(RunFailure::Trap(_))), "{error}");
}

#[test]
fn a_flood_of_tools_is_refused() {
    // So many tools of nothing but zeros; the memory after them is long enough for all.
    let describe = "(i32.store (i32.const 516) (i32.const 1300)) (i32.store (i32.const 512) (i32.const 8192))";
    let error = refused(&undescribed(Text { describe, ..Text::default() }));
    assert!(matches!(error, LoadError::Description(DescriptionError::Count(1300))), "{error}");
}

#[test]
fn what_is_not_a_component_is_refused_in_one_clear_sentence() {
    for (bytes, sentence) in [
        (wat::parse_str("(module)").unwrap(), "this is a core WebAssembly module that cannot be made a component"),
        (b"\x7fELF".to_vec(), "this is precompiled machine code, not a component"),
        (b"hello".to_vec(), "this is not a WebAssembly component"),
        (wat::parse_str("(component)").unwrap(), "the component exports no tool"),
    ] {
        let error = refused(&bytes).to_string();
        assert!(error.starts_with(sentence), "{error}");
    }
}

#[test]
fn precompiled_code_of_this_very_engine_is_refused_too() {
    let sandbox = sandbox();
    let room = sandbox.inner().room(Some(0)).unwrap();
    let code = room.engine.precompile_component(&computing("")).unwrap();
    let error = sandbox.load_blocking(&code).unwrap_err();
    assert!(matches!(error, LoadError::Inspect(InspectError::Precompiled)), "{error}");
}

#[test]
fn another_version_of_the_world_is_named_and_a_patch_fits() {
    let other = guest(Text { export: "toolhold:tool/described@0.2.0", ..Text::default() });
    let error = refused(&other);
    assert!(matches!(&error, LoadError::World(WorldError::Version { found }) if found.ends_with("@0.2.0")), "{error}");
    let patch = guest(Text { export: "toolhold:tool/described@0.1.9", ..Text::default() });
    assert!(sandbox().load_blocking(&patch).is_ok());
}

#[test]
fn the_interface_in_another_shape_is_refused_when_it_is_loaded() {
    let text = r#"(component
        (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $d (export "describe" (func $f)) (export "invoke" (func $f)))
        (export "toolhold:tool/described@0.1.0" (instance $d)))"#;
    let section = r#"{"format":1,"tools":[]}"#;
    let error = refused(&with_section(wat::parse_str(text).unwrap(), section));
    assert!(matches!(error, LoadError::Unfit(_)), "{error}");
}

#[test]
fn an_import_that_does_not_exist_is_named() {
    let imports = super::guests::Imports {
        outer: r#"(import "evil:host/escape@1.0.0" (instance (export "run" (func))))"#,
        ..super::guests::Imports::default()
    };
    let error = refused(&importing(imports, ""));
    assert!(matches!(&error, LoadError::Unfit(text) if text.contains("evil:host/escape@1.0.0")), "{error}");
}

/// Two components in one, of which one hands the other a text: what some compilers make.
#[test]
fn a_composed_component_whose_parts_exchange_texts_is_loaded() {
    let outer = r#"
        (component $callee
            (core module $m (memory (export "mem") 1) (func (export "f") (param i32 i32))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 16))
            (core instance $i (instantiate $m))
            (alias core export $i "mem" (core memory $memory))
            (alias core export $i "realloc" (core func $realloc))
            (alias core export $i "f" (core func $core))
            (func $f (param "s" string) (canon lift (core func $core) (memory $memory) (realloc $realloc)))
            (export "f" (func $f)))
        (component $caller
            (import "f" (func $f (param "s" string)))
            (core module $libc (memory (export "mem") 1))
            (core instance $libc (instantiate $libc))
            (alias core export $libc "mem" (core memory $memory))
            (core func $lowered (canon lower (func $f) (memory $memory)))
            (core module $m (import "" "f" (func (param i32 i32))))
            (core instance $in (export "f" (func $lowered)))
            (core instance (instantiate $m (with "" (instance $in)))))
        (instance $callee (instantiate $callee))
        (alias export $callee "f" (func $exchanged))
        (instance (instantiate $caller (with "f" (func $exchanged))))"#;
    let component = importing(super::guests::Imports { outer, ..super::guests::Imports::default() }, "");
    assert!(sandbox().load_blocking(&component).is_ok());
}

#[test]
fn a_module_with_two_memories_of_its_own_is_refused() {
    let error = refused(&guest(Text { module: "(memory 1)", ..Text::default() }));
    assert_eq!(error.to_string(), "the component has more than 1 memory in one module");
}

#[test]
fn a_module_with_threads_large_memories_or_tags_does_not_validate() {
    for outer in ["(core module (memory 1 1 shared))", "(core module (memory i64 1))", "(core module (tag))"] {
        let error = refused(&importing(super::guests::Imports { outer, ..super::guests::Imports::default() }, ""));
        assert!(matches!(error, LoadError::Compile(CompileError::Invalid(_))), "{outer}: {error}");
    }
}

#[test]
fn a_component_that_takes_too_long_to_compile_is_given_up_and_a_few_of_those_are_all() {
    let config = SandboxConfig { compile_timeout: Duration::ZERO, ..config() };
    let sandbox = Sandbox::new(config).unwrap();
    let large = "(drop (i32.div_u (local.get 0) (local.get 1)))".repeat(20_000);
    let components = [0, 1, 2].map(|number| computing(&format!("{large} (drop (i32.const {number}))")));
    let mut given_up = 0;
    for component in &components {
        let error = sandbox.load_blocking(component).unwrap_err();
        match error {
            LoadError::Compile(CompileError::TimedOut(_)) => given_up += 1,
            LoadError::Compile(CompileError::Exhausted) => assert_eq!(given_up, 2),
            other => panic!("{other}"),
        }
    }
    assert_eq!(given_up, 2);
}

#[test]
fn loading_twice_is_loading_once() {
    let sandbox = sandbox();
    let component = importing(COMMAND_LINE, "");
    let one = sandbox.load_blocking(&component).unwrap();
    let two = super::support::runtime().block_on(sandbox.load(component)).unwrap();
    assert!(std::sync::Arc::ptr_eq(&one.description, &two.description));
}

#[test]
fn the_bytes_that_were_read_are_the_component() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.wasm");
    std::fs::write(&path, computing("")).unwrap();
    let sandbox = sandbox();
    let loaded = sandbox.load_file_blocking(&path).unwrap();
    assert_eq!(loaded.digest, toolhold_core::id::Digest::of(&computing("")));
    std::fs::write(&path, computing("unreachable")).unwrap();
    assert_ne!(sandbox.load_file_blocking(&path).unwrap().digest, loaded.digest);
    assert!(matches!(sandbox.load_file_blocking(&dir.path().join("none")), Err(LoadError::Read { .. })));
}
