//! One call of a server's tool: what is asked, and what it leaves behind while it runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::{AuthorizedCall, Mode, Sends};
use toolhold_core::effect::{Request, RequestState};
use toolhold_core::grant::ServerGrant;
use toolhold_core::limit::{Exceeded, Limit};
use toolhold_core::outcome::{Level, LogLine, SideOutput};
use toolhold_sandbox::meter::Meter;
use toolhold_sandbox::{Event, EventSink, RunOptions, RunReport};

use super::link::{Hear, Heard};
use super::message::MAX_MESSAGE;
use super::report;

/// What a call is called where requests have their method. It is none of HTTP, and asks for a change.
const METHOD: &str = "tools/call";

/// Bytes of an answer beside its result.
const AROUND: u64 = 64 << 10;

/// A call that may be sent.
pub(super) struct Asked {
    /// What the server calls the tool.
    pub(super) wire: String,
    pub(super) arguments: Arc<Value>,
    pub(super) cancel: CancellationToken,
    pub(super) time: Duration,
    pub(super) trail: Arc<Trail>,
}

impl Asked {
    /// A call that is granted, and may be sent: live, or of a tool that changes nothing in the operator's words.
    pub(super) fn of(call: &AuthorizedCall, wire: &str, options: &RunOptions) -> Result<Self, Box<RunReport>> {
        let trail = Arc::new(Trail::new(call, options));
        let grant = call.grants().server.as_ref();
        let Some(grant) = grant else { return Err(Box::new(report::outside_of_run(&trail))) };
        // What shows a person what a call would do sends nothing at all.
        let is_kept_back = match call.sends() {
            Sends::Nothing => true,
            Sends::AsGranted => call.mode() == Mode::Preview && !grant.reads_only,
        };
        if is_kept_back {
            return Err(Box::new(report::withheld(&trail)));
        }
        Ok(Self {
            wire: wire.to_owned(),
            arguments: Arc::clone(call.call().arguments()),
            cancel: options.cancel.clone(),
            time: Duration::from_micros(call.limits().get(Limit::Time)),
            trail,
        })
    }
}

impl Asked {
    /// Bytes that the answer may have: twice the result, which may be there as text too, and what is around it.
    pub(super) fn most(&self) -> usize {
        let output = self.trail.meter.limits().get(Limit::Output);
        usize::try_from(output.saturating_mul(2).saturating_add(AROUND))
            .map_or(MAX_MESSAGE, |most| most.min(MAX_MESSAGE))
    }
}

/// What a call leaves behind while it runs, whatever comes of it.
pub(super) struct Trail {
    pub(super) meter: Meter,
    grant: Option<Arc<ServerGrant>>,
    url: String,
    left: Arc<AtomicBool>,
    events: Option<EventSink>,
    over: CancellationToken,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    log: Vec<LogLine>,
    returned: BTreeSet<String>,
    sent: u64,
    received: u64,
    crossed: Option<Exceeded>,
    changed: Option<String>,
}

impl Trail {
    fn new(call: &AuthorizedCall, options: &RunOptions) -> Self {
        let grant = call.grants().server.clone();
        let target = grant.as_ref().and_then(|grant| grant.target.as_ref());
        Self {
            meter: Meter::start(call.limits().clone()),
            url: target.map_or_else(|| format!("mcp:{}", call.call().tool().component()), ToString::to_string),
            grant,
            left: Arc::default(),
            events: options.events.clone(),
            over: CancellationToken::new(),
            said: Mutex::default(),
        }
    }

    /// What hears the server while it works on this call.
    pub(super) fn hear(self: &Arc<Self>) -> Hear {
        let trail = Arc::clone(self);
        Arc::new(move |heard| trail.take(heard))
    }

    /// Whether a byte of the call may have left.
    pub(super) fn left(&self) -> &Arc<AtomicBool> {
        &self.left
    }

    /// So many bytes are handed over to be sent.
    pub(super) fn sending(&self, bytes: u64) {
        self.said().sent = bytes;
    }

    /// The server says something else of its tools.
    pub(super) fn has_changed(&self, what: String) {
        self.said().changed = Some(what);
    }

    /// What it says otherwise, if it was found out in this call.
    pub(super) fn changed(&self) -> Option<String> {
        self.said().changed.clone()
    }

    /// Resolves when the server said more than the call may hear.
    pub(super) async fn crossed(&self) -> Exceeded {
        self.over.cancelled().await;
        self.said().crossed.unwrap_or_else(|| self.meter.exceeded(Limit::Log))
    }

    /// How far a call came of which nothing more is known.
    pub(super) fn how_far(&self, why: &str) -> RequestState {
        let why = why.to_owned();
        match self.left.load(Ordering::SeqCst) {
            true => RequestState::Sent { why },
            false => RequestState::NotSent { why },
        }
    }

    /// The call as a request.
    pub(super) fn request(&self, state: RequestState) -> Request {
        let said = self.said();
        let secrets = self.grant.iter().flat_map(|grant| &grant.secrets).map(ToString::to_string).collect();
        let has_left = matches!(state, RequestState::Sent { .. } | RequestState::Answered { .. });
        Request {
            sent_bytes: if has_left { said.sent } else { 0 },
            received_bytes: said.received,
            secrets,
            returned: said.returned.iter().cloned().collect(),
            ..Request::new(METHOD, self.url.clone(), state)
        }
    }

    /// What is said of its answers.
    pub(super) fn grant(&self) -> Option<&ServerGrant> {
        self.grant.as_deref()
    }

    /// What the server said on the side.
    pub(super) fn output(&self) -> SideOutput {
        SideOutput { log: self.said().log.clone(), ..SideOutput::default() }
    }

    /// Names of secrets that came back.
    pub(super) fn returned(&self) -> BTreeSet<String> {
        self.said().returned.clone()
    }

    fn take(&self, heard: Heard) {
        let counted = match &heard {
            Heard::Bytes(bytes) => {
                let mut said = self.said();
                said.received = said.received.saturating_add(*bytes);
                return;
            }
            Heard::Secrets(names) => return self.said().returned.extend(names.iter().cloned()),
            Heard::Progress(_) | Heard::Asked(_) => self.meter.charge(Limit::HostCalls, 1),
            // One more for the line's end: empty lines cost too.
            Heard::Log(_, text) => self.meter.charge(Limit::Log, text.len() as u64 + 1),
        };
        match (counted, heard) {
            (Err(exceeded), _) => {
                self.said().crossed = Some(exceeded);
                self.over.cancel();
            }
            (Ok(()), Heard::Progress(progress)) => {
                let (done, total, message) = (progress.done, progress.total, progress.message);
                self.tell(Event::Progress { done, total, message });
            }
            (Ok(()), Heard::Log(level, message)) => self.log(LogLine { level, message }),
            (Ok(()), Heard::Asked(method)) => {
                let method = toolhold_core::escape::quoted(&method, 100);
                let message = format!("the server asked for {method} itself: refused");
                self.log(LogLine { level: Level::Warn, message });
            }
            (Ok(()), Heard::Bytes(_) | Heard::Secrets(_)) => {}
        }
    }

    fn log(&self, line: LogLine) {
        self.tell(Event::Log(line.clone()));
        self.said().log.push(line);
    }

    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            events.tell(event);
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        // Each change is complete before anything can panic.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
