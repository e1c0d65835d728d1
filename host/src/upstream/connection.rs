//! A connection to a server: greeted, agreed on, and asked for its tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use toolhold_core::effect::RequestState;
use toolhold_core::escape;
use toolhold_core::id::LocalName;
use toolhold_core::listing::Listing;

use super::call::Asked;
use super::link::{Answer, Hear, Heard, Kind, Link, NoAnswer, Outgoing};
use super::message::{self, MAX_MESSAGE};

/// Versions of the protocol that are spoken, the best first.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Parts in which a server may list its tools.
const MOST_PAGES: usize = 64;

/// Tools that are read, also of those that `expose` leaves out.
const MOST_TOOLS: usize = 4_096;

/// Bytes of one part of a list of tools, and of all of them.
const MAX_PAGE: u64 = 4 << 20;
const MAX_LIST: u64 = 8 << 20;

/// Bytes of a server's own words in an error.
const WORDS: usize = 300;

/// How old the last look at a server's tools may be, in microseconds, when one is called.
const LOOK_AGAIN: u64 = 60_000_000;

/// A connection to a server that speaks a version of the protocol that we speak.
pub(super) struct Connection {
    link: Arc<Link>,
    next: AtomicU64,
    /// When its tools were looked at last.
    looked: AtomicU64,
}

impl Connection {
    /// Greets the server at the other end of `link`.
    pub(super) async fn open(link: Arc<Link>) -> Result<Self, NoAnswer> {
        let connection = Self { link, next: AtomicU64::new(1), looked: AtomicU64::new(0) };
        let hello = json!({
            "protocolVersion": VERSIONS[0],
            "capabilities": {},
            "clientInfo": { "name": "toolhold", "version": env!("CARGO_PKG_VERSION") },
        });
        let answer = connection.ask("initialize", &hello).await?;
        let answer = answer.map_err(|error| refused("the server does not begin", &error.message))?;
        let version = answer.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
        let Some(version) = VERSIONS.into_iter().find(|known| *known == version) else {
            return Err(refused("the server speaks a version of the protocol that is not spoken here", version));
        };
        if answer.get("capabilities").and_then(|all| all.get("tools")).is_none() {
            return Err(NoAnswer::refused("the server says that it has no tools"));
        }
        connection.link.agreed(version);
        connection.link.told(message::notification("notifications/initialized", &json!({}))).await?;
        Ok(connection)
    }

    /// What the server says of its tools now.
    pub(super) async fn listing(&self, expose: Option<&[LocalName]>) -> Result<Listing, NoAnswer> {
        // What it says from here on counts as another word.
        self.link.take_changed();
        let (mut tools, mut cursor, mut rest) = (Vec::new(), None::<Value>, MAX_LIST);
        for _ in 0..MOST_PAGES {
            let params = cursor.take().map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
            let taken = Arc::new(AtomicU64::new(0));
            let answer = self.ask_within("tools/list", &params, rest.min(MAX_PAGE), &taken).await?;
            rest = rest.saturating_sub(taken.load(Ordering::SeqCst));
            let answer = answer.map_err(|error| refused("the server does not list its tools", &error.message))?;
            let Value::Object(mut answer) = answer else {
                return Err(NoAnswer::refused("the server's list of tools is none"));
            };
            let Some(Value::Array(page)) = answer.remove("tools") else {
                return Err(NoAnswer::refused("the server's list of tools is none"));
            };
            tools.extend(page);
            if tools.len() > MOST_TOOLS {
                break;
            }
            match answer.remove("nextCursor").filter(Value::is_string) {
                Some(next) => cursor = Some(next),
                None => return Listing::of(&tools, expose).map_err(|error| changed(error.to_string())),
            }
        }
        Err(changed(format!("the server lists more than {MOST_TOOLS} tools, or in more than {MOST_PAGES} parts")))
    }

    /// Whether the server has to be asked for its tools before it is called: it says that they changed, or the last look is old.
    pub(super) fn needs_a_look(&self, now: u64) -> bool {
        let is_old = now.abs_diff(self.looked.load(Ordering::SeqCst)) > LOOK_AGAIN;
        self.link.take_changed() || is_old
    }

    /// Its tools were looked at, and are as they should be.
    pub(super) fn looked_at(&self, now: u64) {
        self.looked.store(now, Ordering::SeqCst);
    }

    pub(super) fn is_open(&self) -> bool {
        self.link.is_open()
    }

    /// Makes a call. Dropped before it is answered, the server is told that nobody waits.
    pub(super) async fn call(&self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let params = json!({
            "name": asked.wire,
            "arguments": *asked.arguments,
            "_meta": { "progressToken": id },
        });
        let body = message::request(id, "tools/call", &params);
        asked.trail.sending(body.len() as u64);
        let (hear, left) = (asked.trail.hear(), Arc::clone(asked.trail.left()));
        let mut given = Given { link: &self.link, id, left: Arc::clone(&left), waits: true };
        let answer = self.link.ask(Outgoing { id, body, hear, left, most: asked.most() }).await;
        given.waits = false;
        answer.map_err(NoAnswer::of_call)
    }

    /// Whether the server answers at all.
    pub(super) async fn is_alive(&self) -> bool {
        self.ask("ping", &json!({})).await.is_ok()
    }

    async fn ask(&self, method: &str, params: &Value) -> Result<Answer, NoAnswer> {
        self.ask_within(method, params, MAX_PAGE, &Arc::default()).await
    }

    /// Asks for an answer of at most so many bytes; how many came is counted in `taken`.
    async fn ask_within(
        &self,
        method: &str,
        params: &Value,
        most: u64,
        taken: &Arc<AtomicU64>,
    ) -> Result<Answer, NoAnswer> {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let (body, taken) = (message::request(id, method, params), Arc::clone(taken));
        let hear: Hear = Arc::new(move |heard| {
            if let Heard::Bytes(bytes) = heard {
                taken.fetch_add(bytes, Ordering::SeqCst);
            }
        });
        let most = usize::try_from(most).unwrap_or(MAX_MESSAGE);
        self.link.ask(Outgoing { id, body, hear, left: Arc::new(AtomicBool::new(false)), most }).await
    }
}

/// A call that is on its way.
struct Given<'a> {
    link: &'a Link,
    id: u64,
    left: Arc<AtomicBool>,
    waits: bool,
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        if self.waits && self.left.load(Ordering::SeqCst) {
            let params = json!({ "requestId": self.id, "reason": "nobody waits for the answer any more" });
            self.link.tell(message::notification("notifications/cancelled", &params));
        }
    }
}

impl NoAnswer {
    /// The same of a call that was not made because of it: nothing of it left.
    pub(super) fn before_the_call(self) -> Self {
        let why = self.why();
        match self.state {
            RequestState::Refused { .. } | RequestState::NotSent { .. } | RequestState::Withheld => self,
            RequestState::Answered { status } => {
                let fault = matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504);
                let why = format!("{why} before anything was called{}", advice(status));
                Self { state: RequestState::NotSent { why }, fault, ..self }
            }
            RequestState::Sent { .. } => Self { state: RequestState::NotSent { why }, ..self },
        }
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "; it wants to know who asks: see `secrets` of `[tools.NAME.server]`",
        404 | 405 => "; the address in `source` may be another one",
        300..=399 => "; redirects are not followed: name the address that it leads to",
        _ => "",
    }
}

fn refused(what: &str, words: &str) -> NoAnswer {
    NoAnswer::refused(format!("{what}, to quote it: {}", escape::quoted(words, WORDS)))
}

/// What the server says of its tools is not what was accepted, or cannot have been.
pub(super) fn changed(what: String) -> NoAnswer {
    NoAnswer { kind: Kind::Changed, ..NoAnswer::refused(what) }
}
