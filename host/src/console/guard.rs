//! Who may see a page and who may send a form.
//!
//! A visitor has a session whose token still stands. A form must come from a page of ours: the browser says from where it was sent,
//! and it brings along what only our page of this session had. What a visitor may do is the role of their token, asked for at
//! each act.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use tokio::sync::OwnedSemaphorePermit;
use toolhold_core::event::{Event, bounded};

use super::Console;
use super::failure::Failure;
use super::login;
use super::session::{self, Going, Said};
use crate::access::{Caller, Connection, Role};
use crate::serve::Bodies;

/// The header of a request that a page made by itself.
const REFRESH: &str = "x-refresh";

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    session: String,
    going: Going,
    /// Nobody asked: a page keeps itself up to date.
    by_itself: bool,
}

impl Visitor {
    /// Who it is.
    pub(super) fn caller(&self) -> &Caller {
        &self.going.caller
    }

    /// What a form must bring along.
    pub(super) fn csrf(&self) -> &str {
        &self.going.csrf
    }

    /// Whether they may do what needs this role.
    pub(super) fn may(&self, needed: Role) -> bool {
        self.going.caller.role.has(needed)
    }

    /// Goes on only for who may.
    pub(super) fn needs(&self, needed: Role) -> Result<(), Failure> {
        if self.may(needed) { Ok(()) } else { Err(Failure::forbidden(needed, self.caller())) }
    }

    /// Says it on the next page of this session.
    pub(super) fn say(&self, console: &Console, good: bool, text: impl Into<String>) {
        console.0.sessions.say(&self.session, Said { good, text: text.into() });
    }

    /// What was to be said, if a person sees this page now.
    pub(super) fn said(&self, console: &Console) -> Option<Said> {
        if self.by_itself { None } else { console.0.sessions.said(&self.session) }
    }

    /// Ends the session.
    pub(super) fn leave(&self, console: &Console) {
        console.0.sessions.end(&self.session);
    }
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        visitor(&parts.headers, encrypted(&parts.extensions), &parts.uri, console).await
    }
}

async fn visitor(headers: &HeaderMap, encrypted: bool, uri: &Uri, console: &Console) -> Result<Visitor, Failure> {
    let log_in = || Failure::log_in(uri);
    let session = login::session_of(headers, encrypted).ok_or_else(log_in)?;
    // A page that keeps itself up to date keeps no session from ending.
    let by_itself = headers.contains_key(REFRESH) || uri.path() == "/live";
    let going = console.0.sessions.find(&session, super::now(), !by_itself).ok_or_else(log_in)?;
    if !console.0.access.stands(&going.caller).await {
        console.0.sessions.end(&session);
        return Err(log_in());
    }
    Ok(Visitor { session, going, by_itself })
}

/// Whether nobody on the way can read what is sent.
pub(super) fn encrypted(extensions: &axum::http::Extensions) -> bool {
    extensions.get::<Connection>().is_some_and(|connection| connection.encrypted)
}

/// A form that a visitor sent from a page of ours.
#[derive(Debug)]
pub(super) struct Form {
    /// Who sent it.
    pub(super) visitor: Visitor,
    fields: Fields,
}

impl Form {
    /// A field, or nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name)
    }
}

impl FromRequest<Console> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        from_our_page(&parts.headers)?;
        let visitor = Visitor::from_request_parts(&mut parts, console).await?;
        let (method, path) = (parts.method.to_string(), bounded(parts.uri.path()));
        let fields = Fields::read(Request::from_parts(parts, body), &console.0.forms).await?;
        if !session::is_of(&visitor.going, fields.get("csrf")) {
            return Err(Failure::foreign(
                "the form is of another session: go back, load the page again and send it once more",
            ));
        }
        // Before anything is done: who asked for it is on record, as of a program.
        let asked = Event::RequestTaken { caller: visitor.caller().name.to_string(), method, path };
        console.host().journal().record(super::now(), asked).await?;
        Ok(Self { visitor, fields })
    }
}

/// What a form says.
#[derive(Debug)]
pub(super) struct Fields {
    said: Vec<(String, String)>,
    /// The room that it takes if it is long.
    _room: Option<OwnedSemaphorePermit>,
}

impl Fields {
    /// Reads the body of a request.
    pub(super) async fn read(request: Request, bodies: &Bodies) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next() != Some("application/x-www-form-urlencoded") {
            return Err(Failure::bad_request("this is no form of the console"));
        }
        let (body, room) = bodies.read(request.into_body()).await.map_err(|problem| Failure::unread(&problem))?;
        Ok(Self { said: url::form_urlencoded::parse(&body).into_owned().collect(), _room: room })
    }

    /// A field, or nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.said.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A browser says from where a form was sent. One that is sent from elsewhere is refused, whatever it brings along.
pub(super) fn from_our_page(headers: &HeaderMap) -> Result<(), Failure> {
    let foreign = || Failure::foreign("the form was sent by a page of another site, and nothing was done");
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or_default());
    if text(header::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site != "same-origin") {
        return Err(foreign());
    }
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let host = text(header::HOST).unwrap_or_default();
    let of_origin = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    if of_origin.is_some_and(|of_origin| of_origin.eq_ignore_ascii_case(host)) { Ok(()) } else { Err(foreign()) }
}
