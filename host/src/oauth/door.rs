//! Lets in who comes with a token of the issuer; everybody else goes on to the door for tokens that were made here.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::OAuth;
use super::metadata::address;
use super::token::{Expected, RUN, bearer, key_id};
use crate::access::{Access, Caller, Connection, Peer, Role};
use crate::clock;
use crate::mcp::http::PATH;
use crate::problem::{Code, Problem};

/// Puts a [`Caller`] into the extensions of a request to the Model Context Protocol that has such a token, before the door that asks
/// for one: `.layer(axum::middleware::from_fn_with_state((oauth, access), door))`. What is refused is counted as there.
pub async fn door(State((oauth, access)): State<(OAuth, Access)>, mut request: Request, next: Next) -> Response {
    if request.uri().path() != PATH {
        return next.run(request).await;
    }
    if let Some(token) = foreign(request.headers()) {
        match oauth.admit(token).await {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                request.headers_mut().remove(header::AUTHORIZATION);
            }
            Err(problem) => {
                let peer = request.extensions().get::<Connection>().map_or(Peer::Local, |connection| connection.peer);
                let told = access.refused(peer, None, problem.code()).await;
                return told.unwrap_or(problem).into_response();
            }
        }
    }
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        // A client that has no token learns where to get one.
        challenge(&mut response, &oauth.challenge(None));
    }
    response
}

/// The token of a request, if it looks like one of somebody else. Two of them are nobody's.
fn foreign(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).into_iter();
    let (one, more) = (all.next()?, all.next());
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_foreign = scheme.eq_ignore_ascii_case("bearer") && token.bytes().filter(|byte| *byte == b'.').count() == 2;
    (is_foreign && more.is_none()).then_some(token)
}

fn challenge(response: &mut Response, challenge: &str) {
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
}

impl OAuth {
    /// Who comes with this token.
    async fn admit(&self, token: &str) -> Result<Caller, Problem> {
        let invalid = |why: &str| {
            let problem = Problem::new(Code::Unauthorized, format!("this token is not taken: {why}"));
            self.with_challenge(problem, Some("invalid_token"))
        };
        let id = key_id(token).map_err(invalid)?;
        let keys = self.0.keys.with(id.as_deref()).await;
        let keys = keys.ok_or_else(|| {
            Problem::new(Code::TokensUnusable, "the keys of the issuer cannot be read; the log says why")
                .retry_after(30)
        })?;
        let now = clock::micros() / 1_000_000;
        let expected =
            Expected { issuer: &self.0.issuer, resource: self.0.resource.as_str().trim_end_matches('/'), now };
        let bearer = bearer(token, &keys, expected).map_err(invalid)?;
        if !bearer.may_run {
            let problem = Problem::new(Code::Forbidden, format!("this needs a token with the scope `{RUN}`"));
            return Err(self.with_challenge(problem, Some("insufficient_scope")));
        }
        Ok(Caller::new(&bearer.name, Role::Run))
    }

    fn with_challenge(&self, problem: Problem, error: Option<&str>) -> Problem {
        match HeaderValue::from_str(&self.challenge(error)) {
            Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        }
    }

    fn challenge(&self, error: Option<&str>) -> String {
        let metadata = address(&self.0.resource);
        let error = error.map(|error| format!(r#", error="{error}""#)).unwrap_or_default();
        format!(r#"Bearer resource_metadata="{metadata}", scope="{RUN}"{error}"#)
    }
}
