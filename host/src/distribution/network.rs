//! The way to servers of components: judged at every hop, bounded in bytes, time and hops.
//!
//! A host that the user named may be anywhere. A host that a server named must be public, and is connected to at the addresses that were
//! checked. So a registry on the Internet cannot make this machine ask something within its own network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method, Response, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};
use toolhold_core::grant::address::is_permitted;
use toolhold_core::origin::Site;
use url::Url;

use super::{Error, Hidden, Options};
use crate::agent::model::install_tls;

/// Until there is a connection, and for looking up a name.
const CONNECT: Duration = Duration::from_secs(10);

/// Between two pieces of an answer.
const IDLE: Duration = Duration::from_secs(30);

/// For all requests of one fetch together: a component of the largest size over a slow line.
const WHOLE: Duration = Duration::from_secs(600);

/// Times that a server may send us on. Registries send to a storage, which may send to a mirror.
const HOPS: usize = 5;

/// Bytes of an error that are looked at.
const ERROR_BYTES: u64 = 8 << 10;

/// Bytes of a server's own words that are shown.
const WORDS: usize = 300;

/// Bytes of an address that are shown.
const SHOWN: usize = 200;

/// The way to servers, for one fetch.
pub(super) struct Network {
    named: BTreeSet<Site>,
    plain: BTreeSet<Site>,
    hidden: Hidden,
    clients: Mutex<BTreeMap<Site, Client>>,
    deadline: Instant,
}

/// One request.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// The head of an answer, and the way to its body.
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) response: Response,
    deadline: Instant,
    hidden: Hidden,
}

impl Network {
    /// For a fetch from `named`, which the user named.
    pub(super) fn new(named: Option<Site>, options: &Options) -> Self {
        let plain: BTreeSet<Site> = options.plain.iter().cloned().collect();
        let named = named.into_iter().chain(options.allowed.iter().cloned()).chain(plain.iter().cloned()).collect();
        let (clients, hidden) = (Mutex::default(), Hidden::default());
        Self { named, plain, hidden, clients, deadline: Instant::now() + WHOLE }
    }

    /// What must not be shown of what servers say.
    pub(super) fn hidden(&self) -> &Hidden {
        &self.hidden
    }

    /// The body at `url`.
    pub(super) async fn download(&self, url: &Url, most: u64) -> Result<Vec<u8>, Error> {
        let answer = self.get(url, &HeaderMap::new()).await?;
        answer.success("it").await?.body(most).await
    }

    /// The body at `url`; `None` if the server says that there is none, or that it is nobody's business.
    pub(super) async fn download_if_there(&self, url: &Url, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let answer = self.get(url, &HeaderMap::new()).await?;
        match answer.response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => Ok(None),
            _ => answer.success("its signatures").await?.body(most).await.map(Some),
        }
    }

    /// Asks for `url` and goes where the server sends us. `headers` go to the site of `url` only, and in no other way than there.
    pub(super) async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, Error> {
        let (first, mut url) = (url.clone(), url.clone());
        for _ in 0..=HOPS {
            let own = Site::of(&url) == Site::of(&first) && url.scheme() == first.scheme();
            let headers = if own { headers.clone() } else { HeaderMap::new() };
            let answer = self.send(Request { method: Method::GET, url, headers, body: None }).await?;
            match answer.location()? {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Error::Redirects(url_site(Site::of(&first))))
    }

    /// Sends one request, as far as it may be sent.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, Error> {
        let Request { method, url, headers, body } = request;
        let site = self.judge(&url)?;
        let client = self.client(&site, &url).await?;
        let uploads = body.as_ref().is_some_and(|body| !body.is_empty());
        let mut request = client.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        // What is uploaded takes as long as it takes; an answer to anything else has to begin soon.
        let patience = if uploads { WHOLE } else { IDLE };
        let sent = timeout_at(self.deadline.min(Instant::now() + patience), request.send()).await;
        let sent = sent.map_err(|_| Error::Slow(site.to_string(), "no answer"))?;
        let unreachable =
            |error: reqwest::Error| Error::Unreachable(site.to_string(), self.hidden.causes(&error.without_url()));
        let response = sent.map_err(unreachable)?;
        Ok(Answer { url, response, deadline: self.deadline, hidden: self.hidden.clone() })
    }

    /// Whether the user said that `site` is spoken to without TLS.
    pub(super) fn is_plain(&self, site: &Site) -> bool {
        self.plain.contains(site)
    }

    /// Whether `url` may be asked at all, as far as that can be said without looking its host up.
    fn judge(&self, url: &Url) -> Result<Site, Error> {
        let site = Site::of(url).filter(|_| url.username().is_empty() && url.password().is_none());
        let site = site.ok_or_else(|| Error::Address(self.hidden.shown(url.as_str(), SHOWN)))?;
        let in_the_clear = self.plain.contains(&site) || (self.named.contains(&site) && site.is_this_machine());
        match url.scheme() {
            "https" => Ok(site),
            _ if in_the_clear => Ok(site),
            _ => Err(Error::InTheClear(site.to_string())),
        }
    }

    /// The client for a site: with the addresses that were checked, unless the user named it.
    async fn client(&self, site: &Site, url: &Url) -> Result<Client, Error> {
        if let Some(client) = self.clients().get(site) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A server may close a connection that waits while the next request is on its way: each request has one of its own.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .user_agent(concat!("toolhold/", env!("CARGO_PKG_VERSION")));
        if !self.named.contains(site) {
            builder = builder.resolve_to_addrs(site.host(), &public(site).await?);
        }
        install_tls();
        let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder.https_only(true) };
        let client =
            builder.build().map_err(|error| Error::Unreachable(site.to_string(), self.hidden.causes(&error)))?;
        self.clients().insert(site.clone(), client.clone());
        Ok(client)
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, BTreeMap<Site, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The public addresses of a site. There is at least one.
async fn public(site: &Site) -> Result<Vec<SocketAddr>, Error> {
    let found: Vec<SocketAddr> = match site.address() {
        Some(address) => vec![SocketAddr::new(address, site.port())],
        None => {
            let fail = |why: String| Error::Lookup(site.to_string(), why);
            let found = timeout(CONNECT, tokio::net::lookup_host((site.host(), site.port()))).await;
            let found = found.map_err(|_| fail("no answer in ten seconds".into()))?;
            found.map_err(|error| fail(error.to_string()))?.collect()
        }
    };
    let public: Vec<_> = found.iter().copied().filter(|found| is_permitted(found.ip(), &[])).collect();
    if public.is_empty() {
        let address = found.first().map_or_else(|| "nowhere".to_owned(), |found| found.ip().to_string());
        return Err(Error::Private { site: site.to_string(), address });
    }
    Ok(public)
}

impl Answer {
    /// Where the server sends us, if it does.
    fn location(&self) -> Result<Option<Url>, Error> {
        if !matches!(self.response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location = self.response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let next = location.and_then(|location| self.url.join(location).ok());
        let next = next.ok_or_else(|| Error::Address(self.hidden.shown(location.unwrap_or_default(), SHOWN)))?;
        Ok(Some(next))
    }

    /// The same, if it is a success.
    pub(super) async fn success(self, what: &str) -> Result<Self, Error> {
        let status = self.response.status();
        if status.is_success() {
            return Ok(self);
        }
        let (site, hidden) = (url_site(Site::of(&self.url)), self.hidden.clone());
        let words = words(&self.body(ERROR_BYTES).await.unwrap_or_default(), &hidden);
        Err(Error::Status { site, status: status.as_u16(), what: what.to_owned(), words })
    }

    /// The body, which has at most `most` bytes.
    pub(super) async fn body(mut self, most: u64) -> Result<Vec<u8>, Error> {
        let (site, hidden) = (url_site(Site::of(&self.url)), self.hidden.clone());
        let what = hidden.shown(self.url.path(), SHOWN);
        let too_large = || Error::TooLarge { what: what.clone(), most };
        if self.response.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let piece = timeout_at(self.deadline, timeout(IDLE, self.response.chunk())).await;
            let piece = piece.map_err(|_| Error::Slow(site.clone(), "it did not end in ten minutes"))?;
            let piece = piece.map_err(|_| Error::Slow(site.clone(), "nothing more for thirty seconds"))?;
            let piece = piece.map_err(|error| Error::Unreachable(site.clone(), hidden.causes(&error.without_url())))?;
            let Some(piece) = piece else { return Ok(body) };
            if (body.len() + piece.len()) as u64 > most {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
    }
}

/// What a registry says in its errors, or a server in any text.
fn words(body: &[u8], hidden: &Hidden) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let errors = parsed.as_ref().and_then(|body| body.get("errors")?.as_array());
    let text = match errors {
        Some(errors) => {
            let text = |error: &serde_json::Value, key| error.get(key)?.as_str().map(str::to_owned);
            let each = errors.iter().filter_map(|error| {
                let message = text(error, "message").unwrap_or_default();
                Some(format!("{} {message}", text(error, "code")?))
            });
            each.collect::<Vec<_>>().join("; ")
        }
        None => String::from_utf8_lossy(body).trim().to_owned(),
    };
    if text.is_empty() { text } else { format!(": {}", hidden.shown(text.trim(), WORDS)) }
}

fn url_site(site: Option<Site>) -> String {
    site.map_or_else(|| "it".to_owned(), |site| site.to_string())
}

impl Hidden {
    /// An error with its causes, in one line.
    fn causes(&self, error: &dyn std::error::Error) -> String {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        self.shown(&line, SHOWN)
    }
}
