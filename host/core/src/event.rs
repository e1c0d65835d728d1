//! The words of the journal: what happened, in the past tense.
//!
//! An entry that was written is never changed, so these words only grow: a new fact is a new variant or an optional field.
//! Contents (arguments, results) are not in here, only their digests: they can be kept for a shorter time than the audit.

mod texts;

use serde::{Deserialize, Serialize};

use crate::call::Mode;
use crate::effect::Departed;
use crate::id::{ApprovalId, CallId, ComponentName, Digest, IdempotencyKey, RunId, ToolDigest, ToolName};
use crate::outcome::Class;
use crate::redact::Place;

/// Version of the form in which entries are written.
pub const VERSION: u32 = 1;

/// Longest free text in an event, in bytes. Longer ones are cut.
pub const MAX_TEXT_BYTES: usize = 2 << 10;

/// One entry of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Always [`VERSION`]: another one is not understood.
    pub version: u32,
    /// When, in microseconds since 1970. For people: the order of entries is their number, whatever the clock did.
    pub at: u64,
    /// What.
    pub event: Event,
}

impl Entry {
    /// An entry in the present form.
    #[must_use]
    pub fn new(at: u64, event: Event) -> Self {
        Self { version: VERSION, at, event }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Which run.
        run: RunId,
        /// What asked for it: `call`, `run`, `mcp` …
        front: String,
        /// The manifest that applies.
        manifest: Option<Digest>,
    },
    /// A client of a front made its first call: all calls of the run are its calls.
    ClientArrived {
        /// Which run.
        run: RunId,
        /// Which front: `mcp`.
        front: String,
        /// Who asks, as rates and keys know it: proven by a token, or whoever started the program.
        client: String,
        /// What it calls itself.
        calls_itself: String,
    },
    /// A run ended.
    RunEnded {
        /// Which run.
        run: RunId,
        /// How: `completed`, `partial`, `failed` …
        end: String,
        /// Why, where it is not obvious.
        reason: Option<String>,
        /// How many steps are stored of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<u64>,
        /// The digest of all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<Digest>,
    },
    /// Somebody works on a run again that was cut off.
    RunResumed {
        /// Which run.
        run: RunId,
    },
    /// A run began as a copy of another one up to one of its steps.
    RunForked {
        /// Which run.
        run: RunId,
        /// Of which run.
        from: RunId,
        /// Up to which step.
        step: u64,
    },
    /// A run failed for good and is kept for a person to look at.
    RunDeadLettered {
        /// Which run.
        run: RunId,
    },
    /// A person lets a dead run go on.
    RunRequeued {
        /// Which run.
        run: RunId,
    },
    /// A person decided that a dead run stays dead.
    RunDiscarded {
        /// Which run.
        run: RunId,
    },
    /// What was stored of the steps of a run was removed.
    RunExpired {
        /// Which run.
        run: RunId,
    },
    /// A manifest was read and applies from here on.
    ManifestLoaded {
        /// Its digest.
        manifest: Digest,
        /// Where it was read.
        path: String,
    },
    /// A component was pinned to these bytes.
    ToolPinned {
        /// Its name.
        component: ComponentName,
        /// Its bytes.
        digest: ToolDigest,
    },
    /// These tokens let callers in from here on.
    TokensLoaded {
        /// The digest of what is kept of them.
        tokens: Digest,
        /// Where they were read.
        path: String,
        /// Name and role of each.
        names: Vec<String>,
    },
    /// Somebody was not let in, or asked for what the role does not have.
    AccessRefused {
        /// Where the request came from.
        peer: String,
        /// The name of the token, where it is a valid one.
        caller: Option<String>,
        /// A stable code: `unauthorized`, `forbidden`.
        code: String,
        /// How many before this one came too fast to be told of one by one.
        unrecorded: u64,
    },
    /// An MCP server was found to say something else of its tools than what is pinned, and is not called.
    ServerChanged {
        /// Its name.
        component: ComponentName,
        /// What is different. Any text: escape before showing.
        what: String,
    },
    /// A call was validated and allowed, and is about to run.
    CallAdmitted {
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// Which tool.
        tool: ToolName,
        /// Which bytes.
        digest: ToolDigest,
        /// Whether effects land.
        mode: Mode,
        /// Whether it may change anything outside of its sandbox.
        effects: Effects,
        /// The digest of its canonical arguments.
        arguments: Digest,
        /// The digest of the text that was stored of them; `None` where it was longer than what is kept.
        stored: Option<Digest>,
        /// Its key, if it has one.
        key: Option<IdempotencyKey>,
        /// Who chose the key.
        scope: Option<String>,
    },
    /// A call came to its end, and this is known.
    CallSettled {
        /// Which call.
        call: CallId,
        /// The digest of what was stored of its outcome.
        outcome: Digest,
        /// What kind of failure, where it is one.
        failure: Option<Class>,
        /// The failure's code.
        code: Option<String>,
    },
    /// A call without effects ran, from its begin to its end. Told once, as nobody waited for its record in between.
    CallCompleted {
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// Which tool.
        tool: ToolName,
        /// Which bytes.
        digest: ToolDigest,
        /// Whether effects land.
        mode: Mode,
        /// The digest of its canonical arguments.
        arguments: Digest,
        /// The digest of the text that was stored of them; `None` where it was longer than what is kept.
        stored: Option<Digest>,
        /// When it began, in microseconds since 1970.
        began: u64,
        /// The digest of what was stored of its outcome.
        outcome: Digest,
        /// What kind of failure, where it is one.
        failure: Option<Class>,
        /// The failure's code.
        code: Option<String>,
    },
    /// What a call did that does not land with what it staged, as it was observed: whatever becomes of the call, this is done.
    CallActed {
        /// Which call.
        call: CallId,
        /// The requests that left, oldest first.
        requests: Vec<Departed>,
        /// The guest paths that it wrote in place.
        written: Vec<String>,
        /// How many more of both there are.
        left_out: u64,
    },
    /// What a call staged is about to land: from here on it is finished, whatever happens to the host.
    ChangesPlanned {
        /// Which call.
        call: CallId,
        /// The digest of the plan, of the effects that it has and of the outcome that the call will have, as they are stored.
        plan: Digest,
    },
    /// What a call staged has landed.
    ChangesLanded {
        /// Which call.
        call: CallId,
    },
    /// What a call staged did not land, and nothing of it did. If it was that of a preview, that is kept and can be applied again.
    ChangesRefused {
        /// Which call.
        call: CallId,
        /// Why.
        reason: String,
    },
    /// What a call changed is about to be taken back.
    UndoBegun {
        /// Which call.
        call: CallId,
    },
    /// What a call changed was taken back.
    ChangesUndone {
        /// Which call.
        call: CallId,
    },
    /// What a call changed was not taken back, and nothing of it was.
    UndoRefused {
        /// Which call.
        call: CallId,
        /// Why.
        reason: String,
    },
    /// What a preview would change is kept, so that it can be applied.
    PreviewKept {
        /// Which call.
        call: CallId,
        /// As in `changes-planned`.
        plan: Digest,
    },
    /// A preview was applied.
    PreviewApplied {
        /// The preview.
        call: CallId,
        /// The call that applied it, which is finished from here on.
        by: CallId,
        /// The plan of that call, as in `changes-planned`.
        plan: Digest,
    },
    /// What is needed to undo a call or to apply a preview was removed.
    ChangesExpired {
        /// Which call.
        call: CallId,
    },
    /// A call was answered with the stored outcome of an earlier one with the same key.
    CallReplayed {
        /// The earlier call.
        call: CallId,
        /// The call that was answered.
        by: CallId,
        /// Of which run.
        run: RunId,
    },
    /// An attempt at a call failed, and another one is made.
    AttemptFailed {
        /// Which call.
        call: CallId,
        /// Which attempt, from 1.
        attempt: u32,
        /// What kind of failure; `None` where the tool had a result that says: come back later.
        failure: Option<Class>,
        /// The failure's code.
        code: Option<String>,
        /// Microseconds until the next attempt.
        wait: u64,
        /// The next attempt carries the same keys, by which the other side knows what it has done already.
        same_key: bool,
    },
    /// A call was not started: what it depends on is left alone for a while, or was called as often as it may be.
    CallTurnedAway {
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// Which tool.
        tool: String,
        /// A stable code: `breaker-open`, `rate-limited`.
        code: String,
    },
    /// Something stood in for a tool that failed.
    FallbackServed {
        /// The call that failed.
        call: CallId,
        /// The call that stood in; `None` where a fixed value did.
        by: Option<CallId>,
    },
    /// A person decided what an unknown call did.
    UnknownResolved {
        /// Which call.
        call: CallId,
        /// Whether it did what it was asked to do.
        succeeded: bool,
    },
    /// The circuit breaker of a dependency changed its state.
    BreakerTurned {
        /// Which dependency: `tool:NAME`, `host:COMPONENT:ORIGIN`, `model:NAME`.
        dependency: String,
        /// How.
        turned: crate::breaker::Turned,
    },
    /// A person closed the circuit breaker of a dependency.
    BreakerReset {
        /// Which dependency.
        dependency: String,
    },
    /// A call did nothing and its key is free again.
    CallAbandoned {
        /// Which call.
        call: CallId,
        /// Why.
        reason: String,
    },
    /// Nobody knows what a call did: the host stopped between intent and outcome. It is parked, never repeated by itself.
    CallUnknown {
        /// Which call.
        call: CallId,
        /// Why.
        reason: String,
    },
    /// Policy refused a call. Nothing ran.
    CallDenied {
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// The tool, as it was asked for.
        tool: String,
        /// The digest of its canonical arguments, where they were understood.
        arguments: Option<Digest>,
        /// A stable code.
        code: String,
        /// What decided: a rule of the manifest, or that none matched.
        rule: Option<String>,
    },
    /// A call named no known tool, or its arguments did not conform. Nothing ran.
    CallInvalid {
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// The tool, as it was asked for.
        tool: String,
        /// A stable code: `unknown-tool`, `invalid-arguments` …
        code: String,
    },
    /// A rule wants a person to decide, and the question waits.
    ApprovalAsked {
        /// Which question.
        approval: ApprovalId,
        /// The call that asked first.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// Which tool.
        tool: ToolName,
        /// The rule that asks.
        rule: String,
        /// What an answer is bound to.
        binding: Digest,
        /// The digest of what is stored of it, here and below.
        stored: Digest,
    },
    /// A person said yes.
    ApprovalGranted {
        /// To which question.
        approval: ApprovalId,
        /// Who.
        by: String,
        /// How far it reaches: `once`, `run`, or a time.
        scope: String,
        /// As in `approval-asked`.
        stored: Digest,
    },
    /// A person said no.
    ApprovalRejected {
        /// To which question.
        approval: ApprovalId,
        /// Who.
        by: String,
        /// As in `approval-asked`.
        stored: Digest,
    },
    /// A person said yes to other arguments.
    ApprovalModified {
        /// To which question.
        approval: ApprovalId,
        /// Who.
        by: String,
        /// How far it reaches.
        scope: String,
        /// As in `approval-asked`.
        stored: Digest,
    },
    /// The time for an answer, or for using it, was over.
    ApprovalExpired {
        /// Which question.
        approval: ApprovalId,
        /// As in `approval-asked`.
        stored: Digest,
    },
    /// A call was admitted by the word of a person.
    ApprovalUsed {
        /// Which word.
        approval: ApprovalId,
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// As in `approval-asked`.
        stored: Digest,
    },
    /// A person took a question or an answer back.
    ApprovalWithdrawn {
        /// Which question.
        approval: ApprovalId,
        /// Who.
        by: String,
        /// As in `approval-asked`.
        stored: Digest,
    },
    /// What was stored of a question that nobody can answer or use any more was removed.
    ApprovalRemoved {
        /// Which question.
        approval: ApprovalId,
    },
    /// Known secrets stood in what a call was given or gave back, and were taken out before anyone saw it.
    SecretRedacted {
        /// Which call.
        call: CallId,
        /// Of which run.
        run: RunId,
        /// The names of the secrets.
        secrets: Vec<String>,
        /// Where they stood.
        places: Vec<Place>,
    },
    /// What was old was removed from the journal, in one step. The audit begins after `until` from here on.
    JournalPruned {
        /// The last entry that was removed.
        until: u64,
        /// Its hash: the one that the first entry which is left follows on.
        hash: Digest,
        /// What was from before this could be removed, in microseconds since 1970.
        before: u64,
        /// Who wanted it: `journal-age`, or `local:USER`.
        by: String,
        /// How many calls were removed.
        calls: u64,
        /// How many runs of agents were.
        runs: u64,
        /// The removed calls of which later entries tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        told_calls: Vec<CallId>,
        /// The removed runs of which later entries tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        told_runs: Vec<RunId>,
    },
    /// An entry that was removed with those before it, word for word: what it tells of is still there.
    EntryKept {
        /// The number that it had.
        sequence: u64,
        /// What it says.
        entry: Box<Entry>,
    },
    /// Somebody asked a server for more than to look. What came of it is in the entries after this one.
    RequestTaken {
        /// Who: the name of a token, or `local:USER`.
        caller: String,
        /// What for: the method.
        method: String,
        /// And the path.
        path: String,
    },
}

/// What an event says that holds until a later one says otherwise of the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Standing<'a> {
    /// What kind of thing: `manifest`, `component`, `tokens`.
    pub kind: &'static str,
    /// Which one.
    pub name: &'a str,
    /// Its bytes.
    pub digest: Digest,
}

/// Whether a call may change anything outside of its sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effects {
    /// It cannot: it has no grant to write or send, or its effects are thrown away. It may run again.
    None,
    /// It may. Whether it did is what the journal is for.
    Possible,
    /// It may, but only by what it staged: without a plan it did nothing, and a plan is finished.
    Staged,
}

impl Event {
    /// The call that the event is about.
    #[must_use]
    pub fn call(&self) -> Option<&CallId> {
        match self {
            Self::CallAdmitted { call, .. }
            | Self::CallSettled { call, .. }
            | Self::CallCompleted { call, .. }
            | Self::CallReplayed { call, .. }
            | Self::CallActed { call, .. }
            | Self::ChangesPlanned { call, .. }
            | Self::ChangesLanded { call }
            | Self::ChangesRefused { call, .. }
            | Self::UndoBegun { call }
            | Self::ChangesUndone { call }
            | Self::UndoRefused { call, .. }
            | Self::PreviewKept { call, .. }
            | Self::PreviewApplied { call, .. }
            | Self::ChangesExpired { call }
            | Self::AttemptFailed { call, .. }
            | Self::CallTurnedAway { call, .. }
            | Self::FallbackServed { call, .. }
            | Self::UnknownResolved { call, .. }
            | Self::CallAbandoned { call, .. }
            | Self::CallUnknown { call, .. }
            | Self::CallDenied { call, .. }
            | Self::CallInvalid { call, .. }
            | Self::ApprovalAsked { call, .. }
            | Self::ApprovalUsed { call, .. }
            | Self::SecretRedacted { call, .. } => Some(call),
            _ => None,
        }
    }

    /// What the event says that holds from here on, if it is of that sort: saying it again would say nothing.
    #[must_use]
    pub fn standing(&self) -> Option<Standing<'_>> {
        match self {
            Self::ManifestLoaded { manifest, path } => {
                Some(Standing { kind: "manifest", name: path, digest: *manifest })
            }
            Self::ToolPinned { component, digest } => {
                Some(Standing { kind: "component", name: component.as_str(), digest: *digest })
            }
            Self::TokensLoaded { tokens, path, .. } => Some(Standing { kind: "tokens", name: path, digest: *tokens }),
            _ => None,
        }
    }
}

/// `text` within [`MAX_TEXT_BYTES`], for a free text of an event.
#[must_use]
pub fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
