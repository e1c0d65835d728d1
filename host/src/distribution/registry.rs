//! The requests of the OCI distribution specification that a component takes.

use std::sync::{Mutex, PoisonError};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toolhold_core::escape;
use toolhold_core::id::{Digest, ToolDigest};
use toolhold_core::origin::{Reference, Site};
use toolhold_core::redact::Redactor;
use url::Url;

use super::artifact::{self, MAX_MANIFEST, Manifest};
use super::network::{Answer, Network, Request};
use super::{Credentials, Error, Fetched, Options, signatures};
use crate::store::Store;

/// Largest answer of a server of tokens, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

/// What the requests are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Pull,
    Push,
}

/// One repository of a registry, for one fetch or publication.
pub(super) struct Registry<'a> {
    reference: &'a Reference,
    scope: Scope,
    network: Network,
    credentials: &'a Credentials,
    store: Option<&'a Store>,
    /// What is sent with each request, once the registry has asked.
    authorization: Mutex<Option<SecretString>>,
}

impl<'a> Registry<'a> {
    pub(super) fn new(reference: &'a Reference, scope: Scope, options: &'a Options) -> Self {
        let network = Network::new(Some(reference.registry().clone()), options);
        Self {
            reference,
            scope,
            network,
            credentials: &options.credentials,
            store: options.store.as_ref(),
            authorization: Mutex::default(),
        }
    }

    /// The component that the reference leads to now.
    pub(super) async fn pull(&self) -> Result<Fetched, Error> {
        self.pull_component().await.map_err(|error| self.clean(error))
    }

    async fn pull_component(&self) -> Result<Fetched, Error> {
        let what = self.reference.to_string();
        let (text, artifact) = self.manifest().await?;
        let (manifest, layer) = Manifest::component(&text, &what)?;
        let there = self.store.and_then(|store| store.get(layer.digest).ok().flatten());
        let bytes = match there {
            Some(bytes) => bytes,
            None => self.blob(layer.digest, layer.size).await?,
        };
        if bytes.len() as u64 != layer.size {
            let why = format!("its manifest says {} bytes, there are {}", layer.size, bytes.len());
            return Err(Error::NotAComponent(what, why));
        }
        let attached = manifest.annotations.get(artifact::SIGNATURES);
        let signatures = attached.map_or(Ok(Vec::new()), |text| signatures(text.as_bytes(), layer.digest))?;
        Ok(Fetched { bytes, digest: layer.digest, artifact: Some(artifact), signatures })
    }

    /// The manifest, and its digest, which is that of the reference if it names one.
    async fn manifest(&self) -> Result<(Vec<u8>, Digest), Error> {
        let version = self.reference.version();
        let url = self.url(&format!("manifests/{}", version.key()))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(artifact::MANIFEST));
        let answer = self.get(&url, headers).await?;
        let text = answer.success(&format!("`{}`", self.reference)).await?.body(MAX_MANIFEST).await?;
        let found = Digest::of(&text);
        match version.digest() {
            Some(wanted) if wanted != found => Err(Error::Digest { what: self.reference.to_string(), wanted, found }),
            _ => Ok((text, found)),
        }
    }

    /// The blob of that digest.
    pub(super) async fn blob(&self, wanted: ToolDigest, most: u64) -> Result<Vec<u8>, Error> {
        let url = self.url(&format!("blobs/{wanted}"))?;
        let answer = self.get(&url, HeaderMap::new()).await?;
        let bytes = answer.success(&format!("the component of `{}`", self.reference)).await?.body(most).await?;
        let found = Digest::of(&bytes);
        if found == wanted { Ok(bytes) } else { Err(Error::Digest { what: self.reference.to_string(), wanted, found }) }
    }

    /// The address of something in the repository. This machine is spoken to without TLS, unless at the port of TLS.
    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        let site = self.reference.registry();
        let in_the_clear = (site.is_this_machine() && site.port() != 443) || self.network.is_allowed(site);
        let scheme = if in_the_clear { "http" } else { "https" };
        let text = format!("{scheme}://{site}/v2/{}/{path}", self.reference.repository());
        Url::parse(&text).map_err(|error| Error::Protocol(site.to_string(), error.to_string()))
    }

    /// Asks for `url`, goes where the registry sends us, and says who asks if it wants to know.
    async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, Error> {
        let answer = self.network.get(url, &self.with_authorization(headers.clone())?).await?;
        if !self.is_challenge(&answer) {
            return Ok(answer);
        }
        self.authorize(&answer).await?;
        self.network.get(url, &self.with_authorization(headers)?).await
    }

    /// Sends a request that changes something. It goes to no other place than it says.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        kind: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Error> {
        let own = Site::of(url).as_ref() == Some(self.reference.registry());
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind.and_then(|kind| HeaderValue::from_str(kind).ok()) {
            headers.insert(CONTENT_TYPE, kind);
        }
        let signed = |headers: HeaderMap| if own { self.with_authorization(headers) } else { Ok(headers) };
        let request = Request { method, url: url.clone(), headers: signed(headers.clone())?, body };
        let answer = self.network.send(request.clone()).await?;
        if !own || !self.is_challenge(&answer) {
            return Ok(answer);
        }
        self.authorize(&answer).await?;
        self.network.send(Request { headers: signed(headers)?, ..request }).await
    }

    /// Whether it is the registry itself that wants to know who asks, for the first time.
    fn is_challenge(&self, answer: &Answer) -> bool {
        let own = Site::of(&answer.url).as_ref() == Some(self.reference.registry());
        own && answer.response.status() == StatusCode::UNAUTHORIZED && self.known().is_none()
    }

    fn with_authorization(&self, mut headers: HeaderMap) -> Result<HeaderMap, Error> {
        if let Some(known) = self.known().as_ref() {
            headers.insert(
                AUTHORIZATION,
                secret(known.expose_secret()).ok_or_else(|| self.refuse("they do not fit into a header"))?,
            );
        }
        Ok(headers)
    }

    /// Does what the registry asks for: says who the user is, or gets a token.
    async fn authorize(&self, answer: &Answer) -> Result<(), Error> {
        let site = self.reference.registry();
        let asked = answer.response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let challenge =
            asked.and_then(Challenge::parse).ok_or_else(|| self.nonsense("it asks for no login that is known"))?;
        let login = self.credentials.login(site)?;
        let authorization = match (challenge, login) {
            (Challenge::Basic, None) => return Err(Error::NoCredentials(site.to_string())),
            (Challenge::Basic, Some(login)) => SecretString::from(format!("Basic {}", login.basic.expose_secret())),
            (Challenge::Bearer { realm, service }, login) => {
                self.token(&realm, service.as_deref(), login.map(|login| login.basic)).await?
            }
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        Ok(())
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        basic: Option<SecretString>,
    ) -> Result<SecretString, Error> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let mut url = Url::parse(realm).map_err(|_| self.nonsense("its tokens are made at no address"))?;
        let actions = if self.scope == Scope::Push { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", self.reference.repository());
        url.query_pairs_mut().extend_pairs(service.map(|service| ("service", service))).append_pair("scope", &scope);
        let mut headers = HeaderMap::new();
        if let Some(basic) = &basic {
            let value = secret(&format!("Basic {}", basic.expose_secret()));
            headers.insert(AUTHORIZATION, value.ok_or_else(|| self.refuse("they do not fit into a header"))?);
        }
        let answer = self.network.get(&url, &headers).await?.success("a token").await;
        let body = answer.map_err(|error| clean(error, basic.as_ref()))?.body(MAX_TOKEN).await?;
        // The message of the parser could repeat what it read.
        let token: Token = serde_json::from_slice(&body).map_err(|_| self.nonsense("its token is not JSON"))?;
        let token = token.token.or(token.access_token).ok_or_else(|| self.nonsense("it made no token"))?;
        Ok(format!("Bearer {token}").into())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<SecretString>> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same error, without what was sent to say who asks.
    pub(super) fn clean(&self, error: Error) -> Error {
        clean(error, self.known().as_ref())
    }

    fn nonsense(&self, why: &str) -> Error {
        Error::Protocol(self.reference.registry().to_string(), why.to_owned())
    }

    fn refuse(&self, why: &str) -> Error {
        Error::Credentials(self.reference.registry().to_string(), why.to_owned())
    }
}

/// A header that no log shows.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A server's words may repeat what it was sent.
fn clean(error: Error, secret: Option<&SecretString>) -> Error {
    match (error, secret) {
        (Error::Status { site, status, what, words }, Some(secret)) => {
            let secret = secret.expose_secret();
            let bare = secret.split_once(' ').map_or(secret, |(_, bare)| bare);
            let words = Redactor::new([("registry", bare)]).redact(&words).into_owned();
            Error::Status { site, status, what, words }
        }
        (error, _) => error,
    }
}

/// How a registry wants to be told who asks.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        Some(Self::Bearer { realm: parameter(rest, "realm")?, service: parameter(rest, "service") })
    }
}

/// The value of `name="value"` in a list of such.
fn parameter(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    while let Some((key, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"')?;
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

/// A server's words on one line.
pub(super) fn shown(text: &str) -> String {
    escape::short(text, 200).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_taken_apart() {
        let bearer =
            r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a:pull""#;
        let parsed = Challenge::Bearer {
            realm: "https://auth.example.com/token".into(),
            service: Some("registry.example.com".into()),
        };
        assert_eq!(Challenge::parse(bearer), Some(parsed));
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
        for bad in ["", "Digest realm=\"x\"", "Bearer", "Bearer realm=x", "Bearer realm=\"x"] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let error = Error::Status {
            site: "s".into(),
            status: 401,
            what: "it".into(),
            words: ": bad token hunter2hunter2".into(),
        };
        let told = clean(error, Some(&SecretString::from("Bearer hunter2hunter2".to_owned()))).to_string();
        assert!(!told.contains("hunter2") && told.contains("bad token"), "{told}");
    }
}
