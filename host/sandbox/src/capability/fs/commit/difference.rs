//! What is different between a tree of staged changes and the disk below it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::identity::Identity;
use super::super::overlay::{Below, Blob, Directory, DirectoryId, Inode, Shown, Slot, Times, Tree};
use super::super::path::RelPath;
use super::super::view::Kind;

/// One difference.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    /// Where it is now; of what is gone, where it was.
    pub(super) path: RelPath,
    pub(super) was: Was,
    /// What is there now; `None` where it is gone.
    pub(super) now: Option<Now>,
}

/// What was on disk.
#[derive(Debug, Clone)]
pub(super) enum Was {
    /// Nothing.
    Nothing,
    /// This, at the same path; it is the same thing now.
    Same(Below),
    /// This, at the same path; something else is there now, or nothing.
    Other(Below),
    /// This, elsewhere, and at the path `over`.
    Elsewhere { from: Below, over: Option<Below> },
    /// A file that has a further name now. `first` is where it is seen under the name that it has on disk.
    Linked { of: Identity, first: Option<RelPath>, over: Option<Below> },
}

/// What is at a path.
#[derive(Debug, Clone)]
pub(super) enum Now {
    File { identity: Identity, blob: Option<Arc<Blob>>, times: Times },
    Directory { times: Times },
    Link { target: String },
}

/// All differences of a tree, and what the disk must still be like.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// In the order of their paths.
    pub(super) list: Vec<Difference>,
    /// Directories that are gone, or emptied and used anew, with the names that they had.
    pub(super) emptied: Vec<(RelPath, Vec<String>)>,
    /// Directories below those that are moved: nothing may come into them before they are.
    pub(super) moved_along: Vec<Below>,
}

/// The differences of `tree`.
pub(super) fn differences(tree: &Tree) -> Differences {
    let mut walk = Walk::new(tree);
    walk.directory(DirectoryId::ROOT, &RelPath::default());
    walk.removed();
    walk.finish()
}

fn moved_from(difference: &Difference) -> Option<&RelPath> {
    match &difference.was {
        Was::Elsewhere { from, .. } if from.stamp.kind == Kind::Directory => Some(&from.path),
        _ => None,
    }
}

/// A name of the tree at which something is shown.
struct Name<'a> {
    path: RelPath,
    slot: &'a Slot,
    shown: &'a Shown,
}

struct Walk<'a> {
    tree: &'a Tree,
    names: Vec<Name<'a>>,
    /// Directories of the disk that show through, and where.
    places: Vec<(&'a RelPath, RelPath)>,
    /// What is hidden and does not stand at its own path any more.
    hidden: Vec<&'a Below>,
    out: Differences,
}

impl<'a> Walk<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self { tree, names: Vec::new(), places: Vec::new(), hidden: Vec::new(), out: Differences::default() }
    }

    fn directory(&mut self, id: DirectoryId, path: &RelPath) {
        let directory = self.tree.directory(id);
        if let Some(below) = &directory.below {
            self.places.push((&below.path, path.clone()));
        }
        for (name, slot) in &directory.slots {
            let path = path.join(name);
            match &slot.shows {
                None => self.hidden.extend(&slot.hides),
                Some(shown) => {
                    if let Shown::Directory(id) = shown {
                        self.directory(*id, &path);
                    }
                    self.names.push(Name { path, slot, shown });
                }
            }
        }
    }

    /// What was in directories that are gone.
    fn removed(&mut self) {
        for id in &self.tree.removed {
            let directory: &Directory = self.tree.directory(*id);
            self.hidden.extend(directory.slots.values().filter_map(|slot| slot.hides.as_ref()));
            if let Some(below) = &directory.below {
                self.out
                    .emptied
                    .push((below.path.clone(), directory.slots.keys().map(|name| name.to_string()).collect()));
            }
        }
    }

    fn finish(mut self) -> Differences {
        let names = std::mem::take(&mut self.names);
        let origins: HashSet<&RelPath> =
            names.iter().filter_map(|name| self.origin(name)).map(|below| &below.path).collect();
        let mut sources = self.sources(&names);
        let mut used: HashSet<RelPath> = HashSet::new();
        let mut list: Vec<Difference> = Vec::new();
        for name in &names {
            list.extend(self.name(name, &origins, &mut sources, &mut used));
        }
        for below in self.hidden.iter().filter(|below| !used.contains(&below.path)) {
            list.push(Difference { path: below.path.clone(), was: Was::Other((*below).clone()), now: None });
        }
        list.extend(self.tree.inodes.iter().filter_map(|(identity, inode)| self.in_place(*identity, inode)));
        list.extend(self.root_times());
        list.sort_by(|one, other| one.path.cmp(&other.path));
        let moved: Vec<&RelPath> = list.iter().filter_map(moved_from).collect();
        let along = |below: &&Below| moved.iter().any(|from| from.rest(&below.path).is_some());
        self.out.moved_along = self.tree.moved_along.iter().filter(along).cloned().collect();
        self.out.list = list;
        self.out
    }

    /// What a moved directory or link was on disk.
    fn origin(&self, name: &Name<'a>) -> Option<&'a Below> {
        let below = match name.shown {
            Shown::File(_) => None,
            Shown::Directory(id) => self.tree.directory(*id).below.as_ref(),
            Shown::Link(link) => link.below.as_ref(),
        }?;
        let is_in_place = name.slot.hides.as_ref().is_some_and(|hides| hides.path == below.path);
        (!is_in_place).then_some(below)
    }

    /// Names on disk that files have lost, by file: a new name of the same file is one of these, moved.
    fn sources(&self, names: &[Name<'a>]) -> HashMap<Identity, Vec<&'a Below>> {
        let replaced = names.iter().filter_map(|name| {
            let hides = name.slot.hides.as_ref()?;
            let is_same = matches!(name.shown, Shown::File(identity) if *identity == hides.stamp.identity);
            (!is_same).then_some(hides)
        });
        let mut sources: HashMap<Identity, Vec<&Below>> = HashMap::new();
        for below in self.hidden.iter().copied().chain(replaced) {
            if below.stamp.kind == Kind::File {
                sources.entry(below.stamp.identity).or_default().push(below);
            }
        }
        sources
    }

    fn name(
        &self,
        name: &Name<'a>,
        origins: &HashSet<&RelPath>,
        sources: &mut HashMap<Identity, Vec<&'a Below>>,
        used: &mut HashSet<RelPath>,
    ) -> Option<Difference> {
        let hides = name.slot.hides.clone();
        let difference = |was, now| Some(Difference { path: name.path.clone(), was, now: Some(now) });
        let moved = |from: &Below, used: &mut HashSet<RelPath>| {
            used.insert(from.path.clone());
            Was::Elsewhere { from: from.clone(), over: hides.clone() }
        };
        let other = |hides: Option<Below>| hides.map_or(Was::Nothing, Was::Other);
        match name.shown {
            Shown::Directory(id) => {
                let directory = self.tree.directory(*id);
                let now = Now::Directory { times: directory.times };
                match (self.origin(name), &hides) {
                    (Some(from), _) => difference(moved(from, used), now),
                    (None, Some(below)) if directory.below.is_some() => {
                        if directory.times.is_empty() {
                            None
                        } else {
                            difference(Was::Same(below.clone()), now)
                        }
                    }
                    // Removed and made again: to everybody else it was there all the time.
                    (None, Some(below)) if below.stamp.kind == Kind::Directory && !origins.contains(&below.path) => {
                        None
                    }
                    (None, _) => difference(other(hides), now),
                }
            }
            Shown::Link(link) => {
                let now = Now::Link { target: link.target.clone() };
                match self.origin(name) {
                    Some(from) => difference(moved(from, used), now),
                    None if link.below.is_some() => None,
                    None => difference(other(hides), now),
                }
            }
            Shown::File(identity) => {
                let inode = self.tree.inodes.get(identity)?;
                let now = Now::File { identity: *identity, blob: inode.blob.clone(), times: inode.times };
                if inode.below.is_none() {
                    return difference(other(hides), now);
                }
                match &hides {
                    // Moved away and back. What is different of the file itself is told with the files.
                    Some(below) if below.stamp.identity == *identity => {
                        let is_told = inode.below.as_ref().is_some_and(|told| told.path == below.path);
                        let is_other = !is_told && (inode.blob.is_some() || !inode.times.is_empty());
                        if is_other { difference(Was::Same(below.clone()), now) } else { None }
                    }
                    _ => match sources.get_mut(identity).and_then(Vec::pop) {
                        Some(from) => difference(moved(from, used), now),
                        None => {
                            let first = inode.below.as_ref().and_then(|below| self.visible(below));
                            difference(Was::Linked { of: *identity, first, over: hides }, now)
                        }
                    },
                }
            }
        }
    }

    /// A file that is different and stands where it stands on disk, or where its directory was moved to.
    fn in_place(&self, identity: Identity, inode: &Inode) -> Option<Difference> {
        let below = inode.below.as_ref()?;
        if inode.blob.is_none() && inode.times.is_empty() {
            return None;
        }
        let path = self.visible(below)?;
        let now = Now::File { identity, blob: inode.blob.clone(), times: inode.times };
        Some(Difference { path, was: Was::Same(below.clone()), now: Some(now) })
    }

    /// Where the file at this path of the disk is seen, if it is seen under the name that it has there.
    fn visible(&self, below: &Below) -> Option<RelPath> {
        let nearest =
            self.places.iter().filter_map(|(disk, place)| Some((disk.depth(), disk.rest(&below.path)?, *disk, place)));
        let (_, rest, _, place) = nearest.max_by_key(|(depth, ..)| *depth)?;
        let path = place.append(rest);
        let first = rest.split('/').next()?;
        let is_slotted = self.slot(place, first);
        match is_slotted {
            None => Some(path),
            Some(slot) => {
                let is_itself = matches!(&slot.shows, Some(Shown::File(identity)) if *identity == below.stamp.identity);
                (is_itself && slot.hides.as_ref().is_some_and(|hides| hides.path == below.path)).then_some(path)
            }
        }
    }

    fn slot(&self, place: &RelPath, name: &str) -> Option<&'a Slot> {
        let mut here = DirectoryId::ROOT;
        for part in place.parts() {
            match self.tree.directory(here).slots.get(part)?.shows.as_ref()? {
                Shown::Directory(id) => here = *id,
                _ => return None,
            }
        }
        self.tree.directory(here).slots.get(name)
    }

    fn root_times(&self) -> Option<Difference> {
        let root = self.tree.directory(DirectoryId::ROOT);
        let below = root.below.clone()?;
        let now = Now::Directory { times: root.times };
        (!root.times.is_empty()).then_some(Difference {
            path: RelPath::default(),
            was: Was::Same(below),
            now: Some(now),
        })
    }
}
