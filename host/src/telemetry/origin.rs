//! Where a request comes from, as far as traces go: the caller's own trace, and the protocol that carried it.

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::spans::is_taken;

/// The longest `tracestate` that is taken: what the recommendation of the W3C has everybody take.
const LONGEST_STATE: usize = 512;

/// Where a call comes from. Cheap to clone; nothing where nobody takes spans.
#[derive(Debug, Clone, Default)]
pub struct Origin(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    parent: Context,
    mcp: Option<McpRequest>,
}

/// The request of a client of the Model Context Protocol that asks for a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct McpRequest {
    /// The session, where the transport has them.
    pub session: Option<String>,
    /// The revision of the protocol.
    pub version: Option<String>,
    /// The id of the request.
    pub request: String,
    /// Over a network, or else over a pipe.
    pub network: bool,
}

/// The two headers of the W3C recommendation on trace context.
struct Headers<'a> {
    parent: Option<&'a str>,
    state: Option<&'a str>,
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.parent,
            "tracestate" => self.state.filter(|state| state.len() <= LONGEST_STATE),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

impl Origin {
    /// A request with these headers, or what stands for them. What does not conform is no parent.
    #[must_use]
    pub fn new(traceparent: Option<&str>, tracestate: Option<&str>) -> Self {
        Self::of(traceparent, tracestate, || None)
    }

    /// A request over HTTP: its parent is in its headers.
    #[must_use]
    pub fn http(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self::new(text("traceparent"), text("tracestate"))
    }

    /// A request of a client of MCP: its parent is in `_meta`. `request` is only asked where somebody takes spans.
    #[must_use]
    pub fn mcp(traceparent: Option<&str>, tracestate: Option<&str>, request: impl FnOnce() -> McpRequest) -> Self {
        Self::of(traceparent, tracestate, || Some(request()))
    }

    fn of(parent: Option<&str>, state: Option<&str>, mcp: impl FnOnce() -> Option<McpRequest>) -> Self {
        if !is_taken() {
            return Self::default();
        }
        // In a context of its own: nothing of this process is a parent of what somebody else has begun.
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers { parent, state });
        Self(Some(Arc::new(Known { parent, mcp: mcp() })))
    }

    /// The caller's span, if it told of one.
    pub(super) fn parent(&self) -> Option<&Context> {
        use opentelemetry::trace::TraceContextExt as _;
        let parent = &self.0.as_ref()?.parent;
        parent.span().span_context().is_valid().then_some(parent)
    }

    /// The request that asks for it, if it is one of MCP.
    pub(super) fn request(&self) -> Option<&McpRequest> {
        self.0.as_ref()?.mcp.as_ref()
    }
}
