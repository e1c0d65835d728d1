//! How much is read of a journal at once, whoever asks for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads at once. More wait: each holds a thread, and what it has read.
const MOST: usize = 32;

/// The reads of a server: those of all its fronts together. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    all: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

impl Default for Reads {
    fn default() -> Self {
        // To check the whole audit is a lot of work: one at a time.
        Self { all: Arc::new(Semaphore::new(MOST)), checks: Arc::new(Semaphore::new(1)) }
    }
}

/// A turn to check the whole audit.
#[derive(Debug)]
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Reads {
    /// Reads, on a thread that may wait. What has begun goes on when nobody waits for it any more, and counts until it ends.
    /// `None` if it panicked.
    pub(crate) async fn read<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let place = Arc::clone(&self.all).acquire_owned().await.ok()?;
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            act()
        });
        read.await.ok()
    }

    /// The turn to check the audit, unless somebody has it.
    pub(crate) fn turn(&self) -> Option<Turn> {
        Arc::clone(&self.checks).try_acquire_owned().ok().map(Turn)
    }
}

impl Turn {
    /// Checks. Inside of a read, so that it has this turn until it ends, also when nobody waits for it any more.
    pub(crate) fn check<T>(self, check: impl FnOnce() -> T) -> T {
        let _turn = self.0;
        check()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::Poll;
    use std::time::Duration;

    use super::*;

    /// Begins `reading`, and gives it up.
    async fn given_up(reading: impl Future) {
        let mut reading = pin!(reading);
        assert!(poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_pending())).await);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_counts_until_it_ends() {
        let reads = Reads::default();
        let mut ends = Vec::new();
        for _ in 0..MOST {
            let (end, ended) = mpsc::channel::<()>();
            given_up(reads.read(move || ended.recv())).await;
            ends.push(end);
        }
        let one_more = reads.read(|| ());
        assert!(tokio::time::timeout(Duration::from_millis(100), one_more).await.is_err());
        ends.pop();
        assert_eq!(reads.read(|| 1).await, Some(1));
    }

    #[tokio::test]
    async fn a_check_that_nobody_waits_for_any_more_has_its_turn_until_it_ends() {
        let reads = Reads::default();
        let (end, ended) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel::<()>();
        let turn = reads.turn().unwrap();
        let check = move || {
            drop(begin);
            ended.recv()
        };
        given_up(reads.read(move || turn.check(check))).await;
        assert!(begun.recv().is_err());
        assert!(reads.turn().is_none());
        drop(end);
        let free = async {
            while reads.turn().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), free).await.unwrap();
    }

    #[tokio::test]
    async fn a_read_that_panics_is_none_and_takes_no_place() {
        let reads = Reads::default();
        for _ in 0..=MOST {
            assert_eq!(reads.read(|| -> () { panic!("a bug") }).await, None);
        }
    }
}
