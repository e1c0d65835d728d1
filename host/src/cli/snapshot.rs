//! The project's files as a command read them before it asked: what somebody else wrote while a person thought is not written over.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::failure::{Failure, WithCode as _};
use super::project::failure;
use crate::exit_code::ExitCode;
use crate::{HostConfig, OpenError, journal};

/// Held in the state directory by whoever writes manifest and lock file.
const TURN: &str = "accepting.lock";

/// Manifest and lock file as they were, whatever is in them.
pub(super) struct Snapshot {
    manifest: Option<Vec<u8>>,
    lock: Option<Vec<u8>>,
}

/// The turn to write them: whoever comes meanwhile waits, and then sees that they have changed.
#[must_use]
pub(super) struct Turn {
    _lock: File,
}

impl Snapshot {
    /// As they are now.
    pub(super) fn of(config: &HostConfig) -> Result<Self, Failure> {
        Self::read(config).map_err(failure)
    }

    /// Refuses to go on if they are anything else by now. They may be written as long as the turn is held.
    pub(super) fn holds(&self, config: &HostConfig) -> Result<Turn, Failure> {
        let turn = Turn::take(config).code(ExitCode::Host)?;
        let now = Self::of(config)?;
        let changed = [(self.manifest != now.manifest, &config.manifest), (self.lock != now.lock, &config.lock)];
        match changed.into_iter().find(|(changed, _)| *changed) {
            None => Ok(turn),
            Some((_, path)) => {
                let error =
                    anyhow::anyhow!("`{}` was changed meanwhile: nothing was written; try again", path.display());
                Err(error).code(ExitCode::NotAccepted)
            }
        }
    }

    fn read(config: &HostConfig) -> Result<Self, OpenError> {
        Ok(Self { manifest: bytes(&config.manifest)?, lock: bytes(&config.lock)? })
    }
}

impl Turn {
    fn take(config: &HostConfig) -> anyhow::Result<Self> {
        let path = journal::prepared(&config.state)?.join(TURN);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
        Ok(Self { _lock: lock.with_context(|| format!("`{}` cannot be locked", path.display()))? })
    }
}

fn bytes(path: &Path) -> Result<Option<Vec<u8>>, OpenError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(config: &HostConfig) -> Snapshot {
        Snapshot::of(config).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let config = HostConfig::beside(&folder.path().join("toolhold.toml"));
        let nothing = now(&config);
        assert!(nothing.holds(&config).is_ok());
        for path in [&config.manifest, &config.lock] {
            let before = now(&config);
            std::fs::write(path, "version = 1\n").unwrap();
            let Err(said) = before.holds(&config) else { panic!("`{}`", path.display()) };
            assert!(said.to_string().contains(&format!("`{}` was changed meanwhile", path.display())), "{said}");
            assert!(matches!(said.code(), ExitCode::NotAccepted));
        }
        assert!(now(&config).holds(&config).is_ok());
    }

    #[test]
    fn of_two_who_accept_at_once_the_second_sees_what_the_first_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let config = HostConfig::beside(&folder.path().join("toolhold.toml"));
        std::fs::write(&config.lock, [0xff, 0xfe]).unwrap();
        let (first, second) = (now(&config), now(&config));
        let Ok(turn) = first.holds(&config) else { panic!("nobody wrote") };
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| second.holds(&config).is_err());
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!waits.is_finished(), "both write");
            std::fs::write(&config.lock, "version = 1\n").unwrap();
            drop(turn);
            assert!(waits.join().unwrap(), "it would write over what it has not seen");
        });
    }
}
