//! A client for OpenAI-compatible chat completions.
//!
//! One request per turn, streamed, with every answer bounded in size and every pause in time. It follows no redirect,
//! uses no proxy, sends its key to one address and shows it nowhere. It does not repeat what failed, except in another
//! dialect where the server refused the first; whether to ask again is decided by the run.

mod assemble;
mod refusal;
mod request;
mod sse;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use toolhold_core::redact::Redactor;
use url::Url;

use self::assemble::Assembly;
use self::request::Dialect;
use super::{Authorities, Error, Identity, Kind, Model, Request, Turn, tls};
use crate::agent::clock::Clock;
use crate::secrets::KnownSecret;

/// Bytes of a streamed answer, everything included. A token costs about 250 on the wire.
const STREAM_BYTES: usize = 16 << 20;
/// Bytes of an answer in one piece. Parsed, it takes several times as much.
const BODY_BYTES: usize = 2 << 20;
/// Bytes of a refusal that are read.
const REFUSAL_BYTES: usize = 64 << 10;
/// What the audit calls the key.
const KEY: &str = "model-key";
/// To have a connection. Not a setting: nothing but a dead address takes longer.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// What it takes to reach a model.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The provider's name for the model.
    pub model: String,
    /// The address up to and including the version.
    pub base: Url,
    /// The key, if the server wants one.
    pub key: Option<SecretString>,
    /// Who may vouch for the server beside those the system trusts.
    pub authorities: Authorities,
    /// The longest pause of the server, before its answer or within.
    pub idle_time: Duration,
}

impl Settings {
    /// Settings without a key or further authorities, with the default pause of 60 seconds: local models read long prompts for that long.
    #[must_use]
    pub fn new(model: &str, base: Url) -> Self {
        Self {
            model: model.to_owned(),
            base,
            key: None,
            authorities: Authorities::default(),
            idle_time: Duration::from_secs(60),
        }
    }
}

/// A model behind an OpenAI-compatible chat-completions API.
pub struct OpenAi {
    identity: Identity,
    settings: Settings,
    endpoint: Url,
    client: Client,
    dialect: Dialect,
    clock: Arc<dyn Clock>,
    /// Knows the key.
    redactor: Redactor,
}

impl OpenAi {
    /// Makes the client ready. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// What the HTTP library says when it cannot be set up, such as that there are no root certificates.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let identity = Identity { name: format!("openai:{}", settings.model), kind: Kind::Remote };
        let mut endpoint = settings.base.clone();
        endpoint.set_path(&format!("{}/chat/completions", settings.base.path().trim_end_matches('/')));
        let client = client(&endpoint, &settings.authorities).map_err(|error| causes(&error))?;
        let dialect = Dialect::of(endpoint.host_str());
        let redactor = Redactor::new(settings.key.iter().map(|key| (KEY, key.expose_secret())));
        Ok(Self { identity, settings, endpoint, client, dialect, clock, redactor })
    }

    async fn ask(&mut self, request: Request<'_>, on_text: &mut (dyn FnMut(&str) + Send)) -> Result<Turn, Error> {
        loop {
            let body = self.dialect.body(&self.settings.model, &request).to_string();
            let sent = body.len();
            let mut response = self.send(body).await?;
            if response.status().is_success() {
                let assembly = Assembly::new(request.bytes);
                return self.read(&mut response, assembly, on_text).await?.finish(sent);
            }
            let error = self.refused(response).await;
            self.dialect = match &error {
                Error::Status { status, message, .. } => self.dialect.after(*status, message).ok_or(error)?,
                _ => return Err(error),
            };
        }
    }

    async fn send(&self, body: String) -> Result<Response, Error> {
        let mut request = self
            .client
            .post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json")
            .body(body);
        if let Some(key) = &self.settings.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
                .map_err(|_| Error::Unreachable("the key does not fit into a header".into()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let sent = self.within_pause(request.send()).await?;
        sent.map_err(|error| unsent(&error.without_url()))
    }

    /// Reads an answer, in whichever of the two forms it comes.
    async fn read(
        &self,
        response: &mut Response,
        mut assembly: Assembly,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Assembly, Error> {
        let mut first = Vec::new();
        // Some servers send empty lines while they think.
        while first.trim_ascii_start().is_empty() {
            first.extend(self.chunk(response).await?.ok_or(Error::Truncated)?);
            if first.len() > BODY_BYTES {
                return Err(Error::TooLarge(BODY_BYTES));
            }
        }
        match first.trim_ascii_start().first() {
            Some(b'{') => {
                let body = self.rest(response, first, BODY_BYTES).await?.ok_or(Error::TooLarge(BODY_BYTES))?;
                let answer = serde_json::from_slice(&body).map_err(|error| match error.classify() {
                    serde_json::error::Category::Eof => Error::Truncated,
                    _ => Error::Malformed("it is no JSON".into()),
                })?;
                on_text(&assembly.whole(&answer)?);
            }
            Some(b'<') => return Err(Error::Malformed("it is a web page; check the base URL".into())),
            _ => self.read_stream(response, &first, &mut assembly, on_text).await?,
        }
        Ok(assembly)
    }

    async fn read_stream(
        &self,
        response: &mut Response,
        first: &[u8],
        assembly: &mut Assembly,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Error> {
        let (mut decoder, mut events, mut total) = (sse::Decoder::default(), Vec::new(), first.len());
        decoder.feed(first, &mut events)?;
        loop {
            take(&mut events, assembly, on_text)?;
            if assembly.is_full() {
                return Ok(());
            }
            let chunk = match self.chunk(response).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // The answer was whole before the connection broke or the server forgot to close it.
                Err(_) if assembly.has_ended() => return Ok(()),
                Err(error) => return Err(error),
            };
            total += chunk.len();
            if total > STREAM_BYTES {
                return Err(Error::TooLarge(STREAM_BYTES));
            }
            decoder.feed(&chunk, &mut events)?;
        }
        decoder.end(&mut events)?;
        take(&mut events, assembly, on_text)
    }

    async fn refused(&self, mut response: Response) -> Error {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A refusal that breaks off is still a refusal: what came of its words is enough.
        let body = self.rest(&mut response, Vec::new(), REFUSAL_BYTES).await.ok().flatten().unwrap_or_default();
        refusal::status(status, &headers, &String::from_utf8_lossy(&body))
    }

    /// Everything that is left, after `start`; `None` where it is more than `most` bytes.
    async fn rest(&self, response: &mut Response, start: Vec<u8>, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut body = start;
        while body.len() <= most {
            match self.chunk(response).await? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(Some(body)),
            }
        }
        Ok(None)
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<Vec<u8>>, Error> {
        let chunk = self.within_pause(response.chunk()).await?.map_err(|_broken_off| Error::Truncated)?;
        Ok(chunk.map(|bytes| bytes.to_vec()))
    }

    async fn within_pause<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let pause = self.settings.idle_time;
        match select(std::pin::pin!(future), self.clock.sleep(pause)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(Error::Stalled(pause)),
        }
    }

    /// Providers quote keys that they do not know.
    fn without_key(&self, error: Error) -> Error {
        let clean = |text: String| self.redactor.redact(&text).into_owned();
        match error {
            Error::Status { status, message, retry_after, passing } => {
                Error::Status { status, message: clean(message), retry_after, passing }
            }
            Error::Reported { code, message, passing } => {
                Error::Reported { code: clean(code), message: clean(message), passing }
            }
            Error::Malformed(message) => Error::Malformed(clean(message)),
            other => other,
        }
    }
}

impl Model for OpenAi {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn secrets(&self) -> Vec<KnownSecret> {
        let known = |key: &SecretString| KnownSecret { name: KEY.to_owned(), value: key.clone() };
        self.settings.key.iter().map(known).collect()
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        Box::pin(async move {
            let turn = self.ask(request, on_text).await;
            turn.map_err(|error| self.without_key(error))
        })
    }
}

/// Hands events to the assembly and their text to whoever follows.
fn take(
    events: &mut Vec<String>,
    assembly: &mut Assembly,
    on_text: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Error> {
    for event in events.drain(..) {
        let text = assembly.event(&event)?;
        if !text.is_empty() {
            on_text(&text);
        }
        if assembly.is_full() {
            break;
        }
    }
    Ok(())
}

fn client(endpoint: &Url, authorities: &Authorities) -> Result<Client, reqwest::Error> {
    tls::install();
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIME)
        .user_agent(concat!("toolhold/", env!("CARGO_PKG_VERSION")));
    match endpoint.scheme() {
        // Without TLS, a machine without root certificates can still reach its own server.
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.https_only(true).tls_certs_merge(authorities.certificates()).build(),
    }
}

/// Why nothing came back.
fn unsent(error: &reqwest::Error) -> Error {
    match tls::distrust(error) {
        Some(why) => Error::Untrusted(why),
        None => Error::Unreachable(causes(error)),
    }
}

/// An error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
