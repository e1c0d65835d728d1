//! The listener, attacked: as a browser's page of another site, as a peer that is slow, many or large, as one without the right certificate.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::stream::{self, StreamExt as _};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

mod unread;

use super::parts::Parts;
use super::{Bounds, Server, Settings, TlsFiles};
use crate::access::{Access, Connection, Role, Secret, Token, TokenFile};
use crate::journal::{Journal, Options};
use crate::shutdown::Shutdown;

/// The bytes of what `/large` answers: more than an operating system keeps for a connection.
const LARGE: usize = 24 << 20;

/// A server on a port of its own, with one token.
struct Served {
    folder: tempfile::TempDir,
    journal: Journal,
    address: SocketAddr,
    token: String,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<()>,
    /// What the route `/wait` waits for.
    go: Arc<Notify>,
    /// Is told that it does.
    here: Arc<Notify>,
}

/// Bounds that a test can wait for.
fn quick() -> Bounds {
    let short = Duration::from_millis(200);
    Bounds {
        head_time: short,
        idle_time: short,
        body_time: short,
        linger_time: short,
        handshake_time: short,
        ..Bounds::default()
    }
}

impl Served {
    async fn new(bounds: Bounds) -> Self {
        Self::with(bounds, |_| None).await
    }

    async fn with(bounds: Bounds, tls: impl FnOnce(&std::path::Path) -> Option<TlsFiles>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("state"), &Options::default()).unwrap();
        let (file, secret) = (TokenFile::of_state(journal.directory()), Secret::new().unwrap());
        let (name, digest, created) = ("ci".parse().unwrap(), secret.digest(), crate::clock::now());
        file.change(|tokens| tokens.add(Token { name, role: Role::Run, digest, created, expires: None })).unwrap();
        let access = Access::open(file, journal.clone()).await.unwrap();
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            names: vec!["tools.example.com".parse().unwrap()],
            tls: tls(folder.path()),
            insecure_http: false,
        };
        let server = Server::bind(settings).await.unwrap().bounded(bounds);
        let address = server.address();
        let (shutdown, go, here) = (Shutdown::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let parts = parts(&access, bounds, (Arc::clone(&go), Arc::clone(&here)));
        let running = tokio::spawn(server.run(parts, access, shutdown.clone()));
        Self { folder, journal, address, token: secret.reveal().to_owned(), shutdown, running, go, here }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered to a request with these lines after the first two.
    async fn ask(&self, first: &str, lines: &[&str], body: &str) -> String {
        let text = self.request(first, lines, body);
        exchange(self.connect().await, &text).await
    }

    fn request(&self, first: &str, lines: &[&str], body: &str) -> String {
        let host = format!("Host: {}", self.address);
        let host = if lines.iter().any(|line| line.starts_with("Host:")) { "X-No: host" } else { &host };
        let token = format!("Authorization: Bearer {}", self.token);
        let length = format!("Content-Length: {}", body.len());
        let all = [&[first, host, &token, &length, "Connection: close"], lines].concat();
        format!("{}\r\n\r\n{body}", all.join("\r\n"))
    }

    fn audit(&self) -> String {
        self.journal.flush_blocking().unwrap();
        let mut text = Vec::new();
        self.journal.reader().unwrap().export(0, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }
}

/// A part with a door, as a front gives one, and one without.
fn parts(access: &Access, bounds: Bounds, (go, here): (Arc<Notify>, Arc<Notify>)) -> Router {
    let quiet = Arc::clone(&go);
    let events = move || {
        let quiet = Arc::clone(&quiet);
        let event = stream::iter(["first"]).chain(stream::once(async move {
            quiet.notified().await;
            "second"
        }));
        async { Sse::new(event.map(|text| Ok::<_, std::convert::Infallible>(Event::default().data(text)))) }
    };
    let wait = move || {
        let (go, here) = (Arc::clone(&go), Arc::clone(&here));
        async move {
            here.notify_one();
            go.notified().await;
            "waited"
        }
    };
    let behind = Router::new()
        .route("/large", get(async || "x".repeat(LARGE)))
        .route("/events", get(events))
        .route("/size", post(|body: axum::body::Bytes| async move { body.len().to_string() }))
        .route("/wait", get(wait));
    let open = |request: Request| async move { format!("{:?}", request.extensions().get::<Connection>()) };
    async fn broken() -> &'static str {
        panic!("a bug with /host/path in it")
    }
    let open =
        Router::new().route("/open", get(open)).route("/broken", get(broken)).route("/healthz", get(async || "ok"));
    let logins = super::Bodies::new(Bounds::of_logins());
    let login = move |request: Request| async move { logins.read(request.into_body()).await.map(|_| "read") };
    let open = open.route("/login", post(login));
    Parts::new().behind_the_door(behind).in_the_open(open).router(access, bounds)
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> String {
    // The answer may come, and the connection end, before all is written.
    let _refused = stream.write_all(text.as_bytes()).await;
    read(stream).await
}

/// Everything until the other end closes, or resets.
async fn read(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        answer.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

/// Whether something came, or the other side is gone.
async fn has_been_answered(stream: &TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(1), stream.peek(&mut [0])).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_token_is_answered_and_one_without_is_not() {
    let served = Served::new(Bounds::default()).await;
    let answer = served.ask("POST /size HTTP/1.1", &[], "12345").await;
    assert!(status(&answer) == "200" && answer.ends_with("\r\n\r\n5"), "{answer}");
    for header in ["x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store"] {
        assert!(answer.contains(header), "{header} is not in {answer}");
    }
    let plain = format!("GET /wait HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", served.address);
    let answer = exchange(served.connect().await, &plain).await;
    assert!(status(&answer) == "401" && answer.contains("www-authenticate: Bearer"), "{answer}");
    let answer = served.ask("GET /open HTTP/1.1", &[], "").await;
    assert!(answer.contains("Address(127.0.0.1), encrypted: false"), "{answer}");
    let answer = served.ask("GET /nothing HTTP/1.1", &[], "").await;
    assert!(status(&answer) == "404" && answer.contains(r#""code":"not-found""#), "{answer}");
    let answer = served.ask("DELETE /size HTTP/1.1", &[], "").await;
    assert!(status(&answer) == "405" && answer.contains("allow: POST"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_reaches_nothing_even_with_the_token() {
    let served = Served::new(Bounds::default()).await;
    let rebound = served.ask("POST /size HTTP/1.1", &["Host: evil.example"], "1").await;
    assert!(status(&rebound) == "421" && rebound.contains("host-not-served"), "{rebound}");
    let port = format!("Host: evil.example:{}", served.address.port());
    assert_eq!(status(&served.ask("GET /open HTTP/1.1", &[&port], "").await), "421", "also where there is no door");
    for line in ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        let answer = served.ask("POST /size HTTP/1.1", &[line], "1").await;
        assert!(status(&answer) == "403" && answer.contains("origin-refused"), "{line}: {answer}");
        assert!(!answer.contains("access-control"), "{answer}");
    }
    let own = format!("Origin: http://{}", served.address);
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[&own], "1").await), "200");
    let named = ["Host: tools.example.com", "Origin: https://tools.example.com"];
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &named, "1").await), "200");
    let audit = served.audit();
    assert!(audit.contains("host-not-served") && audit.contains("origin-refused"), "{audit}");
}

/// Four bytes of lists become hundreds of memory where they are read.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_very_many_values_is_not_read_by_anybody() {
    let served = Served::new(Bounds { body: 4 << 20, body_time: Duration::from_secs(30), ..quick() }).await;
    let answer = served.ask("POST /size HTTP/1.1", &[], &format!("[{}0]", "[0],".repeat(200_000))).await;
    assert!(status(&answer) == "413" && answer.contains("values in lists and objects"), "{answer}");
    let text = format!("\"{}\"", "[0],".repeat(200_000));
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], &text).await), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_too_slow_is_not_waited_for() {
    let served = Served::new(Bounds { body: 1000, small_body: 100, long_bodies: 1, ..quick() }).await;
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], &"x".repeat(1000)).await), "200");
    // By what it says of itself, before anything is read.
    let said = served.request("POST /size HTTP/1.1", &[], "").replace("Length: 0", "Length: 99999999999");
    let answer = exchange(served.connect().await, &said).await;
    assert!(status(&answer) == "413" && answer.contains("1000 bytes"), "{answer}");
    // By what comes.
    let chunked = |size: usize| {
        let head = served.request("POST /size HTTP/1.1", &["Transfer-Encoding: chunked"], "");
        let head = head.replace("Content-Length: 0\r\n", "");
        format!("{head}{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size))
    };
    assert_eq!(status(&exchange(served.connect().await, &chunked(1000)).await), "200");
    assert_eq!(status(&exchange(served.connect().await, &chunked(1001)).await), "413");
    // One that does not come has the only place for a long one until its time is over.
    let slow = served.request("POST /size HTTP/1.1", &[], "").replace("Length: 0", "Length: 900");
    let (waiting, other) = 'begun: loop {
        let mut waiting = served.connect().await;
        waiting.write_all(slow.as_bytes()).await.unwrap();
        loop {
            let other = served.ask("POST /size HTTP/1.1", &[], &"x".repeat(900)).await;
            if status(&other) == "503" {
                break 'begun (waiting, other);
            }
            assert_eq!(status(&other), "200");
            // The other one may have had the place when this one came, which was turned away then.
            if has_been_answered(&waiting).await {
                break;
            }
        }
    };
    assert!(other.contains("overloaded") && other.contains("retry-after: 1"), "{other}");
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], "short").await), "200");
    assert_eq!(status(&read(waiting).await), "408");
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], &"x".repeat(900)).await), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_long_or_too_slow_is_not_waited_for() {
    let served = Served::new(quick()).await;
    let long = format!("X-Long: {}", "x".repeat(super::bounds::LONGEST_HEAD as usize));
    assert_eq!(status(&served.ask("GET /open HTTP/1.1", &[&long], "").await), "431");
    let many = vec!["X-Many: 1"; super::bounds::MOST_HEADERS];
    assert_eq!(status(&served.ask("GET /open HTTP/1.1", &many, "").await), "431");
    // A byte now and then, or none at all, keeps no connection; nor does one of HTTP/2 that asks nothing.
    let mut slow = served.connect().await;
    let (mut reading, mut writing) = slow.split();
    let drip = async {
        for byte in "GET /open HTTP/1.1\r\nX-Slow: ".chars().chain(std::iter::repeat('x')) {
            if writing.write_all(&[u8::try_from(byte).unwrap()]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = async {
        let mut bytes = [0; 512];
        while let Ok(1..) = reading.read(&mut bytes).await {}
    };
    let both = async {
        tokio::select! { () = drip => {}, () = ended => {} }
    };
    tokio::time::timeout(Duration::from_secs(10), both).await.expect("a slow head keeps the connection");
    for first in ["", "GET", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"] {
        let answered = exchange(served.connect().await, first);
        tokio::time::timeout(Duration::from_secs(10), answered).await.expect("an idle connection is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_peer_has_so_many_connections_and_all_requests_have_an_end() {
    let served = Served::new(Bounds { per_peer: 3, requests: 2, ..Bounds::default() }).await;
    let wait = served.request("GET /wait HTTP/1.1", &[], "");
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect().await;
        stream.write_all(wait.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    // Two requests wait, so that the third is turned away, before its token is looked at.
    let mut answer = String::new();
    while status(&answer) != "503" {
        answer = served.ask("GET /open HTTP/1.1", &[], "").await;
        for stream in &mut waiting {
            // This one came while the others had the places, and was turned away.
            if has_been_answered(stream).await {
                *stream = served.connect().await;
                stream.write_all(wait.as_bytes()).await.unwrap();
            }
        }
    }
    assert!(answer.contains("overloaded"), "{answer}");
    let mut third = served.connect().await;
    // Two wait, one is idle: the fourth is closed without a word.
    let mut fourth = String::from("once");
    while !fourth.is_empty() {
        fourth = served.ask("GET /open HTTP/1.1", &[], "").await;
        // The one before was not gone yet, so that this one was closed.
        if has_been_answered(&third).await {
            third = served.connect().await;
        }
    }
    drop(third);
    served.go.notify_one();
    served.go.notify_one();
    for stream in waiting {
        assert!(read(stream).await.ends_with("waited"));
    }
    let mut answer = String::new();
    while status(&answer) != "200" {
        answer = served.ask("GET /open HTTP/1.1", &[], "").await;
    }
}

/// Requests to log in of which the end does not come, from an address of this machine.
async fn trickling(served: &Served, from: [u8; 4], count: usize) -> Vec<TcpStream> {
    let head =
        format!("POST /login HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", served.address);
    let mut streams = Vec::new();
    for _ in 0..count {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        let mut stream = socket.connect(served.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_takes_no_room_of_those_who_have() {
    let served = Served::new(Bounds::default()).await;
    let _trickling = trickling(&served, [127, 0, 0, 1], 16).await;
    let long = "x".repeat(100 << 10);
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], &long).await), "200");
}

// Elsewhere a machine has but one address of its own.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn one_peer_leaves_requests_to_others_and_who_watches_is_always_answered() {
    let served = Served::new(Bounds { requests: 8, requests_per_peer: 4, ..Bounds::default() }).await;
    let _one = trickling(&served, [127, 0, 0, 2], 8).await;
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], "12345").await), "200");
    let _other = trickling(&served, [127, 0, 0, 3], 8).await;
    assert_eq!(status(&served.ask("POST /size HTTP/1.1", &[], "12345").await), "503");
    assert_eq!(status(&served.ask("GET /healthz HTTP/1.1", &[], "").await), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_short_and_does_not_take_long() {
    let served = Served::new(Bounds::default()).await;
    assert_eq!(status(&served.ask("POST /login HTTP/1.1", &[], &"x".repeat(4096)).await), "200");
    assert_eq!(status(&served.ask("POST /login HTTP/1.1", &[], &"x".repeat(4097)).await), "413");
    let mut slow = trickling(&served, [127, 0, 0, 1], 1).await;
    let answer = tokio::time::timeout(Duration::from_secs(15), read(slow.remove(0))).await.unwrap();
    assert_eq!(status(&answer), "408", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_one_part_is_answered_and_the_server_goes_on() {
    let served = Served::new(Bounds::default()).await;
    let answer = served.ask("GET /broken HTTP/1.1", &[], "").await;
    assert!(status(&answer) == "500" && answer.contains(r#""code":"internal""#), "{answer}");
    assert!(!answer.contains("/host/path"), "{answer}");
    assert_eq!(status(&served.ask("GET /open HTTP/1.1", &[], "").await), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_may_finish_when_the_server_is_told_to_end() {
    let served = Served::new(Bounds::default()).await;
    let wait = served.request("GET /wait HTTP/1.1", &[], "");
    let mut waiting = served.connect().await;
    waiting.write_all(wait.as_bytes()).await.unwrap();
    let idle = served.connect().await;
    served.here.notified().await;
    served.shutdown.begin();
    served.running.await.unwrap();
    assert!(read(idle).await.is_empty());
    assert!(TcpStream::connect(served.address).await.is_err());
    served.go.notify_one();
    assert!(read(waiting).await.ends_with("waited"));
    served.shutdown.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_stopped_when_its_time_is_over() {
    let served = Served::new(Bounds::default()).await;
    let mut waiting = served.connect().await;
    waiting.write_all(served.request("GET /wait HTTP/1.1", &[], "").as_bytes()).await.unwrap();
    served.here.notified().await;
    served.shutdown.begin();
    served.shutdown.stop_now();
    served.shutdown.ended().await;
    assert!(!read(waiting).await.contains("waited"));
}

/// Writes a certificate for `name` and trusts it.
fn certified(folder: &std::path::Path, name: &str) -> (TlsFiles, rustls::RootCertStore) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    (files, trusted)
}

async fn handshake(
    address: SocketAddr,
    trusted: rustls::RootCertStore,
    name: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(trusted).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name.to_owned()).unwrap(), TcpStream::connect(address).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_the_certificate_that_is_there_now() {
    let mut trusted = None;
    let served = Served::with(quick(), |folder| {
        let (files, roots) = certified(folder, "127.0.0.1");
        trusted = Some(roots);
        Some(files)
    })
    .await;
    let trusted = trusted.unwrap();
    let stream = handshake(served.address, trusted.clone(), "127.0.0.1").await.unwrap();
    let answer = exchange(stream, &served.request("GET /open HTTP/1.1", &[], "")).await;
    assert!(answer.contains("encrypted: true"), "{answer}");
    // A client that checks names does not get further with another one, nor with another certificate.
    assert!(handshake(served.address, trusted.clone(), "tools.example.com").await.is_err());
    assert!(handshake(served.address, rustls::RootCertStore::empty(), "127.0.0.1").await.is_err());
    // In the clear nothing is answered.
    let plain = exchange(served.connect().await, &served.request("GET /open HTTP/1.1", &[], "")).await;
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
    let silent = read(served.connect().await);
    tokio::time::timeout(Duration::from_secs(10), silent).await.expect("a handshake that does not begin is waited for");
    let (_, renewed) = certified(served.folder.path(), "127.0.0.1");
    assert!(handshake(served.address, renewed, "127.0.0.1").await.is_ok());
    assert!(handshake(served.address, trusted, "127.0.0.1").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_in_the_clear_to_other_machines_unless_that_is_said() {
    let settings =
        |insecure_http| Settings { listen: "0.0.0.0:0".parse().unwrap(), names: Vec::new(), tls: None, insecure_http };
    let refused = Server::bind(settings(false)).await.unwrap_err().to_string();
    assert!(refused.contains("--tls-cert") && refused.contains("--insecure-http"), "{refused}");
    assert!(Server::bind(settings(true)).await.is_ok());
    let taken = Server::bind(settings(true)).await.unwrap();
    let again = Settings { listen: taken.address(), ..settings(true) };
    assert!(Server::bind(again).await.unwrap_err().to_string().contains("--listen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_bounded_too() {
    let served = Served::new(quick()).await;
    let (client, connection) = h2::client::handshake(served.connect().await).await.unwrap();
    let driven = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let uri = |path: &str| format!("http://{}{path}", served.address);
    let request =
        |path: &str| http::Request::get(uri(path)).header("authorization", format!("Bearer {}", served.token));
    let (answer, _) = client.send_request(request("/open").body(()).unwrap(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let rebound = http::Request::get("http://evil.example/open").body(()).unwrap();
    let (answer, _) = client.send_request(rebound, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 421);
    let mut long = request("/open");
    for number in 0..10 {
        long = long.header(format!("x-{number}"), "x".repeat(8 << 10));
    }
    let (answer, _) = client.send_request(long.body(()).unwrap(), true).unwrap();
    let refused = answer.await;
    assert!(refused.as_ref().map_or(true, |answer| answer.status() == 431), "{refused:?}");
    // Nothing is asked any more: the connection is ended by the server.
    tokio::time::timeout(Duration::from_secs(10), driven).await.expect("an idle connection is kept").unwrap().ok();
}
