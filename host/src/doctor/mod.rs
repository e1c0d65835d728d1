//! What is active on this machine and in this project, and what would mend what is not: each thing looked at where it is.
//!
//! A check tells what it found, and for everything that is not as it could be, a fix. Only what keeps Toolhold from working is a
//! problem. Nothing is changed: files that are made to find something out have no name, and are gone at once.

mod machine;
mod models;
mod project;
mod state;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::HostConfig;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Note,
    /// It keeps Toolhold from working.
    Problem,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which thing. Stable: scripts rely on it.
    pub name: &'static str,
    /// How it stands with it.
    pub condition: Condition,
    /// What was found. Holds names of files and what servers said: escape before showing.
    pub found: String,
    /// What would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, condition: Condition::Good, found: found.into(), fix: None }
    }

    fn note(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, condition: Condition::Note, found: found.into(), fix: Some(fix.into()) }
    }

    fn problem(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, condition: Condition::Problem, found: found.into(), fix: Some(fix.into()) }
    }
}

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Patient {
    /// Where the host's files are.
    pub config: HostConfig,
    /// The folders in which programs are found, as the environment has them.
    pub path: Option<String>,
    /// Now, in microseconds since 1970.
    pub now: u64,
    /// No server is asked whether it is there.
    pub offline: bool,
    /// What the kernel tells of itself: `/`, but in tests.
    pub root: PathBuf,
}

impl Patient {
    /// A text that the kernel tells, without the end of its line.
    fn told(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim_end().to_owned())
    }
}

/// Looks at everything, the machine first.
pub async fn examine(patient: &Patient) -> Vec<Check> {
    let mut checks = vec![machine::pool()];
    let (manifest, of_project) = project::examine(patient).await;
    checks.extend(machine::memory(patient, manifest.as_ref().map(|manifest| manifest.host().max_memory)));
    checks.extend([
        machine::huge_pages(patient),
        machine::page_map(patient),
        machine::landlock(patient),
        machine::seccomp(patient),
        machine::open_files(),
    ]);
    checks.extend(state::examine(patient, manifest.as_ref().map(|manifest| manifest.host().journal_age)));
    checks.push(state::clock(patient));
    checks.extend(of_project);
    if let Some(manifest) = manifest {
        checks.extend(models::examine(patient, &manifest).await);
    }
    checks
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned)
}

#[cfg(test)]
mod tests;
