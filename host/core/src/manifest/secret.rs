//! Where the value of a secret comes from. The manifest never holds one.

use std::path::PathBuf;

/// Where the host looks for the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the host's environment.
    Env(String),
    /// A file, joined with the manifest's directory.
    File(PathBuf),
    /// What a program writes to its standard output: the program and its arguments, without a shell.
    Command(Vec<String>),
    /// An entry of the operating system's keyring.
    Keyring {
        /// The service, such as `toolhold`.
        service: String,
        /// The user or account within it.
        user: String,
    },
}
