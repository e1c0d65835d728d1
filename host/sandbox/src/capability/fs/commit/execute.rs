//! Doing a plan: all of it, or nothing.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fsync};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::operation::while_names_move;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{Kind, open_exact};
use super::files::Side;
use super::open::OpenArea;
use super::plan::{Area, CommitError, Plan, Step, Workspace};
use super::staged::Durable;
use super::step::{Failed, Ground};
use super::undo::After;
use super::verify;

/// A plan that is ready: everything that it puts on the disk is there.
#[derive(Debug)]
pub struct Prepared {
    pub(super) plan: Plan,
    pub(super) areas: Vec<OpenArea>,
    pub(super) durable: Durable,
}

impl Prepared {
    /// What is about to be done, to be written down before it is.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many bytes of files wait to be put on the disk, as far as they wait in the host's own directory.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        let shared = self.pairs().filter(|(area, _)| area.workspace == Workspace::Shared);
        let files = shared.flat_map(|(area, open)| area.files().map(|name| open.work.stamp(name)));
        let is_file = |stamp: &Stamp| stamp.kind == Kind::File;
        files.filter_map(|stamp| stamp.ok()?.filter(is_file)).map(|stamp| stamp.size).fold(0, u64::saturating_add)
    }

    /// Does it, if the disk is still what the call saw.
    ///
    /// # Errors
    ///
    /// [`CommitError`]; nothing was changed then, unless it is [`CommitError::Stuck`].
    pub fn commit(self) -> Result<After, CommitError> {
        // Held against moves of calls that are not staged, and against other commits.
        let _names = while_names_move();
        self.verify()?;
        let directories = self.directories();
        self.do_from(0)?;
        self.sync()?;
        Ok(self.after()?.with(self.left_of(directories)))
    }

    /// Does the first `count` steps and stops, as a kill would.
    #[cfg(test)]
    pub(in super::super) fn cut_off_after(self, count: usize) -> Result<(), CommitError> {
        self.verify()?;
        self.steps()
            .iter()
            .take(count)
            .try_for_each(|(area, ground, step)| ground.forwards(step).map_err(|failed| told(area, step, failed)))
    }

    fn verify(&self) -> Result<(), CommitError> {
        let mut conflicts = Vec::new();
        for (area, open) in self.pairs() {
            let found = verify::conflicts(&open.base, area);
            conflicts.extend(found.map_err(|(path, errno)| CommitError::refused(area, "look at", &path, errno))?);
        }
        if conflicts.is_empty() { Ok(()) } else { Err(CommitError::Conflict(conflicts)) }
    }

    fn pairs(&self) -> impl DoubleEndedIterator<Item = (&Area, &OpenArea)> {
        self.plan.areas.iter().zip(&self.areas)
    }

    /// Every step with its ground, in the order in which they are done.
    fn steps(&self) -> Vec<(&Area, Ground<'_>, &Step)> {
        self.pairs()
            .flat_map(|(area, open)| {
                area.steps.iter().map(move |step| (area, Ground { base: &open.base, work: &open.work }, step))
            })
            .collect()
    }

    /// Does the steps from number `first` on. If one fails, the ones that were done now are taken back.
    fn do_from(&self, first: usize) -> Result<(), CommitError> {
        let steps = self.steps();
        for (number, (area, ground, step)) in steps.iter().enumerate().skip(first) {
            let Err(failed) = ground.forwards(step) else { continue };
            let why = told(area, step, failed);
            for (area, ground, step) in steps.iter().take(number + 1).skip(first).rev() {
                // The step that failed may be half done; taking back what was not done does nothing.
                let taken_back = ground.backwards(step);
                if let Err(failed) = taken_back.or_else(|failed| undone_already(ground, step, failed)) {
                    let why = format!("{why}; then {}", told(area, step, failed));
                    return Err(CommitError::Stuck { name: self.plan.name.clone(), why });
                }
            }
            return Err(why);
        }
        Ok(())
    }

    /// Makes it last, if that was asked for.
    pub(super) fn sync(&self) -> Result<(), CommitError> {
        if self.durable == Durable::No {
            return Ok(());
        }
        for (area, open) in self.pairs() {
            let parents: BTreeSet<RelPath> = area.steps.iter().flat_map(parents).collect();
            for parent in parents {
                sync_directory(&open.base, &parent)
                    .map_err(|errno| CommitError::refused(area, "make last", &parent, errno))?;
            }
            open.work.sync().map_err(|errno| CommitError::refused(area, "make last", &RelPath::default(), errno))?;
        }
        Ok(())
    }

    /// Takes back every step from number `last` on downwards.
    pub(super) fn take_back(&self, last: usize) -> Result<(), CommitError> {
        for (area, ground, step) in self.steps().iter().take(last).rev() {
            ground.backwards(step).map_err(|failed| told(area, step, failed))?;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn take_back_down_to(&self, first: usize) -> Result<(), CommitError> {
        for (area, ground, step) in self.steps().iter().skip(first).rev() {
            ground.backwards(step).map_err(|failed| told(area, step, failed))?;
        }
        Ok(())
    }

    /// How many steps were done.
    pub(super) fn done(&self) -> Result<usize, CommitError> {
        let steps = self.steps();
        for (number, (area, ground, step)) in steps.iter().enumerate().rev() {
            if ground.is_done(step).map_err(|errno| told(area, step, Failed::Errno(errno)))? {
                return Ok(number + 1);
            }
        }
        Ok(0)
    }
}

/// What failed to be taken back may never have been done.
fn undone_already(ground: &Ground<'_>, step: &Step, failed: Failed) -> Result<(), Failed> {
    match ground.is_undone(step) {
        Ok(true) => Ok(()),
        _ => Err(failed),
    }
}

fn told(area: &Area, step: &Step, failed: Failed) -> CommitError {
    match failed {
        Failed::Conflict => CommitError::Conflict(vec![area.guest_path(step.path())]),
        Failed::Errno(errno) => CommitError::refused(area, "change", step.path(), errno),
    }
}

/// The directories in which the step changes a name.
pub(super) fn parents(step: &Step) -> Vec<RelPath> {
    let parent = |path: &RelPath| {
        let mut path = path.clone();
        path.pop();
        path
    };
    match step {
        Step::Move { from, path, .. } => vec![parent(from), parent(path)],
        step => vec![parent(step.path())],
    }
}

/// One that is gone has nothing that must last.
fn sync_directory(base: &Base, path: &RelPath) -> Result<(), Errno> {
    match open_exact(base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        Ok(directory) => fsync(directory),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
        Err(errno) => Err(errno),
    }
}

impl Plan {
    /// Finishes a commit that was cut off, from whatever step on.
    ///
    /// # Errors
    ///
    /// [`CommitError`]: somebody changed the same files after the commit was cut off, or the files of the plan are gone.
    pub fn roll_forward(&self, staging: &Path, durable: Durable) -> Result<After, CommitError> {
        let _names = while_names_move();
        let prepared = Prepared { plan: self.clone(), areas: self.open(staging)?, durable };
        let done = prepared.done()?;
        if done == 0 {
            prepared.verify_unless_begun()?;
        }
        prepared.do_from(done)?;
        prepared.sync()?;
        prepared.after()
    }

    /// Opens a plan that was kept, to be committed now.
    ///
    /// # Errors
    ///
    /// [`CommitError::Moved`] or [`CommitError::Gone`].
    pub fn prepared(self, staging: &Path, durable: Durable) -> Result<Prepared, CommitError> {
        let areas = self.open(staging)?;
        let prepared = Prepared { plan: self, areas, durable };
        prepared.has(Side::New)?;
        Ok(prepared)
    }
}

impl Prepared {
    /// Nothing shows that a step was done. If one that does not show was begun, the disk does not hold what was expected;
    /// then it is done again.
    fn verify_unless_begun(&self) -> Result<(), CommitError> {
        let is_silent = |step: &&Step| matches!(step, Step::Overwrite { .. } | Step::Times { .. });
        let first_is_silent = self.plan.areas.iter().find_map(|area| area.steps.first()).filter(is_silent).is_some();
        if first_is_silent { Ok(()) } else { self.verify() }
    }
}
