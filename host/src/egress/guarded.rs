//! Leaves a remote host alone that fails too often: a circuit breaker for each component and origin.
//!
//! Here and not around the call, so that one dead host does not close the whole tool; and for each component apart, so that no
//! component can close a host to another one by asking it for what fails.

use std::fmt;
use std::sync::{Arc, OnceLock};

use toolhold_core::breaker::{BreakerSettings, Pass, Verdict};
use toolhold_core::id::ComponentName;
use toolhold_sandbox::capability::http::{Answer, Egress, EgressError, EgressRequest, EgressResponse};

use super::Client;
use crate::attempt::{Dependencies, WeakDependencies};

/// Who gives a request up after so many microseconds has waited for a host that does not answer.
const PATIENCE: u64 = 1_000_000;

/// The breaker's settings for requests of a component.
type Settings = dyn Fn(&ComponentName) -> BreakerSettings + Send + Sync;

/// Sends requests to hosts that do not fail all the time.
pub(crate) struct Guarded {
    client: Client,
    dependencies: WeakDependencies,
    settings: Arc<Settings>,
}

impl Guarded {
    /// `client`, as far as the breakers let it.
    pub(crate) fn new(
        client: Client,
        dependencies: &Dependencies,
        settings: impl Fn(&ComponentName) -> BreakerSettings + Send + Sync + 'static,
    ) -> Self {
        Self { client, dependencies: dependencies.downgrade(), settings: Arc::new(settings) }
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Guarded")
    }
}

impl Egress for Guarded {
    fn send(&self, request: EgressRequest) -> Answer {
        let Some(component) = &request.component else { return self.client.send(request) };
        let origin = format!("{}://{}", request.target.scheme().as_str(), request.target.authority());
        let name = format!("host:{component}:{origin}");
        let settings = (self.settings)(component);
        let Some(dependencies) = self.dependencies.upgrade() else {
            let gone = EgressError::Connect("the host is being shut down".into());
            return Box::pin(std::future::ready(Err(gone)));
        };
        let pass = match dependencies.admit(&name, &settings) {
            Ok(pass) => pass,
            Err(refused) => {
                let why = format!("`{origin}` failed too often lately");
                let wait_seconds = refused.wait.div_ceil(1_000_000);
                return Box::pin(std::future::ready(Err(EgressError::LeftAlone { why, wait_seconds })));
            }
        };
        let since = Arc::new(OnceLock::new());
        let (began, clock) = (Arc::clone(&since), self.dependencies.clone());
        let mut sent = Sent { dependencies: self.dependencies.clone(), name, settings, since, pass: Some(pass) };
        let answer = self.client.send_and_tell(request, move || {
            if let Some(dependencies) = clock.upgrade() {
                began.get_or_init(|| dependencies.time().micros());
            }
        });
        Box::pin(async move {
            let answer = answer.await;
            sent.told(verdict(&answer));
            answer
        })
    }
}

/// A request that was let through: what came of it is told to the breaker, once.
struct Sent {
    dependencies: WeakDependencies,
    name: String,
    settings: BreakerSettings,
    /// When its turn came; until then it has not waited for its host.
    since: Arc<OnceLock<u64>>,
    pass: Option<Pass>,
}

impl Sent {
    fn told(&mut self, verdict: Verdict) {
        if let (Some(pass), Some(dependencies)) = (self.pass.take(), self.dependencies.upgrade()) {
            dependencies.tell(&self.name, &self.settings, pass, verdict);
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let now = self.dependencies.upgrade().map(|dependencies| dependencies.time().micros());
        let waited = self.since.get().map_or(0, |since| now.unwrap_or_default().saturating_sub(*since));
        self.told(if waited >= PATIENCE { Verdict::Fault } else { Verdict::Nothing });
    }
}

/// What an answer, or that there is none, says of the host that was asked.
fn verdict(answer: &Result<EgressResponse, EgressError>) -> Verdict {
    match answer {
        Ok(answer) if matches!(answer.status.as_u16(), 500 | 502 | 503 | 504) => Verdict::Fault,
        Ok(_) => Verdict::Works,
        Err(error) if error.is_fault() => Verdict::Fault,
        Err(_) => Verdict::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;

    use futures_util::future::BoxFuture;
    use http::HeaderMap;
    use toolhold_core::grant::http::{Method, Scheme, Target};

    use super::super::client::MAX_OF_ONE;
    use super::*;
    use crate::attempt::Time;
    use crate::egress::SecretLookup;
    use crate::journal::{Journal, Options};

    #[derive(Debug, Default)]
    struct Manual(AtomicU64);

    impl Time for Manual {
        fn micros(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }

        fn sleep(&self, _micros: u64) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }

        fn random(&self) -> u64 {
            0
        }
    }

    fn request(component: &str, port: u16) -> EgressRequest {
        EgressRequest {
            component: Some(component.parse().unwrap()),
            method: Method::Get,
            target: Target::parse(Scheme::Http, &format!("127.0.0.1:{port}"), "/").unwrap(),
            headers: HeaderMap::new(),
            body: None,
            addresses: vec!["127.0.0.0/8".parse().unwrap()],
            secrets: Vec::new(),
            returned: Arc::new(|_| ()),
            connect_timeout: None,
        }
    }

    struct Place {
        _state: tempfile::TempDir,
        _journal: Journal,
        time: Arc<Manual>,
        dependencies: Dependencies,
        guarded: Guarded,
    }

    fn place() -> Place {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        let time = Arc::new(Manual::default());
        let dependencies = Dependencies::open(&journal, Arc::clone(&time) as Arc<dyn Time>).unwrap();
        let client = Client::new(SecretLookup::none(), toolhold_core::redact::Redactor::default());
        let guarded = Guarded::new(client, &dependencies, |_| BreakerSettings::default());
        Place { _state: state, _journal: journal, time, dependencies, guarded }
    }

    fn server() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn block_on<R>(test: impl Future<Output = R>) -> R {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    async fn begun(answer: &mut Answer) {
        let is_pending = std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending()));
        assert!(is_pending.await);
    }

    /// Sends to a server that takes everything and answers nothing, and gives each request up after so long.
    fn given_up(times: usize, after: u64) -> Result<EgressResponse, EgressError> {
        let place = place();
        let (silent, port) = server();
        block_on(async {
            for _ in 0..times {
                let mut answer = place.guarded.send(request("web", port));
                begun(&mut answer).await;
                // It is connected, so its turn has come.
                let _connection = silent.accept().unwrap();
                place.time.0.fetch_add(after, Ordering::SeqCst);
            }
            drop(silent);
            place.guarded.send(request("web", port)).await
        })
    }

    #[test]
    fn a_host_that_never_answers_is_left_alone() {
        let answer = given_up(5, PATIENCE);
        assert!(matches!(answer, Err(EgressError::LeftAlone { wait_seconds: 60, .. })), "{answer:?}");
    }

    #[test]
    fn whoever_gives_up_at_once_says_nothing_of_the_host() {
        let answer = given_up(20, PATIENCE - 1);
        assert!(matches!(answer, Err(EgressError::Connect(_))), "{answer:?}");
    }

    #[test]
    fn a_component_whose_servers_do_not_answer_keeps_no_other_one_waiting() {
        let place = place();
        let (silent, port) = server();
        let (working, other) = server();
        block_on(async {
            let mut held = Vec::new();
            for _ in 0..200 {
                let mut answer = place.guarded.send(request("greedy", port));
                begun(&mut answer).await;
                held.push(answer);
            }
            let connections: Vec<_> = (0..MAX_OF_ONE).map(|_| silent.accept().unwrap()).collect();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = working.accept().unwrap();
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            });
            place.guarded.send(request("modest", other)).await.unwrap();
            server.join().unwrap();
            silent.set_nonblocking(true).unwrap();
            assert!(silent.accept().is_err(), "more than {} are on their way", connections.len());
        });
    }

    #[test]
    fn who_waited_for_a_turn_says_nothing_of_the_host() {
        let place = place();
        let (silent, port) = server();
        let (_never_asked, other) = server();
        block_on(async {
            let mut held = Vec::new();
            for _ in 0..MAX_OF_ONE {
                let mut answer = place.guarded.send(request("web", port));
                begun(&mut answer).await;
                held.push((answer, silent.accept().unwrap()));
            }
            for _ in 0..5 {
                let mut waiting = place.guarded.send(request("web", other));
                begun(&mut waiting).await;
                place.time.0.fetch_add(PATIENCE, Ordering::SeqCst);
            }
            assert_eq!(place.dependencies.breakers(), [], "nothing was asked of it");
        });
    }
}
