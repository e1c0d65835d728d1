//! The project's files as a command read them before it asked: what somebody else wrote while a person thought is not written over.

use super::failure::{Failure, WithCode as _};
use super::project::failure;
use crate::exit_code::ExitCode;
use crate::{HostConfig, OpenError, open};

/// Manifest and lock file as they were.
pub(super) struct Snapshot {
    manifest: Option<String>,
    lock: Option<String>,
}

impl Snapshot {
    /// As they are now.
    pub(super) fn of(config: &HostConfig) -> Result<Self, Failure> {
        Self::read(config).map_err(failure)
    }

    /// Refuses to go on if they are anything else by now. Nothing may be written between this and the answer.
    pub(super) fn holds(&self, config: &HostConfig) -> Result<(), Failure> {
        let now = Self::of(config)?;
        let changed = [(self.manifest != now.manifest, &config.manifest), (self.lock != now.lock, &config.lock)];
        match changed.into_iter().find(|(changed, _)| *changed) {
            None => Ok(()),
            Some((_, path)) => {
                let error =
                    anyhow::anyhow!("`{}` was changed meanwhile: nothing was written; try again", path.display());
                Err(error).code(ExitCode::NotAccepted)
            }
        }
    }

    fn read(config: &HostConfig) -> Result<Self, OpenError> {
        Ok(Self { manifest: open::optional_text(&config.manifest)?, lock: open::optional_text(&config.lock)? })
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
            let said = before.holds(&config).unwrap_err();
            assert!(said.to_string().contains(&format!("`{}` was changed meanwhile", path.display())), "{said}");
            assert!(matches!(said.code(), ExitCode::NotAccepted));
        }
        assert!(now(&config).holds(&config).is_ok());
    }
}
