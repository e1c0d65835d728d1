//! What can go wrong with a journal.

use std::path::{Path, PathBuf};

use toolhold_core::chain::{Broken, Head};
use toolhold_core::id::{ApprovalId, CallId, RunId};

/// What can go wrong with a journal. For the operator; a model only learns that the host failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Another process has it open.
    #[error("the state in `{}` is in use by another toolhold: stop that one, or use another state directory", .0.display())]
    InUse(PathBuf),
    /// Others may write where the journal is.
    #[error("the state directory `{}` {why}: use one that only you can write (`chmod 700`)", .path.display())]
    Exposed {
        /// Which directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`: {why}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The disk is full.
    #[error("the disk with the journal is full: free some space; until then nothing with effects runs")]
    Full,
    /// The disk or the file may not be written.
    #[error("the journal cannot be written: it is on a read-only disk or not writable for you")]
    ReadOnly,
    /// The file is damaged.
    #[error(
        "the journal is damaged: {0}; move it away to start with a new one, and keep it for `toolhold audit verify`"
    )]
    Corrupt(String),
    /// A newer version wrote it.
    #[error("the journal was written by a newer toolhold: use that version or a newer one")]
    Newer,
    /// The end of the audit is missing.
    #[error(
        "the audit ends at entry {} but `audit.head` notes {noted}: the end was cut off or an older copy was restored; if you \
         restored it, delete `audit.head`", .found.sequence
    )]
    Cut {
        /// What was written.
        noted: Head,
        /// What is there.
        found: Head,
    },
    /// What is expected of the audit was removed from its beginning.
    #[error(
        "entry {} was removed from the audit, which begins after entry {} now: it can be compared with an export of what was removed \
         (`toolhold audit verify --older FILE`)", .expected.sequence, .start.sequence
    )]
    Removed {
        /// What is expected.
        expected: Head,
        /// After which entry the audit begins.
        start: Head,
    },
    /// The audit does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// What is said to be an export of the audit is none.
    #[error(
        "line {line} of the export is no entry of an audit: {why}; give the file that `toolhold audit export` wrote"
    )]
    NoExport {
        /// Which line, from 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// A plan is not where it must be for that.
    #[error("call `{call}` has no plan in the state `{wanted}`: see `toolhold history`")]
    NotInState {
        /// Which call.
        call: CallId,
        /// The state that it should be in.
        wanted: &'static str,
    },
    /// A call with this id was admitted before.
    #[error("there is a call `{0}` already")]
    Duplicate(CallId),
    /// No call with this id is waiting for its outcome.
    #[error("there is no call `{0}` that waits for its outcome")]
    NotOpen(CallId),
    /// A step of a run does not follow on those that are stored.
    #[error("somebody else works on run `{0}`, or has meanwhile: see `toolhold runs show {0}`")]
    Taken(RunId),
    /// A person decides of unknown calls only.
    #[error("call `{0}` is not one of which nobody knows what it did: `toolhold unknown list` shows those")]
    NotUnknown(CallId),
    /// Some of what it was to change may be on the disk.
    #[error(
        "call `{call}` is not settled as one that did nothing: some of its changes may be on the disk and are not taken back: {why}; \
         whoever opens the host once the cause is mended finishes them, and `--succeeded` settles it as it is"
    )]
    HalfLanded {
        /// Which call.
        call: CallId,
        /// Why not.
        why: String,
    },
    /// There is no such approval.
    #[error("there is no approval `{0}`: see `toolhold approvals list`")]
    NoApproval(ApprovalId),
    /// Its time is over.
    #[error("approval `{0}` has expired: the call has to be made again to be asked about")]
    ApprovalOver(ApprovalId),
    /// It cannot be answered so.
    #[error("approval `{approval}` was not changed: {why}")]
    Unanswerable {
        /// Which.
        approval: ApprovalId,
        /// Why not.
        why: String,
    },
    /// The database refused for another reason.
    #[error("the journal failed: {0}")]
    Database(String),
    /// A secret would be written down.
    #[error(
        "a known secret stands where nothing can take its place: in an idempotency key, a path that is changed, the arguments of a preview; use another one"
    )]
    Secret,
    /// The journal was closed, or its thread ended.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// Whether nothing at all can be written at present, rather than one thing never.
    pub(super) fn is_of_the_database(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Full | Self::ReadOnly | Self::Corrupt(_) | Self::Database(_) | Self::Closed => true,
            Self::InUse(_)
            | Self::Exposed { .. }
            | Self::Newer
            | Self::Cut { .. }
            | Self::Removed { .. }
            | Self::Broken(_)
            | Self::NoExport { .. }
            | Self::NotInState { .. }
            | Self::Duplicate(_)
            | Self::NotOpen(_)
            | Self::Taken(_)
            | Self::NotUnknown(_)
            | Self::HalfLanded { .. }
            | Self::NoApproval(_)
            | Self::ApprovalOver(_)
            | Self::Unanswerable { .. }
            | Self::Secret => false,
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io { action, path: path.to_owned(), why: error.to_string() },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            Some(_) => Self::Database(error.to_string()),
            // A value of the wrong type or a text that is not UTF-8: the columns are typed, so the file is damaged.
            None => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<rusqlite_migration::Error> for Error {
    fn from(error: rusqlite_migration::Error) -> Self {
        use rusqlite_migration::{Error as Migration, MigrationDefinitionError};
        match error {
            Migration::RusqliteError { err, .. } => err.into(),
            Migration::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => Self::Newer,
            other => Self::Corrupt(other.to_string()),
        }
    }
}
