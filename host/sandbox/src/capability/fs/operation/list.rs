//! Listing a directory, and making its changes last.

use std::sync::Arc;

use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::handle::Handle;
use super::super::listing::Listing;
use super::super::notes::{Operation, Touched};
use super::resolve::{Asked, Last};

impl FsCtx {
    /// The entries of `directory` that the guest may know of.
    pub(in super::super) fn list(&mut self, directory: &Directory) -> FsResult<Listing> {
        let handle = Handle::take(&self.meter)?;
        let asked = Asked { directory, text: ".", last: Last::Keep };
        let (entries, path) = self.resolved(Operation::List, [asked], |fs, [place]| {
            if !place.grant.rules.may_list(&place.path) {
                return Err(place.grant.rules.why_not(&place.path, false).into());
            }
            let entries = fs.view.list(&place.grant, &place.path)?;
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Listed);
            Ok((entries, place.path.clone()))
        })?;
        Ok(Listing {
            entries,
            grant: Arc::clone(&directory.grant),
            path,
            meter: Arc::clone(&self.meter),
            _handle: handle,
        })
    }

    /// Waits until what was created, removed and moved in `directory` lasts.
    pub(in super::super) fn sync_directory(&mut self, directory: &Directory) -> FsResult<()> {
        let asked = Asked { directory, text: ".", last: Last::Keep };
        self.resolved(Operation::Sync, [asked], |fs, [place]| {
            if !place.grant.rules.may_enter(&place.path) {
                return Err(place.grant.rules.why_not(&place.path, false).into());
            }
            Ok(fs.view.sync_directory(&place.grant, &place.path)?)
        })
    }
}
