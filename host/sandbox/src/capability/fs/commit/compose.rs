//! From differences to a plan.
//!
//! The order is what makes any set of moves possible, swaps and cycles included: first content that is changed in place;
//! then everything that leaves its place, the deepest first; then everything that comes to one, parents before children;
//! then further names; then times. What can be done in one step (a file replaced, a file moved to a free name) is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustix::io::Errno;

use super::super::identity::Identity;
use super::super::overlay::{Below, Blob, Shown, Stamp, Times, Tree};
use super::super::path::RelPath;
use super::super::view::Kind;
use super::difference::{Difference, Differences, Now, Was};
use super::plan::{Expect, PlannedTimes, Step};
use super::workspace::Work;
use super::{attributes, verify};

/// The steps of one area and what they rely on.
pub(super) struct Composed {
    pub(super) expects: Vec<Expect>,
    pub(super) steps: Vec<Step>,
}

/// Composes the steps, and puts into `work` what they need there.
pub(super) fn compose(tree: &Tree, differences: &Differences, work: &mut Work) -> Result<Composed, Errno> {
    let mut composer = Composer {
        tree,
        list: &differences.list,
        known: Known::of(tree, &differences.list),
        work,
        overwritten: HashSet::new(),
        leaving: HashMap::new(),
        placed: HashMap::new(),
        out: Composed { expects: expects(tree, differences), steps: Vec::new() },
    };
    composer.overwrite()?;
    composer.leave();
    composer.arrive()?;
    composer.link()?;
    composer.times()?;
    Ok(composer.out)
}

fn expects(tree: &Tree, differences: &Differences) -> Vec<Expect> {
    let mut expects = Vec::new();
    for difference in &differences.list {
        let is = |below: &Below| Expect::Is(below.path.clone(), below.stamp);
        match &difference.was {
            Was::Same(below) | Was::Other(below) => expects.push(is(below)),
            Was::Elsewhere { from, over } => {
                expects.push(is(from));
                expects.extend(over.as_ref().map(is));
            }
            Was::Linked { of, over, .. } => {
                expects.extend(tree.inodes.get(of).and_then(|inode| inode.below.as_ref()).map(is));
                expects.extend(over.as_ref().map(is));
            }
            Was::Nothing => {}
        }
        let is_new_name =
            matches!(difference.was, Was::Nothing | Was::Elsewhere { over: None, .. } | Was::Linked { over: None, .. });
        if let Some(path) = on_disk(tree, &difference.path).filter(|_| is_new_name) {
            expects.push(Expect::Nothing(path));
        }
    }
    expects.extend(differences.moved_along.iter().map(|below| Expect::Untouched(below.path.clone(), below.stamp)));
    expects.extend(differences.emptied.iter().map(|(path, names)| Expect::Only(path.clone(), names.clone())));
    expects
}

/// Where on disk the name is, if its directory is on disk.
fn on_disk(tree: &Tree, path: &RelPath) -> Option<RelPath> {
    let (parent, name) = path.split()?;
    let mut here = super::super::overlay::DirectoryId::ROOT;
    for part in parent.split('/').filter(|part| !part.is_empty()) {
        match tree.directory(here).slots.get(part).map(|slot| slot.shows.as_ref()) {
            Some(Some(Shown::Directory(id))) => here = *id,
            // Below the tree everything stands where it stands.
            _ => return Some(path.clone()),
        }
    }
    Some(tree.directory(here).below.as_ref()?.path.join(name))
}

/// What is asked of all differences for each of them.
struct Known<'a> {
    /// What is moved away.
    moved: HashSet<&'a RelPath>,
    /// Names on disk that something has, or gets.
    taken: HashSet<RelPath>,
    /// The first name under which each file is put.
    first: HashMap<Identity, &'a RelPath>,
}

impl<'a> Known<'a> {
    fn of(tree: &Tree, list: &'a [Difference]) -> Self {
        let moved = list.iter().filter_map(|one| match &one.was {
            Was::Elsewhere { from, .. } => Some(&from.path),
            _ => None,
        });
        let stays = list.iter().filter(|one| one.now.is_some());
        let mut first = HashMap::new();
        for one in list {
            if let Some(identity) = put_file(one) {
                first.entry(identity).or_insert(&one.path);
            }
        }
        Self { moved: moved.collect(), taken: stays.filter_map(|one| on_disk(tree, &one.path)).collect(), first }
    }
}

/// The file that is put at a name, and not linked from another one.
fn put_file(difference: &Difference) -> Option<Identity> {
    match &difference.now {
        Some(Now::File { identity, .. }) if !matches!(difference.was, Was::Linked { .. }) => Some(*identity),
        _ => None,
    }
}

struct Composer<'a> {
    tree: &'a Tree,
    list: &'a [Difference],
    known: Known<'a>,
    work: &'a mut Work,
    /// Files whose content is changed in place.
    overwritten: HashSet<Identity>,
    /// What leaves its place: to a name of the workspace, or `None` for straight to its new one.
    leaving: HashMap<RelPath, Option<String>>,
    /// Where files are once the steps so far are done.
    placed: HashMap<Identity, RelPath>,
    out: Composed,
}

impl Composer<'_> {
    /// Files with several names, and those that no other file can stand for.
    fn overwrite(&mut self) -> Result<(), Errno> {
        for (identity, inode) in &self.tree.inodes {
            let (Some(below), Some(blob)) = (&inode.below, &inode.blob) else { continue };
            let (from, _) = self.work.blob(blob)?;
            let can_replace = below.stamp.links == 1
                && attributes::give(&self.tree.base, below, std::os::fd::AsFd::as_fd(&self.work.open(&from)?));
            if can_replace {
                continue;
            }
            let saved = self.work.name('s');
            let path = below.path.clone();
            self.out.steps.push(Step::Overwrite { path, from, saved, old: below.stamp });
            self.overwritten.insert(*identity);
        }
        Ok(())
    }

    /// The new content of a file that another file brings.
    fn blob<'b>(&self, now: &'b Now) -> Option<&'b Arc<Blob>> {
        match now {
            Now::File { identity, blob, .. } if !self.overwritten.contains(identity) => blob.as_ref(),
            _ => None,
        }
    }

    /// Whether one step replaces the file: the old one goes nowhere else, and the new one comes here first of all its names.
    fn replaces(&self, difference: &Difference, below: &Below) -> bool {
        below.stamp.kind == Kind::File
            && difference.now.as_ref().is_some_and(|now| self.blob(now).is_some())
            && self.is_first_name(difference)
            && !self.known.moved.contains(&below.path)
    }

    /// Whether the file is put here, and not linked from another name: in the order of [`arrive`](Self::arrive).
    fn is_first_name(&self, difference: &Difference) -> bool {
        let first = put_file(difference).and_then(|file| self.known.first.get(&file));
        first.is_some_and(|first| **first == difference.path)
    }

    fn leave(&mut self) {
        let mut going: Vec<(&Below, bool)> = Vec::new();
        let is_gone = |difference: &Difference| difference.now.is_none();
        let gone: HashSet<&RelPath> = self.list.iter().filter(|one| is_gone(one)).map(|one| &one.path).collect();
        for difference in self.list {
            match &difference.was {
                Was::Other(below) if is_gone(difference) && above(&below.path).any(|path| gone.contains(&path)) => {}
                Was::Other(below) if self.replaces(difference, below) => {}
                Was::Other(below) => going.push((below, false)),
                Was::Elsewhere { from, over } => {
                    going.extend(over.iter().map(|over| (over, false)));
                    going.push((from, self.goes_straight(difference, over.as_ref())));
                }
                Was::Linked { over, .. } => going.extend(over.iter().map(|over| (over, false))),
                Was::Same(_) | Was::Nothing => {}
            }
        }
        let disturbed: HashSet<RelPath> = going.iter().map(|(below, _)| below.path.clone()).collect();
        going.sort_by(|(one, _), (other, _)| {
            other.path.depth().cmp(&one.path.depth()).then_with(|| one.path.cmp(&other.path))
        });
        for (below, straight) in going {
            if self.leaving.contains_key(&below.path) {
                continue;
            }
            if straight && !above(&below.path).any(|path| disturbed.contains(&path)) {
                self.leaving.insert(below.path.clone(), None);
                continue;
            }
            let to = self.work.name('t');
            self.leaving.insert(below.path.clone(), Some(to.clone()));
            self.out.steps.push(Step::Take { path: below.path.clone(), to, old: below.stamp });
        }
    }

    /// Whether it can move in one step as far as its two ends are concerned: to a free name, from one that stays free.
    fn goes_straight(&self, difference: &Difference, over: Option<&Below>) -> bool {
        let Was::Elsewhere { from, .. } = &difference.was else { return false };
        over.is_none()
            && difference.now.as_ref().is_some_and(|now| self.blob(now).is_none())
            && !self.known.taken.contains(&from.path)
    }

    fn arrive(&mut self) -> Result<(), Errno> {
        for difference in self.list {
            let (Some(now), path) = (&difference.now, difference.path.clone()) else { continue };
            if self.is_further_name(difference, now) {
                continue;
            }
            let step = match (&difference.was, self.blob(now).cloned()) {
                (Was::Linked { .. }, _) => continue,
                (Was::Same(below) | Was::Other(below), Some(blob)) if self.replaces(difference, below) => {
                    let (with, new) = self.work.blob(&blob)?;
                    Some(Step::Exchange { path, with, new, old: below.stamp })
                }
                (Was::Same(_), _) => None,
                (_, Some(blob)) => {
                    let (from, new) = self.work.blob(&blob)?;
                    Some(Step::Put { from, path, new })
                }
                (Was::Elsewhere { from, .. }, None) => Some(self.arrives(from, path)),
                (Was::Nothing | Was::Other(_), None) => self.made(now, path)?,
            };
            if let Now::File { identity, .. } = now {
                self.placed.insert(*identity, difference.path.clone());
            }
            self.out.steps.extend(step);
        }
        Ok(())
    }

    fn is_further_name(&self, difference: &Difference, now: &Now) -> bool {
        let Now::File { identity, .. } = now else { return false };
        // A file that came to be has one name that is put; a file that was moved has as many as it had.
        let is_moved = matches!(difference.was, Was::Elsewhere { .. }) && self.blob(now).is_none();
        self.placed.contains_key(identity) && !is_moved
    }

    fn arrives(&self, from: &Below, path: RelPath) -> Step {
        match self.leaving.get(&from.path) {
            Some(Some(name)) => Step::Put { from: name.clone(), path, new: from.stamp.identity },
            _ => Step::Move { from: from.path.clone(), path, old: from.stamp },
        }
    }

    fn made(&mut self, now: &Now, path: RelPath) -> Result<Option<Step>, Errno> {
        let (from, new) = match now {
            Now::Directory { .. } => self.work.directory()?,
            Now::Link { target } => self.work.link(target)?,
            Now::File { .. } => return Ok(None),
        };
        Ok(Some(Step::Put { from, path, new }))
    }

    /// Further names, once the first one is there.
    fn link(&mut self) -> Result<(), Errno> {
        let comes = |step: &&Step| !matches!(step, Step::Take { .. });
        let there: HashSet<RelPath> = self.out.steps.iter().filter(comes).map(|step| step.path().clone()).collect();
        for difference in self.list {
            let Some(Now::File { identity, .. }) = &difference.now else { continue };
            let first = match self.placed.get(identity) {
                Some(first) if *first == difference.path => continue,
                Some(first) => first.clone(),
                None => match &difference.was {
                    Was::Linked { first: Some(first), .. } => first.clone(),
                    _ => continue,
                },
            };
            if there.contains(&difference.path) || matches!(difference.was, Was::Same(_)) {
                continue;
            }
            let new = self.linked_identity(*identity, difference)?;
            self.out.steps.push(Step::Link { of: first, path: difference.path.clone(), new });
        }
        Ok(())
    }

    /// Which file it is on disk once it is in place.
    fn linked_identity(&self, identity: Identity, difference: &Difference) -> Result<Identity, Errno> {
        match difference.now.as_ref().and_then(|now| self.blob(now)) {
            Some(blob) => Ok(self.work.blob(blob)?.1),
            None => Ok(identity),
        }
    }

    /// Times of what brings none with it, the deepest first.
    fn times(&mut self) -> Result<(), Errno> {
        for difference in self.list.iter().rev() {
            let times = match &difference.now {
                Some(Now::File { times, .. } | Now::Directory { times }) => *times,
                _ => continue,
            };
            if times.is_empty() {
                continue;
            }
            let old = match &difference.was {
                Was::Same(below) | Was::Elsewhere { from: below, .. } => verify::times(&self.tree.base, &below.path)?,
                _ => PlannedTimes { access: None, modified: None },
            };
            self.out.steps.push(Step::Times { path: difference.path.clone(), new: planned(times), old });
        }
        Ok(())
    }
}

fn planned(times: Times) -> PlannedTimes {
    let pair = |time: rustix::fs::Timespec| (time.tv_sec, time.tv_nsec);
    PlannedTimes { access: times.access.map(pair), modified: times.modified.map(pair) }
}

/// The paths above `path`, without the root.
fn above(path: &RelPath) -> impl Iterator<Item = RelPath> {
    let mut path = path.clone();
    std::iter::from_fn(move || {
        path.pop();
        (!path.is_root()).then(|| path.clone())
    })
}

/// What a file replaced or a directory holds is not the same as before once the disk differs.
pub(super) fn is_same(stamp: &Stamp, now: Option<&Stamp>) -> bool {
    now.is_some_and(|now| stamp.still_holds(now))
}
