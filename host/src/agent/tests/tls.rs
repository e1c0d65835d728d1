//! TLS as it is found in the wild: who is trusted with a key, and what is said where nobody is.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::server::{Act, read, sse};
use super::support::{ManualClock, TestClock};
use crate::agent::Message;
use crate::agent::model::{Authorities, Client, Error, Model as _, Request, Retry, Settings, Turn};

const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}]}"#;

/// An authority of a test, and its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(authority.file(), authority.issuer.pem()).unwrap();
        authority
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn trusted(&self) -> Authorities {
        Authorities::load(&self.file()).unwrap()
    }

    /// A server's certificate for `name`, signed by this authority.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        crate::agent::model::install_tls();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
    }
}

/// A TLS server on loopback that says hello. It tells the head of each request that it could read.
async fn serve(acceptor: TlsAcceptor) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, (tell, heads)) = (listener.local_addr().unwrap().port(), mpsc::unbounded_channel());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let Some(asked) = read(&mut stream).await else { continue };
            tell.send(asked.head).unwrap();
            for act in sse(&[HELLO, "[DONE]"]) {
                let Act::Send(bytes) = act else { continue };
                stream.write_all(&bytes).await.unwrap();
            }
            stream.shutdown().await.unwrap();
        }
    });
    (port, heads)
}

/// Asks the server that shows a certificate for `name` by `signer`, trusting `trusted`.
async fn ask(signer: &Authority, name: &str, trusted: Authorities) -> (Result<Turn, Error>, Option<String>) {
    let (port, mut heads) = serve(signer.acceptor(name)).await;
    let base = format!("https://127.0.0.1:{port}/v1").parse().unwrap();
    let key = Some(SecretString::from("sk-very-secret"));
    let settings = Settings { key, authorities: trusted, ..Settings::new("some-model", base) };
    let clock = TestClock(Arc::new(ManualClock::default()));
    let mut model = Client::new(settings, Arc::new(clock)).unwrap();
    let messages = [Message::User("do it".into())];
    let request = Request { messages: &messages, tools: &[], tokens: 100, bytes: 4096, ..Request::default() };
    (model.turn(request, &mut |_| ()).await, heads.try_recv().ok())
}

#[tokio::test]
async fn a_server_is_trusted_that_a_named_authority_vouches_for() {
    let ours = Authority::new("ours");
    let (turn, head) = ask(&ours, "127.0.0.1", ours.trusted()).await;
    assert_eq!(turn.unwrap().text, "hello");
    assert!(head.unwrap().to_ascii_lowercase().contains("authorization: bearer sk-very-secret"));
}

#[tokio::test]
async fn a_server_that_nobody_known_vouches_for_is_told_nothing_and_the_error_says_why() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (turn, head) = ask(&theirs, "127.0.0.1", ours.trusted()).await;
    let error = turn.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("model-untrusted", Retry::Never));
    let text = error.to_string();
    assert!(text.contains("does not know signed its certificate") && text.contains("--model-ca"), "{text}");
    assert!(!text.contains("sk-very-secret"));
    assert_eq!(head, None);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_no_certificate() {
    let ours = Authority::new("ours");
    let (turn, head) = ask(&ours, "other.example", ours.trusted()).await;
    let error = turn.unwrap_err();
    assert!(matches!(error, Error::Untrusted(_)) && error.to_string().contains("another name"), "{error}");
    assert_eq!(head, None);
}

#[tokio::test]
async fn what_speaks_no_tls_is_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{}").await.unwrap();
        }
    });
    let settings = Settings { authorities: Authority::new("ours").trusted(), ..Settings::new("some-model", base) };
    let mut model = Client::new(settings, Arc::new(TestClock(Arc::new(ManualClock::default())))).unwrap();
    let request = Request { messages: &[], tools: &[], tokens: 100, bytes: 4096, ..Request::default() };
    let error = model.turn(request, &mut |_| ()).await.unwrap_err();
    assert_eq!(error.code(), "model-unreachable", "{error}");
}
