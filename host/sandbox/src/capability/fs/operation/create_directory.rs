//! Creating a directory.

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::notes::{Operation, Touched};
use super::resolve::{Asked, Last};

impl FsCtx {
    /// Creates `text` below `directory`.
    pub(in super::super) fn create_directory_at(&mut self, directory: &Directory, text: &str) -> FsResult<()> {
        let asked = Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::CreateDirectory, [asked], |fs, [place]| {
            place.grant.rules.require_write(&place.path)?;
            if place.ends_in_dots || place.path.is_root() {
                return Err(ErrorCode::Exist.into());
            }
            fs.creating(|| fs.view.create_directory(&place.grant, &place.path))?;
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Created);
            Ok(())
        })
    }
}
