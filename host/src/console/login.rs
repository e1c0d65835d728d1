//! Logging in with a token, once, and out again.

use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::failure::Failure;
use super::guard::{self, Fields, Form};
use super::html::Html;
use super::session::LIFETIME;
use super::{Console, shell};
use crate::access::{Caller, Connection, Peer, Role};

/// The name of the cookie. With TLS its prefix makes browsers refuse one that another host or an unencrypted page set.
const NAME: &str = "toolhold-session";
const NAME_WITH_TLS: &str = "__Host-toolhold-session";

fn name(encrypted: bool) -> &'static str {
    if encrypted { NAME_WITH_TLS } else { NAME }
}

/// Where somebody wanted to go.
#[derive(Debug, Deserialize)]
pub(super) struct To {
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="door"><h1>Toolhold</h1>
<p class="lead">The one gate between a model and the world.</p>
{% if wrong != "" %}<p class="said bad" role="alert"><span class="sign" aria-hidden="true">✕</span> {{ wrong }}</p>{% endif %}
<form method="post" action="/login"><input type="hidden" name="to" value="{{ to }}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false" required autofocus aria-describedby="help">
<p class="hint" id="help">It begins with <code>th_</code>. <code>toolhold tokens create NAME --role approve</code> on the server makes one. On this very machine, <code>toolhold console</code> logs you in without.</p>
<button class="primary">Log in</button></form></div>"#
)]
struct Login<'a> {
    to: &'a str,
    wrong: &'a str,
}

/// The page on which a token is typed.
pub(super) async fn show(Query(to): Query<To>) -> Response {
    page(StatusCode::OK, &to.to, "")
}

fn page(status: StatusCode, to: &str, wrong: &str) -> Response {
    (status, shell::bare("Log in", Html::of(&Login { to: place(to), wrong }))).into_response()
}

/// Begins a session.
pub(super) async fn begin(State(console): State<Console>, request: Request) -> Result<Response, Failure> {
    guard::from_our_page(request.headers())?;
    let connection = request.extensions().get::<Connection>().copied();
    let encrypted = guard::encrypted(request.extensions());
    let fields = Fields::read(request, &console.0.logins).await?;
    let peer = connection.map_or(Peer::Local, |connection| connection.peer);
    let caller = match console.0.access.admit(fields.get("token").trim(), peer).await {
        Ok(caller) => caller,
        Err(problem) => return Ok(page(problem.code().status(), fields.get("to"), problem.detail())),
    };
    caller.needs(Role::Observe)?;
    session(&console, caller, encrypted, fields.get("to"))
}

/// A new session of `caller`, on the way to where somebody wanted to go.
pub(super) fn session(console: &Console, caller: Caller, encrypted: bool, to: &str) -> Result<Response, Failure> {
    let begun = console.0.sessions.begin(caller, super::now());
    let session = begun.map_err(|_| Failure::internal("the operating system has no randomness"))?;
    let secure = if encrypted { "; Secure" } else { "" };
    let (name, age) = (name(encrypted), LIFETIME / 1_000_000);
    let cookie = format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    Ok(with_cookie(Redirect::to(place(to)).into_response(), &cookie))
}

/// Ends the session.
pub(super) async fn end(State(console): State<Console>, headers: HeaderMap, form: Form) -> Response {
    form.visitor.leave(&console);
    let encrypted = session_of(&headers, true).is_some();
    let (name, secure) = (name(encrypted), if encrypted { "; Secure" } else { "" });
    let cookie = format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}");
    with_cookie(Redirect::to("/login").into_response(), &cookie)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    // Names of sessions are of the URL-safe alphabet: it always is a header.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// The name of the session that a browser brought along.
pub(super) fn session_of(headers: &HeaderMap, encrypted: bool) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name(encrypted)).map(|(_, value)| value.to_owned())
}

/// A place on this server: a login leads nowhere else.
fn place(to: &str) -> &str {
    let is_ours = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\t', '\n', '\r']);
    let is_page = !to.starts_with("/live") && !to.starts_with("/login") && !to.starts_with("/logout");
    if is_ours && is_page { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_else() {
        let elsewhere = [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "evil",
            "",
            "/\t/evil.example",
            "/login?to=/login",
            "/logout",
            "/live",
        ];
        elsewhere.iter().for_each(|to| assert_eq!(place(to), "/", "{to}"));
        assert_eq!(place("/runs?state=open#a"), "/runs?state=open#a");
    }

    #[test]
    fn a_session_is_found_among_other_cookies_and_under_its_own_name_only() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; toolhold-session=one;c=d"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-toolhold-session=two"));
        assert_eq!(session_of(&headers, false).as_deref(), Some("one"));
        assert_eq!(session_of(&headers, true).as_deref(), Some("two"), "one that a page without TLS set is not taken");
        assert_eq!(session_of(&HeaderMap::new(), false), None);
    }
}
