//! The handles of one call: what its guest opened, and the granted directories, which need no opening.
//!
//! A guest gets a handle of every granted directory before it does anything, and looks at few of them. So these are made once,
//! when the grants are opened, and all calls share them: a call's handle of one is its number and one more in the count of
//! handles. Nothing is allocated for it and nothing enters the table.

use std::sync::Arc;

use toolhold_core::limit::Limit;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};

use super::descriptor::Descriptor;
use crate::meter::Meter;

/// The number of the first granted directory.
///
/// INVARIANT: what is in the table has lower numbers: it never has as many places ([`MOST_OPENED`]).
const FIRST_GRANTED: u32 = 1 << 31;

/// The most that the table of a call may hold, whatever its limits say.
pub const MOST_OPENED: usize = 1 << 31;

/// A granted directory as every guest gets it that it is granted to.
#[derive(Debug)]
pub struct Root {
    pub(super) descriptor: Descriptor,
    /// Where the guest sees it.
    pub(super) guest: Arc<str>,
}

/// What the handles of a guest stand for.
pub struct Handles<'a> {
    /// What was opened; the same table that the call's streams are in.
    pub opened: &'a mut ResourceTable,
    /// The granted directories. None for a call that may do nothing more.
    pub granted: &'a [Root],
}

/// The directories that a guest is given, each with where it sees it.
pub(crate) type Directories = Vec<(Resource<Descriptor>, Arc<str>)>;

impl Handles<'_> {
    /// What `fd` stands for.
    pub(super) fn get(&self, fd: &Resource<Descriptor>) -> Result<&Descriptor, ResourceTableError> {
        match granted(fd) {
            None => self.opened.get(fd),
            Some(place) => Ok(&self.granted.get(place).ok_or(ResourceTableError::NotPresent)?.descriptor),
        }
    }

    /// A handle of something that was opened.
    pub(super) fn push<T: Send + 'static>(&mut self, opened: T) -> Result<Resource<T>, ResourceTableError> {
        self.opened.push(opened)
    }

    /// Handles of all granted directories, charged to `meter`.
    pub(super) fn directories(&self, meter: &Meter) -> wasmtime::Result<Directories> {
        meter.charge(Limit::Handles, self.granted.len() as u64)?;
        let numbered = (FIRST_GRANTED..).zip(self.granted);
        Ok(numbered.map(|(number, root)| (Resource::new_own(number), Arc::clone(&root.guest))).collect())
    }

    /// Gives a handle back.
    pub(super) fn close(&mut self, fd: Resource<Descriptor>, meter: &Meter) -> Result<(), ResourceTableError> {
        match granted(&fd) {
            None => self.opened.delete(fd).map(drop),
            Some(_) => {
                self.get(&fd)?;
                meter.release(Limit::Handles, 1);
                Ok(())
            }
        }
    }
}

/// Which of the granted directories it is, if it is one.
fn granted(fd: &Resource<Descriptor>) -> Option<usize> {
    fd.rep().checked_sub(FIRST_GRANTED).and_then(|place| usize::try_from(place).ok())
}
