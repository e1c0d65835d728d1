//! Taking a whole plan back, as long as nobody changed what it left.

use std::path::Path;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::super::operation::while_names_move;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{Kind, open_exact};
use super::directories::DirectoryTimes;
use super::execute::{Compared, Prepared};
use super::files::Side;
use super::open::OpenArea;
use super::plan::{CommitError, Plan, Step};
use super::staged::Durable;
use super::verify::stamp;

/// What a plan left on the disk: what an undo compares the disk with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct After {
    left: Vec<Left>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    directories: Vec<DirectoryTimes>,
}

/// The forms in which it was written, the newest first.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    WithDirectories {
        left: Vec<Left>,
        #[serde(default)]
        directories: Vec<DirectoryTimes>,
    },
    WithoutDirectories(Vec<Left>),
}

impl From<Written> for After {
    fn from(written: Written) -> Self {
        let (left, directories) = match written {
            Written::WithDirectories { left, directories } => (left, directories),
            Written::WithoutDirectories(left) => (left, Vec::new()),
        };
        Self { left, directories }
    }
}

impl After {
    pub(super) fn with(self, directories: Vec<DirectoryTimes>) -> Self {
        Self { directories, ..self }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    area: usize,
    path: RelPath,
    /// `None`: nothing is there.
    stamp: Option<Stamp>,
    /// The names in a directory that the plan made.
    names: Option<Vec<String>>,
}

impl Prepared {
    /// What is on the disk now, where the plan did something.
    pub(super) fn after(&self) -> Result<After, CommitError> {
        let mut left = Vec::new();
        for (number, (area, open)) in self.plan.areas.iter().zip(&self.areas).enumerate() {
            for step in &area.steps {
                for (path, is_made) in touched(step) {
                    let seen = look(open, path, is_made);
                    let (stamp, names) = seen.map_err(|errno| CommitError::refused(area, "look at", path, errno))?;
                    left.push(Left { area: number, path: path.clone(), stamp, names });
                }
            }
        }
        Ok(After { left, directories: Vec::new() })
    }

    fn still_is(&self, after: &After) -> Result<(), CommitError> {
        self.compare(after, |left, now| left.holds(now))
    }

    /// The same where no more than the first `done` steps of the plan, and what leaves no trace, may not be taken back yet.
    fn still_is_before(&self, done: usize, after: &After) -> Result<(), CommitError> {
        let areas = self.plan.areas.iter().enumerate();
        let steps: Vec<(usize, &Step)> =
            areas.flat_map(|(area, of)| of.steps.iter().map(move |step| (area, step))).collect();
        let concerns = |left: &Left, (area, step): &(usize, &Step)| {
            *area == left.area && touched(step).iter().any(|(path, _)| path.rest(&left.path).is_some())
        };
        self.compare(after, |left, now| {
            let is_taken_back = |of: &(usize, &Step)| !is_silent(of.1) && concerns(left, of);
            let is_silent = |of: &(usize, &Step)| is_silent(of.1) && of.1.path() == &left.path && of.0 == left.area;
            if steps.iter().skip(done).any(is_taken_back) {
                return true;
            }
            // A file whose times were set goes as a whole, and what was written in place is compared as it is taken back.
            if steps.iter().any(is_silent) { left.has_no_more(&now.1) } else { left.holds_in_part(now) }
        })
    }

    fn compare(&self, after: &After, holds: impl Fn(&Left, &Seen) -> bool) -> Result<(), CommitError> {
        let mut changed = Vec::new();
        for left in &after.left {
            let place = self.plan.areas.get(left.area).zip(self.areas.get(left.area));
            let Some((area, open)) = place else { return Err(CommitError::Unusable("areas are missing".into())) };
            let seen = look(open, &left.path, left.names.is_some());
            let now = seen.map_err(|errno| CommitError::refused(area, "look at", &left.path, errno))?;
            if !holds(left, &now) {
                changed.push(area.guest_path(&left.path));
            }
        }
        changed.sort();
        changed.dedup();
        if changed.is_empty() { Ok(()) } else { Err(CommitError::Conflict(changed)) }
    }
}

impl Left {
    fn holds(&self, (stamp, names): &Seen) -> bool {
        let same = match (&self.stamp, stamp) {
            // The undo of a later call moves the file back, which must not keep the earlier one from being undone.
            (Some(was), Some(is)) => was.holds_but_for_moves(is),
            (None, None) => true,
            _ => false,
        };
        same && self.names == *names
    }

    /// [`holds`](Self::holds) where something of the plan is taken back already: further names of the file, or what was put into
    /// the directory.
    fn holds_in_part(&self, (stamp, names): &Seen) -> bool {
        let same = match (&self.stamp, stamp) {
            (Some(was), Some(is)) => Stamp { links: is.links, ..*was }.holds_but_for_moves(is),
            (None, None) => true,
            _ => false,
        };
        same && self.has_no_more(names)
    }

    /// Whether nothing came into a directory that the plan made.
    fn has_no_more(&self, names: &Option<Vec<String>>) -> bool {
        match (&self.names, names) {
            (Some(was), Some(is)) => is.iter().all(|name| was.contains(name)),
            (was, is) => was.is_none() && is.is_none(),
        }
    }
}

/// Where a step leaves something, or nothing, and whether that may be a directory that it made.
fn touched(step: &Step) -> Vec<(&RelPath, bool)> {
    match step {
        Step::Move { from, path, .. } => vec![(from, false), (path, false)],
        Step::Put { path, from, .. } => vec![(path, from.starts_with('d'))],
        step => vec![(step.path(), false)],
    }
}

/// Whether the disk does not show if the step was done.
fn is_silent(step: &Step) -> bool {
    matches!(step, Step::Overwrite { .. } | Step::Times { .. })
}

type Seen = (Option<Stamp>, Option<Vec<String>>);

fn look(open: &OpenArea, path: &RelPath, is_made: bool) -> Result<Seen, Errno> {
    #[cfg(test)]
    super::faults::strike()?;
    let stamp = stamp(&open.base, path)?;
    let is_directory = stamp.is_some_and(|stamp| stamp.kind == Kind::Directory);
    if !(is_made && is_directory) {
        return Ok((stamp, None));
    }
    let directory = open_exact(&open.base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::new(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !matches!(&*name, "." | "..") {
            names.push(name);
        }
    }
    names.sort();
    Ok((stamp, Some(names)))
}

impl Plan {
    /// Takes everything back, if the disk is still what the plan left.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] with what somebody changed since, and any other but [`CommitError::Stuck`]: nothing was changed then.
    /// [`CommitError::Gone`] where what was taken away is not kept any more. After [`CommitError::Stuck`], [`Plan::finish_undo`]
    /// tries again.
    pub fn undo(&self, staging: &Path, after: &After, durable: Durable) -> Result<(), CommitError> {
        let _names = while_names_move();
        let prepared = Prepared { plan: self.clone(), areas: self.open(staging)?, durable };
        prepared.still_is(after)?;
        prepared.has(Side::Old)?;
        let directories = prepared.untouched(&after.directories);
        let all = self.areas.iter().map(|area| area.steps.len()).sum();
        prepared.take_back(all, Compared::JustNow)?;
        prepared.set_back(&directories);
        prepared.sync().map_err(|error| CommitError::Stuck { name: self.name.clone(), why: error.to_string() })
    }

    /// Takes back the last `count` steps and stops, as a kill would.
    #[cfg(test)]
    pub(in super::super) fn undo_cut_off(&self, staging: &Path, count: usize) -> Result<(), CommitError> {
        let prepared = Prepared { plan: self.clone(), areas: self.open(staging)?, durable: Durable::No };
        prepared.take_back_down_to(self.len().saturating_sub(count))
    }

    #[cfg(test)]
    pub(in super::super) fn len(&self) -> usize {
        self.areas.iter().map(|area| area.steps.len()).sum()
    }

    /// Finishes an undo that was cut off: takes back what is left to be taken back, as far as the disk is still what the plan left.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] with what somebody changed after it was cut off: what had been taken back by then is done again. Any
    /// other: as much was taken back as before.
    pub fn finish_undo(&self, staging: &Path, after: Option<&After>, durable: Durable) -> Result<(), CommitError> {
        let _names = while_names_move();
        let prepared = Prepared { plan: self.clone(), areas: self.open(staging)?, durable };
        let done = prepared.done()?;
        if let Some(after) = after {
            let all: usize = self.areas.iter().map(|area| area.steps.len()).sum();
            match done == all {
                true => prepared.still_is(after)?,
                false => prepared.still_is_before(done, after).map_err(|why| match why {
                    CommitError::Conflict(_) => prepared.redo(done, None, why),
                    why => why,
                })?,
            }
        }
        // What leaves no trace and comes right after what is known to be done may be done: taken back twice, it is taken back.
        let steps = self.areas.iter().flat_map(|area| &area.steps);
        let last = done + steps.skip(done).take_while(|step| is_silent(step)).count();
        prepared.take_back(last, Compared::BeforeAStop)?;
        prepared.sync().map_err(|error| CommitError::Stuck { name: self.name.clone(), why: error.to_string() })
    }
}
