//! The listener: takes connections, as many as there may be, and hands each to what drives it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::bounds::Bounds;
use super::connection;
use super::guard::{Arrived, Guard, guard};
use super::names::{HostName, Names};
use super::peers::Peers;
use super::tls::{Tls, TlsError, TlsFiles};
use crate::access::{Access, Connection, Peer};
use crate::problem::{Code, Problem};
use crate::shutdown::Shutdown;

/// How long it takes until connections are taken again, when the operating system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a server listens, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address.
    pub listen: SocketAddr,
    /// Names that it has beside its address.
    pub names: Vec<HostName>,
    /// Certificate and key.
    pub tls: Option<TlsFiles>,
    /// Whoever is on the way may read and change everything.
    pub insecure_http: bool,
}

/// Why a server does not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It would be reached from elsewhere, in the clear.
    #[error(
        "`{0}` can be reached from other machines, and whoever is on the way would have the tokens: give `--tls-cert` and `--tls-key`, \
         listen on 127.0.0.1 behind a proxy that speaks TLS, or say `--insecure-http` if something else protects the way"
    )]
    InTheClear(SocketAddr),
    /// The address cannot be listened on.
    #[error("`{address}` cannot be listened on: {source}; another address is given with `--listen`")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that has its address, and takes no connection yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    names: Names,
    tls: Option<Tls>,
    bounds: Bounds,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    ///
    /// [`ServeError`].
    pub async fn bind(settings: Settings) -> Result<Self, ServeError> {
        let address = settings.listen;
        if !address.ip().to_canonical().is_loopback() && settings.tls.is_none() && !settings.insecure_http {
            return Err(ServeError::InTheClear(address));
        }
        let tls = settings.tls.map(Tls::open).transpose()?;
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let names = Names::new(settings.names, tls.is_some());
        Ok(Self { listener, address, names, tls, bounds: Bounds::default() })
    }

    #[cfg(test)]
    pub(super) fn bounded(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    #[cfg(test)]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, as a browser has it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// [`url`](Self::url), if only this machine can reach it.
    #[must_use]
    pub fn loopback_url(&self) -> Option<String> {
        self.address.ip().to_canonical().is_loopback().then(|| self.url())
    }

    /// The hosts that it answers to; none where it has every address of this machine, and only a connection tells which.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let address = self.address.ip().to_canonical();
        if address.is_unspecified() {
            return Vec::new();
        }
        let local = address.is_loopback().then(|| "localhost".to_owned());
        let named = self.names.hosts().map(str::to_owned);
        std::iter::once(address.to_string()).chain(local).chain(named).collect()
    }

    /// Takes connections until the process ends. What they ask for is answered by `parts`.
    pub async fn run(self, parts: Router, access: Access, shutdown: Shutdown) {
        let guarded = Guard::new(self.names, access, &self.bounds);
        let router = parts
            .fallback(async || Problem::new(Code::NotFound, "there is nothing of that name"))
            .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed, "`Allow` names the methods"))
            .layer(from_fn_with_state(guarded, guard));
        let peers = Peers::new(self.bounds.connections, self.bounds.per_peer);
        let server = Arc::new(Taken { router, tls: self.tls, bounds: self.bounds, shutdown });
        loop {
            let accepted = tokio::select! {
                () = server.shutdown.begun() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, address)) = accepted else {
                // Out of files, or the peer is gone already.
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let peer = Peer::Address(address.ip().to_canonical());
            let Some(entered) = peers.enter(peer) else { continue };
            let taken = Arc::clone(&server);
            server.shutdown.spawn(async move {
                taken.take(stream, peer).await;
                drop(entered);
            });
        }
    }
}

/// What each connection needs.
struct Taken {
    router: Router,
    tls: Option<Tls>,
    bounds: Bounds,
    shutdown: Shutdown,
}

impl Taken {
    async fn take(&self, stream: TcpStream, peer: Peer) {
        let Ok(local) = stream.local_addr() else { return };
        // Answers are small and whole: they do not wait for more to be sent.
        let _slower = stream.set_nodelay(true);
        let connection = Connection { peer, encrypted: self.tls.is_some() };
        let (marks, router) = (Arrived { connection, local }, self.router.clone());
        let Some(tls) = &self.tls else {
            return connection::drive(stream, marks, router, &self.bounds, &self.shutdown).await;
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        // A handshake that fails is nothing to be told of: whoever scans ports causes it.
        if let Ok(Ok(stream)) = tokio::time::timeout(self.bounds.handshake_time, handshake).await {
            connection::drive(stream, marks, router, &self.bounds, &self.shutdown).await;
        }
    }
}
