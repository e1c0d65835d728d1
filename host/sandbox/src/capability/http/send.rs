//! One request of a guest: judged, counted, written down, and handed to whoever sends it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use toolhold_core::call::{Mode, Sends};
use toolhold_core::effect::RequestState;
use toolhold_core::grant::http::{HttpGrant, Method, Scheme, Target, covering};
use toolhold_core::limit::Limit;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::HttpCtx;
use super::body::{Counter, Incoming, Outgoing};
use super::egress::{Answer, EgressError, EgressRequest, EgressResponse};
use super::headers;
use super::ledger::Entry;
use super::played;
use super::recorded::Taped;
use crate::call::{CallState, HostFault, Stopped};
use crate::meter::Meter;
use crate::reel::Reel;
use crate::workers::Workers;

type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// `wasi:http/outgoing-handler.handle`.
///
/// # Errors
///
/// What ends the call: a crossed limit, or a request that a preview may not send.
pub(super) fn handle(
    state: &mut CallState,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Handled> {
    state.count()?;
    let options = options.map(|options| state.table.delete(options)).transpose()?.unwrap_or_default();
    let request = state.table.delete(request)?;
    let (method, url) = (name(&request.method), written(&request));
    let grants = Arc::clone(&state.http.grants);
    let (granted_method, target, grant) = match judge(&request, &grants) {
        Ok(granted) => granted,
        Err(why) => {
            let _refused = state.http.ledger.add(method, &url, RequestState::Refused { why }, Vec::new());
            return Ok(Err(ErrorCode::HttpRequestDenied));
        }
    };
    state.meter.charge(Limit::HttpRequests, 1)?;
    let secrets = grant.secrets.iter().map(|secret| secret.secret.to_string()).collect();
    // What is played sends nothing, so there is nothing to keep back.
    let sends = !matches!(state.http.reel, Some(Reel::Played(_)));
    let is_kept_back = match state.http.sends {
        Sends::Nothing => true,
        Sends::AsGranted => state.http.mode == Mode::Preview && !granted_method.is_safe(),
    };
    if sends && is_kept_back {
        let _withheld = state.http.ledger.add(method, &target.to_string(), RequestState::Withheld, secrets);
        return Err(Stopped::Withheld.into());
    }
    let pending = RequestState::Sent { why: "the tool did not wait for the answer, or the call ended before".into() };
    let entry = state.http.ledger.add(method, &target.to_string(), pending, secrets);
    let checked = Checked { method: granted_method, target, grant, options, entry };
    let response = send(state, checked, request)?;
    Ok(Ok(state.table.push(response)?))
}

/// A request that is granted.
struct Checked<'a> {
    method: Method,
    target: Target,
    grant: &'a HttpGrant,
    options: RequestOptions,
    entry: Entry,
}

/// Whether a grant covers the request.
fn judge<'a>(
    request: &HostOutgoingRequest,
    grants: &'a [HttpGrant],
) -> Result<(Method, Target, &'a HttpGrant), String> {
    let method: Method = name(&request.method).parse().map_err(|error| format!("{error}"))?;
    let scheme = match request.scheme {
        Some(types::Scheme::Https) | None => Scheme::Https,
        Some(types::Scheme::Http) => Scheme::Http,
        Some(types::Scheme::Other(_)) => return Err("only `http` and `https` can be granted".into()),
    };
    let authority = request.authority.as_deref().unwrap_or_default();
    let path = request.path_with_query.as_deref().unwrap_or_default();
    let target = Target::parse(scheme, authority, path).map_err(|error| error.to_string())?;
    let grant = covering(grants, method, &target).map_err(|miss| miss.to_string())?;
    Ok((method, target, grant))
}

fn send(
    state: &mut CallState,
    checked: Checked<'_>,
    request: HostOutgoingRequest,
) -> wasmtime::Result<HostFutureIncomingResponse> {
    let Checked { method, target, grant, options, entry } = checked;
    let http = &mut state.http;
    let mut headers = headers::outgoing(request.headers.into(), grant, request.body.is_some());
    if let (Some(name), Some(value)) = (&grant.idempotency_header, http.idempotency_value(method, &target)) {
        headers.insert(name, value);
        entry.keyed();
    }
    let head = method.as_str().len() as u64 + target.to_string().len() as u64 + headers::size(&headers);
    if let Err(exceeded) = state.meter.charge(Limit::HttpBytesSent, head) {
        entry.state(RequestState::NotSent { why: exceeded.to_string() });
        return Err(exceeded.into());
    }
    let counter = Counter { meter: Arc::clone(&state.meter), crossing: http.crossing.clone(), entry };
    let taped = http.reel.as_ref().and_then(|reel| Taped::of(reel, method.as_str(), target.to_string()));
    let outgoing = |body| {
        let body = outgoing(body, counter.clone(), Arc::clone(&http.ended));
        match &taped {
            Some(taped) => taped.outgoing(body),
            None => body,
        }
    };
    let returned = counter.entry.clone();
    let request = EgressRequest {
        component: http.component.clone(),
        method,
        headers,
        body: request.body.map(outgoing),
        addresses: grant.addresses.clone(),
        secrets: grant.secrets.clone(),
        connect_timeout: options.connect_timeout,
        returned: Arc::new(move |names| returned.returned(names)),
        target,
    };
    let answer = match &http.reel {
        Some(Reel::Played(_)) => played::answer(taped.as_ref(), request, &http.workers),
        _ => http.egress.send(request),
    };
    let recorded = taped.filter(|_| matches!(http.reel, Some(Reel::Recorded(_))));
    let labels = Arc::clone(&grant.labels);
    let workers = http.workers.clone();
    let threads = http.workers.handle().ok_or_else(|| HostFault("there are no worker threads".into()))?;
    let task = threads.spawn(async move {
        let answer = match recorded {
            Some(taped) => taped.recorded(answer),
            None => answer,
        };
        let begun = answered(answer, first_byte(&options), &workers, &counter.entry).await?;
        counter.entry.labelled(&labels);
        let response = incoming(begun, counter)?;
        // The interface keeps a task of the connection; here the body keeps the connection.
        let idle = workers.handle().map(|threads| threads.spawn(std::future::ready(())).into());
        Ok((response, idle.ok_or(Error::InternalError(None))?))
    });
    Ok(HostFutureIncomingResponse::Pending(task.into()))
}

fn outgoing(body: WasiBody, counter: Counter, ended: Arc<AtomicBool>) -> super::egress::Body {
    Outgoing { body, counter, ended }.boxed_unsync()
}

/// How long the guest is willing to wait for the begin of an answer.
fn first_byte(options: &RequestOptions) -> Option<Duration> {
    let connect = options.connect_timeout.unwrap_or_default();
    options.first_byte_timeout.map(|first_byte| first_byte.saturating_add(connect))
}

/// Waits for the begin of an answer, and writes down what came of it.
async fn answered(
    answer: Answer,
    patience: Option<Duration>,
    workers: &Workers,
    entry: &Entry,
) -> Result<EgressResponse, Error> {
    let until = patience.and_then(|patience| Instant::now().checked_add(patience));
    let given_up = async {
        match until {
            Some(until) => workers.sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    let result = tokio::select! {
        biased;
        result = answer => result,
        () = given_up => {
            entry.state(RequestState::Sent { why: "no answer came in the time that the tool gave it".into() });
            entry.fault(None);
            return Err(Error::ConnectionReadTimeout);
        }
    };
    match result {
        Ok(response) => {
            entry.state(RequestState::Answered { status: response.status.as_u16() });
            if let Some(seconds) = headers::retry_after(&response.headers) {
                entry.retry_after(seconds);
            }
            Ok(response)
        }
        Err(error) => {
            entry.state(outcome(&error));
            if error.is_fault() {
                entry.fault(error.retry_after());
            }
            Err(told(&error))
        }
    }
}

/// How far a request came that was not answered.
fn outcome(error: &EgressError) -> RequestState {
    let why = error.to_string();
    match error {
        EgressError::Address(_) | EgressError::NotRecorded(_) => RequestState::Refused { why },
        _ if error.may_have_left() => RequestState::Sent { why },
        _ => RequestState::NotSent { why },
    }
}

/// What the guest is told. Not why: that names addresses and secrets.
fn told(error: &EgressError) -> Error {
    match error {
        EgressError::Address(_) => Error::DestinationIpProhibited,
        EgressError::NotRecorded(_) => Error::HttpRequestDenied,
        EgressError::Lookup(_) => Error::DestinationNotFound,
        EgressError::Secret(_) => Error::ConfigurationError,
        EgressError::Connect(_) => Error::ConnectionRefused,
        EgressError::LeftAlone { .. } => Error::ConnectionLimitReached,
        EgressError::ConnectTimeout => Error::ConnectionTimeout,
        EgressError::Tls(_) => Error::TlsProtocolError,
        EgressError::Broken(_) => Error::ConnectionTerminated,
        EgressError::NoAnswer(_) => Error::HttpProtocolError,
    }
}

fn incoming(response: EgressResponse, counter: Counter) -> Result<http::Response<WasiBody>, Error> {
    let EgressResponse { status, headers, body } = response;
    if !headers::fits(&headers) {
        return Err(Error::HttpResponseHeaderSectionSize(None));
    }
    charge_head(&counter.meter, &counter, &headers)?;
    let mut response = http::Response::new(Incoming { body, counter }.boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn charge_head(meter: &Meter, counter: &Counter, headers: &http::HeaderMap) -> Result<(), Error> {
    meter.charge(Limit::HttpBytesReceived, headers::size(headers)).map_err(|exceeded| {
        counter.crossing.cross(exceeded);
        Error::HttpResponseHeaderSectionSize(None)
    })
}

/// The URL as the guest wrote it.
fn written(request: &HostOutgoingRequest) -> String {
    let scheme = match &request.scheme {
        Some(types::Scheme::Https) | None => "https",
        Some(types::Scheme::Http) => "http",
        Some(types::Scheme::Other(other)) => other,
    };
    let authority = request.authority.as_deref().unwrap_or_default();
    format!("{scheme}://{authority}{}", request.path_with_query.as_deref().unwrap_or_default())
}

fn name(method: &types::Method) -> &str {
    match method {
        types::Method::Get => "GET",
        types::Method::Head => "HEAD",
        types::Method::Post => "POST",
        types::Method::Put => "PUT",
        types::Method::Delete => "DELETE",
        types::Method::Connect => "CONNECT",
        types::Method::Options => "OPTIONS",
        types::Method::Trace => "TRACE",
        types::Method::Patch => "PATCH",
        types::Method::Other(name) => name,
    }
}

impl HttpCtx {
    /// The next key for a request that asks for a change.
    fn idempotency_value(&mut self, method: Method, target: &Target) -> Option<http::HeaderValue> {
        if method.is_safe() {
            return None;
        }
        let nth = self.keyed;
        self.keyed = self.keyed.saturating_add(1);
        let call = self.call.as_ref()?;
        Some(headers::idempotency_value(call, nth, method.as_str(), &target.to_string()))
    }
}
