//! Reading where a symbolic link leads.

use toolhold_core::grant::Symlinks;

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::notes::{Operation, Touched, Why};
use super::super::path::link_stays_inside;
use super::super::view::Kind;
use super::resolve::{Asked, Last};

impl FsCtx {
    /// The target of the link `text` below `directory`, if it stays in the grant: any other would name the host's places.
    pub(in super::super) fn readlink_at(&mut self, directory: &Directory, text: &str) -> FsResult<String> {
        let asked = Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::ReadLink, [asked], |fs, [place]| {
            let rules = &place.grant.rules;
            if !rules.may_read(&place.path) {
                return Err(rules.why_not(&place.path, false).into());
            }
            let look = fs.view.look(&place.grant, &place.path)?;
            if look.kind != Kind::Link || place.must_be_directory {
                return Err(ErrorCode::Invalid.into());
            }
            if place.grant.symlinks == Symlinks::Deny {
                return Err(Why::Symlink.into());
            }
            let target = look.link_target()?;
            if !link_stays_inside(&target, place.path.depth().saturating_sub(1)) {
                return Err(Why::Escape.into());
            }
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Read);
            Ok(target)
        })
    }
}
