//! What the process tells its caller. Documented in `docs/exit-codes.md`; a test compares the two.

use toolhold_core::outcome::Class;

/// The codes, with their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// It worked.
    Success = 0,
    /// It did not work, for a reason that no other code names.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The manifest, the lock file or another input file is wrong.
    BadInput = 3,
    /// The arguments of a call do not conform to the tool's schema.
    InvalidArguments = 4,
    /// Policy refused.
    Denied = 5,
    /// The tool reports that it did not work.
    ToolFailed = 6,
    /// A limit stopped the call or the run.
    Limit = 7,
    /// The guest trapped or broke its contract.
    GuestFault = 8,
    /// A component is not what the lock file pins.
    NotPinned = 9,
    /// The audit trail was changed.
    AuditBroken = 10,
    /// The run ended with less than what was asked.
    Partial = 11,
    /// The model could not be reached or answered with nonsense.
    Model = 12,
    /// The host failed: journal, disk, memory.
    Host = 13,
    /// Somebody else changed the same files: nothing was changed.
    Conflict = 14,
    /// What the call depends on is left alone, or was called as often as it may be: nothing was started.
    Unavailable = 15,
    /// A component is not signed as the manifest asks, or nobody accepted it: nothing was written.
    NotAccepted = 16,
    /// A person has to decide first: nothing was started.
    AwaitingApproval = 17,
    /// Stopped by the user.
    Cancelled = 130,
    /// Whoever read the output has gone away.
    Unread = 141,
}

impl ExitCode {
    /// The code of a start that fails, by its number: what another process says that it would have ended with.
    pub(crate) fn numbered(number: u64) -> Option<Self> {
        let of_a_start = [Self::Failure, Self::Usage, Self::BadInput, Self::NotPinned, Self::NotAccepted, Self::Host];
        of_a_start.into_iter().find(|code| *code as u64 == number)
    }
}

impl From<Class> for ExitCode {
    fn from(class: Class) -> Self {
        match class {
            Class::UnknownTool | Class::InvalidArguments => Self::InvalidArguments,
            Class::Denied => Self::Denied,
            Class::AwaitingApproval => Self::AwaitingApproval,
            Class::Tool => Self::ToolFailed,
            Class::Limit => Self::Limit,
            Class::Trap | Class::InvalidOutput => Self::GuestFault,
            Class::Conflict => Self::Conflict,
            Class::Withheld => Self::Partial,
            Class::Cancelled => Self::Cancelled,
            Class::Unavailable => Self::Unavailable,
            Class::Busy | Class::Host => Self::Host,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
