//! What a call staged, once it is over: to be told, kept, thrown away or landed.

use std::collections::HashSet;
use std::sync::Arc;

use rustix::fs::fsync;
use rustix::io::Errno;
use toolhold_core::effect::Change;

use super::super::mount::Mount;
use super::super::overlay::{Layer, Stage, Tree, blob_name};
use super::super::path::RelPath;
use super::compose::{Composed, compose};
use super::difference::{Differences, differences};
use super::execute::Prepared;
use super::files::note_beside;
use super::open::OpenArea;
use super::plan::{Area, CommitError, Plan, VERSION, Workspace};
use super::report::{Detail, Report};
use super::workspace::Work;

/// Bytes of paths in one plan. Each is copied several times, and kept in the journal.
const MOST_PATHS: usize = 8 << 20;

/// Whether what is done survives a power cut when it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// It does.
    Yes,
    /// It survives a kill of the process.
    No,
}

/// The staged changes of a call. Dropped, they are gone and nothing was changed.
#[derive(Debug)]
pub struct Staged(pub(in super::super) Arc<Stage>);

impl Staged {
    /// What a call left in `stage`.
    #[must_use]
    pub fn new(stage: Arc<Stage>) -> Self {
        Self(stage)
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().trees.iter().all(Tree::is_untouched)
    }

    /// How many names and files differ, about: those in a directory that goes or moves as a whole are not counted.
    #[must_use]
    pub fn names(&self) -> usize {
        self.0.lock().trees.iter().map(Tree::names).fold(0, usize::saturating_add)
    }

    /// What is different, in the order of the guest paths, and how many differences are not in the list.
    #[must_use]
    pub fn changes(&self, detail: Detail) -> (Vec<Change>, u64) {
        let layer = self.0.lock();
        let mut report = Report::new(&layer.areas, detail);
        for tree in &layer.trees {
            report.add(tree, &differences(tree));
        }
        report.finish()
    }

    /// Whether its plan can be made and kept without touching what was granted: everything is on the mount on which it is
    /// staged.
    #[must_use]
    pub fn can_wait(&self) -> bool {
        let mut layer = self.0.lock();
        let mount = layer.scratch.directory().and_then(Mount::of);
        let is_here = |tree: &Tree| mount.is_ok_and(|mount| is_on(tree, mount));
        layer.trees.iter().filter(|tree| !tree.is_untouched()).all(is_here)
    }

    /// Makes a plan of it, and everything that the plan needs. Nothing of what was granted is changed yet.
    ///
    /// # Errors
    ///
    /// [`CommitError`]: the operating system refuses a preparation.
    pub fn prepare(&self, durable: Durable) -> Result<Prepared, CommitError> {
        let mut layer = self.0.lock();
        let mut plan = Plan { version: VERSION, name: layer.scratch.name().to_owned(), areas: Vec::new() };
        let areas = match prepare_areas(&mut layer, durable, &mut plan) {
            Ok(areas) => areas,
            Err(error) => {
                // Nobody gets the plan, so nobody else removes what was made for it in what was granted.
                if let Err(error) = plan.discard_beside(layer.scratch.staging()) {
                    tracing::warn!(%error, plan = plan.name, "the files of a plan could not be removed");
                }
                return Err(error);
            }
        };
        // From here on the files belong to whoever keeps the plan. Some are not in it: of what was made and removed again, or copied.
        let wanted: HashSet<String> = plan.shared_files().map(str::to_owned).collect();
        layer.scratch.keep(|number| wanted.contains(&blob_name(number)));
        Ok(Prepared { plan, areas, durable })
    }
}

/// Adds what is different in each tree to `plan`. Where that fails, an area that it got as far as to make a directory for is in it.
fn prepare_areas(layer: &mut Layer, durable: Durable, plan: &mut Plan) -> Result<Vec<OpenArea>, CommitError> {
    let mut open: Vec<OpenArea> = Vec::new();
    for number in 0..layer.trees.len() {
        // Areas that share a directory share its names.
        let named = open.iter().map(|open| open.work.named()).max().unwrap_or(0);
        open.extend(prepare_area(layer, number, named, plan)?);
    }
    if durable == Durable::Yes {
        sync_blobs(layer).map_err(|errno| CommitError::Refused {
            action: "make last",
            path: "staged content".into(),
            why: std::io::Error::from(errno).to_string(),
        })?;
    }
    Ok(open)
}

/// The part of a plan that is about one tree; `None` where nothing is different.
fn prepare_area(
    layer: &mut Layer,
    number: usize,
    named: u32,
    plan: &mut Plan,
) -> Result<Option<OpenArea>, CommitError> {
    let Some(tree) = layer.trees.get(number).cloned() else { return Ok(None) };
    let differences: Differences = differences(&tree);
    if differences.list.is_empty() {
        return Ok(None);
    }
    let written = differences.list.iter().map(|difference| difference.path.bytes()).fold(0, usize::saturating_add);
    if written > MOST_PATHS {
        return Err(CommitError::Refused {
            action: "record",
            path: "what was changed".into(),
            why: format!(
                "its paths have {written} bytes in all, and at most {MOST_PATHS} are recorded of a call; change less at once"
            ),
        });
    }
    let known = layer.areas.iter().filter(|area| Arc::ptr_eq(&area.anchor, &tree.base));
    let mut area = Area {
        host: tree.base.host.clone(),
        identity: tree.base.identity,
        workspace: Workspace::Shared,
        guests: known.map(|area| (area.prefix.clone(), area.guest.clone())).collect(),
        expects: Vec::new(),
        steps: Vec::new(),
    };
    let prepared = prepare_work(layer, &tree, named).and_then(|(workspace, mut work)| {
        area.workspace = workspace;
        Ok((compose(&tree, &differences, &mut work)?, work))
    });
    match prepared {
        Ok((Composed { expects, steps }, work)) => {
            plan.areas.push(Area { expects, steps, ..area });
            Ok(Some(OpenArea { base: Arc::clone(&tree.base), work }))
        }
        Err(errno) => {
            let error = CommitError::refused(&area, "prepare changes of", &RelPath::default(), errno);
            plan.areas.push(area);
            Err(error)
        }
    }
}

fn prepare_work(layer: &mut Layer, tree: &Tree, named: u32) -> Result<(Workspace, Work), Errno> {
    let directory = Arc::clone(layer.scratch.directory()?);
    let name = layer.scratch.name();
    if is_on(tree, Mount::of(&directory)?) {
        return Ok((Workspace::Shared, Work::shared(directory, name, named)));
    }
    note_beside(&directory, name, &tree.base)?;
    Ok((Workspace::Beside, Work::make_beside(&tree.base, name)?))
}

/// Whether what is on `mount` can be moved into the directory of the tree. Of one that cannot be asked, it cannot.
fn is_on(tree: &Tree, mount: Mount) -> bool {
    Mount::of(&tree.base.root).is_ok_and(|own| own.is_one_with(mount))
}

fn sync_blobs(layer: &Layer) -> Result<(), Errno> {
    layer
        .trees
        .iter()
        .flat_map(|tree| tree.inodes.values())
        .filter_map(|inode| inode.blob.as_ref())
        .try_for_each(|blob| fsync(blob.open()?))
}
