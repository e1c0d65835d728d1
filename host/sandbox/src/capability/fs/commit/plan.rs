//! A plan: what the disk must be like, and what is done to it. Written down before it is done, so its form only grows.

use std::collections::HashSet;
use std::path::PathBuf;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::super::identity::Identity;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::Kind;

/// Version of the form in which plans are written.
pub(super) const VERSION: u32 = 1;

/// What a commit does, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub(super) version: u32,
    /// Under which name lies what is put on the disk, and then what was taken from it.
    pub(super) name: String,
    pub(super) areas: Vec<Area>,
}

/// The part of a plan that is about one directory of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Area {
    pub(super) host: PathBuf,
    pub(super) identity: Identity,
    pub(super) workspace: Workspace,
    /// How guests see it, for messages: a path in the area, and its guest path.
    pub(super) guests: Vec<(RelPath, String)>,
    pub(super) expects: Vec<Expect>,
    pub(super) steps: Vec<Step>,
}

/// Where the files of a plan are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Workspace {
    /// In a directory of the plan's name in Toolhold's own, which is on the same file system: as plans were written at first.
    Own,
    /// In Toolhold's own directory, each of them under the plan's name.
    Shared,
    /// In the area, in a directory that no guest sees.
    Beside,
}

/// What must be so before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expect {
    /// This is at the path, and nobody changed it.
    Is(RelPath, Stamp),
    /// This directory is at the path, and nothing came to it or went from it.
    Untouched(RelPath, Stamp),
    /// Nothing is there.
    Nothing(RelPath),
    /// The directory has no entries but these.
    Only(RelPath, Vec<String>),
}

/// One thing that is done. A name without a slash is one of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// A file gets the content of another one, which keeps the old: in place, for files with several names and for those
    /// whose owner or attributes could not be given to another file. Not at once for whoever reads it meanwhile.
    Overwrite { path: RelPath, from: String, saved: String, old: Stamp },
    /// Something goes from the disk to the workspace.
    Take { path: RelPath, to: String, old: Stamp },
    /// A file on disk and one of the workspace change places.
    Exchange { path: RelPath, with: String, new: Identity, old: Stamp },
    /// Something goes from the workspace to where nothing is.
    Put { from: String, path: RelPath, new: Identity },
    /// Something goes to where nothing is.
    Move { from: RelPath, path: RelPath, old: Stamp },
    /// A file gets a further name.
    Link { of: RelPath, path: RelPath, new: Identity },
    /// Something gets these times: access and modification, in seconds and nanoseconds, `None` where they stay.
    Times { path: RelPath, new: PlannedTimes, old: PlannedTimes },
}

/// Times to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlannedTimes {
    pub(super) access: Option<(i64, i64)>,
    pub(super) modified: Option<(i64, i64)>,
}

/// Why staged changes did not land. Nothing of them did, unless it says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The disk is not what the call saw: somebody else changed it. Guest paths, in order.
    #[error("changed by somebody else meanwhile: {}", listed(.0))]
    Conflict(Vec<String>),
    /// The operating system refuses a step.
    #[error("cannot {action} `{path}`: {why}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The guest path.
        path: String,
        /// Why not.
        why: String,
    },
    /// The directory is not there, or another one is in its place. For the operator: names the host path.
    #[error("`{}` is not the directory that it was", .0.display())]
    Moved(PathBuf),
    /// Files of the plan are missing: it was undone, or swept, or somebody else took them.
    #[error("the files of plan `{0}` are gone")]
    Gone(String),
    /// A step failed, and so did making it as it was before. For the operator.
    #[error("half done, and neither finished nor taken back: {why}; the plan `{name}` keeps what was there")]
    Stuck {
        /// The plan.
        name: String,
        /// What went wrong.
        why: String,
    },
    /// The plan is of a newer version, or cannot be put into words.
    #[error("plan not usable: {0}")]
    Unusable(String),
}

fn listed(paths: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("`{path}`")).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl CommitError {
    /// The operating system refuses `action` on the area's `path`.
    pub(super) fn refused(area: &Area, action: &'static str, path: &RelPath, errno: Errno) -> Self {
        Self::Refused { action, path: area.guest_path(path), why: std::io::Error::from(errno).to_string() }
    }
}

/// What something of this many bytes takes of a disk, at least: what is empty is a file too.
pub(super) fn room(bytes: u64) -> u64 {
    const LEAST: u64 = 4096;
    bytes.max(LEAST)
}

impl Area {
    fn kept_bytes(&self) -> u64 {
        let put = self.steps.iter().filter_map(|step| match step {
            Step::Put { from, .. } => Some(from),
            _ => None,
        });
        let put: HashSet<&String> = put.collect();
        let kept = |step: &Step| match step {
            Step::Overwrite { old, .. } | Step::Exchange { old, .. } => room(old.size),
            Step::Take { to, .. } if put.contains(to) => 0,
            Step::Take { path, old, .. } if old.kind == Kind::Directory => room(self.bytes_within(path)),
            Step::Take { old, .. } => room(old.size),
            _ => 0,
        };
        self.steps.iter().map(kept).fold(0, u64::saturating_add)
    }

    /// The files of a directory that goes as a whole: each of them is expected to be what the call saw.
    fn bytes_within(&self, directory: &RelPath) -> u64 {
        let size = |expect: &Expect| match expect {
            Expect::Is(path, stamp) if stamp.kind == Kind::File && directory.rest(path).is_some() => room(stamp.size),
            _ => 0,
        };
        self.expects.iter().map(size).fold(0, u64::saturating_add)
    }

    /// What guests call `path`.
    pub(super) fn guest_path(&self, path: &RelPath) -> String {
        guest_path(self.guests.iter().map(|(prefix, guest)| (prefix, guest.as_str())), path)
    }
}

/// What guests call `path`: by the grant that begins nearest to it.
pub(super) fn guest_path<'a>(areas: impl Iterator<Item = (&'a RelPath, &'a str)>, path: &RelPath) -> String {
    let named = areas.filter_map(|(prefix, guest)| Some((prefix.depth(), guest, prefix.rest(path)?)));
    match named.max_by_key(|(depth, ..)| *depth) {
        Some((_, guest, "")) => guest.to_owned(),
        Some((_, guest, rest)) => format!("{guest}/{rest}"),
        None => path.as_str().to_owned(),
    }
}

impl Step {
    /// The files of the workspace that it names: what it puts on the disk and what it takes from it.
    pub(super) fn files(&self) -> Vec<&str> {
        match self {
            Self::Overwrite { from, saved, .. } => vec![from, saved],
            Self::Take { to: file, .. } | Self::Exchange { with: file, .. } | Self::Put { from: file, .. } => {
                vec![file]
            }
            Self::Move { .. } | Self::Link { .. } | Self::Times { .. } => Vec::new(),
        }
    }

    /// Where on the disk it acts, for messages.
    pub(super) fn path(&self) -> &RelPath {
        match self {
            Self::Overwrite { path, .. }
            | Self::Take { path, .. }
            | Self::Exchange { path, .. }
            | Self::Put { path, .. }
            | Self::Move { path, .. }
            | Self::Link { path, .. }
            | Self::Times { path, .. } => path,
        }
    }
}

impl Plan {
    /// The name under which its files lie.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name in the text of a plan, which is not read any further. `None` where it is none that could be done.
    #[must_use]
    pub fn name_in(text: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Named {
            version: u32,
            name: String,
        }
        let named: Named = serde_json::from_str(text).ok()?;
        (named.version == VERSION).then_some(named.name)
    }

    /// How many bytes of what was there before are kept with it once it is done.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.areas.iter().map(Area::kept_bytes).fold(0, u64::saturating_add)
    }

    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.areas.iter().all(|area| area.steps.is_empty())
    }
}
