//! The free texts of events: what somebody else wrote, and where a secret may stand.

use super::Event;

impl Event {
    /// Every text that is not the host's own word, the name of something or a digest: another text may take its place, and it is an event still.
    ///
    /// Each kind of event is named here, so that a new one is decided about.
    pub fn free_texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::ClientArrived { client, calls_itself, .. } => vec![client, calls_itself],
            Self::RunEnded { reason, .. } => reason.iter_mut().collect(),
            Self::ManifestLoaded { path, .. } => vec![path],
            Self::TokensLoaded { path, names, .. } => std::iter::once(path).chain(names).collect(),
            Self::AccessRefused { peer, caller, .. } => std::iter::once(peer).chain(caller).collect(),
            Self::ServerChanged { what, .. } => vec![what],
            // The code of a failure is the tool's.
            Self::CallSettled { code, .. } | Self::CallCompleted { code, .. } | Self::AttemptFailed { code, .. } => {
                code.iter_mut().collect()
            }
            Self::CallActed { requests, written, .. } => {
                let requested = requests.iter_mut().flat_map(|request| [&mut request.method, &mut request.url]);
                requested.chain(written).collect()
            }
            Self::ChangesRefused { reason, .. }
            | Self::UndoRefused { reason, .. }
            | Self::CallAbandoned { reason, .. }
            | Self::CallUnknown { reason, .. } => vec![reason],
            Self::BreakerTurned { dependency, .. } | Self::BreakerReset { dependency } => vec![dependency],
            // As a caller wrote it.
            Self::CallDenied { tool, rule, .. } => std::iter::once(tool).chain(rule).collect(),
            Self::CallInvalid { tool, .. } | Self::CallTurnedAway { tool, .. } => vec![tool],
            Self::ApprovalAsked { rule, .. } => vec![rule],
            Self::ApprovalGranted { by, .. }
            | Self::ApprovalRejected { by, .. }
            | Self::ApprovalModified { by, .. }
            | Self::ApprovalWithdrawn { by, .. }
            | Self::JournalPruned { by, .. } => vec![by],
            Self::RequestTaken { caller, method, path } => vec![caller, method, path],
            Self::RunStarted { .. }
            | Self::RunResumed { .. }
            | Self::RunForked { .. }
            | Self::RunDeadLettered { .. }
            | Self::RunRequeued { .. }
            | Self::RunDiscarded { .. }
            | Self::RunExpired { .. }
            | Self::ToolPinned { .. }
            | Self::CallAdmitted { .. }
            | Self::ChangesPlanned { .. }
            | Self::ChangesLanded { .. }
            | Self::UndoBegun { .. }
            | Self::ChangesUndone { .. }
            | Self::PreviewKept { .. }
            | Self::PreviewApplied { .. }
            | Self::ChangesExpired { .. }
            | Self::CallReplayed { .. }
            | Self::FallbackServed { .. }
            | Self::UnknownResolved { .. }
            | Self::ApprovalExpired { .. }
            | Self::ApprovalUsed { .. }
            | Self::ApprovalRemoved { .. }
            | Self::SecretRedacted { .. }
            // Word for word what was written before.
            | Self::EntryKept { .. } => Vec::new(),
        }
    }
}
