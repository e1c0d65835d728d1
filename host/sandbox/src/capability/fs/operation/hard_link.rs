//! Giving a file a second name.

use std::sync::Arc;

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::notes::{Operation, Touched, Why};
use super::super::view::Kind;
use super::rename::may_move;
use super::resolve::{Asked, Last};

impl FsCtx {
    /// Makes `to.1` below `to.0` another name of the regular file `from.1` below `from.0`.
    ///
    /// The old name must be readable and writable: whoever has a second name could otherwise do by it what the first one
    /// does not allow.
    pub(in super::super) fn link_at(&mut self, from: (&Directory, &str), to: (&Directory, &str)) -> FsResult<()> {
        let asked = |(directory, text)| Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::HardLink, [asked(from), asked(to)], |fs, [from, to]| {
            let grant = &from.grant;
            if !Arc::ptr_eq(grant, &to.grant) {
                return Err(Why::AcrossGrants.into());
            }
            may_move(grant, &from.path, &to.path)?;
            if !grant.rules.may_read(&from.path) {
                return Err(grant.rules.why_not(&from.path, false).into());
            }
            let look = fs.view.look(grant, &from.path)?;
            match look.kind {
                Kind::File if from.must_be_directory => return Err(ErrorCode::NotDirectory.into()),
                // A second name for a directory: no file system has that, and each says so itself.
                Kind::File | Kind::Directory => {}
                Kind::Link => return Err(Why::Symlink.into()),
                Kind::Special => return Err(Why::SpecialFile.into()),
            }
            if fs.shield.covers(&look.stat) {
                return Err(Why::Protected.into());
            }
            if to.must_be_directory {
                return Err(ErrorCode::NoEntry.into());
            }
            fs.creating(|| fs.view.hard_link(grant, &from.path, &to.path))?;
            fs.notes.touched(&grant.guest, to.path.as_str(), Touched::Created);
            Ok(())
        })
    }
}
