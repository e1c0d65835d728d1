//! What a scraper and a supervisor ask for over HTTP: metrics, whether the process lives, whether it can work.
//!
//! Metrics tell which tools are used how often, so they are for callers with a role. The other two tell nothing but yes or no, and
//! supervisors have no tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::metrics::Format;
use crate::access::{self, Role};
use crate::{Current, Host};

/// How long an answer of the journal holds: whoever asks more often costs it nothing.
const HOLDS: Duration = Duration::from_secs(1);

/// How long the journal may take to write.
const PATIENCE: Duration = Duration::from_secs(2);

/// `/metrics`, for callers with the role `observe`.
pub fn metrics(host: impl Into<Current>) -> Router {
    open_metrics(host).route_layer(from_fn_with_state(Role::Observe, access::needs))
}

/// `/metrics`, for everybody who reaches it.
pub fn open_metrics(host: impl Into<Current>) -> Router {
    let host = host.into();
    // From here on, not from the first scrape on.
    drop(Arc::clone(host.host().metrics()));
    Router::new().route("/metrics", get(scrape)).with_state(host)
}

/// `/healthz` and `/readyz`, for everybody.
pub fn health(host: impl Into<Current>) -> Router {
    let probe = Probe { host: host.into(), last: Arc::default() };
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(probe)
}

async fn scrape(State(host): State<Host>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format =
        if accepted.contains("application/openmetrics-text") { Format::OpenMetrics } else { Format::Prometheus };
    match host.metrics().encode(format) {
        Ok(text) => fresh((header::CONTENT_TYPE, format.content_type()), text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn alive() -> Response {
    fresh((header::CONTENT_TYPE, "text/plain; charset=utf-8"), "ok\n".to_owned())
}

/// An answer that nobody keeps.
fn fresh((name, value): (HeaderName, &'static str), text: String) -> Response {
    ([(name, HeaderValue::from_static(value)), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text)
        .into_response()
}

/// Whether a host can work, as it was found out last.
#[derive(Debug, Clone)]
struct Probe {
    host: Current,
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Probe {
    /// Whether the journal can be written now, or could a moment ago.
    async fn can_write(&self) -> bool {
        // Whoever comes meanwhile waits for the same answer.
        let mut last = self.last.lock().await;
        if let Some((at, can_write)) = *last
            && at.elapsed() < HOLDS
        {
            return can_write;
        }
        let can_write = match timeout(PATIENCE, self.host.host().journal().probe()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: the journal cannot be written");
                false
            }
            Err(_) => {
                tracing::warn!("not ready: the journal does not answer");
                false
            }
        };
        *last = Some((Instant::now(), can_write));
        can_write
    }
}

/// A host that is there has loaded its components. What it found wrong is in its log: anybody may ask here.
async fn ready(State(probe): State<Probe>) -> Response {
    let journal = probe.can_write().await;
    let word = |good: bool| if good { "ok" } else { "cannot be written" };
    let body = json!({ "ready": journal, "journal": word(journal), "components": "ok" });
    let status = if journal { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tempfile::TempDir;
    use tower::ServiceExt as _;

    use super::*;
    use crate::HostConfig;
    use crate::access::Caller;

    async fn host() -> (TempDir, Host) {
        let folder = TempDir::new().unwrap();
        let config = HostConfig::beside(&folder.path().join("toolhold.toml"));
        std::fs::write(&config.manifest, "version = 1\n").unwrap();
        std::fs::write(&config.lock, "version = 1\n").unwrap();
        let host = Host::open(&config, &|_| ()).await.unwrap();
        (folder, host)
    }

    async fn asked(router: &Router, path: &str, caller: Option<Caller>) -> (StatusCode, String) {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        assert_eq!(answer.headers().get(header::CACHE_CONTROL).is_some(), status != StatusCode::UNAUTHORIZED);
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn metrics_are_for_callers_unless_they_are_open() {
        let (_folder, host) = host().await;
        let (closed, open) = (metrics(host.clone()), open_metrics(host));
        assert_eq!(asked(&closed, "/metrics", None).await.0, StatusCode::UNAUTHORIZED);
        for role in Role::ALL {
            let (status, text) = asked(&closed, "/metrics", Some(Caller::new("c", role))).await;
            assert!(status == StatusCode::OK && text.contains("toolhold_build_info"), "{role}");
        }
        assert_eq!(asked(&open, "/metrics", None).await.0, StatusCode::OK);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_host_whose_journal_cannot_be_written_lives_and_is_not_ready() {
        let (_folder, host) = host().await;
        let router = health(host.clone());
        assert_eq!(asked(&router, "/readyz", None).await.0, StatusCode::OK);
        let forbidden = |forbidden: bool| {
            host.journal().with_connection(|connection| {
                connection.pragma_update(None, "query_only", forbidden).unwrap();
            });
        };
        forbidden(true);
        // The answer holds for a moment, however often it is asked for.
        assert_eq!(asked(&router, "/readyz", None).await.0, StatusCode::OK);
        tokio::time::sleep(HOLDS).await;
        let (status, text) = asked(&router, "/readyz", None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
        assert!(text.contains("cannot be written") && !text.contains('/'), "{text}");
        assert_eq!(asked(&router, "/healthz", None).await.0, StatusCode::OK);
        let text = host.metrics().encode(Format::Prometheus).unwrap();
        assert!(text.contains("toolhold_journal_failing 1"), "{text}");
        forbidden(false);
        tokio::time::sleep(HOLDS).await;
        assert_eq!(asked(&router, "/readyz", None).await.0, StatusCode::OK);
        assert!(host.metrics().encode(Format::Prometheus).unwrap().contains("toolhold_journal_failing 0"));
        host.journal().reader().unwrap().verify(None).unwrap();
    }
}
