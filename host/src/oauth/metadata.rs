//! Where a client finds out who issues the tokens that are taken here: RFC 9728.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use url::Url;

use super::OAuth;
use super::token::RUN;

/// Where it is, before the path of what it is about.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What anybody may know: what is protected, and who issues tokens for it.
pub fn router(oauth: &OAuth) -> Router {
    let metadata = metadata(oauth);
    let answer = get(move || std::future::ready(Json(metadata.clone())));
    let router = Router::new().route(WELL_KNOWN, answer.clone());
    match oauth.0.resource.path().trim_end_matches('/') {
        "" => router,
        // A path of somebody's choice is a path here, and no pattern.
        path if path.contains(['{', '}']) => router,
        path => router.route(&format!("{WELL_KNOWN}{path}"), answer),
    }
}

fn metadata(oauth: &OAuth) -> Value {
    json!({
        "resource": oauth.0.resource.as_str().trim_end_matches('/'),
        "authorization_servers": [oauth.0.issuer],
        "scopes_supported": [RUN],
        "bearer_methods_supported": ["header"],
        "resource_name": "toolhold",
    })
}

/// Where the metadata of this resource is, as clients reach it.
pub(super) fn address(resource: &Url) -> String {
    let path = resource.path().trim_end_matches('/');
    let mut address = resource.clone();
    address.set_path(&format!("{WELL_KNOWN}{path}"));
    address.to_string()
}
