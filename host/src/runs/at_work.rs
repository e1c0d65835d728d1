//! Which runs somebody in this process works on: two workers of one run would write over each other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toolhold_core::id::RunId;

/// The runs of a host that are worked on. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct AtWork(Arc<Mutex<BTreeSet<RunId>>>);

impl AtWork {
    /// Begins the work on a run, until what is returned is dropped. `None` where somebody works on it already.
    pub(crate) fn begin(&self, run: &RunId) -> Option<Working> {
        let is_new = self.lock().insert(run.clone());
        is_new.then(|| Working { at_work: self.clone(), run: run.clone() })
    }

    /// Whether somebody works on it.
    pub(crate) fn has(&self, run: &RunId) -> bool {
        self.lock().contains(run)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<RunId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody works on a run.
#[derive(Debug)]
pub(crate) struct Working {
    at_work: AtWork,
    run: RunId,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.at_work.lock().remove(&self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_works_on_a_run() {
        let at_work = AtWork::default();
        let (one, other): (RunId, RunId) = ("one".parse().unwrap(), "other".parse().unwrap());
        let working = at_work.begin(&one);
        assert!(working.is_some() && at_work.begin(&one).is_none() && at_work.has(&one));
        assert!(at_work.begin(&other).is_some());
        assert!(!at_work.has(&other), "whoever has let go does not work");
        drop(working);
        assert!(!at_work.has(&one) && at_work.begin(&one).is_some());
    }
}
