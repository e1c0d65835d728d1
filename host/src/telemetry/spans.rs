//! The spans of calls, runs and models: their names and attributes follow the conventions of OpenTelemetry for generative AI and MCP.
//!
//! Only here is anything put into a span, so that this file answers what can leave by way of traces: names of the manifest,
//! identifiers, codes, counts. What a model, a tool or a client wrote does not, unless the operator asks for content.
//!
//! A call has one span, whoever asks for it: of a client of MCP it is the server's span of `tools/call`, which the conventions let
//! coincide with `execute_tool`.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::{Array, Value};
use toolhold_core::call::ToolCall;
use toolhold_core::escape;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::{CallReport, Class, Outcome, ServedBy};
use toolhold_core::redact::Redactor;
use toolhold_core::run::{Finish, RunEvent, RunReport, Start};
use toolhold_core::state::State;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::conventions as names;
use super::conventions::{LOG_TARGET, TARGET};
use super::follow::word;
use super::origin::Origin;

/// The longest content of one attribute, in bytes.
const LONGEST_CONTENT: usize = 16 << 10;

/// The longest word of somebody else's that is no content, in bytes.
const LONGEST_WORD: usize = 100;

/// Whether content goes into spans.
static CONTENT: AtomicBool = AtomicBool::new(false);

/// From here on, arguments and results of calls go into spans.
pub(super) fn with_content() {
    CONTENT.store(true, Ordering::Relaxed);
}

/// Whether anybody takes spans.
#[must_use]
pub(super) fn is_taken() -> bool {
    tracing::span_enabled!(target: TARGET, Level::INFO)
}

/// The stages of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Validate,
    Decide,
    Ask,
    Admit,
    Run,
    Land,
    Settle,
}

impl Stage {
    /// Its name as a label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Decide => "decide",
            Self::Ask => "ask",
            Self::Admit => "admit",
            Self::Run => "run",
            Self::Land => "land",
            Self::Settle => "settle",
        }
    }

    /// A span of it, below the present one. Nothing where nobody takes spans.
    pub(super) fn span(self) -> Span {
        match self {
            Self::Validate => tracing::info_span!(target: TARGET, "toolhold.validate"),
            Self::Decide => tracing::info_span!(target: TARGET, "toolhold.decide"),
            Self::Ask => tracing::info_span!(target: TARGET, "toolhold.ask"),
            Self::Admit => tracing::info_span!(target: TARGET, "toolhold.admit"),
            Self::Run => tracing::info_span!(target: TARGET, "toolhold.run"),
            Self::Land => tracing::info_span!(target: TARGET, "toolhold.land"),
            Self::Settle => tracing::info_span!(target: TARGET, "toolhold.settle"),
        }
    }
}

/// The span of a call. `is_tool` says whether the manifest has the tool: what is no tool is a model's text.
pub(crate) fn call(call: &ToolCall, is_tool: impl FnOnce(&str) -> bool, origin: &Origin, redactor: &Redactor) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "execute_tool",
        { names::RUN } = call.run.as_str(),
        { names::CALL } = tracing::field::Empty,
        otel.name = tracing::field::Empty,
        otel.kind = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    if let Some(parent) = origin.parent() {
        // Not there, or begun already: neither can be, and it would be a trace of its own.
        let _has_parent = span.set_parent(parent.clone()).is_ok();
    }
    let tool = if is_tool(&call.tool) { &call.tool } else { "_other" };
    span.set_attribute(names::OPERATION, names::EXECUTE_TOOL);
    span.set_attribute(names::TOOL, tool.to_owned());
    span.set_attribute(names::TOOL_TYPE, "function");
    span.set_attribute(names::MODE, word(&call.mode));
    match origin.request() {
        None => {
            span.record("otel.name", format!("{} {tool}", names::EXECUTE_TOOL));
            span.record("otel.kind", "internal");
        }
        Some(request) => {
            span.record("otel.name", format!("tools/call {tool}"));
            span.record("otel.kind", "server");
            span.set_attribute(names::MCP_METHOD, "tools/call");
            span.set_attribute(names::TRANSPORT, if request.network { "tcp" } else { "pipe" });
            span.set_attribute(names::RPC_REQUEST, somebody_elses(&request.request));
            let more = [(names::MCP_SESSION, &request.session), (names::MCP_VERSION, &request.version)];
            for (name, value) in more {
                if let Some(value) = value {
                    span.set_attribute(name, somebody_elses(value));
                }
            }
        }
    }
    if CONTENT.load(Ordering::Relaxed) {
        span.set_attribute(names::TOOL_ARGUMENTS, content(&call.arguments, redactor));
    }
    span
}

/// The present call has this name in the journal.
pub(crate) fn call_is(id: &str) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    span.record(names::CALL, id);
    if span.metadata().is_some_and(|metadata| metadata.target() == TARGET) {
        span.set_attribute(names::TOOL_CALL, id.to_owned());
    }
}

/// A call came to its end.
pub(crate) fn called(span: &Span, report: &CallReport, redactor: &Redactor) {
    if span.is_disabled() {
        return;
    }
    span.set_attribute(names::ATTEMPTS, i64::from(report.attempts));
    span.set_attribute(names::FUEL, number(report.usage.get(Limit::Fuel)));
    span.set_attribute(names::MEMORY, number(report.usage.get(Limit::Memory)));
    span.set_attribute(names::CHANGES, number(report.effects.changes.len() as u64));
    if report.replayed {
        span.set_attribute(names::REPLAYED, true);
    }
    match &report.served_by {
        Some(ServedBy::Tool { tool }) => span.set_attribute(names::SERVED_BY, tool.as_str().to_owned()),
        Some(ServedBy::Value) => span.set_attribute(names::SERVED_BY, "value"),
        None => {}
    }
    match &report.outcome {
        Outcome::Success(value) if CONTENT.load(Ordering::Relaxed) => {
            span.set_attribute(names::TOOL_RESULT, content(&value.to_string(), redactor));
        }
        Outcome::Success(_) => {}
        Outcome::Failure(failure) => {
            span.set_attribute(names::ERROR, word(&failure.class));
            // A tool's own code is what a tool wrote.
            if failure.class != Class::Tool {
                span.set_attribute(names::CODE, somebody_elses(&failure.code));
            }
            span.record("otel.status_code", "error");
        }
    }
}

/// The span of a run.
pub(crate) fn run(start: &Start) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "invoke_agent",
        { names::RUN } = start.run.as_str(),
        otel.name = tracing::field::Empty,
        otel.kind = "internal",
        otel.status_code = tracing::field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record("otel.name", format!("{} {}", names::INVOKE_AGENT, start.agent));
    span.set_attribute(names::OPERATION, names::INVOKE_AGENT);
    span.set_attribute(names::AGENT, start.agent.clone());
    span.set_attribute(names::CONVERSATION, start.run.as_str().to_owned());
    if let Some(model) = start.models.first() {
        let (provider, model) = provider(&model.name);
        span.set_attribute(names::PROVIDER, provider);
        span.set_attribute(names::REQUEST_MODEL, model);
    }
    span
}

/// Nobody works on a run any more.
pub(crate) fn ran(span: &Span, report: &RunReport) {
    if span.is_disabled() {
        return;
    }
    span.set_attribute(names::INPUT_TOKENS, number(report.tokens.input));
    span.set_attribute(names::OUTPUT_TOKENS, number(report.tokens.output));
    span.set_attribute(names::RUN_END, report.state.as_str());
    if matches!(report.state, State::Failed | State::TimedOut | State::DeadLettered) {
        span.set_attribute(names::ERROR, report.state.as_str());
        span.record("otel.status_code", "error");
    }
}

/// The span of one request to a model.
pub(crate) fn chat(start: &Start, model: &str, turn: u32, step: u64) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "chat",
        { names::RUN } = start.run.as_str(),
        { names::STEP } = step,
        otel.name = tracing::field::Empty,
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let (provider, model) = provider(model);
    span.record("otel.name", format!("{} {model}", names::CHAT));
    span.set_attribute(names::OPERATION, names::CHAT);
    span.set_attribute(names::PROVIDER, provider);
    span.set_attribute(names::REQUEST_MODEL, model);
    span.set_attribute(names::REQUEST_MAX_TOKENS, i64::from(start.limits.tokens_per_turn));
    span.set_attribute(names::CONVERSATION, start.run.as_str().to_owned());
    span.set_attribute(names::TURN, i64::from(turn));
    span
}

/// What came of a request to a model.
pub(crate) fn chatted(span: &Span, event: &RunEvent) {
    if span.is_disabled() {
        return;
    }
    let failed = |kind: &str| {
        span.set_attribute(names::ERROR, kind.to_owned());
        span.record("otel.status_code", "error");
    };
    match event {
        RunEvent::ModelAnswered { answer, .. } => {
            span.set_attribute(names::INPUT_TOKENS, number(answer.tokens.input));
            span.set_attribute(names::OUTPUT_TOKENS, number(answer.tokens.output));
            span.set_attribute(names::CACHED_TOKENS, number(answer.tokens.cached));
            let reasons = Array::String(vec![finish(&answer.finish).into()]);
            span.set_attribute(names::FINISH_REASONS, Value::Array(reasons));
            if let Some(model) = &answer.served_by {
                span.set_attribute(names::RESPONSE_MODEL, somebody_elses(model));
            }
        }
        RunEvent::ModelFailed { code, .. } => failed(code),
        RunEvent::CancelRequested => failed("cancelled"),
        RunEvent::TimeRanOut => failed("timeout"),
        _ => {}
    }
}

/// For logs only: which step of which run is worked on.
pub(crate) fn step(run: &str, step: u64) -> Span {
    tracing::info_span!(target: LOG_TARGET, "step", { names::RUN } = run, { names::STEP } = step)
}

/// The conventions' name of who serves a model, and the model's own name.
fn provider(model: &str) -> (String, String) {
    match model.split_once(':') {
        Some((protocol, name)) if protocol.starts_with("openai") => ("openai".to_owned(), name.to_owned()),
        Some((protocol, name)) => (protocol.to_owned(), name.to_owned()),
        None => ("_other".to_owned(), model.to_owned()),
    }
}

fn finish(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::ToolCalls => "tool_calls",
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::Other(_) => "_other",
    }
}

fn number(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// An identifier that somebody else chose: short, and nothing in it that a terminal obeys.
fn somebody_elses(text: &str) -> String {
    escape::short(text, LONGEST_WORD).into_owned()
}

fn content(text: &str, redactor: &Redactor) -> String {
    // First redacted, then cut: half a secret is one that nobody finds.
    let clean = redactor.redact_json(text);
    clean.get(..clean.floor_char_boundary(LONGEST_CONTENT)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use toolhold_core::call::Mode;

    use super::*;
    use crate::telemetry::{LogFormat, LogOptions, dispatch};

    fn a_call() -> ToolCall {
        let run = "run-1".parse().unwrap();
        ToolCall { run, tool: "files.read".into(), arguments: "{}".into(), key: None, mode: Mode::Live }
    }

    /// Whether anything was put together for a span.
    fn is_made() -> bool {
        let asked = Cell::new(false);
        let is_tool = |_: &str| {
            asked.set(true);
            true
        };
        let span = call(&a_call(), is_tool, &Origin::default(), &Redactor::default());
        let origin = Origin::mcp(None, None, || {
            asked.set(true);
            super::super::McpRequest::default()
        });
        drop((span, origin));
        asked.get()
    }

    #[test]
    fn where_nobody_takes_spans_nothing_is_put_together_for_one() {
        assert!(!is_made(), "without a subscriber");
        for (level, format, expected) in
            [("trace", LogFormat::Text, false), ("warn", LogFormat::Text, false), ("warn", LogFormat::Json, true)]
        {
            let options = LogOptions { level, format, ansi: false };
            let made = tracing::dispatcher::with_default(&dispatch(options, std::io::sink, None), is_made);
            assert_eq!(made, expected, "{level} {format:?}");
        }
    }

    #[test]
    fn who_serves_a_model_is_told_by_its_protocol() {
        for (model, served_by, name) in [
            ("openai:gpt-5-mini", "openai", "gpt-5-mini"),
            ("openai-responses:gpt-5", "openai", "gpt-5"),
            ("anthropic:claude", "anthropic", "claude"),
            ("scripted:script.toml", "scripted", "script.toml"),
            ("plain", "_other", "plain"),
        ] {
            assert_eq!(provider(model), (served_by.to_owned(), name.to_owned()), "{model}");
        }
    }

    #[test]
    fn content_is_without_secrets_before_it_is_cut() {
        let redactor = Redactor::new([("token", "s3cr3t-s3cr3t")]);
        let text = format!("{}s3cr3t-s3cr3t", "x".repeat(LONGEST_CONTENT - 6));
        let kept = content(&text, &redactor);
        assert!(kept.len() <= LONGEST_CONTENT && !kept.contains("s3cr3t"), "{}", &kept[kept.len() - 20..]);
        assert_eq!(somebody_elses("a\u{202e}b\n").chars().filter(|sign| sign.is_control()).count(), 0);
    }
}
