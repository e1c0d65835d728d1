//! Removing files, links and empty directories.

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::notes::{Operation, Touched, Why};
use super::super::view::Kind;
use super::Stop;
use super::resolve::{Asked, Last, Place};

impl FsCtx {
    /// Removes the file or link `text` below `directory`. A link is removed, never followed.
    pub(in super::super) fn unlink_file_at(&mut self, directory: &Directory, text: &str) -> FsResult<()> {
        let asked = Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::RemoveFile, [asked], |fs, [place]| {
            place.grant.rules.require_write(&place.path)?;
            if place.ends_in_dots || place.path.is_root() {
                return Err(ErrorCode::IsDirectory.into());
            }
            fs.not_a_protected_file(place)?;
            fs.view.remove_file(&place.grant, &place.path)?;
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Deleted);
            Ok(())
        })
    }

    /// Removes the empty directory `text` below `directory`.
    pub(in super::super) fn remove_directory_at(&mut self, directory: &Directory, text: &str) -> FsResult<()> {
        let asked = Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::RemoveDirectory, [asked], |fs, [place]| {
            place.grant.rules.require_write(&place.path)?;
            if place.ends_in_dots {
                return Err(ErrorCode::Invalid.into());
            }
            fs.view.remove_directory(&place.grant, &place.path)?;
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Deleted);
            Ok(())
        })
    }

    /// Another name of a protected file stays, and a slash after a file's name is an error.
    fn not_a_protected_file(&mut self, place: &Place) -> Result<(), Stop> {
        let look = self.view.look(&place.grant, &place.path)?;
        if self.shield.covers(&look.stat) {
            return Err(Why::Protected.into());
        }
        match look.kind {
            Kind::Directory => Err(ErrorCode::IsDirectory.into()),
            _ if place.must_be_directory => Err(ErrorCode::NotDirectory.into()),
            _ => Ok(()),
        }
    }
}
