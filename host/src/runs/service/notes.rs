//! Which runs a server has accepted and not ended: a small file for each in the state directory.
//!
//! A file is there before the run is on record and goes when the run is over, so after a kill there is one for each run that has
//! to go on, and perhaps one for a run that there is not. Only who may write the state directory can leave one there.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use toolhold_core::id::{Digest, RunId};

use crate::runs::Error;

/// The longest note, in bytes: the name of a run.
const LONGEST: u64 = 128;

/// The notes of a state directory.
pub(super) struct Notes(PathBuf);

impl Notes {
    pub(super) fn new(state: &Path) -> Self {
        Self(state.join("serving"))
    }

    /// Makes one, on the disk when this returns. `false` where there was one.
    pub(super) fn add(&self, run: &RunId) -> Result<bool, Error> {
        let path = self.path(run);
        let write = || {
            std::fs::create_dir_all(&self.0)?;
            let is_new = !path.try_exists()?;
            let mut file = std::fs::File::create(&path)?;
            file.write_all(run.as_str().as_bytes())?;
            file.sync_all()?;
            std::fs::File::open(&self.0)?.sync_all()?;
            Ok(is_new)
        };
        write().map_err(|why| Error::File { path: path.display().to_string(), why })
    }

    /// Removes one, if it is there.
    pub(super) fn remove(&self, run: &RunId) {
        let _gone = std::fs::remove_file(self.path(run)).is_err();
    }

    /// The runs that have one, in the order of their names.
    pub(super) fn all(&self) -> Result<Vec<RunId>, Error> {
        let failed = |why| Error::File { path: self.0.display().to_string(), why };
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            // What is not a note of ours is left alone.
            runs.extend(read(&path).filter(|run| self.path(run) == path));
        }
        runs.sort();
        Ok(runs)
    }

    fn path(&self, run: &RunId) -> PathBuf {
        // A name of ours: that of a run may hold anything printable.
        self.0.join(Digest::of(run.as_str().as_bytes()).hex())
    }
}

fn read(path: &Path) -> Option<RunId> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let is_note = metadata.is_file() && metadata.len() <= LONGEST;
    std::fs::read_to_string(path).ok().filter(|_| is_note)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_there_until_it_is_removed_and_nothing_else_counts_as_one() {
        let state = tempfile::tempdir().unwrap();
        let notes = Notes::new(state.path());
        assert_eq!(notes.all().unwrap(), []);
        let (one, odd): (RunId, RunId) = ("run-1".parse().unwrap(), "../../../x".parse().unwrap());
        assert!(notes.add(&one).unwrap() && notes.add(&odd).unwrap());
        assert!(!notes.add(&one).unwrap(), "it was there");
        assert_eq!(notes.all().unwrap(), [odd.clone(), one.clone()]);
        let folder = state.path().join("serving");
        std::fs::write(folder.join("other"), "run-2").unwrap();
        std::fs::write(folder.join(Digest::of(b"run-3").hex()), "run-4").unwrap();
        std::os::unix::fs::symlink(notes.path(&one), folder.join(Digest::of(b"run-5").hex())).unwrap();
        std::fs::create_dir(folder.join("folder")).unwrap();
        assert_eq!(notes.all().unwrap(), [odd.clone(), one.clone()]);
        notes.remove(&odd);
        notes.remove(&odd);
        assert_eq!(notes.all().unwrap(), [one]);
    }
}
