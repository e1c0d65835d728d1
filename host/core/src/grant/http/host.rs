//! Patterns over hosts: one host, every name below a name, or any.

use std::fmt;

use super::target::Host;

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Any host. Addresses that are not public must be named all the same.
    Any,
    /// This one.
    Exact(Host),
    /// Every name that ends in this one, after a dot: `*.example.com` is `a.b.example.com` and not `example.com`.
    Below(String),
}

/// Why a text is not a pattern over hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No text.
    #[error("a host cannot be empty")]
    Empty,
    /// A whole URL.
    #[error("write the host only: scheme, port and path have keys of their own")]
    NotOnlyAHost,
    /// A star within a name.
    #[error("`*` stands for whole names in front only: `*.example.com`, or `*` for any host")]
    Star,
    /// An address behind `*.`.
    #[error("an address has no names below it")]
    AddressBelow,
    /// No host in any spelling.
    #[error("this is neither a name nor an address: {0}")]
    Syntax(String),
    /// The text is another spelling of a host.
    #[error("write it as it is compared: `{0}`")]
    Spelling(String),
}

impl HostPattern {
    /// Reads a pattern. Only the one spelling that requests are compared in is taken, so that what is read is what counts.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub fn parse(text: &str) -> Result<Self, HostError> {
        match text.strip_prefix("*.") {
            _ if text.is_empty() => Err(HostError::Empty),
            _ if text == "*" => Ok(Self::Any),
            Some(below) => match exact(below)? {
                Host::Name(name) => Ok(Self::Below(name)),
                Host::V4(_) | Host::V6(_) => Err(HostError::AddressBelow),
            },
            None => exact(text).map(Self::Exact),
        }
    }

    /// Whether the host is one of these.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Exact(exact), host) => exact == host,
            (Self::Below(below), Host::Name(name)) => {
                name.strip_suffix(below.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Self::Below(_), Host::V4(_) | Host::V6(_)) => false,
        }
    }

    /// Whether it can only be this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Exact(Host::Name(name)) => name == "localhost",
            Self::Exact(Host::V4(address)) => address.is_loopback(),
            Self::Exact(Host::V6(address)) => address.is_loopback(),
            Self::Any | Self::Below(_) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Exact(host) => host.fmt(out),
            Self::Below(name) => write!(out, "*.{name}"),
        }
    }
}

fn exact(text: &str) -> Result<Host, HostError> {
    if text.contains(['/', '?', '#', '@', '\\']) {
        return Err(HostError::NotOnlyAHost);
    }
    if text.contains('*') {
        return Err(HostError::Star);
    }
    // An address of version 6 stands in brackets where a host stands; here there is nothing that it could be mixed up with.
    let bare = text.parse::<std::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    let host = Host::parse(bare.as_deref().unwrap_or(text)).map_err(|error| match text.contains(':') {
        true => HostError::NotOnlyAHost,
        false => HostError::Syntax(error),
    })?;
    let written = host.to_string();
    if written == text || bare.is_some() { Ok(host) } else { Err(HostError::Spelling(written)) }
}
