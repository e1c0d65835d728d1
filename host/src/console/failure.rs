//! What is shown where a page cannot be.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::html::Html;
use super::link;
use super::shell;
use crate::access::{Caller, Role};
use crate::journal;
use crate::problem::{Code, Problem};
use crate::runs;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failure {
    /// Somebody has to log in first, and then wants to go there.
    LogIn(String),
    /// This is shown.
    Shown {
        /// The status.
        status: StatusCode,
        /// What is wrong, in a few words.
        title: &'static str,
        /// What is wrong, and what to do.
        detail: String,
    },
}

impl Failure {
    fn shown(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self::Shown { status, title, detail: detail.into() }
    }

    /// A visitor who is not logged in, on the way to `uri`.
    pub(super) fn log_in(uri: &Uri) -> Self {
        Self::LogIn(uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string))
    }

    /// There is no such thing.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::shown(StatusCode::NOT_FOUND, "Not found", detail)
    }

    /// The request makes no sense.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::shown(StatusCode::BAD_REQUEST, "Not understood", detail)
    }

    /// What was sent is too long.
    pub(super) fn too_large() -> Self {
        Self::shown(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too large",
            "the form is longer than any may be, and nothing was done",
        )
    }

    /// What was sent was not read.
    pub(super) fn unread(problem: &Problem) -> Self {
        match problem.code() {
            Code::BodyTooLarge => Self::too_large(),
            code => Self::shown(code.status(), "Not taken", format!("{}; nothing was done", problem.detail())),
        }
    }

    /// It did not come from a page of ours.
    pub(super) fn foreign(detail: impl Into<String>) -> Self {
        Self::shown(StatusCode::FORBIDDEN, "Refused", detail)
    }

    /// It needs another role.
    pub(super) fn forbidden(needed: Role, caller: &Caller) -> Self {
        let detail = format!("this needs the role `{needed}`, and the token `{}` has `{}`", caller.name, caller.role);
        Self::shown(StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    /// Too many follow the pages.
    pub(super) fn too_many() -> Self {
        Self::shown(StatusCode::SERVICE_UNAVAILABLE, "Too many pages", "too many pages are kept up to date already")
    }

    /// The host failed.
    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::shown(StatusCode::INTERNAL_SERVER_ERROR, "The host failed", detail)
    }
}

impl From<journal::Error> for Failure {
    fn from(error: journal::Error) -> Self {
        tracing::error!(%error, "a page of the console could not be made");
        Self::internal(error.to_string())
    }
}

impl From<runs::Error> for Failure {
    fn from(error: runs::Error) -> Self {
        match error {
            runs::Error::Journal(error) => error.into(),
            runs::Error::NoSuchRun(_) | runs::Error::NoSuchStep { .. } | runs::Error::Expired(_) => {
                Self::not_found(error.to_string())
            }
            other => Self::bad_request(other.to_string()),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::shown(problem.code().status(), "Not let in", problem.detail())
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>{{ title }}</h1><p class="lead">{{ detail }}</p><p><a href="/">To the overview</a></p>"#
)]
struct Shown<'a> {
    title: &'a str,
    detail: &'a str,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::LogIn(to) => {
                let place = if to == "/" { "/login".to_owned() } else { link::query("/login", &[("to", &to)]) };
                Redirect::to(&place).into_response()
            }
            Self::Shown { status, title, detail } => {
                let body = Html::of(&Shown { title, detail: &detail });
                let mut response = (status, shell::bare(title, body)).into_response();
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
                }
                response
            }
        }
    }
}
