//! The address of a model's API, up to and including its version.
//!
//! Read once, here, for the manifest and the command line: what was looked at is what requests are sent to.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// `https://api.example.com/v1`: `http` or `https`, a host, a path; no user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no base URL ({reason}): write one such as `http://127.0.0.1:8080/v1`")]
pub struct NotABaseUrl {
    /// What was given, without what may be a password.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What people copy along with the address.
const ENDPOINTS: [&str; 3] = ["/chat/completions", "/responses", "/messages"];

impl BaseUrl {
    /// The address of an endpoint, such as `chat/completions`.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host_str()
    }

    /// Whether everybody on the way can read what is sent.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether it stays on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether a key that is sent there is known to those it is meant for only.
    #[must_use]
    pub fn may_get_a_key(&self) -> bool {
        !self.is_in_the_clear() || self.is_loopback()
    }
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let refused = |reason: &str| NotABaseUrl { url: without_password(text), reason: reason.into() };
        let mut url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(refused("neither `http://` nor `https://`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it holds a user name or password; a key comes from a variable or a file"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it has a query or a fragment"));
        }
        let path = url.path().trim_end_matches('/');
        let path = ENDPOINTS.iter().find_map(|endpoint| path.strip_suffix(endpoint)).unwrap_or(path).to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The text without what stands where a password could.
fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    match text.rfind('@').filter(|at| *at >= start) {
        Some(at) => format!("{}…{}", text.get(..start).unwrap_or_default(), text.get(at..).unwrap_or_default()),
        None => text.chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_end_in_a_slash_or_name_the_endpoint() {
        for text in [
            "http://h/v1",
            "http://h/v1/",
            "http://h/v1/chat/completions",
            "http://h/v1/chat/completions/",
            "http://h/v1/responses",
            "http://h/v1/messages/",
        ] {
            let base: BaseUrl = text.parse().unwrap();
            assert_eq!(base.to_string(), "http://h/v1", "{text}");
            assert_eq!(base.endpoint("chat/completions").as_str(), "http://h/v1/chat/completions");
        }
        assert_eq!("http://h".parse::<BaseUrl>().unwrap().endpoint("messages").as_str(), "http://h/messages");
    }

    #[test]
    fn what_is_no_address_of_an_api_says_why_and_shows_no_password() {
        for (text, words) in [
            ("ftp://x", "neither"),
            ("nonsense", "no base URL"),
            ("http://u:secret@x/v1", "password"),
            ("http://secret@x/v1", "password"),
            ("https://x/v1?a=b", "query"),
            ("https://x/v1#a", "fragment"),
            ("file:///etc/passwd", "neither"),
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_key_goes_over_tls_or_stays_on_this_machine() {
        for (text, may) in [
            ("https://api.example.com/v1", true),
            ("http://127.0.0.1:1/v1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost/v1", true),
            ("http://example.com/v1", false),
            ("http://127.0.0.1.example.com/v1", false),
            ("http://localhost.example.com/v1", false),
            ("http://10.0.0.1/v1", false),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().may_get_a_key(), may, "{text}");
        }
    }
}
