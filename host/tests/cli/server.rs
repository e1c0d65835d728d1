//! A web server on loopback that speaks TLS, with HTTP/1.1 or HTTP/2, under an authority of the test's own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// What a server speaks once the connection is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
}

/// A server. It ends with this value.
pub(crate) struct Server {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
    _runtime: Runtime,
}

impl Server {
    /// One whose certificate is for `name`. It answers each request with `hello`, and with the authorization that it was sent.
    pub(crate) fn start(name: &str, speaks: Speaks) -> Self {
        let (folder, heads) = (tempfile::tempdir().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let acceptor = acceptor(name, speaks, &folder);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (port, seen) = (listener.local_addr().unwrap().port(), Arc::clone(&heads));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    match speaks {
                        Speaks::Http1 => http1(stream, &seen).await,
                        Speaks::Http2 => http2(stream, &seen).await,
                    }
                });
            }
        });
        Self { port, heads, folder, _runtime: runtime }
    }

    /// The certificate of the authority that vouches for it.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The head of each request that it could read: the protocol, a line, and one for each header.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn acceptor(name: &str, speaks: Speaks, folder: &TempDir) -> TlsAcceptor {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "an authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = match speaks {
        Speaks::Http1 => vec![b"http/1.1".to_vec()],
        Speaks::Http2 => vec![b"h2".to_vec()],
    };
    TlsAcceptor::from(Arc::new(config))
}

async fn http1(mut stream: TlsStream<TcpStream>, seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let sent = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(format!("http/1.1\n{head}"));
    let body = format!("hello, {sent}");
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    // The client may be gone already, which is its right.
    let _gone = stream.shutdown().await;
}

async fn http2(stream: TlsStream<TcpStream>, seen: &Mutex<Vec<String>>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let mut head = format!("h2\n{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        let sent = request.headers().get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        seen.lock().unwrap().push(head);
        let answer = http::Response::builder().header("content-type", "text/plain").body(()).unwrap();
        let mut body = respond.send_response(answer, false).unwrap();
        body.send_data(format!("hello, {sent}").into(), true).unwrap();
    }
}
