//! What belongs to Toolhold and is reachable through no grant: its state directory, its manifests, its lock file.
//!
//! By name: a grant above such a path treats it as denied, a grant within it is refused. By identity: a file with
//! several names (a hard link, planted by somebody else, since guests cannot reach the original) is refused if one of
//! them is protected, and so is what a name leads to after directories were moved. The disk is asked at the time of use,
//! because journals come and go; a file with one name needs no asking, so the common open pays for a set lookup.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};

use super::error::Error;
use super::identity::Identity;
use super::mount::Mount;

/// How the names begin under which Toolhold writes a file of its own before it takes the place of the old one. Such a name beside a
/// protected path is protected too: who could open it would hold the next manifest or lock file.
pub const UNFINISHED: &str = ".toolhold-new-";

/// How deep a state directory is examined. Ours is shallow; a loop of mounts must not hang the host.
const DEEPEST: usize = 32;

/// How many links may lead to one protected path: as many as the operating system follows.
const MOST_LINKS: usize = 40;

/// The paths that belong to Toolhold. `Protected::default()` protects nothing.
#[derive(Debug, Clone, Default)]
pub struct Protected {
    paths: Arc<[PathBuf]>,
    known: Arc<HashSet<Identity>>,
    state_mount: Option<Mount>,
}

impl Protected {
    /// Takes absolute host paths of files and directories. They need not exist yet, but the directory that a missing
    /// one is to be created in must. Links that lead there are protected with what they lead to: whoever could put something else in the
    /// place of one would have it read as what is protected.
    ///
    /// # Errors
    ///
    /// [`Error::Relative`] or [`Error::Examine`].
    pub fn new(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self, Error> {
        let mut all = Vec::new();
        for path in paths {
            let path = path.as_ref();
            all.push(canonical(path)?);
            all.extend(links_to(path).map_err(|source| Error::Examine { path: path.to_owned(), source })?);
        }
        let paths: Arc<[PathBuf]> = all.into();
        let mut known = HashSet::new();
        for path in paths.iter() {
            collect(path, &mut known).map_err(|source| Error::Examine { path: path.clone(), source })?;
        }
        Ok(Self { paths, known: Arc::new(known), state_mount: None })
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Says on which mount staged changes are kept: elsewhere, commits need a directory beside them.
    #[must_use]
    pub fn with_state(mut self, state: &Path) -> Self {
        let opened = rustix::fs::open(state, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        self.state_mount = opened.and_then(Mount::of).ok();
        self
    }

    pub(super) fn state_mount(&self) -> Option<Mount> {
        self.state_mount
    }
}

/// The check by identity of one call: what it learned of the disk is kept for the call.
#[derive(Debug)]
pub(super) struct Shield {
    protected: Protected,
    /// `None` before the first look; `Some(None)` if looking failed: then every file with several names is refused.
    seen: Option<Option<HashSet<Identity>>>,
}

impl Shield {
    pub(super) fn new(protected: Protected) -> Self {
        Self { protected, seen: None }
    }

    /// Whether what has this `stat` belongs to Toolhold.
    pub(super) fn covers(&mut self, stat: &Stat) -> bool {
        if self.protected.paths.is_empty() {
            return false;
        }
        let several_names = stat.st_nlink > 1 && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let identity = Identity::of(stat);
        // What is in the first set may be gone by now and its inode belong to another file: only a second look tells.
        if !several_names && !self.protected.known.contains(&identity) {
            return false;
        }
        let protected = &self.protected;
        let seen = self.seen.get_or_insert_with(|| {
            let mut found = HashSet::new();
            protected.paths.iter().try_for_each(|path| collect(path, &mut found)).ok().map(|()| found)
        });
        seen.as_ref().is_none_or(|seen| seen.contains(&identity))
    }
}

/// The path without links, also if its last part does not exist yet.
fn canonical(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_absolute() {
        return Err(Error::Relative(path.to_owned()));
    }
    let examine = |source| Error::Examine { path: path.to_owned(), source };
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(found), ..) => Ok(found),
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(parent.canonicalize().map_err(examine)?.join(name))
        }
        (Err(source), ..) => Err(examine(source)),
    }
}

/// Where the links are over which the path leads, each without links itself.
fn links_to(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut here, mut links) = (PathBuf::new(), Vec::new());
    let mut ahead: Vec<PathBuf> = path.components().rev().map(|part| part.as_os_str().into()).collect();
    while let Some(part) = ahead.pop() {
        let next = match part.components().next() {
            Some(Component::Normal(name)) => here.join(name),
            // A target that is absolute begins anew.
            Some(Component::RootDir) => {
                here = PathBuf::from("/");
                continue;
            }
            Some(Component::ParentDir) => {
                here.pop();
                continue;
            }
            _ => continue,
        };
        match std::fs::read_link(&next) {
            Ok(target) if links.len() < MOST_LINKS => {
                ahead.extend(target.components().rev().map(|part| PathBuf::from(part.as_os_str())));
                links.push(next);
            }
            Ok(_) => return Err(io::Error::other("too many links")),
            // It is none, or not there yet.
            Err(_) => here = next,
        }
    }
    Ok(links)
}

/// Adds the identities of `path` and of everything below it. What does not exist has none.
fn collect(path: &Path, found: &mut HashSet<Identity>) -> io::Result<()> {
    let stat = match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        stat => stat?,
    };
    found.insert(Identity::of(&stat));
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    collect_below(rustix::fs::openat(CWD, path, flags, Mode::empty())?, found, 0)
}

fn collect_below(directory: OwnedFd, found: &mut HashSet<Identity>, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(io::Error::other("too deep"));
    }
    let mut entries = Dir::new(directory)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = match rustix::fs::statat(entries.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Gone in the meantime: a journal's side file.
            Err(rustix::io::Errno::NOENT) => continue,
            stat => stat?,
        };
        found.insert(Identity::of(&stat));
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            collect_below(rustix::fs::openat(entries.fd()?, name, flags, Mode::empty())?, found, depth + 1)?;
        }
    }
    Ok(())
}
