//! Tokens of somebody else's authorization server: this server as a resource server of OAuth 2.1.
//!
//! They let in to the Model Context Protocol and to nothing else, as [`Role::Run`] at most: who decides approvals, or may do
//! everything, has a token that was made on this machine. Which tokens count is said by three things that the operator names:
//! who issues them, for whom they are meant, and the keys with which they are signed. Nothing in a token chooses any of these.
//!
//! [`Role::Run`]: crate::access::Role::Run

mod door;
mod keys;
mod metadata;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

pub use self::door::door;
use self::keys::Keys;
pub use self::keys::KeysError;
pub use self::metadata::router;

/// Whose tokens count.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who issues them, exactly as they have it in `iss`.
    pub issuer: Url,
    /// For whom they are meant, exactly as they have it in `aud`: the address of this server's `/mcp` as clients have it.
    pub resource: Url,
    /// Where the issuer's keys are.
    pub keys: KeySource,
}

/// Where keys are read.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A JSON Web Key Set in a file.
    File(PathBuf),
    /// A JSON Web Key Set at an address.
    Url(Url),
}

/// Why tokens of an issuer cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// An address that is no use.
    #[error(
        "`{what}`: `{url}` must be an https address without a user, a query or a fragment (http only on this machine)"
    )]
    Address {
        /// Of what.
        what: &'static str,
        /// Which one.
        url: Url,
    },
    /// Their keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// The tokens of an issuer. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct OAuth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Without the slash that a URL has and what people write has not.
    issuer: String,
    resource: Url,
    keys: Keys,
}

impl OAuth {
    /// Takes tokens as `settings` say.
    ///
    /// # Errors
    ///
    /// [`OAuthError`]: an address is no use, or there are no keys.
    pub async fn open(settings: Settings) -> Result<Self, OAuthError> {
        check("the issuer", &settings.issuer)?;
        check("the resource", &settings.resource)?;
        if let KeySource::Url(url) = &settings.keys {
            check("the keys", url)?;
        }
        let keys = Keys::open(settings.keys).await?;
        let issuer = settings.issuer.as_str().trim_end_matches('/').to_owned();
        Ok(Self(Arc::new(Inner { issuer, resource: settings.resource, keys })))
    }
}

/// What is said in the clear could be changed on the way.
fn check(what: &'static str, url: &Url) -> Result<(), OAuthError> {
    let here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if plain && (url.scheme() == "https" || (url.scheme() == "http" && here)) {
        return Ok(());
    }
    Err(OAuthError::Address { what, url: url.clone() })
}

#[cfg(test)]
mod tests;
