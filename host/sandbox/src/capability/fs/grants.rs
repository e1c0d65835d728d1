//! Grants opened: host paths become directory handles here and nowhere else.
//!
//! Opened once and kept for all calls, because opening costs more than most operations, and because a directory that is
//! swapped for another one afterwards must not become the granted one.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, statat};
use toolhold_core::grant::{DirectoryGrant, Symlinks};

use super::base::{Anchors, Base};
use super::error::Error;
use super::identity::Identity;
use super::mount::Mount;
use super::operation::root;
use super::path::RelPath;
use super::protected::Protected;
use super::rules::Rules;
use super::table::Root;

/// The directories of a tool's grants, opened.
#[derive(Debug, Default)]
pub struct OpenedGrants {
    grants: Vec<Arc<Grant>>,
    roots: OnceLock<Vec<Root>>,
    protected: Protected,
}

/// One grant, opened.
#[derive(Debug)]
pub(super) struct Grant {
    /// Where the guest sees it.
    pub(super) guest: String,
    pub(super) base: Arc<Base>,
    /// The outermost granted directory that this one lies in; the same as `base` for most.
    pub(super) anchor: Arc<Base>,
    /// Where it lies in the anchor.
    pub(super) prefix: RelPath,
    pub(super) rules: Rules,
    pub(super) symlinks: Symlinks,
    /// Changes are staged and land when the call succeeds.
    pub(super) atomic: bool,
}

impl OpenedGrants {
    /// Opens the directories of `grants`; what is `protected` is out of reach through every one of them.
    ///
    /// # Errors
    ///
    /// Names the grant and the host path: for the operator only.
    pub fn open(grants: &[DirectoryGrant], protected: &Protected, anchors: &Anchors) -> Result<Self, Error> {
        let grants =
            grants.iter().map(|grant| open(grant, protected, anchors).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { grants, roots: OnceLock::new(), protected: protected.clone() })
    }

    /// The directories as guests get them.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        let root = |grant: &Arc<Grant>| Root { descriptor: root(grant), guest: grant.guest.as_str().into() };
        self.roots.get_or_init(|| self.grants.iter().map(root).collect())
    }

    #[cfg(test)]
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Arc<Grant>> {
        self.grants.iter_mut()
    }

    pub(super) fn protected(&self) -> &Protected {
        &self.protected
    }
}

fn open(grant: &DirectoryGrant, protected: &Protected, anchors: &Anchors) -> Result<Grant, Error> {
    let fail = |source| Error::Open { guest: grant.guest.clone(), host: grant.host.clone(), source };
    if !grant.host.is_absolute() {
        return Err(Error::Relative(grant.host.clone()));
    }
    let base = Arc::new(Base::open(&grant.host).map_err(fail)?);
    let mut own = protected_below(grant, &base.host, protected)?;
    if let Some(workspace) = commit_workspace(&base, protected) {
        own.push(workspace);
    }
    let rules = Rules::new(grant, own);
    if !rules.same_for_all_paths() && ignores_case(&base.host, &base.root) {
        return Err(Error::IgnoresCase { guest: grant.guest.clone(), host: grant.host.clone() });
    }
    let (anchor, prefix) = anchors.of(&base);
    let (guest, symlinks, atomic) = (grant.guest.clone(), grant.symlinks, grant.atomic);
    Ok(Grant { guest, base, anchor, prefix, rules, symlinks, atomic })
}

/// Where commits keep their files in a directory that is on another file system or mount than the state: out of reach like the state.
fn commit_workspace(base: &Base, protected: &Protected) -> Option<RelPath> {
    let mut path = RelPath::default();
    path.push(super::WORKSPACE);
    let is_there = statat(&base.root, super::WORKSPACE, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let is_apart = |state| !Mount::of(&base.root).is_ok_and(|own| own.is_one_with(state));
    (is_there || protected.state_mount().is_some_and(is_apart)).then_some(path)
}

/// The protected paths below `host`, relative to it.
fn protected_below(grant: &DirectoryGrant, host: &Path, protected: &Protected) -> Result<Vec<RelPath>, Error> {
    let mut below = Vec::new();
    for path in protected.paths() {
        if host.starts_with(path) {
            let (guest, protected) = (grant.guest.clone(), path.clone());
            return Err(Error::Protected { guest, host: grant.host.clone(), protected });
        }
        let Ok(rest) = path.strip_prefix(host) else { continue };
        let mut relative = RelPath::default();
        for part in rest {
            // A part that is not UTF-8 cannot be named by a guest; what lies above it is then protected with it.
            let Some(part) = part.to_str() else { break };
            relative.push(part);
        }
        below.push(relative);
    }
    Ok(below)
}

/// Whether another spelling of a name leads to the same file. Asked of the names in the root, and of the root's own name
/// where it is empty.
fn ignores_case(host: &Path, root: &Dir) -> bool {
    const NAMES: usize = 16;
    let names = root.entries().into_iter().flatten().flatten().take(NAMES).map(|entry| entry.file_name());
    let inside = names.into_iter().find_map(|name| same_in_other_case(root.as_fd(), &name));
    inside.or_else(|| same_in_other_case(rustix::fs::CWD, host.as_os_str())).unwrap_or(false)
}

/// `None` if the name has no other spelling, or is gone.
fn same_in_other_case(directory: BorrowedFd<'_>, name: &OsStr) -> Option<bool> {
    let name = name.to_str()?;
    let (above, last) = name.rsplit_once('/').map_or(("", name), |(above, _)| name.split_at(above.len() + 1));
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    let other: String = above.chars().chain(last.chars().map(swap)).collect();
    let identity = |name: &str| statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| Identity::of(&stat));
    if other == name {
        return None;
    }
    let itself = identity(name).ok()?;
    Some(identity(&other).is_ok_and(|found| found == itself))
}
