//! One connection, from its first byte to its last: HTTP/1.1 or HTTP/2, bounded in time and room, ended when the process ends.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::bounds::Bounds;
use super::stalling::Stalling;
use crate::shutdown::Shutdown;

/// What every request of a connection has in its extensions.
pub(crate) trait Marks: Clone + Send + Sync + 'static {
    /// Puts it there.
    fn mark(&self, request: &mut Request<Incoming>);
}

/// Answers the requests of one connection by `router`, until the peer or the process ends.
pub(crate) async fn drive<I, M>(io: I, marks: M, router: Router, bounds: &Bounds, shutdown: &Shutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    M: Marks,
{
    let open = watch::Sender::new(0_usize);
    let counted = open.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let held = Held::new(&counted);
        marks.mark(&mut request);
        let router = router.clone();
        async move {
            let answer = router.oneshot(request).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|never| match never {}).map(|body| Whole { body, _held: held }))
        }
    });
    let builder = builder(bounds);
    let io = TokioIo::new(Stalling::new(io, bounds.stall_time));
    let mut connection = pin!(builder.serve_connection(io, service));
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = shutdown.now() => return,
        () = shutdown.begun() => {}
        () = unused(open.subscribe(), bounds) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = connection.as_mut() => {}
        () = shutdown.now() => {}
        () = quiet(open.subscribe(), bounds.linger_time) => {}
    }
}

fn builder(bounds: &Bounds) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let head = usize::try_from(bounds.head).unwrap_or(usize::MAX);
    let mut first = builder.http1();
    first.timer(TokioTimer::new()).header_read_timeout(bounds.head_time);
    first.max_buf_size(head).max_headers(bounds.headers).half_close(false);
    let mut second = builder.http2();
    second.timer(TokioTimer::new()).max_concurrent_streams(bounds.streams).max_header_list_size(bounds.head);
    // A peer that is gone without a word is found out; the windows bound what is kept of bodies that nobody reads yet.
    second.keep_alive_interval(bounds.idle_time).keep_alive_timeout(bounds.head_time);
    second.initial_stream_window_size(64 << 10).initial_connection_window_size(1 << 20).max_send_buf_size(256 << 10);
    builder
}

/// Returns when nothing was asked for too long: for a shorter time before the first request.
async fn unused(mut open: watch::Receiver<usize>, bounds: &Bounds) {
    let first = open.wait_for(|open| *open > 0);
    if tokio::time::timeout(bounds.head_time, first).await.is_ok() {
        quiet(open, bounds.idle_time).await;
    }
}

/// Returns when no request was open for so long.
async fn quiet(mut open: watch::Receiver<usize>, time: Duration) {
    while open.wait_for(|open| *open == 0).await.is_ok() {
        tokio::select! {
            () = tokio::time::sleep(time) => return,
            changed = open.changed() => if changed.is_err() { return },
        }
    }
}

/// A request that is open, until its answer has been sent or given up.
struct Held(watch::Sender<usize>);

impl Held {
    fn new(open: &watch::Sender<usize>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// A body, and what ends with it.
struct Whole {
    body: Body,
    _held: Held,
}

impl HttpBody for Whole {
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
