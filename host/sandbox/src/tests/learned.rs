//! A component that was loaded as a whole before is listed without its machine code, and has it made when it is first called, once.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use toolhold_core::id::{Digest, Hashed};

use super::guests::{Text, computing, undescribed, with_section};
use super::support::{Call, Way, config, runtime};
use crate::engine::Artifact;
use crate::learned::Code;
use crate::{LoadError, Loaded, RunFailure, Sandbox, SandboxConfig};

fn with_cache(dir: &Path) -> Sandbox {
    Sandbox::new(SandboxConfig { cache: Some(dir.join("cache")), ..config() }).unwrap()
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

fn known(sandbox: &Sandbox, component: &[u8]) -> Result<Loaded, LoadError> {
    runtime().block_on(sandbox.load_known(Hashed::new(component.to_vec())))
}

/// A directory in whose cache is what was learned of `component`, and no machine code.
fn learned(component: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    with_cache(dir.path()).load_blocking(component).unwrap();
    for artifact in files(dir.path(), ".cwasm") {
        std::fs::remove_file(artifact).unwrap();
    }
    assert_eq!(files(dir.path(), ".learned.json").len(), 1);
    dir
}

#[test]
fn what_was_loaded_before_is_the_same_and_is_not_compiled_until_it_is_called() {
    for way in [Way::CallingThread, Way::Task] {
        let component = computing("");
        let dir = learned(&component);
        let sandbox = with_cache(dir.path());
        let loaded = known(&sandbox, &component).unwrap();
        assert!(files(dir.path(), ".cwasm").is_empty(), "nothing is compiled");
        let whole = Sandbox::new(config()).unwrap().load_blocking(&component).unwrap();
        assert_eq!(format!("{loaded:?}"), format!("{whole:?}"));
        assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), "{}");
        assert_eq!(files(dir.path(), ".cwasm").len(), 1);
        assert_eq!(Call::of(&sandbox, &loaded).run(way).outcome.unwrap(), "{}");
    }
}

#[test]
fn what_was_not_loaded_before_or_has_no_cache_is_compiled_at_once() {
    let component = computing("");
    let dir = tempfile::tempdir().unwrap();
    known(&with_cache(dir.path()), &component).unwrap();
    assert_eq!((files(dir.path(), ".cwasm").len(), files(dir.path(), ".learned.json").len()), (1, 1));
    assert!(known(&Sandbox::new(config()).unwrap(), b"\0asm\x0d\0\x01\0").is_err());
}

#[test]
fn a_server_makes_everything_ready_before_anybody_calls() {
    let component = computing("");
    let dir = learned(&component);
    let sandbox = with_cache(dir.path());
    known(&sandbox, &component).unwrap();
    sandbox.inner().make_all_ready();
    assert_eq!(files(dir.path(), ".cwasm").len(), 1);
    let entry = sandbox.inner().entry(&Digest::of(&component)).unwrap();
    assert!(entry.has_sat_down(), "what was linked to see that it fits is what the first call runs");
}

/// Its schemas are not looked at again where something was learned of it, so nothing is.
#[test]
fn of_a_tool_whose_schema_does_not_compile_nothing_is_learned() {
    let (good, bad) = (r#"{"type":"object"}"#, r#"{"type":"nonsense"}"#);
    for (input, output, compiles) in [(good, good, true), (bad, good, false), (good, bad, false)] {
        let tool =
            format!(r#""name":"t","title":"T","description":"D","input-schema":{input},"output-schema":{output}"#);
        let component = with_section(undescribed(Text::default()), &format!(r#"{{"format":1,"tools":[{{{tool}}}]}}"#));
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let loaded = known(&with_cache(dir.path()), &component).unwrap();
            assert_eq!(loaded.description.tools.len(), 1);
            assert_eq!(loaded.schemas_compile, compiles, "{tool}");
            assert_eq!(files(dir.path(), ".learned.json").len(), usize::from(compiles), "{tool}");
        }
    }
}

/// Whatever is done to what is kept, the component runs as itself, and what is said of it is what is true of it.
#[test]
fn what_is_damaged_or_of_another_component_or_version_or_writable_for_others_is_not_used() {
    let (component, other) = (computing(""), with_section(computing("(nop)"), "{}"));
    assert_ne!(component, other);
    type Tamper = fn(&Path);
    let cases: [Tamper; 6] = [
        |file| std::fs::write(file, "{}").unwrap(),
        |file| edit(file, "{\"format\":2", "{\"format\":1"),
        |file| edit(file, env!("CARGO_PKG_VERSION"), "99.0.0"),
        |file| edit(file, "\"size\":", "\"size\":1"),
        |file| edit(file, "sha256:", "sha256:0"),
        |file| {
            edit(file, "\"imports\":[", "\"imports\":[\"forged\"");
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o602)).unwrap();
        },
    ];
    for (number, tamper) in cases.into_iter().enumerate() {
        let dir = learned(&component);
        tamper(&files(dir.path(), ".learned.json")[0]);
        let sandbox = with_cache(dir.path());
        let loaded = known(&sandbox, &component).unwrap();
        assert_eq!(files(dir.path(), ".cwasm").len(), 1, "case {number}: it is looked at anew");
        assert!(loaded.imports.iter().all(|name| name != "forged"), "case {number}");
        assert_eq!(Call::of(&sandbox, &loaded).run(Way::CallingThread).outcome.unwrap(), "{}");
    }
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// What an older state of the cache says can be compiled, and cannot: the call says why, and the sandbox goes on.
#[test]
fn what_does_not_compile_when_it_is_called_is_said_and_harms_no_other() {
    let component = computing("");
    let dir = learned(&component);
    let mut broken = component.clone();
    broken.truncate(component.len() - 3);
    let file = files(dir.path(), ".learned.json").remove(0);
    let (was, is) = (Digest::of(&component), Digest::of(&broken));
    let text = std::fs::read_to_string(&file).unwrap().replace(&was.hex(), &is.hex());
    let text = text.replace(&format!("\"size\":{}", component.len()), &format!("\"size\":{}", broken.len()));
    let name = file.file_name().unwrap().to_str().unwrap().replace(&was.hex(), &is.hex());
    std::fs::write(file.with_file_name(&name), text).unwrap();
    std::fs::set_permissions(file.with_file_name(&name), std::fs::Permissions::from_mode(0o600)).unwrap();
    let sandbox = with_cache(dir.path());
    let (bad, good) = (known(&sandbox, &broken).unwrap(), known(&sandbox, &component).unwrap());
    for way in [Way::CallingThread, Way::Task, Way::CallingThread] {
        let failure = Call::of(&sandbox, &bad).run(way).outcome.unwrap_err();
        assert!(matches!(&failure, RunFailure::Host(why) if why.contains("not valid")), "{failure:?}");
        assert_eq!(Call::of(&sandbox, &good).run(way).outcome.unwrap(), "{}");
    }
}

#[test]
fn many_first_calls_at_once_make_it_once_and_all_of_them_run() {
    let component = computing("");
    let dir = learned(&component);
    let sandbox = with_cache(dir.path());
    let loaded = known(&sandbox, &component).unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let way = if number % 2 == 0 { Way::CallingThread } else { Way::Task };
            let (sandbox, loaded) = (&sandbox, &loaded);
            scope.spawn(move || assert_eq!(Call::of(sandbox, loaded).run(way).outcome.unwrap(), "{}"));
        }
    });
    let made = AtomicUsize::new(0);
    let code = Code::of(vec![1]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let make = |_: &[u8]| {
                    made.fetch_add(1, Ordering::SeqCst);
                    Ok(Artifact::from_compiled(b"code")?)
                };
                code.get_or_make(make).unwrap();
            });
        }
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn what_could_not_be_made_is_tried_again() {
    let code = Code::of(vec![1]);
    let failing = |_: &[u8]| Err(LoadError::Host("no".into()));
    assert!(code.get_or_make(failing).is_err() && code.get().is_none());
    assert!(code.get_or_make(|bytes| Ok(Artifact::from_compiled(bytes)?)).is_ok() && code.get().is_some());
}
