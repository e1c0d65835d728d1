//! Writes a cassette.
//!
//! Keys are never in it, and whatever else the host knows to be secret is taken out of each text. A secret that a provider
//! spreads over the pieces of a stream cannot be taken out of them: such an exchange is an error and is not written.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use toolhold_core::redact::{REDACTED, Redactor};

use super::super::{Error, Turn};
use super::format::{Answered, Asked, Exchange, Failure, Head, KEPT_HEADERS, Taken};

/// Writes what goes over the wire to a file. Cheap to clone; all clones write to the same file.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: Mutex<File>,
    redactor: Redactor,
}

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is a file of that name.
    #[error("`{}` exists, and a recording does not write over a file; name another one", .0.display())]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("the recording `{}` cannot be written: {source}", .path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no wire.
    #[error("`{0}` calls no model over a network, so there is nothing to record; leave `--record` out")]
    NoWire(String),
    /// A file holds the exchanges of one model.
    #[error("a recording is of one model, and this run has several; choose one of them with `--model NAME`")]
    SeveralModels,
}

impl Recorder {
    /// Makes the file, which only this user may read. `redactor` knows everything that must not be in it.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn create(path: &Path, redactor: Redactor) -> Result<Self, RecordError> {
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
                match source.kind() {
                    std::io::ErrorKind::AlreadyExists => RecordError::Exists(path.to_owned()),
                    _ => RecordError::Unwritable { path: path.to_owned(), source },
                }
            })?;
        Ok(Self(Arc::new(Inner { path: path.to_owned(), file: Mutex::new(file), redactor })))
    }

    /// Writes the first line.
    pub(in super::super) fn begin(&self, head: Head) -> Result<(), RecordError> {
        let text = |text: String| self.0.redactor.redact(&text).into_owned();
        let head = Head { url: text(head.url), model: text(head.model), system: head.system.map(text), ..head };
        self.line(&head).map_err(|source| RecordError::Unwritable { path: self.0.path.clone(), source })
    }

    /// Writes an exchange.
    pub(in super::super) fn write(&self, exchange: &Exchange) -> Result<(), Error> {
        self.line(exchange).map_err(|error| {
            Error::Cassette(format!("the recording `{}` cannot be written: {error}", self.0.path.display()))
        })
    }

    /// Refuses a turn in which a secret shows that its pieces do not show.
    pub(in super::super) fn may_be_kept(&self, turn: &Turn) -> Result<(), Error> {
        let calls = turn.calls.iter().flat_map(|call| [&call.name, &call.arguments]);
        if std::iter::once(&turn.text).chain(calls).any(|text| self.0.redactor.finds(text)) {
            return Err(Error::Cassette(
                "the model's answer holds a known secret, so it is not recorded; run without `--record`".into(),
            ));
        }
        Ok(())
    }

    /// A request, without secrets.
    pub(in super::super) fn asked<'a>(
        &self,
        path: &str,
        headers: impl Iterator<Item = (&'a str, Option<&'a str>)>,
        body: &Value,
    ) -> Asked {
        let shown = |(name, value): (&str, Option<&str>)| (name.to_owned(), self.text(value.unwrap_or(REDACTED)));
        let mut body = body.clone();
        self.0.redactor.redact_value(&mut body);
        Asked { method: "POST".into(), path: self.text(path), headers: headers.map(shown).collect(), body }
    }

    /// An answer, without secrets.
    pub(in super::super) fn answered(&self, status: u16, headers: &HeaderMap, taken: &Taken) -> Answered {
        let kept = KEPT_HEADERS.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)));
        let headers: BTreeMap<_, _> = kept.map(|(name, value)| (name.to_owned(), self.text(value))).collect();
        Answered::of(status, headers, &self.body(&taken.body))
    }

    /// What cut an answer off, without secrets.
    pub(in super::super) fn failure(&self, taken: &Taken) -> Option<Failure> {
        let mut failure = Failure::of(taken.failure.as_ref()?);
        failure.message = failure.message.map(|message| self.text(&message));
        Some(failure)
    }

    /// Within JSON and the JSON of events, secrets are replaced so that it stays JSON.
    fn body(&self, bytes: &[u8]) -> Vec<u8> {
        let redactor = &self.0.redactor;
        let Ok(text) = std::str::from_utf8(bytes) else { return redactor.redact_bytes(bytes).into_owned() };
        let line = |line: &str| match line.split_once("data:") {
            Some(("", data)) => format!("data:{}", redactor.redact_json(data)),
            _ => redactor.redact(line).into_owned(),
        };
        let clean = match text.trim_ascii_start().starts_with('{') {
            true => redactor.redact_json(text).into_owned(),
            false => text.split('\n').map(line).collect::<Vec<_>>().join("\n"),
        };
        redactor.redact(&clean).into_owned().into_bytes()
    }

    fn text(&self, text: &str) -> String {
        self.0.redactor.redact(text).into_owned()
    }

    fn line(&self, line: &impl Serialize) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Finish, Tokens};
    use super::*;
    use toolhold_core::run::RequestedCall;

    fn recorder(folder: &tempfile::TempDir) -> Recorder {
        Recorder::create(&folder.path().join("c.jsonl"), Redactor::new([("k", "sk-very-secret")])).unwrap()
    }

    #[test]
    fn a_recording_never_writes_over_a_file_and_is_this_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let _first = recorder(&folder);
        let path = folder.path().join("c.jsonl");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = Recorder::create(&path, Redactor::default()).unwrap_err();
        assert!(matches!(error, RecordError::Exists(_)), "{error}");
        let error = Recorder::create(&folder.path().join("no/c"), Redactor::default()).unwrap_err();
        assert!(matches!(error, RecordError::Unwritable { .. }), "{error}");
    }

    #[test]
    fn a_secret_is_taken_out_of_every_form_and_what_was_json_stays_json() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = recorder(&folder);
        for (body, expected) in [
            ("{\"a\":\"sk-very-secret\"}", "{\"a\":\"[redacted]\"}"),
            ("data: {\"a\":\"x\\u0073k-very-secret\"}\n\n", "data:{\"a\":\"x[redacted]\"}\n\n"),
            (": sk-very-secret\n", ": [redacted]\n"),
            ("<b>sk-very-secret</b>", "<b>[redacted]</b>"),
        ] {
            assert_eq!(String::from_utf8(recorder.body(body.as_bytes())).unwrap(), expected);
        }
        assert_eq!(recorder.body(b"\xffsk-very-secret"), b"\xff[redacted]");
        let asked =
            recorder.asked("/v1", [("authorization", None)].into_iter(), &serde_json::json!(["sk-very-secret"]));
        assert_eq!((asked.headers["authorization"].as_str(), &asked.body[0]), (REDACTED, &REDACTED.into()));
    }

    #[test]
    fn a_secret_that_shows_only_when_the_pieces_are_together_is_not_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = recorder(&folder);
        let call = |arguments: &str| RequestedCall { id: "c".into(), name: "n".into(), arguments: arguments.into() };
        let turn = |text: &str, arguments: &str| Turn {
            text: text.into(),
            calls: vec![call(arguments)],
            finish: Finish::Stop,
            tokens: Tokens::default(),
            served_by: None,
        };
        assert_eq!(recorder.may_be_kept(&turn("hello", "{}")), Ok(()));
        for turn in [turn("it is sk-very-secret", ""), turn("", r#"{"a":"sk-very-secret"}"#)] {
            assert_eq!(recorder.may_be_kept(&turn).unwrap_err().code(), "cassette");
        }
    }
}
