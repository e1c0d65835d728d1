//! What becomes of log lines and spans in this process: the one place where its subscriber is put together.
//!
//! A span that nobody takes is never made: the filters below are known when it is first passed, so that from then on it costs the
//! look at one number.

use tracing::{Dispatch, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use super::conventions::TARGET;
use super::export::Exporter;
use super::log::{Ids, Json};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object for each, with run, step, call and trace.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions<'a> {
    /// Which lines: directives of `tracing`, such as `toolhold=info,warn`.
    pub level: &'a str,
    /// How they look.
    pub format: LogFormat,
    /// In colour.
    pub ansi: bool,
}

/// Begins to write log lines with `writer`, and to send spans with `exporter`. The first in a process counts.
pub fn start<W>(options: LogOptions<'_>, writer: W, exporter: Option<&Exporter>)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Only the first one counts; a second call can only come from a test.
    let _already_set = tracing::dispatcher::set_global_default(dispatch(options, writer, exporter));
}

pub(crate) fn dispatch<W>(options: LogOptions<'_>, writer: W, exporter: Option<&Exporter>) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match options.format {
        LogFormat::Text => {
            // Spans would stand before each line.
            let level = EnvFilter::new(format!("{},{TARGET}=off", options.level));
            match exporter {
                None => Registry::default().with(level).with(for_people(writer, options.ansi)).into(),
                Some(exporter) => {
                    let lines = for_people(writer, options.ansi).with_filter(level);
                    Registry::default().with(sent(exporter)).with(lines).into()
                }
            }
        }
        LogFormat::Json => {
            let level = EnvFilter::new(format!("{},{TARGET}=info", options.level));
            let lines = fmt::layer().event_format(Json).with_writer(writer).with_filter(level);
            let ids = Ids.with_filter(spans(|metadata| metadata.target().starts_with(TARGET)));
            Registry::default().with(exporter.map(sent)).with(ids).with(lines).into()
        }
    }
}

/// Log lines as people read them.
fn for_people<S, W>(writer: W, ansi: bool) -> fmt::Layer<S, DefaultFields, Format, W>
where
    W: for<'w> MakeWriter<'w> + 'static,
{
    fmt::layer().with_writer(writer).with_ansi(ansi).with_target(false)
}

/// Sends spans. Lines of the log stay here: they are for the operator, in whatever words.
fn sent<S>(exporter: &Exporter) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(exporter.tracer())
        .with_level(false)
        .with_target(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(spans(|metadata| metadata.target() == TARGET))
}

fn spans(of: fn(&Metadata<'_>) -> bool) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata: &Metadata<'_>| metadata.is_span() && of(metadata)).with_max_level_hint(LevelFilter::INFO)
}
