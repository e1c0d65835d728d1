//! Sends one request after the other, each on a connection of its own.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use toolhold_core::redact::Redactor;
use toolhold_sandbox::capability::http::{Answer, Egress, EgressError, EgressRequest, EgressResponse};

use super::connect::Connector;
use super::place::SecretLookup;
use super::{answer, exchange, lookup, place};

/// Requests that are on their way at once. More wait: each holds a file descriptor, and a lookup a thread.
const MAX_IN_FLIGHT: usize = 128;

/// Threads for lookups, which the operating system may hold up for a minute.
const LOOKUP_THREADS: usize = 16;

/// Sends granted requests. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    secrets: SecretLookup,
    redactor: Redactor,
    connector: Connector,
    in_flight: Arc<Semaphore>,
    threads: OnceLock<Option<Runtime>>,
}

impl Client {
    /// A client that puts these secrets into requests, and takes those that `redactor` knows out of answers. No thread is started and no certificate read before the first one.
    #[must_use]
    pub fn new(secrets: SecretLookup, redactor: Redactor) -> Self {
        Self(Arc::new(Shared {
            secrets,
            redactor,
            connector: Connector::default(),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
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
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let threads =
                shared.threads().ok_or_else(|| EgressError::Connect("there are no threads to send with".into()))?;
            // Whoever waits for the answer has timers and sockets of its own, or none at all.
            let mut task = Owned(threads.spawn(Arc::clone(&shared).one(request)));
            let ended = (&mut task.0).await;
            ended.unwrap_or_else(|_| Err(EgressError::Broken("the sending task ended early".into())))
        })
    }
}

impl Shared {
    async fn one(self: Arc<Self>, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let permit = Arc::clone(&self.in_flight).acquire_owned().await;
        let permit = permit.map_err(|_| EgressError::Connect("the host is being shut down".into()))?;
        let placed = place::secrets(&request, &self.secrets)?;
        let addresses = lookup::permitted(&request.target, &request.addresses).await?;
        let connection = self.connector.connect(&request.target, &addresses, request.connect_timeout).await?;
        let returned = Arc::clone(&request.returned);
        let answer = exchange::exchange(connection, request, placed, permit).await?;
        Ok(answer::without_secrets(answer, &self.redactor, returned))
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

/// A task that ends when nobody waits for it any more.
pub(super) struct Owned<T>(pub(super) tokio::task::JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
