//! Which mount something is on. Names are moved and linked within one mount only, also where two of them show the same file
//! system: bind mounts of containers, and what systemd makes of `ReadWritePaths`.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, StatxFlags, fstat, statx};
use rustix::io::Errno;

/// A mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mount {
    device: u64,
    /// `None` where the kernel does not say: before Linux 5.8.
    id: Option<u64>,
}

impl Mount {
    /// The one that `fd` is on.
    pub(super) fn of(fd: impl AsFd) -> Result<Self, Errno> {
        let device = fstat(&fd)?.st_dev;
        let seen = statx(&fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok();
        let told = seen.filter(|seen| StatxFlags::from_bits_retain(seen.stx_mask).contains(StatxFlags::MNT_ID));
        Ok(Self { device, id: told.map(|seen| seen.stx_mnt_id) })
    }

    /// Whether something can be moved from one to the other.
    pub(super) fn is_one_with(self, other: Self) -> bool {
        let same_mount = self.id.zip(other.id).is_none_or(|(one, other)| one == other);
        self.device == other.device && same_mount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_system_on_two_mounts_is_not_one() {
        let on = |device, id| Mount { device, id };
        assert!(on(1, Some(7)).is_one_with(on(1, Some(7))));
        assert!(!on(1, Some(7)).is_one_with(on(1, Some(8))));
        assert!(!on(1, Some(7)).is_one_with(on(2, Some(7))), "of a mount with several file systems, as btrfs has them");
        assert!(on(1, None).is_one_with(on(1, Some(8))), "the kernel does not say");
        assert!(!on(1, None).is_one_with(on(2, None)));
    }

    #[test]
    fn what_lies_in_a_directory_is_on_its_mount() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("sub")).unwrap();
        let of = |path: &std::path::Path| Mount::of(std::fs::File::open(path).unwrap()).unwrap();
        assert!(of(temp.path()).is_one_with(of(&temp.path().join("sub"))));
        assert!(!of(temp.path()).is_one_with(of(std::path::Path::new("/proc"))));
    }
}
