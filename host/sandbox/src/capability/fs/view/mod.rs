//! The seam below which a grant's files are: everything that can be done to a link-free path of a grant.
//!
//! The operations above it decide, charge and note; the view only acts, and fails with `ELOOP` rather than walk through a
//! symbolic link or with `EXDEV` rather than cross a mount point. It knows no guest, no pattern and no quota. The plain view
//! acts on the granted directory itself; the staged one keeps what is changed in a layer above it ([`super::overlay`]).

mod change;
mod entries;
mod exact;
mod look;
mod open;

use std::sync::Arc;

use rustix::fs::{Stat, Timestamps};
use rustix::io::Errno;

pub(super) use entries::Entries;
pub(super) use exact::{HANDLE, Parent, Resolver, open_exact, open_parent};
pub(super) use look::{Kind, Look};
pub(super) use open::How;

use super::file::Content;
use super::grants::Grant;
use super::overlay::Stage;
use super::path::RelPath;

/// The plain view: what is done, is done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plain;

/// How a call sees its grants.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    stage: Option<Arc<Stage>>,
    /// Grants that are not atomic are staged too: nothing may land.
    all: bool,
}

/// What was opened: a file's content, or `None` for anything else, and its properties.
pub(super) type Opened = (Option<Content>, Stat);

impl View {
    /// Everything lands at once.
    pub(super) fn plain() -> Self {
        Self::default()
    }

    /// What is changed of atomic grants is staged; with `all`, of every grant.
    pub(super) fn staged(stage: Arc<Stage>, all: bool) -> Self {
        Self { stage: Some(stage), all }
    }

    /// The stage, whatever is staged in it.
    pub(super) fn any_stage(&self) -> Option<Arc<Stage>> {
        self.stage.clone()
    }

    fn stage(&self, grant: &Grant) -> Option<&Arc<Stage>> {
        self.stage.as_ref().filter(|_| grant.atomic || self.all)
    }

    /// Opens what is at `path`. Never truncates: the caller has yet to see what it is.
    pub(super) fn open(&self, grant: &Grant, path: &RelPath, how: How) -> Result<Opened, Errno> {
        match self.stage(grant) {
            Some(stage) => {
                let opened = stage.open(grant, path, how.staged())?;
                Ok((opened.file.map(Content::Staged), opened.stat))
            }
            None => Plain.open(&grant.base, path, how).map(|(fd, stat)| (Some(Content::Plain(fd)), stat)),
        }
    }

    /// Creates and opens a file at `path`; `EEXIST` if there is anything, be it a dangling link.
    pub(super) fn create(&self, grant: &Grant, path: &RelPath, how: How) -> Result<Opened, Errno> {
        match self.stage(grant) {
            Some(stage) => {
                let opened = stage.create(grant, path)?;
                Ok((opened.file.map(Content::Staged), opened.stat))
            }
            None => Plain.create(&grant.base, path, how).map(|(fd, stat)| (Some(Content::Plain(fd)), stat)),
        }
    }

    /// The properties of the directory at `path`, without any right to it.
    pub(super) fn enter(&self, grant: &Grant, path: &RelPath) -> Result<Stat, Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, path, |tree, path| tree.enter_stat(path)),
            None => Plain.enter(&grant.base, path),
        }
    }

    /// Looks at `path`; a link is not followed.
    pub(super) fn look(&self, grant: &Grant, path: &RelPath) -> Result<Look, Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, path, |tree, path| tree.look(path)),
            None => Plain.look(&grant.base, path),
        }
    }

    /// The entries of the directory `path`, read as they are asked for.
    pub(super) fn list(&self, grant: &Grant, path: &RelPath) -> Result<Entries, Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, path, |tree, path| tree.list(path)),
            None => Plain.list(&grant.base, path),
        }
    }

    /// Makes what happened to the directory `path` last. What is staged lasts when it lands.
    pub(super) fn sync_directory(&self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        match self.stage(grant) {
            Some(_) => self.enter(grant, path).map(drop),
            None => Plain.sync_directory(&grant.base, path),
        }
    }

    pub(super) fn create_directory(&self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, named(path)?, |tree, path| tree.create_directory(path)),
            None => Plain.create_directory(&grant.base, path),
        }
    }

    /// Removes a file, link, FIFO, socket or device node.
    pub(super) fn remove_file(&self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, named(path)?, |tree, path| tree.remove_file(path)),
            None => Plain.remove_file(&grant.base, path),
        }
    }

    pub(super) fn remove_directory(&self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, named(path)?, |tree, path| tree.remove_directory(path)),
            None => Plain.remove_directory(&grant.base, path),
        }
    }

    pub(super) fn rename(&self, grant: &Grant, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let Some(stage) = self.stage(grant) else { return Plain.rename(&grant.base, from, to) };
        let to = grant.prefix.append(named(to)?.as_str());
        stage.with(grant, named(from)?, |tree, from| tree.rename(from, &to))
    }

    pub(super) fn hard_link(&self, grant: &Grant, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let Some(stage) = self.stage(grant) else { return Plain.hard_link(&grant.base, from, to) };
        let to = grant.prefix.append(named(to)?.as_str());
        stage.with(grant, named(from)?, |tree, from| tree.hard_link(from, &to))
    }

    pub(super) fn symlink(&self, grant: &Grant, target: &str, path: &RelPath) -> Result<(), Errno> {
        match self.stage(grant) {
            Some(stage) => stage.with(grant, named(path)?, |tree, path| tree.symlink(target, path)),
            None => Plain.symlink(&grant.base, target, path),
        }
    }

    pub(super) fn set_times(&self, grant: &Grant, path: &RelPath, times: &Timestamps) -> Result<(), Errno> {
        match self.stage(grant) {
            Some(stage) => stage.set_times(grant, path, times),
            None => Plain.set_times(&grant.base, path, times),
        }
    }
}

/// The root has no name in a directory of ours: it is busy.
fn named(path: &RelPath) -> Result<&RelPath, Errno> {
    if path.is_root() { Err(Errno::BUSY) } else { Ok(path) }
}
