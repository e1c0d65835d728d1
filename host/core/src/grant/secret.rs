//! Which secret goes where in a request. Names only: the host looks the value up where it sends, and a guest never sees it.

use http::HeaderName;

use crate::id::SecretName;

/// A secret that is added to every request of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// Which one.
    pub secret: SecretName,
    /// Where it goes.
    pub place: SecretPlace,
}

/// Where in a request a secret goes. What the guest put there is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// The value of a header.
    Header {
        /// The header.
        name: HeaderName,
        /// What stands before the secret, such as `Bearer ` with its space.
        prefix: String,
    },
    /// The value of a query parameter.
    Query {
        /// The parameter.
        name: String,
    },
    /// The password of basic authentication.
    Basic {
        /// The user, without `:`.
        user: String,
    },
}
