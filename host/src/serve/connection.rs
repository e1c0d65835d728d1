//! One connection, from its first byte to its last: HTTP/1.1 or HTTP/2, bounded in time and room, ended when the process ends.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use super::bounds::Bounds;
use super::inline::Inline;
use super::stalling::Stalling;
use super::taking::{Streams, Taking};
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
    let (inline, mut driven) = (Inline::default(), pin!(driven(io, marks, router, bounds, shutdown)));
    poll_fn(|context| inline.poll(driven.as_mut(), context)).await;
}

async fn driven<I, M>(io: I, marks: M, router: Router, bounds: &Bounds, shutdown: &Shutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    M: Marks,
{
    let open = Arc::new(Open::new());
    let counted = Arc::clone(&open);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let held = Held::new(&counted, request.version());
        marks.mark(&mut request);
        let router = router.clone();
        async move {
            let answer = router.oneshot(request).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|never| match never {}).map(|body| Whole::new(body, held)))
        }
    });
    let builder = builder(bounds);
    let io = TokioIo::new(Stalling::new(io, bounds.stall_time));
    let mut connection = pin!(builder.serve_connection(io, service));
    let ends = ends(&open, bounds, shutdown);
    tokio::select! {
        _ended = connection.as_mut() => return,
        end = ends => match end {
            End::Now => return,
            End::Soon => {}
        },
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = connection.as_mut() => {}
        () = shutdown.now() => {}
        () = open.quiet(bounds.linger_time) => {}
    }
}

/// How a connection is told to end.
enum End {
    Now,
    /// What is open is answered.
    Soon,
}

/// Returns when a connection has to end. Each request wakes the task of its connection several times: what is waited for here is looked at
/// only when it has happened, and nothing of it is set or taken back for a request.
async fn ends(open: &Open, bounds: &Bounds, shutdown: &Shutdown) -> End {
    let now = async {
        shutdown.now().await;
        End::Now
    };
    let begun = async {
        shutdown.begun().await;
        End::Soon
    };
    let mut all: FuturesUnordered<BoxFuture<'_, End>> = FuturesUnordered::new();
    all.push(Box::pin(now));
    all.push(Box::pin(begun));
    all.push(Box::pin(unused(open, bounds)));
    // There is always one.
    all.next().await.unwrap_or(End::Now)
}

fn builder(bounds: &Bounds) -> Builder<Streams> {
    let mut builder = Builder::new(Streams::new(bounds.stall_time));
    let head = usize::try_from(bounds.head).unwrap_or(usize::MAX);
    let mut first = builder.http1();
    // How long a head may take is watched here, see `unused`: without a timer for each.
    first.header_read_timeout(None).max_buf_size(head).max_headers(bounds.headers).half_close(false);
    let mut second = builder.http2();
    second.timer(TokioTimer::new()).max_concurrent_streams(bounds.streams).max_header_list_size(bounds.head);
    // A peer that is gone without a word is found out; the windows bound what is kept of bodies that nobody reads yet.
    second.keep_alive_interval(bounds.idle_time).keep_alive_timeout(bounds.head_time);
    second.initial_stream_window_size(64 << 10).initial_connection_window_size(1 << 20).max_send_buf_size(256 << 10);
    builder
}

/// Returns when nothing was asked for too long. Of HTTP/1 that is the time that a head may take: from the beginning of the connection, or
/// the end of the answer before it.
async fn unused(open: &Open, bounds: &Bounds) -> End {
    loop {
        let (time, end) = match open.speaks_second() {
            true => (bounds.idle_time, End::Soon),
            false => (bounds.head_time, End::Now),
        };
        open.quiet(time).await;
        // The first request may have said meanwhile that there may be more at once.
        if matches!(end, End::Soon) || !open.speaks_second() {
            return end;
        }
    }
}

/// How many requests of a connection are open, and since when there is none.
struct Open {
    began: Instant,
    count: AtomicUsize,
    /// In microseconds from the beginning.
    free: AtomicU64,
    speaks_second: AtomicBool,
}

impl Open {
    fn new() -> Self {
        let (count, free, speaks_second) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Self { began: Instant::now(), count, free, speaks_second }
    }

    fn speaks_second(&self) -> bool {
        self.speaks_second.load(Ordering::Acquire)
    }

    /// Since when there is none; nothing while there is one.
    fn free(&self) -> Option<Instant> {
        let free = (self.count.load(Ordering::Acquire) == 0).then(|| self.free.load(Ordering::Acquire))?;
        Some(self.began + Duration::from_micros(free))
    }

    /// Returns when no request was open for so long: not before so long from now if there was one in the meantime.
    async fn quiet(&self, time: Duration) {
        loop {
            // What is open now may end at once, and has so long from there.
            let until = self.free().unwrap_or_else(Instant::now) + time;
            tokio::time::sleep_until(until.into()).await;
            if self.free().is_some_and(|free| free + time <= Instant::now()) {
                return;
            }
        }
    }
}

/// A request that is open, until its answer has been sent or given up.
struct Held(Arc<Open>);

impl Held {
    fn new(open: &Arc<Open>, version: Version) -> Self {
        open.count.fetch_add(1, Ordering::AcqRel);
        if version == Version::HTTP_2 {
            open.speaks_second.store(true, Ordering::Release);
        }
        Self(Arc::clone(open))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let free = u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.free.store(free, Ordering::Release);
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Bytes of an answer that are handed over at once. What was handed over counts as sent: more of it than this is kept for nobody.
const PIECE: usize = 16 << 10;

/// A body, and what ends with it.
struct Whole {
    body: Body,
    /// What came of the body, and was not handed over yet.
    rest: Bytes,
    /// Something was handed over of what is left here.
    is_cut: bool,
    taking: Option<Taking>,
    _held: Held,
}

impl Whole {
    fn new(body: Body, held: Held) -> Self {
        let taking = Taking::of_this_task();
        if let Some(taking) = &taking {
            taking.offered();
        }
        Self { body, rest: Bytes::new(), is_cut: false, taking, _held: held }
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) => (self.rest, self.is_cut) = (data, false),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let is_last = self.rest.len() <= PIECE;
        let piece = match (is_last, self.is_cut) {
            // With the last piece nobody keeps all of it.
            (true, true) => Bytes::copy_from_slice(&std::mem::take(&mut self.rest)),
            (true, false) => std::mem::take(&mut self.rest),
            (false, _) => self.rest.split_to(PIECE),
        };
        self.is_cut = !is_last;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let next = self.next(context);
        match &self.taking {
            Some(taking) if next.is_ready() => taking.offered(),
            Some(taking) => taking.awaited(),
            None => {}
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        // In this order: the lower bound is never above the upper one.
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
