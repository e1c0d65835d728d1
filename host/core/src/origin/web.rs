//! Addresses on the web, and the site that one belongs to: what may be asked without being told so twice.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use super::{Error, shown};

/// An address that a component can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(Url);

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    host: String,
    port: u16,
}

impl WebAddress {
    /// The address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for WebAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = |why| Error::Address(shown(text), why);
        let url = Url::parse(text).map_err(|_| fail("it cannot be read"))?;
        if Site::of(&url).is_none() {
            return Err(fail("it is neither `https` nor `http`, or has no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("a user or password in it would be written into the manifest"));
        }
        if url.fragment().is_some() {
            return Err(fail("what follows `#` is never sent"));
        }
        // One spelling: what a person reads is what is asked.
        if url.as_str() != text {
            return Err(fail("write it in its simplest form"));
        }
        Ok(Self(url))
    }
}

impl Site {
    /// Where `url` leads, if that is a place on the web.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self { host: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
    }

    /// The host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is written as one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match Host::parse(&self.host).ok()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Whether it is this machine by its very name: nothing between it and here can read or change what is sent.
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        self.address().map_or(self.host == "localhost", |address| address.to_canonical().is_loopback())
    }
}

/// `HOST`, which is port 443, or `HOST:PORT`.
impl FromStr for Site {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = || Error::Host(shown(text));
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| fail())?;
        let site = Self::of(&url).ok_or_else(fail)?;
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        if format!("{}{port}", site.host) == text { Ok(site) } else { Err(fail()) }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => out.write_str(&self.host),
            port => write!(out, "{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_and_in_one_spelling() {
        for good in ["https://example.com/a.wasm", "http://127.0.0.1:8000/a.wasm?x=1", "https://[::1]/a"] {
            assert!(good.parse::<WebAddress>().is_ok(), "{good}");
        }
        for bad in [
            "https://user@example.com/a",
            "https://user:secret@example.com/a",
            "https://example.com/a#b",
            "https://EXAMPLE.com/a",
            "https://example.com/../a",
            "https://example.com:443/a",
            "https://example.com",
            "https://",
            "https://0x7f.1/a",
            "https://exa mple.com/a",
            "https:///etc/passwd",
            "https://example.com\\@evil.example/a",
        ] {
            assert!(bad.parse::<WebAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_has_few_names() {
        let is = |text: &str| text.parse::<Site>().unwrap().is_this_machine();
        assert!(
            is("localhost:5000") && is("127.0.0.1:5000") && is("127.1.2.3") && is("[::1]:80") && is("[::ffff:7f00:1]")
        );
        assert!(!is("localhost.example.com") && !is("10.0.0.1") && !is("example.com") && !is("0.0.0.0"));
    }

    #[test]
    fn a_site_has_one_spelling() {
        for bad in ["", "a/b", "a:x", "A.com", "user@a.com", "a.com:443", "127.1", "a.com?", "a.com#", ":80", "a:99999"]
        {
            assert!(bad.parse::<Site>().is_err(), "{bad}");
        }
        assert_eq!("example.com".parse::<Site>().unwrap().port(), 443);
    }
}
