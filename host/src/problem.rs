//! An error as HTTP tells it: problem details (RFC 9457) with a stable code.
//!
//! One list of codes for everything that is served; `docs/errors.md` has each of them. The detail is for the caller: it names what was
//! wrong and what to do, and never a path of this machine, a secret or what the caller did not know already.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// What kind of problem it is. Stable: scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is not what it should be.
    BadRequest,
    /// No token, or none that is known.
    Unauthorized,
    /// The token's role is too small.
    Forbidden,
    /// A page of somebody else asks.
    OriginRefused,
    /// There is nothing of that name.
    NotFound,
    /// There is something, and it takes other methods.
    MethodNotAllowed,
    /// The request did not come to its end in time.
    RequestTimeout,
    /// The body is larger than any may be.
    BodyTooLarge,
    /// The request names a host that this server is not.
    HostNotServed,
    /// Too many wrong tokens came from there.
    TooManyAttempts,
    /// The server failed.
    Internal,
    /// The server has more to do than it takes.
    Overloaded,
    /// The server ends.
    ShuttingDown,
    /// The file of tokens cannot be used.
    TokensUnusable,
    /// The body is of another type than what is read.
    UnsupportedMediaType,
    /// The arguments of a call do not conform to the tool's schema.
    InvalidArguments,
    /// It is there, and this cannot be done with it where it is.
    NotNow,
    /// It was there, and what is left of it is not enough.
    Gone,
    /// Somebody else changed the same files.
    Conflict,
    /// The key belongs to something else.
    KeyConflict,
    /// There is no model to be asked, or none of that name.
    NoSuchModel,
    /// The run would come to nothing.
    RunBlocked,
    /// As many runs wait as may.
    RunsFull,
    /// As many calls run for which nobody waits as may.
    CallsFull,
    /// The audit or the journal does not hold.
    AuditBroken,
    /// A rule denies the call, whoever approves it.
    StillDenied,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::OriginRefused,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::HostNotServed,
        Self::TooManyAttempts,
        Self::Internal,
        Self::Overloaded,
        Self::ShuttingDown,
        Self::TokensUnusable,
        Self::UnsupportedMediaType,
        Self::InvalidArguments,
        Self::NotNow,
        Self::Gone,
        Self::Conflict,
        Self::KeyConflict,
        Self::NoSuchModel,
        Self::RunBlocked,
        Self::RunsFull,
        Self::CallsFull,
        Self::AuditBroken,
        Self::StillDenied,
    ];

    /// The code, its status and its title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, "the request is not understood"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "a token is needed"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "the token may not do this"),
            Self::OriginRefused => ("origin-refused", StatusCode::FORBIDDEN, "another site may not ask this"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "there is nothing of that name"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "another method is needed")
            }
            Self::RequestTimeout => ("request-timeout", StatusCode::REQUEST_TIMEOUT, "the request did not end in time"),
            Self::BodyTooLarge => ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::HostNotServed => {
                ("host-not-served", StatusCode::MISDIRECTED_REQUEST, "this server is not of that name")
            }
            Self::TooManyAttempts => {
                ("too-many-attempts", StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens came from there")
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "the server failed"),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "the server has too much to do"),
            Self::ShuttingDown => ("shutting-down", StatusCode::SERVICE_UNAVAILABLE, "the server ends"),
            Self::TokensUnusable => {
                ("tokens-unusable", StatusCode::SERVICE_UNAVAILABLE, "nobody can be let in at the moment")
            }
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is of another type")
            }
            Self::InvalidArguments => {
                ("invalid-arguments", StatusCode::UNPROCESSABLE_ENTITY, "the arguments do not conform")
            }
            Self::NotNow => ("not-now", StatusCode::CONFLICT, "this cannot be done now"),
            Self::Gone => ("gone", StatusCode::GONE, "it is too old"),
            Self::Conflict => ("conflict", StatusCode::CONFLICT, "somebody else changed the same files"),
            Self::KeyConflict => ("key-conflict", StatusCode::CONFLICT, "the key belongs to something else"),
            Self::NoSuchModel => ("no-such-model", StatusCode::UNPROCESSABLE_ENTITY, "there is no such model"),
            Self::RunBlocked => ("run-blocked", StatusCode::UNPROCESSABLE_ENTITY, "the run would come to nothing"),
            Self::RunsFull => ("runs-full", StatusCode::TOO_MANY_REQUESTS, "too many runs wait"),
            Self::CallsFull => ("calls-full", StatusCode::TOO_MANY_REQUESTS, "too many calls run"),
            Self::AuditBroken => ("audit-broken", StatusCode::INTERNAL_SERVER_ERROR, "the audit does not hold"),
            Self::StillDenied => ("still-denied", StatusCode::UNPROCESSABLE_ENTITY, "a rule or a grant denies it"),
        }
    }

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().1
    }
}

/// A problem, as a response. Small, because it is what can go wrong of every answer.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    detail: String,
    headers: HeaderMap,
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of this kind; `detail` says what was wrong and what to do.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (headers, more) = (HeaderMap::new(), Map::new());
        Self(Box::new(Parts { code, detail: detail.into(), headers, more }))
    }

    /// With one more member beside the standard ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// It may be asked again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds)).with("retry_after", seconds)
    }

    /// What kind it is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong and what to do.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (code, status, title) = self.0.code.row();
        let mut body = Map::new();
        body.insert("type".into(), json!(format!("urn:toolhold:problem:{code}")));
        body.insert("code".into(), json!(code));
        body.insert("title".into(), json!(title));
        body.insert("status".into(), json!(status.as_u16()));
        body.insert("detail".into(), json!(self.0.detail));
        for (name, value) in &self.0.more {
            // What is standard is not written over.
            body.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.code.status(), Json(self.to_json())).into_response();
        response.headers_mut().extend(self.0.headers);
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        // Who counts or records problems finds the kind here.
        response.extensions_mut().insert(self.0.code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table of problems in the page of errors.
    fn documented() -> Vec<(String, u16)> {
        let page = include_str!("../../docs/errors.md");
        let (_, section) = page.split_once("## HTTP").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let row = |line: &str| {
            let mut cells = line.split('|').skip(1).map(str::trim);
            let code = cells.next().unwrap().trim_matches('`').to_owned();
            (code, cells.next().unwrap().parse().unwrap())
        };
        rows.map(row).collect()
    }

    #[test]
    fn every_code_is_in_the_page_of_errors_and_no_other() {
        let mut known: Vec<_> = Code::ALL.map(|code| (code.as_str().to_owned(), code.status().as_u16())).into();
        let mut documented = documented();
        known.sort();
        documented.sort();
        assert_eq!(documented, known);
    }

    #[test]
    fn a_problem_says_everything_and_nothing_writes_over_what_is_standard() {
        let problem = Problem::new(Code::TooManyAttempts, "wait").retry_after(7).with("code", "mine").with("n", 1);
        let body = problem.to_json();
        assert_eq!(
            (&body["code"], &body["status"], &body["detail"]),
            (&json!("too-many-attempts"), &json!(429), &json!("wait"))
        );
        assert_eq!((&body["type"], &body["n"]), (&json!("urn:toolhold:problem:too-many-attempts"), &json!(1)));
        let response = problem.into_response();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.extensions().get::<Code>(), Some(&Code::TooManyAttempts));
    }
}
