//! Sends spans to a collector: OTLP over HTTP, in batches, from a queue with a bound.
//!
//! A thread and a small runtime of its own do it, so that no call waits for the collector and what is left can still be sent when the
//! program ends. Whatever is sent is free of the secrets that the process knows, whoever put them into a span.

use std::borrow::Cow;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::{Status, TracerProvider as _};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter as Otlp, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use tokio::runtime::{Handle, Runtime};

use super::conventions::SCHEMA_URL;
use super::environment::{Sampling, Settings};
use super::spans;

/// The longest answer of a collector that is read.
const LONGEST_ANSWER: usize = 64 << 10;

/// How long the end of the program waits for what is left to be sent.
const LAST: Duration = Duration::from_secs(5);

/// Takes the secrets out of a text.
pub type Clean = fn(&str) -> Cow<'_, str>;

/// Spans are being sent.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
    runtime: Runtime,
}

/// Spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("no spans are sent: {0}")]
pub struct CannotExport(String);

impl Exporter {
    /// Begins. `clean` is asked for every text.
    ///
    /// # Errors
    ///
    /// A header or the endpoint cannot be used, or there are no threads left.
    pub fn start(settings: &Settings, clean: Clean) -> Result<Self, CannotExport> {
        let cannot = |error: &dyn std::fmt::Display| CannotExport(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("spans")
            .enable_all()
            .build()
            .map_err(|error| cannot(&error))?;
        let client = client(settings).map_err(|error| cannot(&error))?;
        let headers: HashMap<String, String> = settings.headers.clone();
        let inner = Otlp::builder()
            .with_http()
            .with_http_client(Sender { client, runtime: runtime.handle().clone() })
            .with_endpoint(settings.endpoint.as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .with_headers(headers)
            .build()
            .map_err(|error| cannot(&error))?;
        let exporter = Cleaned { inner, clean, failed: AtomicBool::new(false) };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue)
            .with_max_export_batch_size(settings.batch)
            .with_scheduled_delay(settings.delay)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(sampler(settings.sampling))
            .with_resource(resource(settings))
            .build();
        if settings.content {
            spans::with_content();
        }
        Ok(Self { provider, runtime })
    }

    /// What makes spans.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("toolhold")
    }

    /// Sends what is left, within a bound of time.
    pub fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "not all spans were sent");
        }
        self.runtime.shutdown_background();
    }
}

fn sampler(sampling: Sampling) -> Sampler {
    let or = |sampler| Sampler::ParentBased(Box::new(sampler));
    match sampling {
        Sampling::All => Sampler::AlwaysOn,
        Sampling::None => Sampler::AlwaysOff,
        Sampling::Share(share) => Sampler::TraceIdRatioBased(share),
        Sampling::CallersOrAll => or(Sampler::AlwaysOn),
        Sampling::CallersOrNone => or(Sampler::AlwaysOff),
        Sampling::CallersOrShare(share) => or(Sampler::TraceIdRatioBased(share)),
    }
}

fn resource(settings: &Settings) -> Resource {
    let more = settings.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Resource::builder_empty()
        .with_schema_url(more.chain([version]), SCHEMA_URL)
        .with_service_name(settings.service.clone())
        .build()
}

fn client(settings: &Settings) -> Result<reqwest::Client, reqwest::Error> {
    crate::agent::model::install_tls();
    let builder =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(settings.timeout);
    match settings.endpoint.scheme() {
        // Without TLS, a machine without root certificates can still reach its own collector.
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.https_only(true).build(),
    }
}

/// Sends requests from the exporter's thread by way of the runtime.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

impl HttpClient for Sender {
    fn send_bytes<'s, 'a>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>
    where
        's: 'a,
        Self: 'a,
    {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { send(&client, request).await });
        Box::pin(async move { sent.await.map_err(HttpError::from)? })
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request.map(reqwest::Body::from))?;
    let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        std::mem::swap(headers, answer.headers_mut());
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            return Err("the collector's answer is longer than any should be".into());
        }
        body.extend_from_slice(&piece);
    }
    Ok(response.body(Bytes::from(body))?)
}

/// The last wall before spans leave: takes known secrets out of all their texts. Says so, once, when nothing can be sent.
#[derive(Debug)]
struct Cleaned {
    inner: Otlp,
    clean: Clean,
    failed: AtomicBool,
}

impl SpanExporter for Cleaned {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let batch = batch.into_iter().map(|span| cleaned(span, self.clean)).collect();
        let exported = self.inner.export(batch).await;
        let failed = exported.is_err();
        if let Err(error) = &exported
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "spans cannot be sent to the collector; they are dropped until they can be");
        }
        if !failed && self.failed.swap(false, Ordering::Relaxed) {
            tracing::warn!("spans are sent to the collector again");
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> Result<(), OTelSdkError> {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// The span without the secrets.
fn cleaned(mut span: SpanData, clean: Clean) -> SpanData {
    if let Cow::Owned(name) = clean(&span.name) {
        span.name = name.into();
    }
    clean_all(&mut span.attributes, clean);
    for event in &mut span.events.events {
        clean_all(&mut event.attributes, clean);
    }
    if let Status::Error { description } = &mut span.status
        && let Cow::Owned(text) = clean(description)
    {
        *description = text.into();
    }
    span
}

fn clean_all(attributes: &mut [KeyValue], clean: Clean) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => clean_one(text, clean),
            Value::Array(Array::String(texts)) => texts.iter_mut().for_each(|text| clean_one(text, clean)),
            _ => {}
        }
    }
}

fn clean_one(text: &mut StringValue, clean: Clean) {
    if let Cow::Owned(without) = clean(text.as_str()) {
        *text = without.into();
    }
}
