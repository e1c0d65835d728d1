//! The requests of the OCI distribution specification that a component takes.

use std::sync::{Mutex, PoisonError};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toolhold_core::id::{Digest, ToolDigest};
use toolhold_core::origin::{Reference, Site};
use url::Url;

use super::artifact::{self, MAX_MANIFEST, Manifest};
use super::credentials::Login;
use super::network::{Answer, Network, Request};
use super::{Credentials, Error, Fetched, Options, bundle, signatures};
use crate::open::Papers;
use crate::store::{MAX_COMPONENT, Store};

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
    /// Why the user's login is not sent although there may be one. Told if it does not go without.
    trouble: Mutex<Option<Error>>,
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
            trouble: Mutex::default(),
        }
    }

    /// The component that the reference leads to now.
    pub(super) async fn pull(&self) -> Result<Fetched, Error> {
        self.pull_component().await.map_err(|error| self.clean(error))
    }

    /// The bytes of that digest and no others, whatever any tag says by now.
    pub(super) async fn pull_pinned(&self, digest: ToolDigest) -> Result<Vec<u8>, Error> {
        self.blob(digest, MAX_COMPONENT).await.map_err(|error| self.clean(error))
    }

    async fn pull_component(&self) -> Result<Fetched, Error> {
        let what = self.reference.to_string();
        let (text, artifact) = self.manifest().await?;
        let (manifest, layer) = Manifest::component(&text, &what, self.network.hidden())?;
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
        let read = |text: &String| signatures(text.as_bytes(), layer.digest, self.network.hidden());
        let signatures = attached.map_or(Ok(Vec::new()), read)?;
        let bundle = manifest.annotations.get(artifact::BUNDLE).map(|text| bundle(text.as_bytes())).transpose()?;
        let papers = Papers { signatures, bundle };
        Ok(Fetched { bytes, digest: layer.digest, artifact: Some(artifact), papers })
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
    async fn blob(&self, wanted: ToolDigest, most: u64) -> Result<Vec<u8>, Error> {
        let url = self.url(&format!("blobs/{wanted}"))?;
        let answer = self.get(&url, HeaderMap::new()).await?;
        let bytes = answer.success(&format!("the component of `{}`", self.reference)).await?.body(most).await?;
        let found = Digest::of(&bytes);
        if found == wanted { Ok(bytes) } else { Err(Error::Digest { what: self.reference.to_string(), wanted, found }) }
    }

    /// The address of something in the repository. This machine is spoken to without TLS, unless at the port of TLS.
    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        let site = self.reference.registry();
        let in_the_clear = (site.is_this_machine() && site.port() != 443) || self.network.is_plain(site);
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
        let answer = self.network.get(url, &self.with_authorization(headers)?).await?;
        let refused = matches!(answer.response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        match self.trouble().take().filter(|_| refused) {
            Some(trouble) => Err(trouble),
            None => Ok(answer),
        }
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
        let login = self.login(&answer.url);
        let authorization = match challenge {
            Challenge::Basic => {
                let login = login?.ok_or_else(|| Error::NoCredentials(site.to_string()))?;
                SecretString::from(format!("Basic {}", login.basic.expose_secret()))
            }
            Challenge::Bearer { realm, service } => {
                let login = match login {
                    // What anybody may pull needs nobody's login.
                    Err(error) if self.scope == Scope::Pull => {
                        *self.trouble() = Some(error);
                        None
                    }
                    other => other?,
                };
                let token = self.token(&realm, service.as_deref(), login).await;
                token.map_err(|error| self.told_instead_of(error))?
            }
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        Ok(())
    }

    /// The user's login, if there is one and it may be sent to who asked at `url`. Nothing of it is shown from here on.
    fn login(&self, url: &Url) -> Result<Option<Login>, Error> {
        let site = self.reference.registry();
        let Some(login) = self.credentials.login(site)? else { return Ok(None) };
        login.secrets().into_iter().for_each(|secret| self.network.hidden().add(secret));
        if is_in_the_clear(url) { Err(Error::LoginInTheClear(site.to_string())) } else { Ok(Some(login)) }
    }

    /// `error`, or why there was no login, if that is the likely cause.
    fn told_instead_of(&self, error: Error) -> Error {
        match error {
            Error::Status { status: 401 | 403, .. } => self.trouble().take().unwrap_or(error),
            other => other,
        }
    }

    async fn token(&self, realm: &str, service: Option<&str>, login: Option<Login>) -> Result<SecretString, Error> {
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
        if let Some(login) = &login {
            if is_in_the_clear(&url) {
                return Err(Error::LoginInTheClear(Site::of(&url).map_or_else(String::new, |site| site.to_string())));
            }
            let value = secret(&format!("Basic {}", login.basic.expose_secret()));
            headers.insert(AUTHORIZATION, value.ok_or_else(|| self.refuse("they do not fit into a header"))?);
        }
        let body = self.network.get(&url, &headers).await?.success("a token").await?.body(MAX_TOKEN).await?;
        // The message of the parser could repeat what it read.
        let token: Token = serde_json::from_slice(&body).map_err(|_| self.nonsense("its token is not JSON"))?;
        let token = token.token.or(token.access_token).ok_or_else(|| self.nonsense("it made no token"))?;
        self.network.hidden().add(token.clone().into());
        Ok(format!("Bearer {token}").into())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<SecretString>> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<Error>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same error, without what was sent to say who asks.
    pub(super) fn clean(&self, error: Error) -> Error {
        self.network.hidden().clean(error)
    }

    /// A server's words on one line.
    pub(super) fn shown(&self, text: &str) -> String {
        self.network.hidden().shown(text, 200)
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

/// Whether somebody on the way could read what is sent to `url`.
fn is_in_the_clear(url: &Url) -> bool {
    url.scheme() != "https" && !Site::of(url).is_some_and(|site| site.is_this_machine())
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
    fn only_a_host_that_is_named_for_it_is_spoken_to_without_tls() {
        let scheme = |registry: &str, options: &Options| {
            let reference: Reference = format!("{registry}/a:1").parse().unwrap();
            Registry::new(&reference, Scope::Pull, options).url("x").unwrap().scheme().to_owned()
        };
        let site = || vec!["registry.example.com:5000".parse().unwrap()];
        let allowed = Options { allowed: site(), ..Options::default() };
        assert_eq!(scheme("registry.example.com:5000", &allowed), "https", "any address is not any way");
        let plain = Options { plain: site(), ..Options::default() };
        assert_eq!(scheme("registry.example.com:5000", &plain), "http");
        assert_eq!(scheme("registry.example.com", &plain), "https");
        assert_eq!(scheme("127.0.0.1:5000", &Options::default()), "http");
    }

    #[test]
    fn a_login_is_not_sent_where_others_can_read_it() {
        for (url, clear) in [
            ("https://example.com/token", false),
            ("http://127.0.0.1:5000/token", false),
            ("http://localhost/token", false),
            ("http://example.com/token", true),
            ("http://10.0.0.1:5000/token", true),
            ("http://localhost.example.com/token", true),
        ] {
            assert_eq!(is_in_the_clear(&Url::parse(url).unwrap()), clear, "{url}");
        }
        let text = r#"{"auths": {"example.com:5000": {"auth": "bWU6aHVudGVyMmh1bnRlcjI="}}}"#;
        let credentials = Credentials { text: Some(SecretString::from(text.to_owned())), file: None };
        let options = Options { credentials, ..Options::default() };
        let reference: Reference = "example.com:5000/a:1".parse().unwrap();
        let registry = Registry::new(&reference, Scope::Pull, &options);
        let login = |url: &str| registry.login(&Url::parse(url).unwrap());
        assert!(matches!(login("http://example.com:5000/v2/"), Err(Error::LoginInTheClear(_))));
        assert!(matches!(login("https://example.com:5000/v2/"), Ok(Some(_))));
    }
}
