//! The staged changes of one call, or of the calls of one previewed run.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::Timestamps;
use rustix::io::Errno;

use super::super::base::Base;
use super::super::grants::Grant;
use super::super::path::RelPath;
use super::scratch::Scratch;
use super::tree::Tree;

/// Staged changes, shared by everything that a call has open. Dropped, they are gone and nothing was changed.
#[derive(Debug)]
pub struct Stage {
    layer: Mutex<Layer>,
    /// How many files got content of their own: a file that was opened before looks whether it is one of them.
    copies: AtomicU32,
}

/// What is staged.
#[derive(Debug)]
pub(in super::super) struct Layer {
    pub(in super::super) trees: Vec<Tree>,
    pub(in super::super) scratch: Scratch,
    /// How the grants of the calls show the trees, for paths in reports.
    pub(in super::super) areas: Vec<Area>,
    /// The number of the call that is running.
    pub(super) call: u32,
    before: Option<Vec<Tree>>,
}

/// A grant's part of a tree.
#[derive(Debug, Clone)]
pub(in super::super) struct Area {
    pub(in super::super) anchor: Arc<Base>,
    pub(in super::super) prefix: RelPath,
    pub(in super::super) guest: String,
}

impl Stage {
    /// Stages in the directory `staging`, which all stages share, under `name`, which is no other one's and has no dot. Files are made when
    /// there is content to be kept.
    #[must_use]
    pub fn new(staging: PathBuf, name: String) -> Self {
        let scratch = Scratch::at(staging, name);
        let layer = Layer { trees: Vec::new(), scratch, areas: Vec::new(), call: 0, before: None };
        Self { layer: Mutex::new(layer), copies: AtomicU32::new(0) }
    }

    /// Begins a further call, which sees what the calls before it changed and can be taken back alone.
    pub fn begin_call(&self) {
        let mut layer = self.lock();
        layer.call += 1;
        layer.before = Some(layer.trees.clone());
    }

    /// Takes back what was staged since the call began. `false` if it was not begun with [`begin_call`](Self::begin_call).
    pub fn roll_back(&self) -> bool {
        let mut layer = self.lock();
        let before = layer.before.take();
        let is_known = before.is_some();
        if let Some(trees) = before {
            layer.trees = trees;
        }
        is_known
    }

    /// Does something with the tree of the grant's anchor, and the path there of what the grant calls `path`.
    pub(in super::super) fn with<R>(
        &self,
        grant: &Grant,
        path: &RelPath,
        act: impl FnOnce(&mut Tree, &RelPath) -> R,
    ) -> R {
        let mut layer = self.lock();
        let (tree, _, _, path) = layer.tree(grant, path);
        act(tree, &path)
    }

    /// Sets the times of what the grant calls `path`.
    pub(in super::super) fn set_times(&self, grant: &Grant, path: &RelPath, times: &Timestamps) -> Result<(), Errno> {
        let mut layer = self.lock();
        let (tree, _, call, path) = layer.tree(grant, path);
        tree.set_times(&path, times, call)
    }

    pub(in super::super) fn lock(&self) -> MutexGuard<'_, Layer> {
        // A panic in the middle of a change ends the call, and what it staged is thrown away.
        self.layer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn copies(&self) -> u32 {
        self.copies.load(Ordering::Acquire)
    }

    pub(super) fn copied(&self) {
        self.copies.fetch_add(1, Ordering::Release);
    }
}

impl Layer {
    /// The tree of the grant's anchor and, in it, the path of what the grant calls `path`.
    pub(in super::super) fn tree(&mut self, grant: &Grant, path: &RelPath) -> (&mut Tree, &mut Scratch, u32, RelPath) {
        let at = self.number_of(grant);
        let Self { trees, scratch, call, .. } = self;
        #[expect(clippy::indexing_slicing, reason = "`number_of` gives the index of a tree that is there")]
        (&mut trees[at], scratch, *call, grant.prefix.append(path.as_str()))
    }

    /// The number of the grant's tree.
    pub(super) fn number_of(&mut self, grant: &Grant) -> usize {
        if let Some(at) = self.trees.iter().position(|tree| Arc::ptr_eq(&tree.base, &grant.anchor)) {
            self.know(grant);
            return at;
        }
        self.know(grant);
        self.trees.push(Tree::new(Arc::clone(&grant.anchor), self.trees.len() as u64));
        self.trees.len() - 1
    }

    fn know(&mut self, grant: &Grant) {
        let is_it = |area: &Area| area.guest == grant.guest && Arc::ptr_eq(&area.anchor, &grant.anchor);
        if !self.areas.iter().any(is_it) {
            let (anchor, prefix, guest) = (Arc::clone(&grant.anchor), grant.prefix.clone(), grant.guest.clone());
            self.areas.push(Area { anchor, prefix, guest });
        }
    }
}
