//! A connection to an address that was checked, with TLS where the scheme says so.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use toolhold_core::grant::http::{Host, Scheme, Target};
use toolhold_sandbox::capability::http::EgressError;

/// How long one address gets before the next is tried.
const PER_ADDRESS: Duration = Duration::from_secs(10);

/// How long a server may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// Makes connections.
#[derive(Default)]
pub(super) struct Connector {
    /// Made for the first request that needs it: reading the machine's certificates takes a while.
    tls: OnceLock<Result<TlsConnector, String>>,
}

/// A connection.
pub(super) enum Connection {
    /// Without TLS.
    Plain(TcpStream),
    /// With.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connector {
    /// Connects to the first of `addresses` that answers. Never to another one: what was checked is what is used.
    pub(super) async fn connect(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        patience: Option<Duration>,
    ) -> Result<Connection, EgressError> {
        let connecting = async {
            let stream = tcp(addresses).await?;
            match target.scheme() {
                Scheme::Http => Ok(Connection::Plain(stream)),
                Scheme::Https => self.tls(target.host(), stream).await,
            }
        };
        match patience {
            Some(patience) => {
                tokio::time::timeout(patience, connecting).await.unwrap_or(Err(EgressError::ConnectTimeout))
            }
            None => connecting.await,
        }
    }

    async fn tls(&self, host: &Host, stream: TcpStream) -> Result<Connection, EgressError> {
        let fail = |error: String| EgressError::Tls(format!("no TLS connection to `{host}`: {error}"));
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|error| fail(error.to_string()))?,
            Host::V4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::V6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        let connector = self.tls.get_or_init(connector).as_ref().map_err(|error| fail(error.clone()))?;
        let handshake = tokio::time::timeout(HANDSHAKE, connector.connect(name, stream)).await;
        let stream = handshake.map_err(|_| fail(format!("no answer in {} seconds", HANDSHAKE.as_secs())))?;
        let stream = stream.map_err(|error| fail(error.to_string()))?;
        Ok(Connection::Tls(Box::new(stream)))
    }
}

/// Trusts the certificates that the machine trusts.
fn connector() -> Result<TlsConnector, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let verified = versions.and_then(|builder| builder.with_platform_verifier()).map_err(|error| error.to_string())?;
    let mut config = verified.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn tcp(addresses: &[SocketAddr]) -> Result<TcpStream, EgressError> {
    let mut last = String::from("it has no address");
    for address in addresses {
        match tokio::time::timeout(PER_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Requests are written whole: waiting for more to send would only delay them.
                let _slower_is_no_failure = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: no answer in {} seconds", PER_ADDRESS.as_secs()),
        }
    }
    Err(EgressError::Connect(format!("no connection: {last}")))
}

impl Connection {
    /// Whether both sides agreed on HTTP/2.
    pub(super) fn speaks_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, from),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
