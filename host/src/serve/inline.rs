//! A task that wakes itself goes on at once, where it is.
//!
//! Whoever reads the body of a request over HTTP/1 wakes what reads from the connection: the same task, which is running. The runtime
//! would put it at the end of its queue, and wake another thread for it, which takes it from where its memory is warm.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often in a row a task may go on like this. One that wakes itself more often wants others to have their turn.
const MOST: usize = 4;

/// Polls one future, and polls it again if it was woken meanwhile.
pub(super) struct Inline {
    known: Arc<Known>,
    waker: Waker,
}

/// What is known to whoever wakes it.
#[derive(Default)]
struct Known {
    is_polled: AtomicBool,
    is_woken: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Known {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order, and the other way round where it is polled: one of the two sees the other.
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_polled.load(Ordering::SeqCst) {
            self.outer.wake();
        }
    }
}

impl Default for Inline {
    fn default() -> Self {
        let known = Arc::<Known>::default();
        Self { waker: Waker::from(Arc::clone(&known)), known }
    }
}

impl Inline {
    /// Polls `future`, which is the same one each time.
    pub(super) fn poll<F: Future>(&self, mut future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        let known = &self.known;
        known.outer.register(context.waker());
        for _ in 0..MOST {
            known.is_woken.store(false, Ordering::SeqCst);
            known.is_polled.store(true, Ordering::SeqCst);
            let polled = future.as_mut().poll(&mut Context::from_waker(&self.waker));
            known.is_polled.store(false, Ordering::SeqCst);
            if polled.is_ready() || !known.is_woken.load(Ordering::SeqCst) {
                return polled;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_that_wakes_itself_goes_on_at_once_and_one_that_always_does_leaves_others_a_turn() {
        let outer = Arc::<Counting>::default();
        let waker = Waker::from(Arc::clone(&outer));
        let mut context = Context::from_waker(&waker);
        for (wakes, polls, told) in [(0, 1, 0), (1, 2, 0), (MOST - 1, MOST, 0), (usize::MAX, MOST, 1)] {
            let (inline, mut polled, before) = (Inline::default(), 0, outer.0.load(Ordering::SeqCst));
            let mut future = pin!(poll_fn(|context| {
                polled += 1;
                if polled <= wakes {
                    context.waker().wake_by_ref();
                }
                Poll::<()>::Pending
            }));
            assert!(inline.poll(future.as_mut(), &mut context).is_pending());
            assert_eq!(outer.0.load(Ordering::SeqCst) - before, told, "{wakes}");
            assert_eq!(polled, polls, "{wakes}");
        }
    }

    #[test]
    fn who_wakes_it_when_it_does_not_run_wakes_its_task() {
        let outer = Arc::<Counting>::default();
        let waker = Waker::from(Arc::clone(&outer));
        let (inline, mut kept) = (Inline::default(), None);
        let mut future = pin!(poll_fn(|context| {
            kept = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        assert!(inline.poll(future.as_mut(), &mut Context::from_waker(&waker)).is_pending());
        assert_eq!(outer.0.load(Ordering::SeqCst), 0);
        kept.unwrap().wake();
        assert_eq!(outer.0.load(Ordering::SeqCst), 1);
    }

    /// A wake that nobody sees would be a connection that hangs.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_is_lost_whenever_it_comes() {
        let all = async {
            for round in 0..20_000_u32 {
                let (send, receive) = tokio::sync::oneshot::channel();
                let other = tokio::spawn(async move {
                    for _ in 0..round % 50 {
                        std::hint::spin_loop();
                    }
                    send.send(round)
                });
                let inline = Inline::default();
                let mut receive = pin!(receive);
                assert_eq!(poll_fn(|context| inline.poll(receive.as_mut(), context)).await, Ok(round));
                other.await.unwrap().unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("a wake was lost");
    }
}
