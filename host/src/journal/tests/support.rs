//! A journal in a directory of its own, and calls to put into it.

use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use toolhold_core::call::{Mode, ValidatedCall};
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::limit::Usage;
use toolhold_core::tool::Tool;

use crate::journal::{Admission, Error, Intent, Journal, Options, Reader, ScopedKey, Settlement};

/// A state directory that goes with the test.
pub(super) struct State {
    directory: TempDir,
}

impl State {
    pub(super) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(super) fn open(&self) -> Journal {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Journal, Error> {
        Journal::open(&self.path(), &Options { now: 1_000_000, ..Options::default() })
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// Changes the database as somebody would who may write it, triggers out of the way.
    pub(super) fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path().join("journal.db")).unwrap();
        let triggers =
            "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_cut; DROP TRIGGER audit_grows_at_its_end;";
        connection.execute_batch(triggers).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

/// A validated call of `tool` (of the bytes `component`) with `arguments`.
pub(super) fn validated(component: &str, tool: &str, arguments: &str) -> ValidatedCall {
    let info = ToolInfo {
        name: tool.parse().unwrap(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    Tool::new(&"files".parse().unwrap(), Digest::of(component.as_bytes()), info).unwrap().validate(arguments).unwrap()
}

pub(super) fn call_id(name: &str) -> CallId {
    name.parse().unwrap()
}

pub(super) fn intent(call: &str, effects: Effects) -> Intent {
    let call_of = validated("component", "write", r#"{"path":"/work/a","text":"b"}"#);
    Intent::new(call_id(call), "run".parse().unwrap(), &call_of, Mode::Live, effects, 1)
}

pub(super) fn key(scope: &str, key: &str) -> ScopedKey {
    ScopedKey { scope: scope.into(), key: key.parse().unwrap() }
}

pub(super) fn success(text: &str, effects: Effects) -> Settlement {
    Settlement::success(text, Usage::default(), effects, 2)
}

/// Admits and settles one call with effects.
pub(super) fn write_call(journal: &Journal, call: &str) {
    assert_eq!(journal.admit_blocking(intent(call, Effects::Possible)).unwrap(), Admission::Fresh);
    journal.settle_blocking(&call_id(call), success("\"done\"", Effects::Possible)).unwrap();
}

/// Copies the files of a state directory.
pub(super) fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
