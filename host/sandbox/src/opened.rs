//! Granted directories, opened once and kept: opening one costs more than a call.
//!
//! A policy hands out the same grants again and again, mostly as the same allocation. What was opened for one is kept for
//! that one, by its address, which stays taken as long as it is kept here.

use std::sync::{Arc, Mutex, PoisonError};

use toolhold_core::grant::DirectoryGrant;

use crate::capability::fs::{self, Anchors, OpenedGrants, Protected};

/// Different sets of grants that are kept open.
const KEPT: usize = 64;

type Kept = (Arc<[DirectoryGrant]>, Arc<OpenedGrants>);

/// The directories that are open.
pub(crate) struct Opened {
    protected: Protected,
    anchors: Anchors,
    kept: Mutex<Vec<Kept>>,
}

impl Opened {
    pub(crate) fn new(protected: Protected, anchors: Anchors) -> Self {
        Self { protected, anchors, kept: Mutex::default() }
    }

    /// `grants`, open.
    pub(crate) fn get(&self, grants: &Arc<[DirectoryGrant]>) -> Result<Arc<OpenedGrants>, fs::Error> {
        if let Some(opened) = self.find(grants) {
            return Ok(opened);
        }
        let opened = Arc::new(OpenedGrants::open(grants, &self.protected, &self.anchors)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((Arc::clone(grants), Arc::clone(&opened)));
        Ok(opened)
    }

    fn find(&self, grants: &Arc<[DirectoryGrant]>) -> Option<Arc<OpenedGrants>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(other, _)| Arc::ptr_eq(other, grants) || same(other, grants))?;
        let (_, opened) = kept.get(at)?;
        let opened = Arc::clone(opened);
        // The most used last: the first is dropped for a new one.
        if at + 1 < kept.len() {
            kept.swap(at, at + 1);
        }
        Some(opened)
    }
}

fn same(one: &[DirectoryGrant], other: &[DirectoryGrant]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_grant(one, other))
}

// INVARIANT: patterns are compared with everything that narrows them. A tool or a run that is granted less than another must
// not be given what was opened for that one.
fn same_grant(one: &DirectoryGrant, other: &DirectoryGrant) -> bool {
    one.host == other.host
        && one.guest == other.guest
        && one.symlinks == other.symlinks
        && one.atomic == other.atomic
        && one.read.is_same_as(&other.read)
        && one.write.is_same_as(&other.write)
        && one.deny.is_same_as(&other.deny)
}
