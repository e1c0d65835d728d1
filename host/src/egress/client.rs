//! Sends one request after the other, each on a connection of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use toolhold_core::id::ComponentName;
use toolhold_core::redact::Redactor;
use toolhold_sandbox::capability::http::{Answer, Egress, EgressError, EgressRequest, EgressResponse};

use super::connect::Connector;
use super::lookup::Lookups;
use super::place::SecretLookup;
use super::{answer, exchange, lookup, place};

/// Requests that are on their way at once. More wait: each holds a file descriptor, and a lookup a thread.
const MAX_IN_FLIGHT: usize = 128;

/// Of these, requests of one component: no other has to wait for servers that one asks, and that do not answer.
pub(super) const MAX_OF_ONE: usize = 32;

/// Names that are looked up at once for one component. The operating system may hold each up for a minute, and a thread with it.
pub(super) const LOOKUPS_OF_ONE: usize = 4;

/// Threads for lookups: enough for several components whose names nobody answers for.
const LOOKUP_THREADS: usize = 64;

/// What one component may take of everything.
#[derive(Clone)]
struct Share {
    /// Not asked for what the host itself sends.
    requests: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

impl Default for Share {
    fn default() -> Self {
        let [requests, lookups] = [MAX_OF_ONE, LOOKUPS_OF_ONE].map(|most| Arc::new(Semaphore::new(most)));
        Self { requests, lookups }
    }
}

/// Sends granted requests. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    secrets: SecretLookup,
    redactor: Redactor,
    connector: Connector,
    lookups: Lookups,
    in_flight: Arc<Semaphore>,
    /// The share of each component, and of the host itself. Their names are the manifest's, so there are not many.
    shares: Mutex<BTreeMap<Option<ComponentName>, Share>>,
    threads: OnceLock<Option<Runtime>>,
}

impl Client {
    /// A client that puts these secrets into requests, and takes those that `redactor` knows out of answers. No thread is started and no certificate read before the first one.
    #[must_use]
    pub fn new(secrets: SecretLookup, redactor: Redactor) -> Self {
        Self::with(secrets, redactor, Lookups::default())
    }

    pub(super) fn with(secrets: SecretLookup, redactor: Redactor, lookups: Lookups) -> Self {
        Self(Arc::new(Shared {
            secrets,
            redactor,
            lookups,
            connector: Connector::default(),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            shares: Mutex::default(),
            threads: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Client")
    }
}

impl Egress for Client {
    fn send(&self, request: EgressRequest) -> Answer {
        self.send_and_tell(request, || ())
    }
}

impl Client {
    /// Sends a request, and calls `begins` when its turn has come: until then it waits for others, and not for its host.
    pub(super) fn send_and_tell(&self, request: EgressRequest, begins: impl FnOnce() + Send + 'static) -> Answer {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let threads =
                shared.threads().ok_or_else(|| EgressError::Connect("there are no threads to send with".into()))?;
            // Whoever waits for the answer has timers and sockets of its own, or none at all.
            let mut task = Owned(threads.spawn(Arc::clone(&shared).one(request, begins)));
            let ended = (&mut task.0).await;
            ended.unwrap_or_else(|_| Err(EgressError::Broken("the sending task ended early".into())))
        })
    }
}

impl Shared {
    async fn one(
        self: Arc<Self>,
        request: EgressRequest,
        begins: impl FnOnce() + Send,
    ) -> Result<EgressResponse, EgressError> {
        let share = self.share(request.component.as_ref());
        let permits = self.permits(request.component.is_some().then(|| Arc::clone(&share.requests))).await;
        let permits = permits.map_err(|_| EgressError::Connect("the host is being shut down".into()))?;
        let turn = lookup::turn(&request.target, &share.lookups).await?;
        begins();
        let placed = place::secrets(&request, &self.secrets)?;
        let addresses = self.lookups.permitted(&request.target, turn, &request.addresses).await?;
        let connection = self.connector.connect(&request.target, &addresses, request.connect_timeout).await?;
        let returned = Arc::clone(&request.returned);
        let answer = exchange::exchange(connection, request, placed, permits).await?;
        Ok(answer::without_secrets(answer, &self.redactor, returned))
    }

    /// The component's own share first: whoever waits for that keeps nobody else out.
    async fn permits(&self, share: Option<Arc<Semaphore>>) -> Result<Permits, AcquireError> {
        let own = match share {
            Some(share) => Some(share.acquire_owned().await?),
            None => None,
        };
        let whole = Arc::clone(&self.in_flight).acquire_owned().await?;
        Ok(Permits { _own: own, _whole: whole })
    }

    fn share(&self, component: Option<&ComponentName>) -> Share {
        // Inserting is complete before anything can panic.
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.entry(component.cloned()).or_default().clone()
    }

    fn threads(&self) -> Option<&Runtime> {
        self.threads.get_or_init(start).as_ref()
    }
}

fn start() -> Option<Runtime> {
    let built = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(LOOKUP_THREADS)
        .thread_name("toolhold-egress")
        .enable_all()
        .build();
    built.inspect_err(|error| tracing::error!(%error, "no threads to send requests with")).ok()
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Waiting for threads to end is not allowed where the last handle may be dropped: in a task.
        if let Some(Some(threads)) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// A place among the requests that are on their way, until it is dropped.
pub(super) struct Permits {
    _own: Option<OwnedSemaphorePermit>,
    _whole: OwnedSemaphorePermit,
}

/// A task that ends when nobody waits for it any more.
pub(super) struct Owned<T>(pub(super) tokio::task::JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
