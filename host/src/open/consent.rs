//! That somebody accepted, on this machine, how an MCP server is reached.
//!
//! Manifest and lock file say how, and both come with a clone or a pull. So what was accepted is noted in the state directory, and the note
//! is worth nothing in another one: it depends on when that directory was made, and as which file, which nobody knows beforehand who
//! sends one along.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use serde_json::json;
use toolhold_core::call::canonical;
use toolhold_core::id::Digest;
use toolhold_core::manifest::{Component, Server, Transport};

use super::{HostConfig, OpenError};
use crate::journal;
use crate::store::StoreError;

/// Where the notes are, in the state directory: a file for each server.
const FOLDER: &str = "servers";

/// Ways to reach one server that are remembered: who goes back to an earlier one has accepted it.
const REMEMBERED: usize = 64;

/// What was accepted of servers.
#[derive(Debug)]
pub(crate) struct Consents<'a> {
    config: &'a HostConfig,
}

impl<'a> Consents<'a> {
    /// Those of the state directory.
    pub(crate) fn of(config: &'a HostConfig) -> Self {
        Self { config }
    }

    /// Whether somebody accepted that the server is reached as the manifest has it. What cannot be read says no.
    pub(crate) fn has(&self, component: &Component, server: &Server) -> bool {
        let Ok(state) = self.config.state.canonicalize() else { return false };
        let Ok(note) = self.note(&state, component, server) else { return false };
        notes(&file(&state, component)).contains(&note)
    }

    /// Somebody accepted that the server is reached as the manifest has it.
    ///
    /// # Errors
    ///
    /// It cannot be noted.
    pub(crate) fn keep(&self, component: &Component, server: &Server) -> Result<(), OpenError> {
        let state = journal::prepared(&self.config.state)?;
        let path = file(&state, component);
        // What refuses to be written, by its path: a file of the state directory like those of the store.
        let fail = |source| OpenError::Store(StoreError::Io { path: path.clone(), source });
        let note = self.note(&state, component, server).map_err(fail)?;
        let mut all = notes(&path);
        if all.contains(&note) {
            return Ok(());
        }
        all.insert(0, note);
        all.truncate(REMEMBERED);
        let folder = state.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(fail)?;
        let mut new = tempfile::NamedTempFile::new_in(&folder).map_err(fail)?;
        new.write_all((all.join("\n") + "\n").as_bytes()).map_err(fail)?;
        new.persist(&path).map(drop).map_err(|error| fail(error.error))
    }

    /// What is noted of one way to reach a server: everything that decides what is started, or contacted.
    fn note(&self, state: &Path, component: &Component, server: &Server) -> std::io::Result<String> {
        let made = statx(CWD, state, AtFlags::empty(), StatxFlags::INO | StatxFlags::BTIME)?;
        let here = std::path::absolute(&self.config.manifest)?;
        let directory = match &server.transport {
            // Within the project, from there: a project may be moved as a whole.
            Transport::Stdio { directory: Some(directory), .. } => {
                let project = here.parent().unwrap_or(Path::new("/"));
                Some(directory.value.strip_prefix(project).unwrap_or(&directory.value).to_string_lossy().into_owned())
            }
            _ => None,
        };
        let what = json!({
            "made": [made.stx_ino, made.stx_btime.tv_sec, made.stx_btime.tv_nsec],
            "name": component.name.value.as_str(),
            "reached": server.reached(&component.env),
            "directory": directory,
        });
        Ok(Digest::of(canonical(&what).as_bytes()).to_string())
    }
}

fn file(state: &Path, component: &Component) -> PathBuf {
    state.join(FOLDER).join(component.name.value.as_str())
}

fn notes(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().take(REMEMBERED).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A project whose manifest names a server that is started in `directory`.
    fn project(folder: &Path, command: &str, directory: &str) -> HostConfig {
        let text = format!(
            "version = 1\n[tools.mail]\nsource = \"mcp:stdio\"\n[tools.mail.server]\nread-only = []\ncommand = [\"/bin/sh\", \"{command}\"]\ndirectory = \"{directory}\"\n"
        );
        for made in ["a", "b"] {
            std::fs::create_dir_all(folder.join(made)).unwrap();
        }
        std::fs::write(folder.join("toolhold.toml"), text).unwrap();
        HostConfig::beside(&folder.join("toolhold.toml"))
    }

    fn accepted(config: &HostConfig, keep: bool) -> bool {
        let manifest = super::super::files::manifest(&config.manifest).unwrap();
        let component = manifest.components().values().next().unwrap();
        let server = component.server.as_ref().unwrap();
        if keep {
            Consents::of(config).keep(component, server).unwrap();
        }
        Consents::of(config).has(component, server)
    }

    #[test]
    fn what_was_accepted_is_the_command_and_where_it_runs() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("project");
        assert!(!accepted(&project(&folder, "serve", "a"), false));
        assert!(accepted(&project(&folder, "serve", "a"), true));
        assert!(!accepted(&project(&folder, "evil; serve", "a"), false));
        assert!(!accepted(&project(&folder, "serve", "b"), false));
        assert!(accepted(&project(&folder, "serve", "b"), true));
        assert!(accepted(&project(&folder, "serve", "a"), false), "an earlier way is remembered");
        // The project is moved as a whole.
        let moved = temp.path().join("moved");
        std::fs::rename(&folder, &moved).unwrap();
        assert!(accepted(&project(&moved, "serve", "b"), false));
    }

    #[test]
    fn a_state_directory_that_comes_from_elsewhere_says_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let (ours, clone) = (temp.path().join("ours"), temp.path().join("clone"));
        assert!(accepted(&project(&ours, "serve", "a"), true));
        let theirs = project(&clone, "serve", "a");
        std::fs::create_dir_all(theirs.state.join(FOLDER)).unwrap();
        std::fs::copy(ours.join(".toolhold").join(FOLDER).join("mail"), theirs.state.join(FOLDER).join("mail"))
            .unwrap();
        assert!(!accepted(&theirs, false));
    }
}
