//! What a request says, taken apart once: a wrong word is an error that names its place.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query as AxumQuery, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use toolhold_core::id::IdempotencyKey;

use super::answer;
use crate::access::Caller;
use crate::approvals::Decider;
use crate::problem::{Code, Problem};

/// The header with which repeats are one.
const KEY: &str = "idempotency-key";

/// A body of JSON. None at all is an empty object.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let most = super::LARGEST_BODY;
                Problem::new(Code::BodyTooLarge, format!("a body has at most {most} bytes"))
            }
            _ => answer::bad("the body did not arrive whole"),
        })?;
        let text: &[u8] = match bytes.is_empty() {
            true => b"{}",
            false if is_json => bytes.as_ref(),
            false => {
                let detail = "the body is JSON: send `Content-Type: application/json`";
                return Err(Problem::new(Code::UnsupportedMediaType, detail));
            }
        };
        serde_json::from_slice(text).map(Self).map_err(|error| answer::bad(format!("the body: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The words after the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = AxumQuery::from_request_parts(parts, state).await;
        let AxumQuery(query) = query.map_err(|refused| answer::bad(refused.body_text()))?;
        Ok(Self(query))
    }
}

/// The name in the path.
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|refused| answer::bad(refused.body_text()))?;
        text.parse().map(Self).map_err(answer::bad)
    }
}

/// Who asks.
pub(super) struct By(pub(super) Caller);

impl By {
    /// Whose idempotency keys and rates these are. Whoever asks on this machine is who types on its terminal.
    pub(super) fn client(&self) -> Arc<str> {
        match self.0.name.starts_with("local:") {
            true => "local".into(),
            false => format!("api:{}", self.0.name).into(),
        }
    }
}

impl By {
    /// Who decides on an approval, for the record.
    pub(super) fn decider(&self) -> Decider {
        match self.0.name.strip_prefix("local:") {
            Some(user) => Decider::new("terminal", &format!("uid-{user}")),
            None => Decider::new("api", &self.0.name),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await.map(Self)
    }
}

/// What is said beside the body.
pub(super) struct Said {
    /// Repeats with it are one.
    pub(super) key: Option<IdempotencyKey>,
    /// The answer is to come before the end (RFC 7240).
    pub(super) is_async: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Said {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = |value: &axum::http::HeaderValue| {
            value.to_str().map(str::to_owned).map_err(|_| answer::bad(format!("`{KEY}`: it is not ASCII")))
        };
        let key = parts.headers.get(KEY).map(text).transpose()?;
        let key = key.map(|key| key.trim_matches('"').parse()).transpose();
        let wishes = parts.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let is_async = wishes.flat_map(|value| value.split(',')).any(|wish| wish.trim() == "respond-async");
        Ok(Self { key: key.map_err(|error| answer::bad(format!("`{KEY}`: {error}")))?, is_async })
    }
}
