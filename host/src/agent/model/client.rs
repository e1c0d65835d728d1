//! Asks a model for a turn, whichever protocol its server speaks.
//!
//! One request per turn, streamed, with every answer bounded in size and every pause in time. It follows no redirect,
//! uses no proxy, sends its key to one address and shows it nowhere. It does not repeat what failed, except in another
//! dialect where the server refused the first; whether to ask again is decided by the run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use toolhold_core::base_url::BaseUrl;
use toolhold_core::cost::Prices;
use toolhold_core::manifest::Api;
use toolhold_core::rate::Rate;
use toolhold_core::redact::Redactor;
use toolhold_core::run::Message;

use super::cassette::{Cassette, CassetteError, Head, RecordError, Recorder};
use super::protocol::{self, Asked, Protocol};
use super::reading::{self, OnText};
use super::transport::{Answer, Timeouts, Transport};
use super::{Authorities, Error, Identity, Kind, Model, Request, Turn};
use crate::agent::clock::Clock;
use crate::secrets::KnownSecret;

/// What the audit calls the key.
const KEY: &str = "model-key";

/// What it takes to reach a model.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What reports call it; by default its API and its name, such as `openai:gpt-5`.
    pub name: Option<String>,
    /// The protocol of its server.
    pub api: Api,
    /// The provider's name for the model.
    pub model: String,
    /// The address up to and including the version.
    pub base: BaseUrl,
    /// The key, if the server wants one.
    pub key: Option<SecretString>,
    /// Who may vouch for the server beside those the system trusts.
    pub authorities: Authorities,
    /// How long it is waited for.
    pub timeouts: Timeouts,
    /// Tokens that it may write in one turn, where that is less than what is asked for.
    pub max_output_tokens: Option<u32>,
    /// What it is told beside what every model is.
    pub system: Option<String>,
    /// What it costs, if that is known.
    pub prices: Option<Prices>,
    /// How often it may be asked.
    pub rate: Option<Rate>,
}

impl Settings {
    /// Chat completions, without a key or further authorities, with the default timeouts.
    #[must_use]
    pub fn new(model: &str, base: BaseUrl) -> Self {
        Self {
            name: None,
            api: Api::OpenAi,
            model: model.to_owned(),
            base,
            key: None,
            authorities: Authorities::default(),
            timeouts: Timeouts::default(),
            max_output_tokens: None,
            system: None,
            prices: None,
            rate: None,
        }
    }
}

/// A model behind an API.
pub struct Client {
    identity: Identity,
    settings: Settings,
    protocol: Box<dyn Protocol>,
    transport: Transport,
    /// Knows the key.
    redactor: Redactor,
}

impl Client {
    /// Makes the client ready. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// What the HTTP library says when it cannot be set up, such as that there are no root certificates.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let protocol = protocol::of(settings.api, &settings.base);
        let headers = protocol.headers(settings.key.as_ref());
        let Settings { base, authorities, timeouts, .. } = &settings;
        let transport = Transport::network(base, protocol.path(), authorities, &headers, *timeouts, clock)?;
        let spec = || format!("{}:{}", settings.api.as_str(), settings.model);
        let identity = Identity { name: settings.name.clone().unwrap_or_else(spec), kind: Kind::Remote };
        let redactor = Redactor::new(settings.key.iter().map(|key| (KEY, key.expose_secret())));
        Ok(Self { identity, settings, protocol, transport, redactor })
    }

    /// Plays the cassette at `path`: no model is called.
    ///
    /// # Errors
    ///
    /// [`CassetteError`].
    pub fn replay(path: &Path) -> Result<Self, CassetteError> {
        let Cassette { head, replay } = Cassette::load(path)?;
        let base: BaseUrl = head.url.parse().map_err(|error: toolhold_core::base_url::NotABaseUrl| {
            CassetteError::Line { path: path.to_owned(), line: 1, why: error.to_string() }
        })?;
        let protocol = protocol::of(head.api, &base);
        let identity = Identity { name: format!("cassette:{}", path.display()), kind: Kind::Scripted };
        let Head { api, system, max_output_tokens, .. } = head;
        let settings = Settings { api, system, max_output_tokens, ..Settings::new(&head.model, base) };
        let (transport, redactor) = (Transport::replay(replay), Redactor::default());
        Ok(Self { identity, settings, protocol, transport, redactor })
    }

    async fn ask(&mut self, request: Request<'_>, on_text: OnText<'_>) -> Result<Turn, Error> {
        self.transport.begin();
        let most = self.settings.max_output_tokens.unwrap_or(u32::MAX);
        let request = Request { tokens: request.tokens.min(most), ..request };
        loop {
            let (model, system) = (self.settings.model.as_str(), self.settings.system.as_deref());
            let body = self.protocol.body(&Asked { model, system, request: &request });
            let mut answer = self.transport.post(&body).await?;
            let turn = self.read(&mut answer, &request, body.to_string().len(), &mut *on_text).await;
            self.transport.keep(&body, &answer, turn.as_ref().ok())?;
            match &turn {
                Err(Error::Status { status, message, .. }) if self.protocol.learn(*status, message) => {}
                _ => return turn,
            }
        }
    }

    /// Asks for the list of models, which costs no token. A server that has none is there all the same.
    async fn look(&mut self) -> Result<(), Error> {
        let status = self.transport.look(self.settings.base.endpoint("models")).await?;
        match status {
            401 | 403 | 500.. => {
                let message = "it answers, and refuses to list its models".to_owned();
                Err(Error::Status { status, message, retry_after: None, passing: status >= 500 })
            }
            _ => Ok(()),
        }
    }

    async fn read(
        &self,
        answer: &mut Answer,
        request: &Request<'_>,
        sent: usize,
        on_text: OnText<'_>,
    ) -> Result<Turn, Error> {
        if !(200..300).contains(&answer.status) {
            return Err(reading::refused(answer).await);
        }
        let mut assembly = self.protocol.assembly(request);
        reading::read(answer, &mut *assembly, on_text).await?;
        assembly.finish(sent)
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

impl Model for Client {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn secrets(&self) -> Vec<KnownSecret> {
        let known = |key: &SecretString| KnownSecret { name: KEY.to_owned(), value: key.clone() };
        self.settings.key.iter().map(known).collect()
    }

    fn prices(&self) -> Option<Prices> {
        self.settings.prices
    }

    fn rate(&self) -> Option<Rate> {
        self.settings.rate
    }

    fn turn_time(&self) -> Option<Duration> {
        Some(self.settings.timeouts.whole)
    }

    fn record(&mut self, recorder: Recorder) -> Result<(), RecordError> {
        if !self.transport.record(recorder.clone()) {
            return Err(RecordError::NoWire(self.identity.name.clone()));
        }
        recorder.begin(Head::of(&self.settings))
    }

    fn turn<'a>(&'a mut self, request: Request<'a>, on_text: OnText<'a>) -> BoxFuture<'a, Result<Turn, Error>> {
        Box::pin(async move {
            let turn = self.ask(request, on_text).await;
            turn.map_err(|error| self.without_key(error))
        })
    }

    fn reach(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.look())
    }

    fn skip(&mut self, _messages: &[Message], turns: &[usize]) {
        self.transport.skip(turns.len());
    }
}

impl Head {
    fn of(settings: &Settings) -> Self {
        Self {
            cassette: Self::VERSION,
            api: settings.api,
            model: settings.model.clone(),
            url: settings.base.to_string(),
            system: settings.system.clone(),
            max_output_tokens: settings.max_output_tokens,
        }
    }
}
