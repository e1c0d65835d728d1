//! Where a model's key comes from: a variable of the environment or a file, never the command line.
//!
//! A command line is seen by every process of the machine and kept in the shell's history. The environment arrives as a
//! function, so that nothing here reads it behind the caller's back.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::private_file::{self, PrivateFileError};

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The variable of this name.
    Variable(String),
    /// The file at this path.
    File(PathBuf),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set or empty.
    #[error("the variable `{0}` holds no key; set it, or name a file with `--model-key-file`")]
    NoVariable(String),
    /// The file cannot be used.
    #[error("the key file {0}")]
    File(#[from] PrivateFileError),
    /// It does not hold a key.
    #[error("{0} holds no key: a key is one line of printable ASCII characters without spaces")]
    NotAKey(String),
}

impl KeySource {
    /// The key.
    ///
    /// # Errors
    ///
    /// See [`KeyError`]; none of them holds anything of the key.
    pub fn read(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<SecretString, KeyError> {
        let text = match self {
            Self::Variable(name) => {
                let text = variable(name).filter(|text| !text.is_empty());
                Zeroizing::new(text.ok_or_else(|| KeyError::NoVariable(name.clone()))?)
            }
            Self::File(path) => private_file::read(path)?,
        };
        let key = text.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::NotAKey(self.to_string()));
        }
        Ok(SecretString::from(key))
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(out, "the variable `{name}`"),
            Self::File(path) => write!(out, "the file `{}`", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "KEY" => Some(" sk-1\n".into()),
            "EMPTY" => Some(String::new()),
            "ODD" => Some("sk 1".into()),
            _ => None,
        }
    }

    #[test]
    fn a_key_comes_from_a_variable_and_is_never_shown() {
        let key = KeySource::Variable("KEY".into()).read(&variable).unwrap();
        assert_eq!(key.expose_secret(), "sk-1");
        assert!(!format!("{key:?}").contains("sk-1"));
        for (name, words) in [("EMPTY", "holds no key; set it"), ("NONE", "holds no key; set it"), ("ODD", "one line")]
        {
            let error = KeySource::Variable(name.into()).read(&variable).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("sk"), "{error}");
        }
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-2\n").unwrap();
        let read = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            KeySource::File(path.clone()).read(&variable)
        };
        assert_eq!(read(0o600).unwrap().expose_secret(), "sk-2");
        let error = read(0o640).unwrap_err();
        assert!(matches!(error, KeyError::File(PrivateFileError::Shared(_))), "{error}");
        assert!(error.to_string().starts_with("the key file `/"), "{error}");
        std::fs::write(&path, "two words").unwrap();
        assert!(matches!(read(0o600), Err(KeyError::NotAKey(_))));
    }
}
