//! What is said of the data that a run has read: what later calls of the run are judged by.
//!
//! A label only ever comes, none goes: what a model has seen it may use in every call after.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use toolhold_core::id::Label;

/// The labels of one run, shared by all of its calls.
#[derive(Debug, Default)]
pub struct RunLabels(Mutex<BTreeSet<Label>>);

impl RunLabels {
    /// Those of everything that was read so far.
    #[must_use]
    pub fn so_far(&self) -> BTreeSet<Label> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something with these was read.
    pub fn add<'a>(&self, labels: impl IntoIterator<Item = &'a Label>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(labels.into_iter().cloned());
    }
}
