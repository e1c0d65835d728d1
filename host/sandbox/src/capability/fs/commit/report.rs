//! Differences in words for people and programs.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, fstat, readlinkat};
use toolhold_core::effect::{Change, ChangeKind, Content, EntryKind, Properties};
use toolhold_core::id::Digest;

use super::super::overlay::{Area, Below, Blob, Stamp, Times, Tree};
use super::super::path::RelPath;
use super::super::view::{HANDLE, Kind, open_exact};
use super::diff::{Side, compare, hash};
use super::difference::{Difference, Differences, Now, Was};
use super::plan::guest_path;

/// How many changes are listed; the rest is counted.
const LISTED: usize = 10_000;

/// How many bytes of paths are listed; of what is beyond, the number is told.
const PATHS: usize = 8 << 20;

/// How long all comparisons of one report may take.
const TIME: Duration = Duration::from_secs(3);

/// How many bytes of files are hashed for one report.
const HASHED: u64 = 2 << 30;

/// How much is told of each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What changed, and its properties.
    Brief,
    /// Hashes too: reads every file that changed.
    Hashed,
    /// Hashes and diffs too: compares every file that changed.
    Full,
}

/// Collects the changes of trees.
pub(super) struct Report<'a> {
    areas: &'a [Area],
    detail: Detail,
    changes: Vec<Change>,
    left_out: u64,
    /// How many bytes of diffs are still taken.
    room: usize,
    /// How many bytes of paths.
    paths: usize,
    /// How long comparing has taken.
    compared: Duration,
    hashes: Hashes,
}

/// How many bytes are still hashed. What is too large for the rest is told without a hash.
struct Hashes(u64);

impl Hashes {
    fn of(&mut self, fd: BorrowedFd<'_>) -> Option<Digest> {
        let size = u64::try_from(fstat(fd).ok()?.st_size).ok()?;
        let left = self.0.checked_sub(size)?;
        let digest = hash(fd)?;
        self.0 = left;
        Some(digest)
    }
}

impl<'a> Report<'a> {
    pub(super) fn new(areas: &'a [Area], detail: Detail) -> Self {
        const ROOM: usize = 4 << 20;
        let (compared, hashes) = (Duration::ZERO, Hashes(HASHED));
        Self { areas, detail, changes: Vec::new(), left_out: 0, room: ROOM, paths: PATHS, compared, hashes }
    }

    pub(super) fn add(&mut self, tree: &Tree, differences: &Differences) {
        for difference in &differences.list {
            let from = moved(&difference.was).map_or(0, |below| below.path.bytes());
            match self.paths.checked_sub(difference.path.bytes() + from).filter(|_| self.changes.len() < LISTED) {
                Some(left) => {
                    self.paths = left;
                    let change = self.change(tree, difference);
                    self.changes.push(change);
                }
                None => self.left_out += 1,
            }
        }
    }

    pub(super) fn finish(mut self) -> (Vec<Change>, u64) {
        self.changes.sort_by(|one, other| one.path.cmp(&other.path));
        (self.changes, self.left_out)
    }

    fn change(&mut self, tree: &Tree, difference: &Difference) -> Change {
        let name = |path: &RelPath| {
            let areas = self.areas.iter().filter(|area| Arc::ptr_eq(&area.anchor, &tree.base));
            guest_path(areas.map(|area| (&area.prefix, area.guest.as_str())), path)
        };
        let (path, from) = (name(&difference.path), moved(&difference.was).map(|below| name(&below.path)));
        let (hashed, full) = (self.detail != Detail::Brief, self.detail == Detail::Full);
        let below = below(&difference.was);
        let hashes = &mut self.hashes;
        let before = below.map(|below| before(tree, below, hashed.then_some(&mut *hashes)));
        let after = difference.now.as_ref();
        let after = after.map(|now| after_of(tree, now, below, before.as_ref(), hashed.then_some(&mut *hashes)));
        let content = if full { self.content(tree, difference, below) } else { Content::Same };
        let kind = match (from, &before, &after) {
            (Some(from), ..) => ChangeKind::Moved { from },
            (None, None, _) => ChangeKind::Created,
            (None, _, None) => ChangeKind::Deleted,
            (None, Some(before), Some(after)) if is_metadata_only(difference, before, after) => ChangeKind::Metadata,
            _ => ChangeKind::Changed,
        };
        Change { path, kind, before, after, content }
    }

    fn content(&mut self, tree: &Tree, difference: &Difference, below: Option<&Below>) -> Content {
        let old = below.filter(|below| below.stamp.kind == Kind::File);
        let old = old.map(|below| open_exact(&tree.base, below.path.as_str(), OFlags::RDONLY, Mode::empty()));
        let new = difference.now.as_ref().and_then(blob);
        let keeps = difference.now.is_some() && new.is_none();
        if keeps || (old.is_none() && new.is_none()) {
            return Content::Same;
        }
        // What cannot be read is not shown as if it were the same, or empty.
        let (Ok(old), Ok(new)) = (old.transpose(), new.map(|blob| blob.open()).transpose()) else {
            return Content::TooLarge;
        };
        let sides = (old.as_ref().map(|fd| Side(fd.as_fd())), new.as_ref().map(|fd| Side(fd.as_fd())));
        if self.room == 0 || self.compared > TIME {
            return Content::TooLarge;
        }
        let began = Instant::now();
        let content = compare(sides.0, sides.1, self.room);
        self.compared += began.elapsed();
        if let Content::Text { diff, .. } = &content {
            self.room = self.room.saturating_sub(diff.len());
        }
        content
    }
}

fn blob(now: &Now) -> Option<&Arc<Blob>> {
    match now {
        Now::File { blob, .. } => blob.as_ref(),
        _ => None,
    }
}

/// What the change began from: what was there, or what was moved there.
fn below(was: &Was) -> Option<&Below> {
    match was {
        Was::Nothing | Was::Linked { over: None, .. } => None,
        Was::Same(below) | Was::Other(below) | Was::Elsewhere { from: below, .. } => Some(below),
        Was::Linked { over: Some(below), .. } => Some(below),
    }
}

fn moved(was: &Was) -> Option<&Below> {
    match was {
        Was::Elsewhere { from, .. } => Some(from),
        _ => None,
    }
}

fn is_metadata_only(difference: &Difference, before: &Properties, after: &Properties) -> bool {
    let same_content = before.kind == after.kind
        && match difference.now.as_ref().and_then(blob) {
            None => before.size == after.size,
            Some(_) => before.sha256.is_some() && before.sha256 == after.sha256,
        };
    matches!(difference.was, Was::Same(_)) && same_content
}

fn before(tree: &Tree, below: &Below, hashes: Option<&mut Hashes>) -> Properties {
    let is_file = below.stamp.kind == Kind::File;
    let open = || open_exact(&tree.base, below.path.as_str(), OFlags::RDONLY, Mode::empty()).ok();
    let sha256 = hashes.filter(|_| is_file).and_then(|hashes| hashes.of(open()?.as_fd()));
    let target = (below.stamp.kind == Kind::Link).then(|| target(tree, below)).flatten();
    Properties { sha256, target, ..properties(&below.stamp) }
}

fn target(tree: &Tree, below: &Below) -> Option<String> {
    let link = open_exact(&tree.base, below.path.as_str(), HANDLE, Mode::empty()).ok()?;
    readlinkat(&link, "", Vec::new()).ok()?.into_string().ok()
}

fn after_of(
    tree: &Tree,
    now: &Now,
    below: Option<&Below>,
    before: Option<&Properties>,
    hashes: Option<&mut Hashes>,
) -> Properties {
    let unchanged = || before.cloned().unwrap_or_else(|| plain(EntryKind::File, 0));
    match now {
        Now::Link { target } => Properties {
            target: Some(target.clone()),
            ..plain(EntryKind::Symlink, u64::try_from(target.len()).unwrap_or(0))
        },
        Now::Directory { times } => {
            let was_one = below.is_some_and(|below| below.stamp.kind == Kind::Directory);
            let base = if was_one { unchanged() } else { plain(EntryKind::Directory, 0) };
            Properties { modified: modified(times).unwrap_or(base.modified), ..base }
        }
        Now::File { blob: Some(blob), times, .. } => match blob.stat() {
            Ok(stat) => {
                let sha256 = hashes.and_then(|hashes| hashes.of(blob.open().ok()?.as_fd()));
                let base = properties(&Stamp::of(&stat));
                Properties { sha256, modified: modified(times).unwrap_or(base.modified), ..base }
            }
            Err(_) => unchanged(),
        },
        Now::File { blob: None, times, identity } => {
            let known = tree.inodes.get(identity).and_then(|inode| inode.below.as_ref());
            let base = known.map_or_else(unchanged, |known| self::before(tree, known, hashes));
            Properties { modified: modified(times).unwrap_or(base.modified), ..base }
        }
    }
}

fn modified(times: &Times) -> Option<u64> {
    times.modified.map(|time| micros((time.tv_sec, time.tv_nsec)))
}

fn properties(stamp: &Stamp) -> Properties {
    let kind = match stamp.kind {
        Kind::Directory => EntryKind::Directory,
        Kind::Link => EntryKind::Symlink,
        Kind::File | Kind::Special => EntryKind::File,
    };
    let size = if kind == EntryKind::Directory { 0 } else { stamp.size };
    Properties { kind, size, sha256: None, modified: micros(stamp.modified), mode: stamp.mode, target: None }
}

fn plain(kind: EntryKind, size: u64) -> Properties {
    Properties { kind, size, sha256: None, modified: 0, mode: 0, target: None }
}

fn micros((seconds, nanoseconds): (i64, i64)) -> u64 {
    u64::try_from(seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_for_the_rest_is_not_hashed_and_takes_nothing_of_it() {
        let file = |bytes: usize| {
            let mut file = tempfile::tempfile().unwrap();
            std::io::Write::write_all(&mut file, &vec![b'x'; bytes]).unwrap();
            file
        };
        let (six, four, one) = (file(6), file(4), file(1));
        let mut hashes = Hashes(10);
        assert!(hashes.of(six.as_fd()).is_some());
        assert_eq!(hashes.of(six.as_fd()), None);
        assert!(hashes.of(four.as_fd()).is_some());
        assert_eq!(hashes.of(one.as_fd()), None);
    }
}
