//! Why a tool did not do what it was asked: the WIT variant `tool-error` as a Rust error. Messages are read by a model,
//! so they name the input and the next step, and carry no host paths (a guest knows none).

use std::fmt;
use std::io::ErrorKind;

/// What a tool returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A typed failure. Each kind tells the host and the model something different about trying again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The arguments passed their schema but make no sense.
    InvalidArgs(String),
    /// The host or a remote refused.
    Denied(String),
    /// What was named does not exist.
    NotFound(String),
    /// It was tried and did not work.
    Failed(String),
    /// Stopped because the caller gave up.
    Cancelled,
    /// Anything else.
    Other {
        /// A stable code of the tool's own, such as `quota-exceeded`.
        code: String,
        /// What happened.
        message: String,
    },
}

impl Error {
    /// The arguments make no sense: say which and why, so that a model can repair them.
    #[must_use]
    pub fn invalid_args(message: impl fmt::Display) -> Self {
        Error::InvalidArgs(message.to_string())
    }

    /// The host or a remote refused.
    #[must_use]
    pub fn denied(message: impl fmt::Display) -> Self {
        Error::Denied(message.to_string())
    }

    /// What was named does not exist: say what does, or how to find out.
    #[must_use]
    pub fn not_found(message: impl fmt::Display) -> Self {
        Error::NotFound(message.to_string())
    }

    /// It was tried and did not work.
    #[must_use]
    pub fn failed(message: impl fmt::Display) -> Self {
        Error::Failed(message.to_string())
    }

    /// The caller gave up. See [`check_cancelled`](crate::check_cancelled).
    #[must_use]
    pub fn cancelled() -> Self {
        Error::Cancelled
    }

    /// Anything else: a stable code that programs can match, and a message.
    #[must_use]
    pub fn other(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Error::Other { code: code.into(), message: message.to_string() }
    }

    /// The message without the kind.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Error::InvalidArgs(message)
            | Error::Denied(message)
            | Error::NotFound(message)
            | Error::Failed(message) => message,
            Error::Other { message, .. } => message,
            Error::Cancelled => "cancelled",
        }
    }

    /// The same kind with `context: ` before the message.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        match &mut self {
            Error::InvalidArgs(message)
            | Error::Denied(message)
            | Error::NotFound(message)
            | Error::Failed(message) => {
                *message = format!("{context}: {message}");
            }
            Error::Other { message, .. } => *message = format!("{context}: {message}"),
            Error::Cancelled => {}
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let words = |text: &str| text.to_owned();
        match error.kind() {
            ErrorKind::NotFound => Error::NotFound(words("does not exist")),
            ErrorKind::PermissionDenied => Error::Denied(words("the host denied access")),
            ErrorKind::ReadOnlyFilesystem => Error::Denied(words("the host granted reading only")),
            ErrorKind::IsADirectory => Error::InvalidArgs(words("is a directory, not a file")),
            ErrorKind::NotADirectory => Error::InvalidArgs(words("is a file, not a directory")),
            ErrorKind::InvalidFilename => Error::InvalidArgs(words("is no valid file name")),
            ErrorKind::AlreadyExists => Error::Failed(words("exists already")),
            ErrorKind::DirectoryNotEmpty => Error::Failed(words("the directory is not empty")),
            ErrorKind::InvalidData => Error::Failed(words("is not valid UTF-8 text")),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Error::Failed(words("no space is left, or a quota is used up"))
            }
            _ => from_unnamed(&error),
        }
    }
}

/// Kinds that std does not name, or not on every target.
fn from_unnamed(error: &std::io::Error) -> Error {
    let text = error.to_string();
    if text.contains("pre-opened") || text.contains("Capabilities insufficient") {
        return Error::Denied("lies outside of the directories that the host granted".to_owned());
    }
    Error::Failed(match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_lowercase(),
        None => text,
    })
}

impl From<Error> for crate::bindings::toolhold::tool::types::ToolError {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidArgs(message) => Self::InvalidArgs(message),
            Error::Denied(message) => Self::Denied(message),
            Error::NotFound(message) => Self::NotFound(message),
            Error::Failed(message) => Self::Failed(message),
            Error::Cancelled => Self::Cancelled,
            Error::Other { code, message } => Self::Other((code, message)),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::Failed(format!("not valid JSON: {error}"))
    }
}

impl From<std::string::FromUtf8Error> for Error {
    fn from(error: std::string::FromUtf8Error) -> Self {
        Error::Failed(error.to_string())
    }
}

impl From<std::str::Utf8Error> for Error {
    fn from(error: std::str::Utf8Error) -> Self {
        Error::Failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_io_errors_become_kinds_of_tool_errors() {
        let of = |kind: ErrorKind| Error::from(std::io::Error::from(kind));
        assert!(matches!(of(ErrorKind::NotFound), Error::NotFound(_)));
        assert!(matches!(of(ErrorKind::PermissionDenied), Error::Denied(_)));
        assert!(matches!(of(ErrorKind::ReadOnlyFilesystem), Error::Denied(_)));
        assert!(matches!(of(ErrorKind::IsADirectory), Error::InvalidArgs(_)));
        assert!(matches!(of(ErrorKind::AlreadyExists), Error::Failed(_)));
        let outside =
            std::io::Error::other("failed to find a pre-opened file descriptor through which \"x\" could be opened");
        assert!(matches!(Error::from(outside), Error::Denied(_)));
    }

    #[test]
    fn context_stands_before_the_message_and_keeps_the_kind() {
        let error = Error::from(std::io::Error::from(ErrorKind::NotFound)).context("`/work/a`");
        assert_eq!(error, Error::NotFound("`/work/a`: does not exist".to_owned()));
        assert_eq!(Error::Cancelled.context("x"), Error::Cancelled);
    }
}
