//! Pieces that several pages show.

pub(super) mod effects;
mod host;
pub(super) mod usage;

use askama::Template;

use super::html::Html;
use super::text::{self, Moment};

/// A moment: how long ago for the eye, exactly for whoever asks.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ moment.iso }}" title="{{ moment.exact }}">{{ moment.ago }}</time>"#
)]
struct Time {
    moment: Moment,
}

/// A moment, seen from `now`; both in microseconds since 1970.
pub(super) fn time(micros: u64, now: u64) -> Html {
    Html::of(&Time { moment: text::moment(micros, now) })
}

/// A text that somebody else wrote, with its lines.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="code" tabindex="0" role="region" aria-label="{{ label }}"><pre><code>{{ text }}</code></pre></div>"#
)]
struct Code<'a> {
    label: &'a str,
    text: &'a str,
}

/// A text as it is.
pub(super) fn code(label: &str, text: &str) -> Html {
    Html::of(&Code { label, text: &text::bounded(text) })
}

/// JSON, over several lines.
pub(super) fn json(label: &str, text: &str) -> Html {
    code(label, &text::json(text))
}

/// A line that says that there is nothing, and what would be here.
#[derive(Template)]
#[template(ext = "html", source = r#"<p class="empty">{{ text }}</p>"#)]
struct Empty<'a> {
    text: &'a str,
}

/// Says that there is nothing.
pub(super) fn empty(text: &str) -> Html {
    Html::of(&Empty { text })
}
