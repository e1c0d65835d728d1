//! One request: how far it came, what went and came, and whose secrets went along.

use std::fmt::Write as _;

use toolhold_core::effect::{Request, RequestState};
use toolhold_core::escape;

use super::super::ui::{Tone, paint};
use super::size::size;
use super::{Landing, path};

/// The longest reason that is shown, in bytes.
const LONGEST: usize = 300;

/// The line of `request`.
pub(super) fn line(request: &Request, landing: Landing) -> String {
    let method = escape::short(&request.method, 40).into_owned();
    let mut line = format!("{} {method} {}", state(&request.state), paint(Tone::Strong, &path(&request.url)));
    // Writing to a String cannot fail.
    let _infallible = write!(line, "  {}", paint(Tone::Faint, &facts(request, landing)));
    line
}

fn state(state: &RequestState) -> String {
    match state {
        RequestState::Refused { .. } => paint(Tone::Bad, "✗ refused"),
        RequestState::Withheld => paint(Tone::Notice, "‖ withheld"),
        RequestState::NotSent { .. } => paint(Tone::Notice, "✗ not sent"),
        RequestState::Sent { .. } => paint(Tone::Bad, "⇢ sent, no answer"),
        RequestState::Answered { status } => paint(Tone::Good, &format!("⇄ answered {status}")),
    }
}

fn facts(request: &Request, landing: Landing) -> String {
    let (sent, received) = (size(request.sent_bytes), size(request.received_bytes));
    let mut facts = match &request.state {
        RequestState::Withheld => format!("{sent} would be sent"),
        RequestState::Answered { .. } => format!("{sent} sent, {received} received"),
        RequestState::Sent { why } => format!("{sent} sent; {}", escape::short(why, LONGEST)),
        RequestState::Refused { why } | RequestState::NotSent { why } => escape::short(why, LONGEST).into_owned(),
    };
    if !request.secrets.is_empty() {
        let names: Vec<_> = request.secrets.iter().map(|name| path(name)).collect();
        let would = landing == Landing::Previewed && request.state == RequestState::Withheld;
        let with = if would { "would use the secret" } else { "with the secret" };
        // Writing to a String cannot fail.
        let _infallible = write!(facts, ", {with}{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "));
    }
    if !request.returned.is_empty() {
        let names: Vec<_> = request.returned.iter().map(|name| path(name)).collect();
        // Writing to a String cannot fail.
        let _infallible = write!(facts, ", the answer held {}: taken out", names.join(", "));
    }
    facts
}
