//! Creating a symbolic link.

use toolhold_core::grant::Symlinks;

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::notes::{Operation, Touched, Why};
use super::super::path::link_stays_inside;
use super::resolve::{Asked, Last};

impl FsCtx {
    /// Creates a link to `target` at `text` below `directory`. A target that could lead out of the grant is refused even
    /// though this host would not follow it: other programs would.
    pub(in super::super) fn symlink_at(&mut self, directory: &Directory, target: &str, text: &str) -> FsResult<()> {
        let asked = Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::Symlink, [asked], |fs, [place]| {
            if place.grant.symlinks != Symlinks::Create {
                return Err(Why::Symlink.into());
            }
            place.grant.rules.require_write(&place.path)?;
            match target {
                "" => return Err(ErrorCode::NoEntry.into()),
                target if target.contains('\0') => return Err(ErrorCode::Invalid.into()),
                target if !link_stays_inside(target, place.path.depth().saturating_sub(1)) => {
                    return Err(Why::Escape.into());
                }
                _ => {}
            }
            if place.ends_in_dots || place.path.is_root() {
                return Err(ErrorCode::Exist.into());
            }
            if place.must_be_directory {
                return Err(ErrorCode::NoEntry.into());
            }
            fs.creating(|| fs.view.symlink(&place.grant, target, &place.path))?;
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Created);
            Ok(())
        })
    }
}
