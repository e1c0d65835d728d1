//! Where a request goes, parsed once: what is judged is what is sent.
//!
//! The parser is the WHATWG one of the `url` crate, because it knows every spelling that some client understands: addresses in
//! octal, hexadecimal or as one number, names in any script, dots in percent-encoding. What it would silently drop or rewrite
//! (white space, `\`, a user) is refused before.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

/// Longest URL, in bytes.
const MAX_BYTES: usize = 16 << 10;

/// Longest name of a host, in bytes (RFC 1035).
const MAX_NAME: usize = 253;

/// Longest part between two dots of it.
const MAX_LABEL: usize = 63;

/// With or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// With.
    Https,
    /// Without: whoever is on the way reads and changes it.
    Http,
}

impl Scheme {
    /// As URLs have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// Its own port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// A host in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name: ASCII, lower case, no dot at its end.
    Name(String),
    /// An address of version 4.
    V4(Ipv4Addr),
    /// An address of version 6.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a host in any spelling.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match url::Host::parse(text).map_err(|error| error.to_string())? {
            url::Host::Ipv4(address) => Ok(Self::V4(address)),
            url::Host::Ipv6(address) => Ok(Self::V6(address)),
            url::Host::Domain(name) => name_of(&name).map(Self::Name),
        }
    }
}

/// One dot at the end says that a name is complete; here all are.
fn name_of(name: &str) -> Result<String, String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| (1..=MAX_LABEL).contains(&label.len());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if name.len() > MAX_NAME || !name.split('.').all(is_label) || !name.bytes().all(plain) {
        return Err("it is not a name that can be looked up".into());
    }
    Ok(name.to_owned())
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::V4(address) => address.fmt(out),
            Self::V6(address) => write!(out, "[{address}]"),
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    host: Host,
    port: u16,
    path: String,
    query: Option<String>,
}

/// Why nothing can be sent there, whatever is granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Longer than any server takes.
    #[error("the URL has more than {MAX_BYTES} bytes")]
    Long,
    /// No host.
    #[error("the URL has no host")]
    NoHost,
    /// A user, or something that could be read as one.
    #[error("the URL names a user; credentials are added by the host")]
    User,
    /// White space, control characters or others that parsers disagree about.
    #[error("the URL holds the character `{}`, which must be encoded", .0.escape_default())]
    Character(char),
    /// Not a URL.
    #[error("this is not a URL: {0}")]
    Syntax(String),
}

impl Target {
    /// Reads the parts of a request as a guest hands them over. `authority` is host and port.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn parse(scheme: Scheme, authority: &str, path_and_query: &str) -> Result<Self, TargetError> {
        if authority.len() + path_and_query.len() > MAX_BYTES {
            return Err(TargetError::Long);
        }
        // The parser would take the first part of the path for the host.
        if authority.is_empty() {
            return Err(TargetError::NoHost);
        }
        if authority.contains('@') {
            return Err(TargetError::User);
        }
        let ends_authority = |char: char| matches!(char, '/' | '?' | '#' | '\\');
        if let Some(char) = authority.chars().find(|char| ends_authority(*char) || is_dropped(*char)) {
            return Err(TargetError::Character(char));
        }
        if let Some(char) = path_and_query.chars().find(|char| matches!(char, '#' | '\\') || is_dropped(*char)) {
            return Err(TargetError::Character(char));
        }
        if !matches!(path_and_query.chars().next(), None | Some('/' | '?')) {
            return Err(TargetError::Syntax("a path begins with `/`".into()));
        }
        let text = format!("{}://{authority}{path_and_query}", scheme.as_str());
        let url = Url::parse(&text).map_err(|error| TargetError::Syntax(error.to_string()))?;
        Self::of(scheme, &url)
    }

    fn of(scheme: Scheme, url: &Url) -> Result<Self, TargetError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::User);
        }
        let host = match url.host().ok_or(TargetError::NoHost)? {
            url::Host::Ipv4(address) => Host::V4(address),
            url::Host::Ipv6(address) => Host::V6(address),
            url::Host::Domain(name) => Host::Name(name_of(name).map_err(TargetError::Syntax)?),
        };
        let port = url.port().unwrap_or(scheme.port());
        if port == 0 {
            return Err(TargetError::Syntax("there is no port 0".into()));
        }
        Ok(Self { scheme, host, port, path: url.path().to_owned(), query: url.query().map(str::to_owned) })
    }

    /// With or without TLS.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// To which host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// To which port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// For which path, encoded as it is sent: it begins with `/` and holds no `.` or `..` part.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, encoded, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Host, and port if it is not the scheme's own: what the `Host` header says.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port == self.scheme.port() {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// The whole URL.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)?;
        self.query.as_ref().map_or(Ok(()), |query| write!(out, "?{query}"))
    }
}

/// What the parser would drop or what has no place in a URL.
fn is_dropped(char: char) -> bool {
    char.is_control() || char.is_whitespace()
}
