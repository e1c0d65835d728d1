//! Logging in without a token, by a link that somebody on this machine asked for: `toolhold console`.
//!
//! Looking at the link uses nothing up, whoever does so: a program that fetches links before anybody follows them, a browser that
//! goes back. A press of the button does, and then the link that the browser remembers opens nothing any more.

use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use toolhold_core::event::Event;

use super::failure::Failure;
use super::guard::{self, Fields};
use super::html::Html;
use super::{Console, link, login, shell};
use crate::access::{Caller, Connection, INVITED, Peer, Role};
use crate::problem::Problem;

/// Where a command asks for a link, over the control socket.
const ASKED_FOR: &str = "/v1/console";

/// Who is to be logged in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// What they may do.
    role: Role,
}

/// For the control socket alone: makes links. Who reaches it may make any token, too.
pub(crate) fn router(console: Console) -> Router {
    Router::new().route(ASKED_FOR, post(invite)).with_state(console)
}

async fn invite(
    caller: Caller,
    State(console): State<Console>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Problem> {
    caller.needs(Role::Admin)?;
    let (base, invitation) = console.0.access.invite(Caller::new(&caller.name, wanted.role))?;
    Ok(Json(json!({ "url": format!("{base}{}", link::query(INVITED, &[("code", invitation.reveal())])) })))
}

/// What a link brings along.
#[derive(Debug, Deserialize)]
pub(super) struct Brought {
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="door"><h1>Toolhold</h1>
{% if wrong != "" %}<p class="said bad" role="alert"><span class="sign" aria-hidden="true">✕</span> {{ wrong }}</p>
<p><a href="/login">Log in with a token</a></p>{% else %}<p class="lead">Somebody on this machine asked for a link to log in with. It works once.</p>
<form method="post" action="{{ action }}"><input type="hidden" name="code" value="{{ code }}">
<button class="primary" autofocus>Log in</button></form>{% endif %}</div>"#
)]
struct Invited<'a> {
    action: &'static str,
    code: &'a str,
    wrong: &'a str,
}

/// The page with the button. It says the same of every code: which of them is good, only the button tells.
pub(super) async fn show(Query(brought): Query<Brought>) -> Response {
    page(StatusCode::OK, &brought.code, "")
}

fn page(status: StatusCode, code: &str, wrong: &str) -> Response {
    (status, shell::bare("Log in", Html::of(&Invited { action: INVITED, code, wrong }))).into_response()
}

/// Begins a session.
pub(super) async fn begin(State(console): State<Console>, request: Request) -> Result<Response, Failure> {
    guard::from_our_page(request.headers())?;
    let connection = request.extensions().get::<Connection>().copied();
    if !is_here(connection, request.headers()) {
        return Err(Failure::foreign("a link to log in with is for a browser on the machine of the server"));
    }
    let (encrypted, peer) = (guard::encrypted(request.extensions()), connection.map_or(Peer::Local, |it| it.peer));
    let fields = Fields::read(request, &console.0.logins).await?;
    let caller = match console.0.access.take_up(fields.get("code"), peer).await {
        Ok(caller) => caller,
        Err(problem) => return Ok(page(problem.code().status(), "", problem.detail())),
    };
    // Before anything is done: who is let in is on record.
    let taken = Event::RequestTaken { caller: caller.name.to_string(), method: "POST".into(), path: INVITED.into() };
    console.host().journal().record(super::now(), taken).await?;
    login::session(&console, caller, encrypted, "/")
}

/// Whether a browser of this machine asks the address of this machine: not by a name that something before us has.
fn is_here(connection: Option<Connection>, headers: &HeaderMap) -> bool {
    let Some(Peer::Address(peer)) = connection.map(|connection| connection.peer) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let host = authority.as_ref().map_or("", Authority::host);
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    peer.to_canonical().is_loopback()
        && literal.map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.to_canonical().is_loopback())
}
