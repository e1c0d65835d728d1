//! A server on the web: streamable HTTP, one request for each message.
//!
//! Requests go the way of all others of the host: names are looked up, addresses checked, and redirects not followed; secrets are
//! added where they are sent, and taken out of what comes back. No stream is kept open beside that: what a server wants to say
//! between calls it cannot say, so its tools are asked for again when the last look is a while ago.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use ipnet::IpNet;
use tokio::runtime::Handle;
use toolhold_core::effect::RequestState;
use toolhold_core::escape;
use toolhold_core::grant::SecretUse;
use toolhold_core::grant::http::{Method, Target};
use toolhold_core::id::ComponentName;
use toolhold_sandbox::capability::http::{Body, Egress as _, EgressError, EgressRequest, EgressResponse, Returned};

use super::events::Events;
use super::link::{Answer, Hear, Heard, Kind, NoAnswer, Outgoing};
use super::message::{self, Incoming};
use crate::egress::Client;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(15);

/// How long a notification may take that nobody waits for.
const TELL: Duration = Duration::from_secs(5);

/// Requests of a server's own that are answered while one call is made. One that asks on is not listened to any more.
const MOST_ASKED: usize = 16;

/// Longest name of a session.
const MAX_SESSION: usize = 512;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A server on the web.
#[derive(Clone)]
pub(super) struct Web(Arc<Inner>);

struct Inner {
    place: Place,
    client: Client,
    state: Mutex<State>,
    open: AtomicBool,
    changed: AtomicBool,
}

/// Where it is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) component: ComponentName,
    pub(super) target: Target,
    pub(super) addresses: Vec<IpNet>,
    pub(super) secrets: Vec<SecretUse>,
}

#[derive(Default)]
struct State {
    session: Option<HeaderValue>,
    version: Option<HeaderValue>,
}

impl Web {
    pub(super) fn new(place: Place, client: Client) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner { place, client, state, open: AtomicBool::new(true), changed: AtomicBool::new(false) }))
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&self, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
        let Outgoing { id, body, hear, left, most } = outgoing;
        left.store(true, Ordering::SeqCst);
        let told = Arc::clone(&hear);
        let covered = Arc::new(AtomicBool::new(false));
        let found = Arc::clone(&covered);
        let returned = move |names: &[String]| {
            found.store(true, Ordering::SeqCst);
            told(Heard::Secrets(names.to_vec()));
        };
        let response = self.post(body, Arc::new(returned)).await?;
        let EgressResponse { status, headers, body } = response;
        if !status.is_success() {
            return Err(self.refused(status.as_u16(), &headers));
        }
        self.session(&headers);
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => whole(body, (id, most), (&hear, &covered)).await,
            "text/event-stream" => self.stream(body, (id, most), (&hear, &covered)).await,
            _ => {
                let why = format!("the server answered with `{}`, which is no message", escape::short(&kind, 100));
                Err(NoAnswer::sent(why))
            }
        }
    }

    /// Sends a notification, and waits until it is taken.
    pub(super) async fn told(&self, body: Vec<u8>) -> Result<(), NoAnswer> {
        let response = self.post(body, Arc::new(|_| ())).await?;
        match response.status.is_success() {
            true => Ok(()),
            false => Err(self.refused(response.status.as_u16(), &response.headers)),
        }
    }

    /// Sends a notification that nobody waits for.
    pub(super) fn tell(&self, body: Vec<u8>) {
        let web = self.clone();
        if let Ok(threads) = Handle::try_current() {
            let sending = async move {
                let _unheard = tokio::time::timeout(TELL, web.told(body)).await.is_err();
            };
            drop(threads.spawn(sending));
        }
    }

    pub(super) fn agreed(&self, version: &str) {
        self.state().version = HeaderValue::from_str(version).ok();
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.open.load(Ordering::SeqCst)
    }

    pub(super) fn changed(&self) -> &AtomicBool {
        &self.0.changed
    }

    async fn post(&self, body: Vec<u8>, returned: Returned) -> Result<EgressResponse, NoAnswer> {
        let Place { component, target, addresses, secrets } = self.0.place.clone();
        let full: Full<Bytes> = Full::new(body.into());
        let request = EgressRequest {
            component: Some(component),
            method: Method::Post,
            target,
            headers: self.headers(),
            body: Some(full.map_err(|never| match never {}).boxed_unsync()),
            addresses,
            secrets,
            connect_timeout: Some(CONNECT),
            returned,
        };
        self.0.client.send(request).await.map_err(|error| no_answer(&error))
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let state = self.state();
        let known = [(SESSION, &state.session), (VERSION, &state.version)];
        headers.extend(known.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        headers
    }

    /// Keeps the name of the session that a server begins.
    fn session(&self, headers: &HeaderMap) {
        let named = headers.get(SESSION).filter(|value| value.len() <= MAX_SESSION && value.to_str().is_ok());
        let mut state = self.state();
        if let (None, Some(named)) = (&state.session, named) {
            let mut named = named.clone();
            named.set_sensitive(true);
            state.session = Some(named);
        }
    }

    /// An answer that is none of a tool.
    fn refused(&self, status: u16, headers: &HeaderMap) -> NoAnswer {
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let in_session = self.state().session.is_some();
        let ended = status == 404 && in_session;
        if ended {
            self.0.open.store(false, Ordering::SeqCst);
        }
        let kind = if ended { Kind::SessionEnded } else { Kind::Plain };
        NoAnswer { retry_after: seconds, kind, ..NoAnswer::status(status) }
    }

    /// Reads a stream of messages up to the answer.
    async fn stream(
        &self,
        mut body: Body,
        (id, most): (u64, usize),
        (hear, covered): (&Hear, &AtomicBool),
    ) -> Result<Answer, NoAnswer> {
        let (mut events, mut asked, mut is_broken) = (Events::within(most), 0_usize, false);
        loop {
            let (messages, is_end) = match body.frame().await {
                None => (events.finish(), true),
                Some(Err(error)) => return Err(NoAnswer::sent(format!("the answer broke off: {error}"))),
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    hear(Heard::Bytes(data.len() as u64));
                    (events.push(&data), false)
                }
            };
            let messages = messages.map_err(|_| too_long(most))?;
            for message in &messages {
                let Some(incoming) = message::read(message) else {
                    // Where a secret stood in it, it may have been the answer.
                    is_broken |= covered.load(Ordering::SeqCst);
                    continue;
                };
                match incoming {
                    Incoming::Answer(number, answer) if number == id => return Ok(answer),
                    Incoming::Progress(number, progress) if number == id => hear(Heard::Progress(progress)),
                    Incoming::Log(level, text) => hear(Heard::Log(level, text)),
                    Incoming::ListChanged => self.0.changed.store(true, Ordering::SeqCst),
                    Incoming::Request(..) if asked >= MOST_ASKED => {
                        return Err(NoAnswer::sent("the server asks on and on instead of answering"));
                    }
                    Incoming::Request(number, method) => {
                        asked = asked.saturating_add(1);
                        self.tell(message::answer_to(&number, &method));
                        hear(Heard::Asked(method));
                    }
                    Incoming::Answer(..) | Incoming::Progress(..) | Incoming::Other => {}
                }
            }
            if is_end && is_broken {
                return Ok(Err(message::unreadable()));
            }
            if is_end {
                return Err(NoAnswer::sent("the stream of messages ended without an answer"));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything can panic.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one message.
async fn whole(
    mut body: Body,
    (id, most): (u64, usize),
    (hear, covered): (&Hear, &AtomicBool),
) -> Result<Answer, NoAnswer> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| NoAnswer::sent(format!("the answer broke off: {error}")))?;
        let data = frame.into_data().unwrap_or_default();
        hear(Heard::Bytes(data.len() as u64));
        if bytes.len() + data.len() > most {
            return Ok(Err(message::too_long()));
        }
        bytes.extend_from_slice(&data);
    }
    match message::read(&bytes) {
        Some(Incoming::Answer(number, answer)) if number == id => Ok(answer),
        None if covered.load(Ordering::SeqCst) => Ok(Err(message::unreadable())),
        _ => Err(NoAnswer::sent("what the server answered is no answer to what it was asked")),
    }
}

fn too_long(most: usize) -> NoAnswer {
    NoAnswer::sent(format!("the server sent a message of more than {most} bytes"))
}

/// How far a request came that was not answered.
fn no_answer(error: &EgressError) -> NoAnswer {
    let why = error.to_string();
    let state = match error {
        EgressError::Address(_) | EgressError::NotRecorded(_) => RequestState::Refused { why },
        _ if error.may_have_left() => RequestState::Sent { why },
        _ => RequestState::NotSent { why },
    };
    NoAnswer { retry_after: error.retry_after(), ..NoAnswer::new(state, error.is_fault()) }
}
