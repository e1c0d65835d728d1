//! A directory of the host, opened once, and what is known of it; and which of several lies in which.
//!
//! Staged changes are kept per *anchor*, the outermost granted directory, so that two grants that overlap show each other's
//! changes, in one call and across the calls of a run.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, fstat};

use super::identity::Identity;
use super::path::RelPath;
use super::view::{Resolver, open_exact};

/// An open directory of the host.
#[derive(Debug)]
pub(super) struct Base {
    /// Its path without links. For the operator and for plans only.
    pub(super) host: PathBuf,
    pub(super) root: Dir,
    pub(super) identity: Identity,
    pub(super) resolver: Resolver,
}

impl Base {
    /// The one place where a path of the host gives authority.
    #[expect(clippy::disallowed_methods, reason = "a grant of the operator is where authority over a directory begins")]
    pub(super) fn open(host: &Path) -> io::Result<Self> {
        let host = host.canonicalize()?;
        let root = Dir::open_ambient_dir(&host, cap_std::ambient_authority())?;
        let identity = Identity::of(&fstat(&root)?);
        let resolver = Resolver::choose(&root);
        Ok(Self { host, root, identity, resolver })
    }

    /// Where `other` lies in this directory, if it does and no mount point is between.
    fn path_of(&self, other: &Self) -> Option<RelPath> {
        let mut path = RelPath::default();
        for part in other.host.strip_prefix(&self.host).ok()? {
            path.push(part.to_str()?);
        }
        let found = open_exact(self, path.as_str(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).ok()?;
        (Identity::of(&fstat(found).ok()?) == other.identity).then_some(path)
    }
}

/// The outermost of all directories that a host grants to anyone.
#[derive(Debug, Clone, Default)]
pub struct Anchors(Arc<[Arc<Base>]>);

impl Anchors {
    /// The outermost of these directories. One that cannot be opened is left out: its grant will say so.
    #[must_use]
    pub fn open(hosts: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let mut all: Vec<Base> = hosts.into_iter().filter_map(|host| Base::open(host.as_ref()).ok()).collect();
        all.sort_by(|one, other| one.host.cmp(&other.host));
        let mut outermost: Vec<Arc<Base>> = Vec::new();
        for base in all {
            if !outermost.iter().any(|outer| outer.path_of(&base).is_some()) {
                outermost.push(Arc::new(base));
            }
        }
        Self(outermost.into())
    }

    /// The anchor of `base` and where it lies in it.
    pub(super) fn of(&self, base: &Arc<Base>) -> (Arc<Base>, RelPath) {
        let find = |anchor: &Arc<Base>| anchor.path_of(base).map(|path| (Arc::clone(anchor), path));
        self.0.iter().find_map(find).unwrap_or_else(|| (Arc::clone(base), RelPath::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_directory_is_the_anchor_of_those_within() {
        let temp = tempfile::tempdir().unwrap();
        for path in ["a/b/c", "a-b"] {
            std::fs::create_dir_all(temp.path().join(path)).unwrap();
        }
        let at = |path: &str| temp.path().join(path);
        let anchors = Anchors::open([at("a/b/c"), at("a"), at("a-b"), at("missing")]);
        for (path, anchor, prefix) in [("a/b/c", "a", "b/c"), ("a", "a", ""), ("a-b", "a-b", "")] {
            let base = Arc::new(Base::open(&at(path)).unwrap());
            let (found, rest) = anchors.of(&base);
            assert_eq!((found.host.clone(), rest.as_str()), (at(anchor).canonicalize().unwrap(), prefix));
        }
    }
}
