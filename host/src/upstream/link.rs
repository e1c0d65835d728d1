//! What carries messages to a server and back: a process, or requests over the web.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use toolhold_core::effect::RequestState;
use toolhold_core::outcome::Level;

use super::message::{Progress, RpcError};
use super::process::Process;
use super::web::Web;

/// Carries messages.
pub(super) enum Link {
    /// To a process of this machine.
    Process(Process),
    /// Over the web.
    Web(Web),
}

/// A request on its way.
pub(super) struct Outgoing {
    /// Its number.
    pub(super) id: u64,
    /// All of it.
    pub(super) body: Vec<u8>,
    /// Is told what comes before the answer.
    pub(super) hear: Hear,
    /// Becomes true before a byte of it may have left.
    pub(super) left: Arc<AtomicBool>,
    /// Bytes that its answer may have.
    pub(super) most: usize,
}

/// Is told what a server says beside its answers, on the thread that reads: it must not block.
pub(super) type Hear = Arc<dyn Fn(Heard) + Send + Sync>;

/// What a server says while it works on a request.
pub(super) enum Heard {
    /// How far it is.
    Progress(Progress),
    /// A log line.
    Log(Level, String),
    /// It asked for something itself, and was refused.
    Asked(String),
    /// Secrets of these names were in what it said, and were taken out.
    Secrets(Vec<String>),
    /// So many bytes came.
    Bytes(u64),
}

/// What a server answered.
pub(super) type Answer = Result<Value, RpcError>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NoAnswer {
    /// How far the request came, and why not further. For the operator.
    pub(super) state: RequestState,
    /// The server is at fault, or the way to it.
    pub(super) fault: bool,
    /// For how many seconds there is no point in trying again.
    pub(super) retry_after: Option<u64>,
    /// What is to be known of it beside that.
    pub(super) kind: Kind,
}

/// What is to be known of a missing answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing more.
    Plain,
    /// The session is over, by the server's word: it has not looked at the request. Another one may be begun.
    SessionEnded,
    /// The server says something else of its tools than what was accepted.
    Changed,
}

impl NoAnswer {
    /// Nothing left the host, and the server is at fault for it, or the way to it.
    pub(super) fn not_sent(why: impl Into<String>) -> Self {
        Self::new(RequestState::NotSent { why: why.into() }, true)
    }

    /// It may have left, and no answer came.
    pub(super) fn sent(why: impl Into<String>) -> Self {
        Self::new(RequestState::Sent { why: why.into() }, true)
    }

    /// A status that is no answer of a tool to a call. What a gateway says does not tell whether the server has looked at the call.
    pub(super) fn of_call(self) -> Self {
        match self.state {
            RequestState::Answered { status: status @ (502 | 504) } => {
                let why = format!("a gateway answered with HTTP status {status}: the call may have been made");
                Self { state: RequestState::Sent { why }, ..self }
            }
            _ => self,
        }
    }

    /// Nothing left the host, and nothing is to be sent there as things are.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::new(RequestState::Refused { why: why.into() }, false)
    }

    /// There is an answer, and it is not that of a tool.
    pub(super) fn status(status: u16) -> Self {
        Self::new(RequestState::Answered { status }, true)
    }

    pub(super) fn new(state: RequestState, fault: bool) -> Self {
        Self { state, fault, retry_after: None, kind: Kind::Plain }
    }

    /// In words, for the operator.
    pub(super) fn why(&self) -> String {
        match &self.state {
            RequestState::Refused { why } | RequestState::NotSent { why } | RequestState::Sent { why } => why.clone(),
            RequestState::Answered { status } => format!("the server answered with HTTP status {status}"),
            RequestState::Withheld => "it was withheld".to_owned(),
        }
    }
}

impl Link {
    /// Sends a request and waits for its answer. Dropping it gives the answer up, not what was asked for.
    pub(super) async fn ask(&self, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
        match self {
            Self::Process(process) => process.ask(outgoing).await,
            Self::Web(web) => web.ask(outgoing).await,
        }
    }

    /// Sends a notification, if it can be sent at once.
    pub(super) fn tell(&self, body: Vec<u8>) {
        match self {
            Self::Process(process) => process.tell(body),
            Self::Web(web) => web.tell(body),
        }
    }

    /// Waits until a notification is sent.
    pub(super) async fn told(&self, body: Vec<u8>) -> Result<(), NoAnswer> {
        match self {
            Self::Process(process) => {
                process.tell(body);
                Ok(())
            }
            Self::Web(web) => web.told(body).await,
        }
    }

    /// The protocol version that was agreed on.
    pub(super) fn agreed(&self, version: &str) {
        if let Self::Web(web) = self {
            web.agreed(version);
        }
    }

    /// Whether it can carry anything more.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Process(process) => process.is_open(),
            Self::Web(web) => web.is_open(),
        }
    }

    /// Whether the server has said since the last time that its tools changed.
    pub(super) fn take_changed(&self) -> bool {
        match self {
            Self::Process(process) => process.changed().swap(false, Ordering::SeqCst),
            Self::Web(web) => web.changed().swap(false, Ordering::SeqCst),
        }
    }

    /// Ends it, if it is a process.
    pub(super) fn end(&self) {
        if let Self::Process(process) = self {
            process.end();
        }
    }
}
