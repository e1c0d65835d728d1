//! Moving.
//!
//! A move changes two paths at once, and of a directory all paths below it. It is refused unless what the guest could do
//! with the thing under its new name is no more than what it could do under its old one:
//!
//! * both names may be written, and the new one may be read only if the old one may;
//! * of a directory, the same holds for everything in it, which is walked before (up to a bound). Nothing in it may be
//!   denied or protected under either name. Somebody outside who creates a denied file in it between the walk and the
//!   move moves it along; no guest can, other calls included;
//! * a link, moved alone or in a directory, must not lead out of the grant from its new place: other programs follow it.

use rustix::fs::FileType;
use rustix::io::Errno;
use toolhold_core::grant::Symlinks;

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::grants::Grant;
use super::super::notes::{Operation, Touched, Why};
use super::super::path::{RelPath, link_stays_inside};
use super::super::view::{Kind, Look};
use super::resolve::{Asked, Last, Place};
use super::{Stop, while_names_move};

/// The largest tree that is walked before it is moved, in entries. Larger ones have to be moved in parts.
const LARGEST_TREE: usize = 10_000;
/// How many entries are walked between two looks at the clock.
const BETWEEN_LOOKS: usize = 256;

impl FsCtx {
    /// Moves `from.1` below `from.0` to `to.1` below `to.0`.
    pub(in super::super) fn rename_at(&mut self, from: (&Directory, &str), to: (&Directory, &str)) -> FsResult<()> {
        let asked = |(directory, text)| Asked { directory, text, last: Last::Keep };
        self.resolved(Operation::Rename, [asked(from), asked(to)], |fs, [from, to]| {
            let grant = &from.grant;
            if !std::sync::Arc::ptr_eq(grant, &to.grant) {
                return Err(Why::AcrossGrants.into());
            }
            may_move(grant, &from.path, &to.path)?;
            let _names = while_names_move();
            fs.in_time()?;
            let busy = |place: &Place| place.ends_in_dots || place.path.is_root();
            if busy(from) || busy(to) {
                return Err(ErrorCode::Busy.into());
            }
            let look = fs.view.look(grant, &from.path)?;
            if look.kind != Kind::Directory && (from.must_be_directory || to.must_be_directory) {
                return Err(ErrorCode::NotDirectory.into());
            }
            fs.may_move_contents(from, to, &look)?;
            fs.view.rename(grant, &from.path, &to.path)?;
            fs.notes.touched(&grant.guest, from.path.as_str(), Touched::Renamed(to.path.as_str().to_owned()));
            Ok(())
        })
    }

    fn may_move_contents(&mut self, from: &Place, to: &Place, look: &Look) -> Result<(), Stop> {
        if self.shield.covers(&look.stat) {
            return Err(Why::Protected.into());
        }
        match look.kind {
            Kind::File => Ok(()),
            Kind::Special => Err(Why::SpecialFile.into()),
            Kind::Link if from.grant.symlinks == Symlinks::Deny => Err(Why::Symlink.into()),
            Kind::Link => link_may_be_at(&look.link_target()?, &to.path),
            Kind::Directory => self.may_move_tree(&from.grant, &from.path, &to.path),
        }
    }

    fn may_move_tree(&mut self, grant: &Grant, from: &RelPath, to: &RelPath) -> Result<(), Stop> {
        let mut ahead = vec![(from.clone(), to.clone())];
        let mut walked = 0;
        while let Some((old, new)) = ahead.pop() {
            let mut entries = self.view.list(grant, &old)?;
            while let Some(entry) = entries.next() {
                let entry = entry?;
                walked += 1;
                self.may_walk_on(walked)?;
                let Ok(name) = entry.name.to_str() else { return Err(Why::MovesForbidden.into()) };
                let (old, new) = (old.join(name), new.join(name));
                if grant.prefix.append(new.as_str()).is_too_long() {
                    return Err(Errno::NAMETOOLONG.into());
                }
                if !grant.rules.same_for_all_paths() {
                    may_move(grant, &old, &new).map_err(|_| Why::MovesForbidden)?;
                }
                match entry.kind {
                    FileType::Directory => ahead.push((old, new)),
                    FileType::RegularFile => {}
                    _ => self.may_move_other(grant, old, new, &mut ahead)?,
                }
            }
        }
        Ok(())
    }

    /// A link, something special, or something whose kind the listing did not tell.
    fn may_move_other(
        &self,
        grant: &Grant,
        old: RelPath,
        new: RelPath,
        ahead: &mut Vec<(RelPath, RelPath)>,
    ) -> Result<(), Stop> {
        let look = self.view.look(grant, &old)?;
        match look.kind {
            Kind::Link => link_may_be_at(&look.link_target()?, &new),
            Kind::Directory => {
                ahead.push((old, new));
                Ok(())
            }
            Kind::File | Kind::Special => Ok(()),
        }
    }

    fn may_walk_on(&self, walked: usize) -> Result<(), Stop> {
        if walked > LARGEST_TREE {
            return Err(Why::MovesForbidden.into());
        }
        if walked.is_multiple_of(BETWEEN_LOOKS) {
            self.in_time()?;
        }
        Ok(())
    }
}

/// What holds for a path and for every path below it.
pub(super) fn may_move(grant: &Grant, from: &RelPath, to: &RelPath) -> Result<(), Why> {
    grant.rules.require_write(from)?;
    grant.rules.require_write(to)?;
    if grant.rules.may_read(to) && !grant.rules.may_read(from) {
        return Err(Why::MovesForbidden);
    }
    Ok(())
}

fn link_may_be_at(target: &str, path: &RelPath) -> Result<(), Stop> {
    if link_stays_inside(target, path.depth().saturating_sub(1)) { Ok(()) } else { Err(Why::Escape.into()) }
}
