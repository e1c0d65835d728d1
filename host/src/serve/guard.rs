//! What stands before every part that is served: names, origins, and how much is answered at once.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use toolhold_core::schema;

use super::bounds::Bounds;
use super::connection::Marks;
use super::names::Names;
use super::peers::{Entered, Peers};
use crate::access::{Access, Connection, let_in};
use crate::problem::{Code, Problem};

/// How a request came, and to which address of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived {
    pub(super) connection: Connection,
    pub(super) local: SocketAddr,
}

impl Marks for Arrived {
    fn mark(&self, request: &mut Request<Incoming>) {
        request.extensions_mut().insert(self.connection);
        request.extensions_mut().insert(*self);
    }
}

/// What is asked of every request. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(super) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    names: Names,
    access: Access,
    requests: Peers,
}

impl Guard {
    pub(super) fn new(names: Names, access: Access, bounds: &Bounds) -> Self {
        let requests = Peers::new(bounds.requests, bounds.requests_per_peer);
        Self(Arc::new(Inner { names, access, requests }))
    }
}

/// The layer: a request that another site's page sends, or that is meant for another host, reaches nothing. What panics behind it is
/// answered, too.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(guarded(&guard.0, request, next)).catch_unwind().await;
    let answered = answered.unwrap_or_else(|panic| Err(panicked(&*panic)));
    let mut response = answered.unwrap_or_else(Problem::into_response);
    let headers = response.headers_mut();
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn guarded(guard: &Inner, mut request: Request, next: Next) -> Result<Response, Problem> {
    let arrived = request.extensions().get::<Arrived>().copied();
    let arrived = arrived.ok_or_else(|| Problem::new(Code::Internal, "the request came by an unknown way"))?;
    // Whoever watches this server is answered also when it has enough to do: that costs little, and no body is read for it.
    let place = match request.uri().path() {
        "/healthz" | "/readyz" => None,
        _ => Some(guard.requests.enter(arrived.connection.peer).ok_or_else(overloaded)?),
    };
    let names = &guard.names;
    let checked = names.check_host(request.uri(), request.headers(), arrived.local);
    let checked = checked.and_then(|ours| {
        names.check_origin(&ours, request.method(), request.headers())?;
        Ok(ours)
    });
    match checked {
        // HTTP/2 has it elsewhere; parts find it in one place.
        Ok(ours) => request.headers_mut().insert(header::HOST, ours.host()),
        Err(problem) => {
            // On record, but for a flood of them.
            let _told_to_wait = guard.access.refused(arrived.connection.peer, None, problem.code()).await;
            return Err(problem);
        }
    };
    let response = next.run(request).await;
    match place {
        Some(place) if !is_endless(&response) => Ok(response.map(|body| Body::new(Placed { body, _place: place }))),
        _ => Ok(response),
    }
}

/// Streams of events stay open for as long as somebody listens. How many there may be is bounded where they begin.
fn is_endless(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// An answer on its way: it has its place until it was sent or given up.
struct Placed {
    body: Body,
    _place: Entered,
}

impl HttpBody for Placed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What is answered when a part of the server panics. What it said goes to the log, not to the caller.
fn panicked(panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    tracing::error!(panic = %text, "a request was not answered");
    Problem::new(Code::Internal, "the server failed; its log says more")
}

fn overloaded() -> Problem {
    Problem::new(Code::Overloaded, "as many requests are answered as there may be; ask again in a moment")
        .retry_after(1)
}

/// Bodies: how long one may be, how long it may take, and how many long ones there are at once.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    bounds: Bounds,
    long: Arc<Semaphore>,
}

impl Bodies {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, long: Arc::new(Semaphore::new(bounds.long_bodies)) }
    }

    /// The whole body, and the room that it takes if it is long.
    pub(crate) async fn read(&self, body: Body) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Problem> {
        let most = u64::try_from(self.bounds.body).unwrap_or(u64::MAX);
        let size = http_body::Body::size_hint(&body);
        if size.lower() > most {
            return Err(self.too_large());
        }
        let small = u64::try_from(self.bounds.small_body).unwrap_or(u64::MAX);
        // One whose length is not said may be long.
        let permit = match size.upper().is_some_and(|upper| upper <= small) {
            true => None,
            false => Some(Arc::clone(&self.long).try_acquire_owned().map_err(|_| overloaded())?),
        };
        let read = tokio::time::timeout(self.bounds.body_time, Limited::new(body, self.bounds.body).collect()).await;
        let read = read.map_err(|_| Problem::new(Code::RequestTimeout, "the body did not come to its end in time"))?;
        match read {
            Ok(whole) => {
                let bytes = whole.to_bytes();
                if schema::is_heavy(&bytes) { Err(too_many()) } else { Ok((bytes, permit)) }
            }
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(self.too_large()),
            Err(_) => Err(Problem::new(Code::BadRequest, "the body broke off")),
        }
    }

    fn too_large(&self) -> Problem {
        Problem::new(Code::BodyTooLarge, format!("a body may have {} bytes", self.bounds.body))
    }
}

/// Few bytes can be many values, each of which takes far more memory.
fn too_many() -> Problem {
    let most = schema::MAX_VALUES;
    Problem::new(
        Code::BodyTooLarge,
        format!("a body may have some {most} values in lists and objects; send less at once"),
    )
}

/// The door, as one layer: who has no token comes no further, and for nobody else a body is read. Parts get whole bodies, and none
/// that is longer than any may be.
///
/// It is one layer, as each costs every request some of what answers it.
pub(super) async fn door(
    State((access, bodies)): State<(Access, Bodies)>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let whole = async |request: Request| {
        let (parts, body) = request.into_parts();
        match bodies.read(body).await {
            Ok((bytes, _permit)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Err(problem) => problem.into_response(),
        }
    };
    let_in(&access, request, whole).await
}
