//! A log line as JSON: when, how much it matters, what, and in the work on which run, step, call and trace it was said.
//!
//! One object in one line, so that what comes after can take it apart. Who writes it out takes known secrets out of the whole line.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::conventions::{CALL, RUN, STEP};
use crate::clock;

/// Remembers of which run, step and call spans are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ids;

/// Of which run, step and call a span is, as far as it says so itself.
#[derive(Debug, Clone, Default)]
struct Known {
    run: Option<String>,
    step: Option<u64>,
    call: Option<String>,
}

impl Visit for Known {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            RUN => self.run = Some(value.to_owned()),
            CALL => self.call = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == STEP {
            self.step = Some(value);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ids {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut known = Known::default();
        attributes.record(&mut known);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(known);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<Known>()
        {
            values.record(known);
        }
    }
}

/// Writes log lines as JSON.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Map::new();
        let mut add = |name: &str, value: Value| drop(line.insert(name.to_owned(), value));
        add("time", clock::now().to_string().into());
        add("level", metadata.level().as_str().to_ascii_lowercase().into());
        add("target", metadata.target().into());
        let mut fields = Fields::default();
        event.record(&mut fields);
        add("message", fields.message.into());
        let mut known = Known::default();
        let mut trace = None;
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(own) = span.extensions().get::<Known>() {
                known.run = own.run.clone().or(known.run);
                known.step = own.step.or(known.step);
                known.call = own.call.clone().or(known.call);
            }
            trace = of_trace(&span.id()).or(trace);
        }
        let ids = [
            ("run", known.run.map(Value::from)),
            ("step", known.step.map(Value::from)),
            ("call", known.call.map(Value::from)),
        ];
        for (name, value) in ids {
            if let Some(value) = value {
                add(name, value);
            }
        }
        if let Some((trace, span)) = trace {
            add("trace_id", trace.into());
            add("span_id", span.into());
        }
        if !fields.others.is_empty() {
            add("fields", Value::Object(fields.others));
        }
        writeln!(out, "{}", Value::Object(line))
    }
}

/// The trace and the span as the collector knows them, if they are sent to one.
fn of_trace(id: &Id) -> Option<(String, String)> {
    use opentelemetry::trace::TraceContextExt as _;
    let context = tracing::dispatcher::get_default(|dispatch| tracing_opentelemetry::get_otel_context(id, dispatch))?;
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
}

/// What an event says.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        match (field.name(), value.into()) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => drop(self.others.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}
