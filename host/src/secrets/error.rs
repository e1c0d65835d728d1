//! Why a secret cannot be had. Nothing in here holds a value or what a program printed as one.

use toolhold_core::id::SecretName;

use crate::private_file::{LONGEST_SECRET, PrivateFileError};

/// A secret cannot be had, so the host is not opened.
#[derive(Debug, thiserror::Error)]
#[error("secret `{secret}` (`[secrets.{secret}]` in the manifest): {why}")]
pub struct Error {
    /// Which one.
    pub secret: SecretName,
    /// Why.
    #[source]
    pub why: Why,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The variable is not there.
    #[error("the variable `{0}` is not set; set it for this process, or take the secret from a file or a command")]
    NotSet(String),
    /// The file cannot be used.
    #[error("the file {0}")]
    File(#[from] PrivateFileError),
    /// The program cannot be started.
    #[error("the program `{program}` cannot be started: {error}; write the full path of one that is installed")]
    NotStarted {
        /// Which program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// The program says that it failed.
    #[error("the program `{program}` ended with {status}{}", told(.stderr))]
    Failed {
        /// Which program.
        program: String,
        /// How it ended.
        status: String,
        /// The begin of its standard error, on one line.
        stderr: String,
    },
    /// The program does not come to an end.
    #[error("the program `{program}` did not end within {seconds} seconds; it must not ask for anything")]
    TooSlow {
        /// Which program.
        program: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is too much of it.
    #[error("there are more than {max} bytes, which is no secret; print or store nothing but the secret", max = LONGEST_SECRET)]
    TooLong,
    /// It is empty.
    #[error("it is empty; a source must hold the secret and nothing else")]
    Empty,
    /// It cannot be sent.
    #[error("it is not UTF-8 text without NUL; store it in base64")]
    NotText,
    /// The keyring cannot be asked.
    #[error(
        "the keyring cannot be asked: {0}; `secret-tool` comes with libsecret, or use a `command` that prints the secret"
    )]
    Keyring(Box<Why>),
}

fn told(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}
