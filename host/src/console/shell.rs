//! What is around every page: head, navigation, and the last look at what is sent.

use askama::Template;
use axum::response::Html as Document;
use axum::response::{IntoResponse, Response};
use toolhold_core::escape;

use super::failure::Failure;
use super::guard::Visitor;
use super::html::Html;
use super::session::Said;
use super::{Console, assets};

/// A part of the console, as the navigation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    /// What is to be decided, and what goes on.
    Overview,
    /// Runs of agents.
    Runs,
    /// Calls of tools.
    Calls,
    /// What a person is asked.
    Approvals,
    /// What failed for good, and what nobody knows.
    Dead,
    /// How well everything works.
    Health,
    /// Tools and what they may touch.
    Tools,
    /// What happened.
    Audit,
}

/// All of them, as they are called and where they are.
const PLACES: [(Here, &str, &str); 7] = [
    (Here::Approvals, "Approvals", "/approvals"),
    (Here::Runs, "Runs", "/runs"),
    (Here::Calls, "Calls", "/calls"),
    (Here::Dead, "Dead letters", "/dead-letters"),
    (Here::Health, "Health", "/health"),
    (Here::Tools, "Tools", "/tools"),
    (Here::Audit, "Audit", "/audit"),
];

/// A page.
pub(super) struct Page<'a> {
    /// What it is called.
    pub(super) title: &'a str,
    /// Where it belongs.
    pub(super) here: Here,
    /// What is followed while it is open: `all`, or a run or call by name; empty: nothing.
    pub(super) live: &'a str,
    /// What is on it.
    pub(super) body: Html,
}

struct Place {
    name: &'static str,
    path: &'static str,
    here: bool,
    count: usize,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{{ title }} · Toolhold</title>
<link rel="icon" href="{{ icon }}" type="image/svg+xml"><link rel="stylesheet" href="{{ style }}"><script src="{{ script }}" defer></script></head>
<body{% if live != "" %} data-live="{{ live }}"{% endif %}><a class="skip" href="#main">Skip to content</a>
<header class="top"><div class="wide"><a class="mark" href="/"{% if at_overview %} aria-current="page"{% endif %}><img src="{{ icon }}" width="20" height="20" alt="">Toolhold</a>
<nav aria-label="Pages" id="places" data-part><ul>{% for place in places %}<li><a href="{{ place.path }}"{% if place.here %} aria-current="page"{% endif %}>{{ place.name }}{% if place.count > 0 %} <span class="count">{{ place.count }}<span class="hidden"> waiting</span></span>{% endif %}</a></li>{% endfor %}</ul></nav>
<form class="who" method="post" action="/logout"><input type="hidden" name="csrf" value="{{ csrf }}"><span><b>{{ name }}</b> <span class="faint">{{ role }}</span></span> <button class="quiet">Log out</button></form></div></header>
<main id="main" class="wide" tabindex="-1">{% if let Some(said) = said %}<p class="said {% if said.good %}good{% else %}bad{% endif %}" role="status"><span class="sign" aria-hidden="true">{% if said.good %}✓{% else %}✕{% endif %}</span> {{ said.text }}</p>{% endif %}
{{ body }}</main>
<footer class="wide"><span>Toolhold {{ version }}</span><span>manifest <code>{{ manifest }}</code></span>{% if live != "" %}<span id="live" role="status" hidden>kept up to date</span>{% endif %}</footer></body></html>"##
)]
struct Whole<'a> {
    title: &'a str,
    icon: &'static str,
    style: &'static str,
    script: &'static str,
    live: &'a str,
    at_overview: bool,
    places: Vec<Place>,
    csrf: &'a str,
    name: &'a str,
    role: &'static str,
    said: Option<Said>,
    body: Html,
    version: &'static str,
    manifest: String,
}

/// The whole page, for a visitor.
pub(super) async fn page(console: &Console, visitor: &Visitor, page: Page<'_>) -> Result<Response, Failure> {
    let counts = console.read(|_, reader| super::pages::overview::counts(reader)).await?;
    let count = |here| match here {
        Here::Approvals => counts.approvals,
        Here::Dead => counts.dead,
        _ => 0,
    };
    let place = |(here, name, path)| Place { name, path, here: here == page.here, count: count(here) };
    let whole = Whole {
        title: page.title,
        icon: assets::icon(),
        style: assets::style(),
        script: assets::script(),
        live: page.live,
        at_overview: page.here == Here::Overview,
        places: PLACES.into_iter().map(place).collect(),
        csrf: visitor.csrf(),
        name: &visitor.caller().name,
        role: visitor.caller().role.as_str(),
        said: visitor.said(console),
        body: page.body,
        version: env!("CARGO_PKG_VERSION"),
        manifest: console.host().policy().manifest().digest().hex().chars().take(12).collect(),
    };
    Ok(document(&whole))
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{{ title }} · Toolhold</title>
<link rel="icon" href="{{ icon }}" type="image/svg+xml"><link rel="stylesheet" href="{{ style }}"></head>
<body><main id="main" class="wide bare">{{ body }}</main></body></html>"#
)]
struct Bare<'a> {
    title: &'a str,
    icon: &'static str,
    style: &'static str,
    body: Html,
}

/// A page for whoever is not logged in, or where something went wrong.
pub(super) fn bare(title: &str, body: Html) -> Response {
    document(&Bare { title, icon: assets::icon(), style: assets::style(), body })
}

/// The last look: whatever a page was made of, no character that could deceive leaves. Markup holds none.
fn document(page: &impl Template) -> Response {
    let html = Html::of(page);
    Document(escape::block(html.as_str()).into_owned()).into_response()
}
