//! Lets callers in by their tokens. The file is looked at before each of them: what is revoked is revoked at once.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::http::{HeaderValue, header};
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::Digest;

use super::attempts::{Attempts, Peer};
use super::caller::Caller;
use super::file::{TokenFile, Version};
use super::invitations::{Invitation, Invitations};
use super::secret::digest_of;
use super::tokens::Tokens;
use crate::clock;
use crate::journal::{self, Journal};
use crate::problem::{Code, Problem};

/// The tokens of a server. Cheap to clone; all clones count wrong ones together.
#[derive(Debug, Clone)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: TokenFile,
    journal: Journal,
    known: Mutex<Known>,
    attempts: Mutex<Attempts>,
    invitations: Mutex<Invitations>,
    /// Where the console is that invitations lead to.
    console: OnceLock<String>,
}

/// What was read last.
#[derive(Debug)]
struct Known {
    version: Version,
    /// `None` where the file cannot be used.
    tokens: Option<Arc<Tokens>>,
    /// The audit was told of them.
    told: bool,
}

impl Access {
    /// Lets in by the tokens in `file`, and tells the audit of the journal who was not.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be used, or the journal cannot be written.
    pub async fn open(file: TokenFile, journal: Journal) -> Result<Self, super::TokenFileError> {
        let version = file.version();
        let tokens = Some(Arc::new(file.read()?));
        let known = Mutex::new(Known { version, tokens, told: false });
        let (attempts, invitations, console) = (Mutex::default(), Mutex::default(), OnceLock::new());
        Ok(Self(Arc::new(Inner { file, journal, known, attempts, invitations, console })))
    }

    /// The file that decides.
    #[must_use]
    pub fn file(&self) -> &TokenFile {
        &self.0.file
    }

    /// Whose token this is.
    ///
    /// # Errors
    ///
    /// It is none that is valid now; or who is let in could not be found out, so that nobody is.
    pub async fn admit(&self, presented: &str, peer: Peer) -> Result<Caller, Problem> {
        let tokens = self.tokens().await?;
        let digest = digest_of(presented);
        let found = digest.and_then(|digest| Some((digest, tokens.find(&digest, clock::now())?)));
        match found {
            Some((digest, token)) => Ok(Caller::of_token(token.name.as_str(), token.role, digest)),
            None => Err(self.refused(peer, None, Code::Unauthorized).await.unwrap_or_else(|| {
                let why = "this token is not known, was revoked or has expired; `toolhold tokens create` makes one";
                unauthorized(why, Some("invalid_token"))
            })),
        }
    }

    /// From here on there may be invitations to the console at `url`, which is on loopback: others could read on the way what they bring
    /// along.
    pub fn invites_to(&self, url: String) {
        // A server has one address for as long as it runs.
        let _known_already = self.0.console.set(url).is_err();
    }

    /// Invites `caller` to the console, and says where that is.
    ///
    /// # Errors
    ///
    /// The console is not on loopback, or the operating system has no randomness.
    pub fn invite(&self, caller: Caller) -> Result<(&str, Invitation), Problem> {
        let console = self.0.console.get().ok_or_else(|| {
            let why = "the console does not listen on loopback alone: whoever wants to see it logs in with a token";
            Problem::new(Code::NotNow, why)
        })?;
        let mut all = self.0.invitations.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |_| Problem::new(Code::Internal, "the operating system has no randomness");
        Ok((console, all.invite(caller, clock::micros()).map_err(none)?))
    }

    /// Who was invited with what is `presented`; it is worth nothing from then on.
    ///
    /// # Errors
    ///
    /// It is no invitation, was taken up before, or is too old.
    pub async fn take_up(&self, presented: &str, peer: Peer) -> Result<Caller, Problem> {
        let now = clock::micros();
        let found = self.0.invitations.lock().unwrap_or_else(PoisonError::into_inner).take_up(presented, now);
        match found {
            Some(caller) => Ok(caller),
            None => Err(self.refused(peer, None, Code::Unauthorized).await.unwrap_or_else(|| {
                unauthorized(
                    "this link was used before, or is older than five minutes; `toolhold console` prints another",
                    None,
                )
            })),
        }
    }

    /// Whether a caller that was let in before would be let in now, as the same: for sessions that last.
    pub async fn stands(&self, caller: &Caller) -> bool {
        let Some(digest) = caller.token() else { return true };
        let Ok(tokens) = self.tokens().await else { return false };
        let token = tokens.find(digest, clock::now());
        token.is_some_and(|token| token.name.as_str() == &*caller.name && token.role == caller.role)
    }

    /// The tokens as they are now.
    ///
    /// # Errors
    ///
    /// The file cannot be used, or the audit cannot be told of what is in it.
    pub async fn tokens(&self) -> Result<Arc<Tokens>, Problem> {
        let (tokens, told) = self.look();
        let unusable = || Problem::new(Code::TokensUnusable, "the operator finds in the log why").retry_after(10);
        let tokens = tokens.ok_or_else(unusable)?;
        if !told {
            self.tell(&tokens).await.map_err(|error| {
                tracing::error!(%error, "the audit cannot be told of the tokens");
                unusable()
            })?;
            let mut known = self.known();
            known.told |= known.tokens.as_ref().is_some_and(|known| Arc::ptr_eq(known, &tokens));
        }
        Ok(tokens)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> (Option<Arc<Tokens>>, bool) {
        let mut known = self.known();
        let version = self.0.file.version();
        if version != known.version {
            let read = self.0.file.read();
            let tokens = read.map_err(|error| tracing::error!(%error, "nobody is let in")).ok();
            *known = Known { version, tokens: tokens.map(Arc::new), told: false };
        }
        (known.tokens.clone(), known.told)
    }

    /// Which tokens let in from here on is on record before the first of them does.
    async fn tell(&self, tokens: &Tokens) -> Result<(), journal::Error> {
        let names: Vec<String> = tokens.iter().map(|token| format!("{} {}", token.name, token.role)).collect();
        let all: Vec<[u8; 32]> = tokens.iter().map(|token| *token.digest.as_bytes()).collect();
        let parts = all.iter().map(<[u8; 32]>::as_slice).chain(names.iter().map(String::as_bytes));
        let digest = Digest::of_parts(&parts.collect::<Vec<_>>());
        let path = bounded(&self.0.file.path().to_string_lossy());
        self.0.journal.announce(clock::micros(), Event::TokensLoaded { tokens: digest, path, names }).await
    }

    /// Counts and records what was refused. A problem where the peer asks too often.
    pub(crate) async fn refused(&self, peer: Peer, caller: Option<&Caller>, code: Code) -> Option<Problem> {
        let now = clock::micros();
        let counted = self.0.attempts.lock().unwrap_or_else(PoisonError::into_inner).failed(peer, now);
        if let Some(unrecorded) = counted.record {
            let caller = caller.map(|caller| caller.name.to_string());
            let (peer, code) = (peer.to_string(), code.as_str().to_owned());
            let event = Event::AccessRefused { peer, caller, code, unrecorded };
            if let Err(error) = self.0.journal.record(now, event).await {
                tracing::error!(%error, "a refused request is not in the audit");
            }
        }
        let wait = counted.wait?;
        let why = "wrong tokens came from your address, again and again; a right one is let in at any time";
        Some(Problem::new(Code::TooManyAttempts, why).retry_after(wait))
    }
}

/// What says that a token is needed, as RFC 6750 has it.
pub(super) fn unauthorized(why: &str, error: Option<&str>) -> Problem {
    let challenge = match error {
        Some("invalid_token") => r#"Bearer realm="toolhold", error="invalid_token""#,
        _ => r#"Bearer realm="toolhold""#,
    };
    Problem::new(Code::Unauthorized, why).header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
