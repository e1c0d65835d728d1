//! What the answers are made from.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::kept::Calls;
use crate::journal::Reader;
use crate::problem::Problem;
use crate::runs::service::Service;
use crate::serve::Reads;
use crate::{Current, Host};

/// Streams of events at the same time. Each holds a page of steps at most.
const MOST_STREAMS: usize = 64;

/// The API of one host. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    host: Current,
    runs: Service,
    calls: Calls,
    streams: Arc<Semaphore>,
    reads: Reads,
    ending: CancellationToken,
}

impl Api {
    /// The API of `host`, whose agents are worked on by `runs`.
    #[must_use]
    pub fn new(host: impl Into<Current>, runs: Service) -> Self {
        let host = host.into();
        Self(Arc::new(Inner {
            calls: Calls::new(),
            host,
            runs,
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            reads: Reads::default(),
            ending: CancellationToken::new(),
        }))
    }

    /// Ends the streams, begins nothing more, and returns when the calls that run have ended, or were stopped because `now` was cancelled.
    /// Runs can be taken up again.
    pub async fn shut_down(&self, now: &CancellationToken) {
        self.0.ending.cancel();
        tokio::join!(self.0.runs.shut_down(now), self.0.calls.shut_down(now));
    }

    /// The host that is in force. Taken once for each request.
    pub(super) fn host(&self) -> Host {
        self.0.host.host()
    }

    pub(super) fn runs(&self) -> &Service {
        &self.0.runs
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.0.calls
    }

    pub(super) fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
    }

    /// Its reads, to be counted with those of others.
    pub(crate) fn reads(&self) -> &Reads {
        &self.0.reads
    }

    /// Fires when the server ends.
    pub(super) fn ending(&self) -> &CancellationToken {
        &self.0.ending
    }

    /// Reads the journal, with everything in it that was answered before. On a thread that may wait.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Reader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let journal = self.host().journal().clone();
        // While nothing can be written, what is there can be read.
        let _unwritten = journal.written().await.is_err();
        let read = self.reads().read(move || {
            let reader = journal.reader().map_err(answer::journal)?;
            act(&reader)
        });
        read.await.unwrap_or_else(|| Err(answer::failed("the journal could not be read")))
    }
}
