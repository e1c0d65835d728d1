//! What can go wrong: for the operator when grants are opened, for the guest when it uses them.
//!
//! The two never mix. [`Error`] names host paths and never reaches a guest; [`FsError`] is one of WASI's codes, or a trap
//! that ends the call.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use toolhold_core::limit::Exceeded;
use wasmtime::component::ResourceTableError;

use super::bindings::types::ErrorCode;

/// Why grants cannot be opened. For the operator: names host paths.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory does not exist, is no directory, or may not be opened.
    #[error("cannot open `{}` for the grant at `{guest}`: {source}", host.display())]
    Open {
        /// Where the guest would have seen it.
        guest: String,
        /// The directory of the grant.
        host: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The path is not absolute, so its meaning would depend on where Toolhold was started.
    #[error("`{}` is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// The grant lies within what belongs to Toolhold.
    #[error("`{}` of the grant at `{guest}` lies within `{}`, which belongs to Toolhold; grant another directory", host.display(), protected.display())]
    Protected {
        /// Where the guest would have seen it.
        guest: String,
        /// The directory of the grant.
        host: PathBuf,
        /// What it lies in.
        protected: PathBuf,
    },
    /// The file system takes names that differ in case for the same, so patterns could be passed by another spelling.
    #[error(
        "`{}` of the grant at `{guest}` is on a file system that ignores case, where `deny` and narrow patterns can be passed by another spelling; grant it whole or use another directory",
        host.display()
    )]
    IgnoresCase {
        /// Where the guest would have seen it.
        guest: String,
        /// The directory of the grant.
        host: PathBuf,
    },
    /// What belongs to Toolhold cannot be told, so it could not be kept out of grants.
    #[error("cannot examine `{}`, which belongs to Toolhold: {source}", path.display())]
    Examine {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What a guest's operation comes to if it does not succeed.
#[derive(Debug)]
pub enum FsError {
    /// The guest is told this and goes on.
    Code(ErrorCode),
    /// The call ends.
    Trap(wasmtime::Error),
}

/// The result of an operation of a guest.
pub(super) type FsResult<T> = Result<T, FsError>;

impl From<ErrorCode> for FsError {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<Errno> for FsError {
    fn from(errno: Errno) -> Self {
        Self::Code(code_of(errno))
    }
}

impl From<Exceeded> for FsError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Trap(exceeded.into())
    }
}

impl From<ResourceTableError> for FsError {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

/// WASI's word for an error of the operating system. What WASI has no word for is `io`.
pub(super) fn code_of(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS => ErrorCode::Access,
        Errno::PERM => ErrorCode::NotPermitted,
        Errno::NOENT => ErrorCode::NoEntry,
        Errno::EXIST => ErrorCode::Exist,
        Errno::NOTDIR => ErrorCode::NotDirectory,
        Errno::ISDIR => ErrorCode::IsDirectory,
        Errno::NOTEMPTY => ErrorCode::NotEmpty,
        Errno::INVAL => ErrorCode::Invalid,
        Errno::BADF => ErrorCode::BadDescriptor,
        Errno::LOOP => ErrorCode::Loop,
        Errno::MLINK => ErrorCode::TooManyLinks,
        Errno::NAMETOOLONG => ErrorCode::NameTooLong,
        Errno::ROFS => ErrorCode::ReadOnly,
        Errno::XDEV => ErrorCode::CrossDevice,
        Errno::BUSY => ErrorCode::Busy,
        Errno::TXTBSY => ErrorCode::TextFileBusy,
        Errno::FBIG => ErrorCode::FileTooLarge,
        Errno::NOSPC => ErrorCode::InsufficientSpace,
        Errno::DQUOT => ErrorCode::Quota,
        Errno::NOMEM => ErrorCode::InsufficientMemory,
        Errno::OVERFLOW => ErrorCode::Overflow,
        Errno::SPIPE => ErrorCode::InvalidSeek,
        Errno::ILSEQ => ErrorCode::IllegalByteSequence,
        Errno::NOTSUP | Errno::NOSYS => ErrorCode::Unsupported,
        Errno::INTR => ErrorCode::Interrupted,
        Errno::AGAIN => ErrorCode::WouldBlock,
        _ => ErrorCode::Io,
    }
}
