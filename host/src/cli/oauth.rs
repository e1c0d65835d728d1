//! The flags with which a server takes tokens of somebody else's authorization server.

use axum::Router;
use axum::middleware::from_fn_with_state;
use clap::Args;
use url::Url;

use super::failure::{Failure, WithCode as _};
use crate::access::Access;
use crate::exit_code::ExitCode;
use crate::oauth::{KeySource, OAuth, Settings, door, router};

/// Whose tokens count beside those that were made here. All three, or none.
#[derive(Debug, Args)]
#[group(multiple = true)]
pub(super) struct OAuthFlags {
    /// Take access tokens of this OAuth issuer from MCP clients: the `iss` of its tokens.
    #[arg(long, value_name = "URL", requires_all = ["oauth_resource", "oauth_keys"])]
    oauth_issuer: Option<Url>,
    /// The address of this server's /mcp as clients have it: the `aud` of the issuer's tokens.
    #[arg(long, value_name = "URL", requires = "oauth_issuer")]
    oauth_resource: Option<Url>,
    /// The issuer's JSON Web Key Set: an address, or a file.
    #[arg(long, value_name = "URL|FILE", requires = "oauth_issuer")]
    oauth_keys: Option<String>,
}

impl OAuthFlags {
    /// Puts the door for such tokens before what is served.
    pub(super) async fn before(self, parts: Router, access: &Access) -> Result<Router, Failure> {
        let (Some(issuer), Some(resource), Some(keys)) = (self.oauth_issuer, self.oauth_resource, self.oauth_keys)
        else {
            return Ok(parts);
        };
        let keys = match keys.parse::<Url>() {
            Ok(url) if url.has_host() => KeySource::Url(url),
            _ => KeySource::File(keys.into()),
        };
        let oauth = OAuth::open(Settings { issuer, resource, keys }).await.code(ExitCode::BadInput)?;
        Ok(parts.layer(from_fn_with_state((oauth.clone(), access.clone()), door)).merge(router(&oauth)))
    }
}
