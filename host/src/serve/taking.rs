//! An answer over HTTP/2 of which nothing is taken: it is given up after a while, and what was kept for it is free again.
//!
//! A peer that gives no window for an answer keeps no write waiting, so that [`Stalling`](super::stalling::Stalling) does not see it. Only the
//! answer ends: others on its connection may be of somebody else, behind a proxy.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::Sleep;

tokio::task_local! {
    /// Of the request that this task answers.
    static TAKING: Taking;
}

/// Who is waited for. Changed by the one task that answers the request.
#[derive(Debug, Clone, Default)]
pub(super) struct Taking(Arc<AtomicU8>);

/// Nothing is answered yet.
const UNANSWERED: u8 = 0;
/// Something waits to be taken, and did before.
const OFFERED: u8 = 1;
/// What waited was taken, and more waits now.
const TAKEN: u8 = 2;
/// Everything was taken. More comes when there is more.
const AWAITED: u8 = 3;

impl Taking {
    /// That of the request which is answered by this task, if it came by HTTP/2.
    pub(super) fn of_this_task() -> Option<Self> {
        TAKING.try_with(Self::clone).ok()
    }

    /// There is an answer, or one more piece of it.
    pub(super) fn offered(&self) {
        self.0.store(TAKEN, Ordering::Relaxed);
    }

    /// The peer would take more than there is.
    pub(super) fn awaited(&self) {
        self.0.store(AWAITED, Ordering::Relaxed);
    }

    /// Whoever sends the answer is about to look: what it does not ask for is still not taken.
    fn looks(&self) {
        if self.0.load(Ordering::Relaxed) != UNANSWERED {
            self.0.store(OFFERED, Ordering::Relaxed);
        }
    }

    /// Ready when nothing was taken for so long, after whoever sends the answer has looked.
    fn stalls(&self, waiting: &mut Option<Pin<Box<Sleep>>>, limit: Duration, context: &mut Context<'_>) -> Poll<()> {
        match self.0.load(Ordering::Relaxed) {
            OFFERED => {}
            TAKEN => *waiting = None,
            _ => {
                *waiting = None;
                return Poll::Pending;
            }
        }
        waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit))).as_mut().poll(context)
    }
}

/// Runs what answers each request of HTTP/2, until nothing was taken of the answer for too long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    limit: Duration,
}

impl Streams {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
{
    fn execute(&self, stream: F) {
        let (taking, limit) = (Taking::default(), self.limit);
        let _ends_with_its_connection = tokio::spawn(TAKING.scope(taking.clone(), async move {
            let (mut stream, mut waiting) = (pin!(stream), None);
            poll_fn(|context| {
                taking.looks();
                if stream.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                taking.stalls(&mut waiting, limit, context)
            })
            .await;
        }));
    }
}
