//! The native stand-in for the host's side of `context`: one recorder per thread, so that tests do not see each other.

use std::cell::RefCell;

use crate::Level;

/// One call of `progress`.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Units done.
    pub done: f64,
    /// Units in all, if known.
    pub total: Option<f64>,
    /// What is being done.
    pub message: String,
}

/// What a call said while it ran.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) emitted: Vec<String>,
    pub(crate) cancelled: bool,
}

thread_local! {
    static RECORDER: RefCell<Recorder> = RefCell::default();
}

/// Starts afresh and returns what was recorded.
pub(crate) fn replace(fresh: Recorder) -> Recorder {
    RECORDER.replace(fresh)
}

pub(crate) fn log(level: Level, message: &str) {
    RECORDER.with_borrow_mut(|recorder| recorder.log.push((level, message.to_owned())));
}

pub(crate) fn progress(done: f64, total: Option<f64>, message: &str) {
    let entry = Progress { done, total, message: message.to_owned() };
    RECORDER.with_borrow_mut(|recorder| recorder.progress.push(entry));
}

pub(crate) fn emit(chunk: &str) {
    RECORDER.with_borrow_mut(|recorder| recorder.emitted.push(chunk.to_owned()));
}

pub(crate) fn cancelled() -> bool {
    RECORDER.with_borrow(|recorder| recorder.cancelled)
}
