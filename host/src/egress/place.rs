//! Puts secrets where they belong in a request. What the guest put there goes.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use toolhold_core::grant::SecretPlace;
use toolhold_core::grant::http::Target;
use toolhold_core::id::SecretName;
use toolhold_sandbox::capability::http::{EgressError, EgressRequest};
use url::form_urlencoded::{byte_serialize, parse};

/// Finds the value of a secret.
#[derive(Clone)]
pub struct SecretLookup(Arc<Find>);

type Find = dyn Fn(&SecretName) -> Option<SecretString> + Send + Sync;

impl SecretLookup {
    /// Asks `find`, on the thread that sends: it must not block.
    pub fn new(find: impl Fn(&SecretName) -> Option<SecretString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// There are no secrets.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for SecretLookup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretLookup")
    }
}

/// What secrets make of a request.
pub(super) struct Placed {
    /// Path and query.
    pub(super) path_and_query: String,
    /// Headers to set.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Looks up the secrets of a request and puts each into its place.
pub(super) fn secrets(request: &EgressRequest, lookup: &SecretLookup) -> Result<Placed, EgressError> {
    let mut headers = Vec::new();
    let mut parameters = Vec::new();
    for usage in &request.secrets {
        let name = &usage.secret;
        let value = (lookup.0)(name).ok_or_else(|| EgressError::Secret(format!("the secret `{name}` has no value")))?;
        let value = value.expose_secret();
        match &usage.place {
            SecretPlace::Header { name: header, prefix } => {
                headers.push((header.clone(), sensitive(&format!("{prefix}{value}"), name)?));
            }
            SecretPlace::Basic { user } => {
                let encoded = BASE64_STANDARD.encode(format!("{user}:{value}"));
                headers.push((AUTHORIZATION, sensitive(&format!("Basic {encoded}"), name)?));
            }
            SecretPlace::Query { name: parameter } => parameters.push((parameter.as_str(), value.to_owned())),
        }
    }
    Ok(Placed { path_and_query: path_and_query(&request.target, &parameters), headers })
}

fn sensitive(text: &str, secret: &SecretName) -> Result<HeaderValue, EgressError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        EgressError::Secret(format!(
            "the secret `{secret}` holds a character that no header can hold, such as a line end"
        ))
    })?;
    // It is not printed with the others, nor kept in a table of HTTP/2.
    value.set_sensitive(true);
    Ok(value)
}

/// The guest's own parameters of these names are left out: a server that takes the first of two would take the guest's.
fn path_and_query(target: &Target, parameters: &[(&str, String)]) -> String {
    let is_replaced = |pair: &str| {
        let name = parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default();
        parameters.iter().any(|(parameter, _)| *parameter == name)
    };
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let added = parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let kept = target.query().into_iter().flat_map(|query| query.split('&'));
    // Without secrets the query is sent as it was judged, byte for byte.
    let pairs: Vec<String> =
        kept.filter(|pair| parameters.is_empty() || !is_replaced(pair)).map(str::to_owned).chain(added).collect();
    if pairs.is_empty() { target.path().to_owned() } else { format!("{}?{}", target.path(), pairs.join("&")) }
}
