//! What is handed to the journal and what comes back.

use std::sync::Arc;

use serde_json::Value;
use toolhold_core::call::{Mode, ValidatedCall};
use toolhold_core::event::Effects;
use toolhold_core::id::{ApprovalId, CallId, Digest, IdempotencyKey, RunId, ToolDigest, ToolName};
use toolhold_core::limit::Usage;
use toolhold_core::outcome::{Failure, Outcome};

/// What is about to be done. Written before it is done.
#[derive(Debug, Clone)]
pub struct Intent {
    pub(super) call: CallId,
    pub(super) run: RunId,
    pub(super) tool: ToolName,
    pub(super) digest: ToolDigest,
    pub(super) arguments: Arc<Value>,
    pub(super) text: Arc<str>,
    pub(super) mode: Mode,
    pub(super) effects: Effects,
    pub(super) key: Option<ScopedKey>,
    pub(super) approval: Option<ApprovalId>,
    pub(super) at: u64,
}

impl Intent {
    /// The intent to run `validated` now (`at`, in microseconds since 1970).
    ///
    /// `effects` says whether it can change anything; a preview cannot, whatever is said here. Calls that can are on disk
    /// before [`super::Journal::admit`] answers; for others nobody waits.
    #[must_use]
    pub fn new(call: CallId, run: RunId, validated: &ValidatedCall, mode: Mode, effects: Effects, at: u64) -> Self {
        Self {
            call,
            run,
            tool: validated.tool().clone(),
            digest: validated.digest(),
            arguments: Arc::clone(validated.arguments()),
            text: Arc::clone(validated.text()),
            mode,
            effects: if mode == Mode::Preview { Effects::None } else { effects },
            key: None,
            approval: None,
            at,
        }
    }

    /// It takes this approval, in the same transaction: without it, the call is not admitted.
    #[must_use]
    pub fn approved(mut self, approval: Option<ApprovalId>) -> Self {
        self.approval = approval;
        self
    }

    /// Makes it the same call as any other with this key.
    #[must_use]
    pub fn with_key(mut self, key: ScopedKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Whether the caller must know that it is on disk before anything is done.
    pub(super) fn is_durable(&self) -> bool {
        self.effects == Effects::Possible || self.approval.is_some()
    }

    /// Whether the answer depends on what is written.
    pub(super) fn waits(&self) -> bool {
        self.key.is_some() || self.approval.is_some()
    }
}

/// An idempotency key and who chose it.
///
/// Two clients may both count their calls from 1: a key means something only beside the one who chose it (a token, a local
/// user, an agent), and nobody gets the outcome of another one's call. Keys of previews and of live calls are apart too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedKey {
    /// Who chose it.
    pub scope: Arc<str>,
    /// What was chosen.
    pub key: IdempotencyKey,
}

/// May the call run?
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// Yes: it is the first with its key, or has none.
    Fresh,
    /// No: an earlier call with this key came to its end, and this is it.
    Replay(Box<Settled>),
    /// No: a call with this key is running.
    InFlight {
        /// Which.
        call: CallId,
    },
    /// No: the key belongs to a call of another tool, of other bytes, or with other arguments.
    Conflict {
        /// Which.
        call: CallId,
        /// What differs.
        differs: &'static str,
    },
    /// No: a call with this key was cut off, and nobody knows what it did. A person decides.
    Unknown {
        /// Which.
        call: CallId,
    },
    /// No: the approval by which it was to be made is used up, taken back or expired.
    NotApproved {
        /// Which.
        approval: ApprovalId,
    },
}

/// The outcome of an earlier call.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// Which call.
    pub call: CallId,
    /// When it ended, in microseconds since 1970.
    pub at: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub(super) end: End,
    pub(super) usage: Usage,
    pub(super) at: u64,
    pub(super) durable: bool,
    /// What became of the call's plan, if it has one.
    pub(super) landing: Option<Landing>,
}

/// What became of a plan.
#[derive(Debug, Clone)]
pub(super) enum Landing {
    /// It was done: JSON of what the disk is like now.
    Landed(String),
    /// It was not, and nothing of it.
    Refused {
        why: String,
        /// The preview whose plan it was.
        preview: Option<CallId>,
    },
}

/// The ways to end.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// With a result: the text of a JSON value.
    Success(Arc<str>),
    /// Without one.
    Failure(Box<Failure>),
    /// It never began; its key is free again.
    Nothing(String),
}

impl End {
    /// Why it never began.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Nothing(reason) => Some(reason),
            _ => None,
        }
    }
}

impl Settlement {
    /// The tool gave a result: `text` is that JSON value, as the tool wrote it.
    #[must_use]
    pub fn success(text: impl Into<Arc<str>>, usage: Usage, effects: Effects, at: u64) -> Self {
        Self { end: End::Success(text.into()), usage, at, durable: effects == Effects::Possible, landing: None }
    }

    /// It failed after it began. A repeat with the same key gets this failure.
    #[must_use]
    pub fn failure(failure: Failure, usage: Usage, effects: Effects, at: u64) -> Self {
        Self { end: End::Failure(Box::new(failure)), usage, at, durable: effects == Effects::Possible, landing: None }
    }

    /// It surely did nothing (the host was full, the caller gave up before it began): its key is free again.
    #[must_use]
    pub fn nothing(reason: impl Into<String>, effects: Effects, at: u64) -> Self {
        let (usage, durable) = (Usage::default(), effects == Effects::Possible);
        Self { end: End::Nothing(reason.into()), usage, at, durable, landing: None }
    }

    /// The same end of the same call, but for this failure.
    #[must_use]
    pub fn instead(self, failure: Failure) -> Self {
        Self { end: End::Failure(Box::new(failure)), ..self }
    }

    /// The call's plan was done; `after` is JSON of what the disk is like now.
    #[must_use]
    pub fn landed(self, after: String) -> Self {
        Self { landing: Some(Landing::Landed(after)), ..self }
    }

    /// The call's plan was not done, and nothing of it was.
    #[must_use]
    pub fn plan_refused(self, why: impl Into<String>) -> Self {
        Self { landing: Some(Landing::Refused { why: why.into(), preview: None }), ..self }
    }

    /// The plan was that of this preview, which can be applied again.
    #[must_use]
    pub fn keeping(self, preview: CallId) -> Self {
        match self.landing {
            Some(Landing::Refused { why, .. }) => {
                Self { landing: Some(Landing::Refused { why, preview: Some(preview) }), ..self }
            }
            _ => self,
        }
    }

    /// How long its text is.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.end {
            End::Success(text) => text.len(),
            End::Failure(failure) => failure.message.len() + failure.detail.as_ref().map_or(0, String::len),
            End::Nothing(reason) => reason.len(),
        }
    }
}

/// A call as it is stored.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CallRecord {
    /// Which call.
    pub call: CallId,
    /// Of which run.
    pub run: RunId,
    /// Which tool.
    pub tool: ToolName,
    /// Which bytes.
    pub digest: Digest,
    /// Whether effects land.
    pub mode: Mode,
    /// Whether it could change anything.
    pub effects: Effects,
    /// Its key, if it has one.
    pub key: Option<IdempotencyKey>,
    /// Who chose the key.
    pub scope: Option<String>,
    /// The text of its arguments; `None` where it was longer than what is kept. Any text: escape before showing.
    pub arguments: Option<String>,
    /// The digest of its canonical arguments.
    pub arguments_digest: Digest,
    /// When it was admitted, in microseconds since 1970.
    pub admitted_at: u64,
    /// How far it came.
    pub state: State,
    /// When it ended.
    pub settled_at: Option<u64>,
    /// Whether it gave a result.
    pub succeeded: Option<bool>,
    /// The result or the failure, as JSON text; `None` where it was longer than what is kept. Escape before showing.
    pub outcome: Option<String>,
    /// What it used of its limits, as JSON.
    pub usage: Option<String>,
    /// Why nobody knows, or knew, what it did. Any text: escape before showing.
    pub evidence: Option<String>,
}

/// How a call went, in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallUse {
    /// Which tool.
    pub tool: ToolName,
    /// When it was admitted, in microseconds since 1970.
    pub admitted_at: u64,
    /// When it ended.
    pub settled_at: Option<u64>,
    /// Whether it gave a result.
    pub succeeded: Option<bool>,
    /// JSON of the failure, if it is one.
    pub failure: Option<String>,
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is running, or the host stopped and has not been started since.
    Admitted,
    /// Its outcome is known.
    Settled,
    /// It did nothing.
    Abandoned,
    /// Nobody knows what it did.
    Unknown,
}

impl State {
    /// The word for people and programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.word()
    }

    /// The word in the database.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Settled => "settled",
            Self::Abandoned => "abandoned",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Admitted, Self::Settled, Self::Abandoned, Self::Unknown].into_iter().find(|state| state.word() == word)
    }
}

/// Which calls to list: all that fit every field that is set, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this tool.
    pub tool: Option<ToolName>,
    /// In this state.
    pub state: Option<State>,
    /// Admitted before this one: the next page.
    pub before: Option<CallId>,
    /// At most this many; 0 is 100.
    pub limit: u32,
}
