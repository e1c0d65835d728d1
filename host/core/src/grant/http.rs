//! Which requests a call may send, and what the host adds to them.
//!
//! A grant is judged on the [`Target`] of a request: the URL as every client will understand it, whatever way it was spelled.
//! The same value is what is sent, so there are no two readings of one text.

mod host;
mod method;
mod origin;
mod path;
mod target;

use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;

pub use self::host::{HostError, HostPattern};
pub use self::method::Method;
pub use self::origin::{Origin, OriginError};
pub use self::path::PathPatterns;
pub use self::target::{Host, Scheme, Target, TargetError};
use super::secret::SecretUse;
use crate::id::Label;

/// Requests that a call may send, and how.
#[derive(Debug, Clone)]
pub struct HttpGrant {
    /// With or without TLS.
    pub schemes: Vec<Scheme>,
    /// To which hosts.
    pub host: HostPattern,
    /// To which ports of it.
    pub ports: Ports,
    /// With which methods.
    pub methods: Vec<Method>,
    /// For which paths.
    pub paths: PathPatterns,
    /// Ranges of addresses beside the public ones.
    pub addresses: Vec<IpNet>,
    /// What the host adds.
    pub secrets: Vec<SecretUse>,
    /// The header that gets a key by which the server recognises a repeated request, if any.
    pub idempotency_header: Option<HeaderName>,
    /// What the tool declares to need and what the run allows: a request must fit one origin of each list.
    pub within: Vec<Vec<Origin>>,
    /// What is said of every answer.
    pub labels: Arc<[Label]>,
}

/// Ports that a grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// The port that belongs to the scheme: 443 or 80.
    OfScheme,
    /// These.
    These(Vec<u16>),
}

/// Why a request is not covered, from the farthest to the nearest miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Miss {
    /// There is no grant at all.
    #[error("no request is granted; `[[tools.NAME.http]]` grants some, as far as the tool declares to need them")]
    NoGrant,
    /// No grant names the host.
    #[error("no grant names this host")]
    Host,
    /// The host is granted, the scheme is not.
    #[error("the grant of this host does not cover this scheme; add it to `schemes`")]
    Scheme,
    /// The host is granted, the port is not.
    #[error("the grant of this host does not cover this port; add it to `ports`")]
    Port,
    /// The host is granted, and the tool does not declare to need it or the run does not allow it.
    #[error("the tool does not declare to need this origin, or the run is narrowed to others")]
    Ceiling,
    /// The path is not granted.
    #[error("the grant of this host does not cover this path; add it to `paths`")]
    Path,
    /// The method is not granted.
    #[error("the grant of this host does not cover this method; add it to `methods`")]
    Method,
}

impl HttpGrant {
    /// Whether the grant covers such a request.
    ///
    /// # Errors
    ///
    /// What about it is not covered.
    pub fn covers(&self, method: Method, target: &Target) -> Result<(), Miss> {
        let within = |origins: &Vec<Origin>| origins.iter().any(|origin| origin.covers(target));
        let checks = [
            (self.host.matches(target.host()), Miss::Host),
            (self.schemes.contains(&target.scheme()), Miss::Scheme),
            (self.ports.contain(target), Miss::Port),
            (self.within.iter().all(within), Miss::Ceiling),
            (self.paths.matches(target.path()), Miss::Path),
            (self.methods.contains(&method), Miss::Method),
        ];
        checks.into_iter().find(|(fits, _)| !fits).map_or(Ok(()), |(_, miss)| Err(miss))
    }

    /// Whether a request under it can change something elsewhere.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.methods.iter().any(|method| !method.is_safe())
    }
}

/// The first of `grants` that covers such a request. What it adds and permits is what counts, not what another one does.
///
/// # Errors
///
/// The nearest miss.
pub fn covering<'a>(grants: &'a [HttpGrant], method: Method, target: &Target) -> Result<&'a HttpGrant, Miss> {
    let mut nearest = Miss::NoGrant;
    for grant in grants {
        match grant.covers(method, target) {
            Ok(()) => return Ok(grant),
            Err(miss) => nearest = nearest.max(miss),
        }
    }
    Err(nearest)
}

impl Ports {
    fn contain(&self, target: &Target) -> bool {
        match self {
            Self::OfScheme => target.port() == target.scheme().port(),
            Self::These(ports) => ports.contains(&target.port()),
        }
    }
}

#[cfg(test)]
mod tests;
