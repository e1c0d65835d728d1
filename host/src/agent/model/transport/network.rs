//! The network: one address, one key in one header, no redirect, no proxy, nothing repeated.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::super::{Authorities, Error, tls};
use super::{Patience, Timeouts};
use crate::agent::clock::Clock;

/// The way to one endpoint.
pub(super) struct Network {
    client: Client,
    endpoint: Url,
    headers: HeaderMap,
    connect: Duration,
    pub(super) patience: Patience,
}

/// What a request carries beside its body.
pub(in super::super) struct Header {
    pub(in super::super) name: HeaderName,
    pub(in super::super) value: SecretString,
    /// The value is never shown.
    pub(in super::super) is_secret: bool,
}

impl Network {
    pub(super) fn new(
        endpoint: Url,
        authorities: &Authorities,
        headers: &[Header],
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let client = client(&endpoint, authorities, timeouts.connect).map_err(|error| causes(&error))?;
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        map.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
        for header in headers {
            let value = HeaderValue::from_str(header.value.expose_secret());
            let mut value = value.map_err(|_| "the key does not fit into a header".to_owned())?;
            value.set_sensitive(header.is_secret);
            map.insert(header.name.clone(), value);
        }
        Ok(Self { client, endpoint, headers: map, connect: timeouts.connect, patience: Patience::new(clock, timeouts) })
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn post(&mut self, body: String) -> Result<Response, Error> {
        self.patience.send();
        let request = self.client.post(self.endpoint.clone()).headers(self.headers.clone()).body(body);
        let sent = self.patience.first(request.send()).await?;
        sent.map_err(|error| self.unsent(&error.without_url()))
    }

    /// Looks at another endpoint of the same server. Its status.
    pub(super) async fn look(&mut self, url: Url) -> Result<u16, Error> {
        self.patience.send();
        let request = self.client.get(url).headers(self.headers.clone());
        let sent = self.patience.first(request.send()).await?;
        sent.map(|response| response.status().as_u16()).map_err(|error| self.unsent(&error.without_url()))
    }

    /// The names of what is sent, and the values that anybody may know.
    pub(super) fn shown_headers(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.headers.iter().map(|(name, value)| {
            let shown = if value.is_sensitive() { None } else { value.to_str().ok() };
            (name.as_str(), shown)
        })
    }

    pub(super) fn path(&self) -> &str {
        self.endpoint.path()
    }

    /// Why nothing came back.
    fn unsent(&self, error: &reqwest::Error) -> Error {
        match tls::distrust(error) {
            Some(why) => Error::Untrusted(why),
            None if error.is_connect() && error.is_timeout() => Error::NoConnection(self.connect),
            None if error.is_connect() => Error::NotConnected(causes(error)),
            None => Error::Unreachable(causes(error)),
        }
    }
}

fn client(endpoint: &Url, authorities: &Authorities, connect: Duration) -> Result<Client, reqwest::Error> {
    tls::install();
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(connect)
        .user_agent(concat!("toolhold/", env!("CARGO_PKG_VERSION")));
    match endpoint.scheme() {
        // Without TLS, a machine without root certificates can still reach its own server.
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.https_only(true).tls_certs_merge(authorities.certificates()).build(),
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
