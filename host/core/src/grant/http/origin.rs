//! Patterns over origins: what a tool declares to need of the network.
//!
//! `*` is any origin. `https://api.example.com` is one, `https://*.example.com` every host below a name; a port may follow,
//! `:*` is any port. Without one it is the scheme's own.

use std::fmt;

use super::host::{HostError, HostPattern};
use super::target::{Scheme, Target};

/// Which origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Any.
    Any,
    /// These.
    Of {
        /// With or without TLS.
        scheme: Scheme,
        /// Which hosts.
        host: HostPattern,
        /// Which port; any if `None`.
        port: Option<u16>,
    },
}

/// Why a text is not a pattern over origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// No scheme that requests have.
    #[error("an origin begins with `https://` or `http://`; `*` is any origin")]
    Scheme,
    /// No port.
    #[error("a port is a number from 1 to 65535, or `*` for any")]
    Port,
    /// No host.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Origin {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`OriginError`].
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let schemes = [Scheme::Https, Scheme::Http].into_iter();
        let found = schemes.filter_map(|scheme| Some((scheme, text.strip_prefix(scheme.as_str())?)));
        let found = found.filter_map(|(scheme, rest)| Some((scheme, rest.strip_prefix("://")?))).next();
        let (scheme, rest) = found.ok_or(OriginError::Scheme)?;
        // The colons within the brackets of an address are none of a port.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, self::port(port)?),
            _ => (rest, Some(scheme.port())),
        };
        Ok(Self::Of { scheme, host: HostPattern::parse(host)?, port })
    }

    /// Whether the origin of `target` is one of these.
    #[must_use]
    pub fn covers(&self, target: &Target) -> bool {
        match self {
            Self::Any => true,
            Self::Of { scheme, host, port } => {
                *scheme == target.scheme()
                    && host.matches(target.host())
                    && port.is_none_or(|port| port == target.port())
            }
        }
    }
}

fn port(text: &str) -> Result<Option<u16>, OriginError> {
    if text == "*" {
        return Ok(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port > 0);
    port.map(Some).ok_or(OriginError::Port)
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Of { scheme, host, port } = self else { return out.write_str("*") };
        write!(out, "{}://{host}", scheme.as_str())?;
        match port {
            None => out.write_str(":*"),
            Some(port) if *port == scheme.port() => Ok(()),
            Some(port) => write!(out, ":{port}"),
        }
    }
}
