//! What a file has beside its content, its times and its mode: owner and extended attributes.

use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Mode, OFlags, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fsetxattr, fstat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::overlay::Below;
use super::super::view::open_exact;

/// The longest list of names and the longest value that are looked at. A file that has more is written in place.
const LONGEST: usize = 64 << 10;

/// Gives `to` the owner and the attributes of the file on disk. `false` if that is not possible: then `to` cannot take its place.
pub(super) fn give(base: &Base, below: &Below, to: BorrowedFd<'_>) -> bool {
    give_owner(below, to).is_ok() && give_attributes(base, below, to).is_ok()
}

fn give_owner(below: &Below, to: BorrowedFd<'_>) -> Result<(), Errno> {
    let stat = fstat(to)?;
    let (user, group) = below.stamp.owner;
    if (stat.st_uid, stat.st_gid) == (user, group) {
        return Ok(());
    }
    fchown(to, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    // A change of the owner takes away what a mode says of other users' rights.
    rustix::fs::fchmod(to, Mode::from_raw_mode(below.stamp.mode))
}

fn give_attributes(base: &Base, below: &Below, to: BorrowedFd<'_>) -> Result<(), Errno> {
    let from = open_exact(base, below.path.as_str(), OFlags::RDONLY, Mode::empty())?;
    let mut names = vec![0; LONGEST];
    let length = match flistxattr(&from, &mut names[..]) {
        Err(Errno::NOTSUP) => return Ok(()),
        length => length?,
    };
    let names = names.get(..length).unwrap_or_default();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; LONGEST];
        let length = fgetxattr(&from, name, &mut value[..])?;
        fsetxattr(to, name, value.get(..length).unwrap_or_default(), XattrFlags::empty())?;
    }
    Ok(())
}
