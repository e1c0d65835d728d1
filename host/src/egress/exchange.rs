//! One request and its answer on a connection that is theirs alone.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, DropGuard};
use toolhold_sandbox::capability::http::{Body, BodyError, EgressError, EgressRequest, EgressResponse};

use super::client::{Owned, Permits};
use super::connect::Connection;
use super::place::Placed;

/// Headers of an answer. A server that sends more is not understood, or attacks.
const MAX_HEADERS: usize = 256;

/// Bytes of an answer's head, and of what is read ahead.
const MAX_BUFFER: usize = 128 << 10;

/// See [`MAX_BUFFER`]; HTTP/2 counts 32 bytes more per header.
const MAX_HEADER_LIST: u32 = 128 << 10;

/// Sends `request` and waits for the begin of its answer. `permits` are held until the answer's end.
pub(super) async fn exchange(
    connection: Connection,
    request: EgressRequest,
    placed: Placed,
    permits: Permits,
) -> Result<EgressResponse, EgressError> {
    let http2 = connection.speaks_http2();
    let request = head(request, placed, http2)?;
    let (response, driven) = match http2 {
        true => over_http2(connection, request).await?,
        false => over_http1(connection, request).await?,
    };
    let (parts, body) = response.into_parts();
    let body = Answered { body, _driven: driven, _permits: permits }.boxed_unsync();
    Ok(EgressResponse { status: parts.status, headers: parts.headers, body })
}

/// What keeps a connection going. Dropped, the connection is closed, whatever waits to be sent on it.
pub(super) struct Driven {
    _task: Owned<()>,
    _spawned: Option<DropGuard>,
}

/// The begin of an answer, and what keeps its connection.
type Begun = (Response<Incoming>, Driven);

async fn over_http1<I>(io: I, request: Request<Body>) -> Result<Begun, EgressError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    let handshake = builder.max_headers(MAX_HEADERS).max_buf_size(MAX_BUFFER).handshake(TokioIo::new(io)).await;
    let (mut sender, connection) = handshake.map_err(|error| EgressError::Connect(chain(&error)))?;
    let driven = Driven { _task: Owned(tokio::spawn(async move { drop(connection.await) })), _spawned: None };
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    Ok((response, driven))
}

/// The library's own task only takes requests: the one that holds the connection is spawned beside it, and would first send what it has to.
pub(super) async fn over_http2<I>(io: I, request: Request<Body>) -> Result<Begun, EgressError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (spawning, spawned) = Spawning::new();
    let handshake = http2::Builder::new(spawning).max_header_list_size(MAX_HEADER_LIST).handshake(TokioIo::new(io));
    let (mut sender, connection) = handshake.await.map_err(|error| EgressError::Connect(chain(&error)))?;
    let task = Owned(tokio::spawn(async move { drop(connection.await) }));
    let driven = Driven { _task: task, _spawned: Some(spawned) };
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    Ok((response, driven))
}

/// Spawns tasks that end with the guard.
#[derive(Clone)]
struct Spawning(CancellationToken);

impl Spawning {
    fn new() -> (Self, DropGuard) {
        let ends = CancellationToken::new();
        (Self(ends.clone()), ends.drop_guard())
    }
}

impl<F> Executor<F> for Spawning
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        let ends = self.0.clone();
        let _ends_by_itself_or_with_the_guard = tokio::spawn(async move { ends.run_until_cancelled(task).await });
    }
}

/// The request as it is sent: HTTP/1 has the host in a header, HTTP/2 in the URL.
fn head(request: EgressRequest, placed: Placed, http2: bool) -> Result<Request<Body>, EgressError> {
    let EgressRequest { method, target, mut headers, body, .. } = request;
    let authority = target.authority();
    let uri = match http2 {
        true => format!("{}://{authority}{}", target.scheme().as_str(), placed.path_and_query),
        false => placed.path_and_query,
    };
    // Neither error repeats the text: it may hold a secret.
    let unusable = |what: &str| EgressError::Connect(format!("the {what} cannot be sent"));
    let uri: Uri = uri.parse().map_err(|_| unusable("URL"))?;
    if !http2 {
        headers.insert(HOST, HeaderValue::from_str(&authority).map_err(|_| unusable("host"))?);
    }
    for (name, value) in placed.headers {
        headers.insert(name, value);
    }
    let body = body.unwrap_or_else(|| Empty::new().map_err(|never| match never {}).boxed_unsync());
    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(method.as_str().as_bytes()).map_err(|_| unusable("method"))?;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// After the handshake, any byte of the request may have left.
fn failed(error: &hyper::Error) -> EgressError {
    let why = chain(error);
    if error.is_parse() || error.is_parse_too_large() {
        EgressError::NoAnswer(format!("what came is not an answer: {why}"))
    } else {
        EgressError::Broken(format!("no answer came: {why}"))
    }
}

/// An error and what led to it, in one line.
fn chain(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The body of an answer, and what keeps its connection.
struct Answered {
    body: Incoming,
    _driven: Driven,
    _permits: Permits,
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(|error| BodyError(chain(&error)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
