//! Doing a plan: all of it, or nothing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fsync, syncfs};
use rustix::io::Errno;

use super::super::operation::while_names_move;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{Kind, open_exact};
use super::files::Side;
use super::open::OpenArea;
use super::plan::{Area, CommitError, Plan, Step, Workspace, room};
use super::staged::Durable;
use super::step::{Failed, Ground};
use super::undo::After;
use super::verify::{self, Begun, Found};

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
        let size = |stamp: Stamp| if stamp.kind == Kind::File { stamp.size } else { 0 };
        files.filter_map(|stamp| stamp.ok()?).map(|stamp| room(size(stamp))).fold(0, u64::saturating_add)
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
        self.do_from(0, Compared::JustNow)?;
        Ok(self.finish(0)?.with(self.left_of(directories)))
    }

    /// What is left to be done once every step is, those from number `first` on just now: to make it last, and to see what it left. If
    /// that fails, those are taken back.
    fn finish(&self, first: usize) -> Result<After, CommitError> {
        self.sync().and_then(|()| self.after()).map_err(|why| {
            let error = self.back(first..self.steps().len(), why);
            // As far as that is possible: what failed may have been just this.
            let _as_it_was = self.sync();
            error
        })
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
        self.conflicts(|area, open| verify::conflicts(&open.base, area, &[]))
    }

    fn conflicts(&self, look: impl Fn(&Area, &OpenArea) -> Found) -> Result<(), CommitError> {
        let mut conflicts = Vec::new();
        for (area, open) in self.pairs() {
            conflicts.extend(found(area, look(area, open))?);
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
    fn do_from(&self, first: usize, compared: Compared) -> Result<(), CommitError> {
        for (number, (area, ground, step)) in self.steps().iter().enumerate().skip(first) {
            if compared == Compared::BeforeAStop {
                self.still_expected(number).map_err(|why| self.back(first..number, why))?;
            }
            if let Err(failed) = ground.forwards(step) {
                // A step that failed may be half done; taking back what was not done does nothing. Times are set at once or not at all.
                let begun = if matches!(step, Step::Times { .. }) { number } else { number + 1 };
                return Err(self.back(first..begun, told(area, step, failed)));
            }
        }
        Ok(())
    }

    /// Takes back the steps with these numbers because of `why`, which is returned where nothing is left of the plan.
    ///
    /// What was done before a stop of the host stays: somebody may have gone on with it.
    fn back(&self, numbers: Range<usize>, why: CommitError) -> CommitError {
        let begun_before = numbers.start > 0;
        for (area, ground, step) in self.steps().iter().take(numbers.end).skip(numbers.start).rev() {
            let taken_back = ground.backwards(step).or_else(|failed| undone_already(ground, step, failed));
            if let Err(failed) = taken_back {
                return self.stuck(&why, &told(area, step, failed));
            }
        }
        match begun_before {
            true => self.stuck(&why, &"what was done before the host stopped was left"),
            false => why,
        }
    }

    fn stuck(&self, why: &CommitError, then: &dyn std::fmt::Display) -> CommitError {
        CommitError::Stuck { name: self.plan.name.clone(), why: format!("{why}; then {then}") }
    }

    /// Makes it last, if that was asked for.
    pub(super) fn sync(&self) -> Result<(), CommitError> {
        if self.durable == Durable::No {
            return Ok(());
        }
        for (area, open) in self.pairs() {
            let parents: BTreeSet<RelPath> = area.steps.iter().flat_map(parents).collect();
            for parent in parents {
                sync_directory(open, &parent)
                    .map_err(|errno| CommitError::refused(area, "make last", &parent, errno))?;
            }
            open.work.sync().map_err(|errno| CommitError::refused(area, "make last", &RelPath::default(), errno))?;
        }
        Ok(())
    }

    /// Takes back every step of a plan that was done, from number `last` on downwards. If one fails, all are done again.
    pub(super) fn take_back(&self, last: usize, compared: Compared) -> Result<(), CommitError> {
        for (number, (area, ground, step)) in self.steps().iter().enumerate().take(last).rev() {
            let is_left = match compared {
                Compared::JustNow => Ok(true),
                Compared::BeforeAStop => ground.is_left(step),
            };
            if let Err(failed) = is_left.and_then(|is_left| if is_left { ground.undo(step) } else { Ok(()) }) {
                return Err(self.redo(number, Some(number), told(area, step, failed)));
            }
        }
        Ok(())
    }

    /// Does again what was taken back, the steps from number `first` on, because of `why`, which is returned where nothing is left of
    /// the undo. The step with the number `failed` may never have been taken back.
    pub(super) fn redo(&self, first: usize, failed: Option<usize>, why: CommitError) -> CommitError {
        for (number, (area, ground, step)) in self.steps().iter().enumerate().skip(first) {
            let Err(again) = ground.redo(step) else { continue };
            if failed != Some(number) || !done_still(ground, step, again) {
                return self.stuck(&why, &told(area, step, again));
            }
        }
        why
    }

    #[cfg(test)]
    pub(super) fn take_back_down_to(&self, first: usize) -> Result<(), CommitError> {
        for (area, ground, step) in self.steps().iter().skip(first).rev() {
            ground.undo(step).map_err(|failed| told(area, step, failed))?;
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

/// When the disk was compared with what the plan expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    JustNow,
    /// Before the host stopped: each step looks again.
    BeforeAStop,
}

/// What cannot be done again, because somebody has changed it since, may never have been taken back.
fn done_still(ground: &Ground<'_>, step: &Step, failed: Failed) -> bool {
    failed == Failed::Conflict && ground.is_undone(step) == Ok(false)
}

/// What failed to be taken back may never have been done.
fn undone_already(ground: &Ground<'_>, step: &Step, failed: Failed) -> Result<(), Failed> {
    match ground.is_undone(step) {
        Ok(true) => Ok(()),
        _ => Err(failed),
    }
}

fn found(area: &Area, found: Found) -> Result<Vec<String>, CommitError> {
    found.map_err(|(path, errno)| CommitError::refused(area, "look at", &path, errno))
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
fn sync_directory(open: &OpenArea, path: &RelPath) -> Result<(), Errno> {
    let opened = open_exact(&open.base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
    #[cfg(test)]
    let opened = super::faults::strike().and(opened);
    match opened {
        Ok(directory) => fsync(directory),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
        // One that can be changed but not read. The files of the plan are on the same file system.
        Err(Errno::ACCESS) => syncfs(open.work.fd()),
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
        prepared.do_from(done, Compared::BeforeAStop)?;
        prepared.finish(done)
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
    /// Nothing shows that a step was done. What may have been begun all the same is not compared: it is done again.
    fn verify_unless_begun(&self) -> Result<(), CommitError> {
        let mut begun = Vec::new();
        for (area, ground, step) in self.steps() {
            match step {
                // Nothing is changed before what was there is saved.
                Step::Overwrite { old, saved, .. } => match ground.work.stamp(saved) {
                    Ok(Some(_)) => begun.push(Begun::Content(old.identity)),
                    Ok(None) => break,
                    Err(errno) => return Err(told(area, step, Failed::Errno(errno))),
                },
                Step::Times { path, .. } => begun.push(Begun::Times(path)),
                _ => break,
            }
        }
        self.conflicts(|area, open| verify::conflicts(&open.base, area, &begun))
    }

    /// Whether what the step with this number changes is still what the plan expects. What leaves no trace may be done.
    fn still_expected(&self, number: usize) -> Result<(), CommitError> {
        let mut before = number;
        for (area, open) in self.pairs() {
            if let Some(step) = area.steps.get(before) {
                let is_begun = matches!(step, Step::Overwrite { saved, .. } if open.work.stamp(saved) != Ok(None));
                return match is_begun {
                    true => Ok(()),
                    false => match found(area, verify::conflicts_of(&open.base, area, before))? {
                        conflicts if conflicts.is_empty() => Ok(()),
                        conflicts => Err(CommitError::Conflict(conflicts)),
                    },
                };
            }
            before -= area.steps.len();
        }
        Ok(())
    }
}
