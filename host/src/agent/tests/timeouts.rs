//! How long a model is waited for: each wait has its own bound, its own code, and says which setting it was.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket};
use toolhold_core::manifest::Api;

use super::asking::{manual_clock, settings};
use super::server::{Act, Reply, Server, http, read};
use super::support::TestClock;
use crate::agent::Clock as _;
use crate::agent::model::{Client, Error, Model as _, Request, Retry, Settings, Timeouts};

const LONG: Duration = Duration::from_secs(1_000);
const FOREVER: Timeouts = Timeouts { connect: LONG, first_byte: LONG, idle: LONG, whole: LONG };

async fn turn(settings: Settings, clock: &TestClock) -> Error {
    let mut model = Client::new(settings, Arc::new(clock.clone())).unwrap();
    let request = Request { tokens: 100, bytes: 4096, ..Request::default() };
    model.turn(request, &mut |_| ()).await.unwrap_err()
}

/// Asks a server that replies like this, and returns the error and the seconds that it took.
async fn ask(reply: Reply, timeouts: Timeouts) -> (Error, u64) {
    let clock = manual_clock();
    let server = Server::start(vec![reply], clock.clone()).await;
    let error = turn(Settings { timeouts, ..settings(Api::OpenAi, &server) }, &clock).await;
    (error, clock.now().as_secs())
}

fn body(text: &str) -> Reply {
    let mut reply = http(200, &[], text);
    reply.push(Act::Stall);
    reply
}

#[tokio::test]
async fn each_wait_has_its_own_bound_and_its_own_code() {
    let seconds = Duration::from_secs;
    for (name, reply, timeouts, code, setting, took) in [
        (
            "no head",
            vec![Act::Stall],
            Timeouts { first_byte: seconds(3), ..FOREVER },
            "model-first-byte-timeout",
            "`first-byte`",
            3,
        ),
        (
            "no body",
            body(""),
            Timeouts { first_byte: seconds(3), ..FOREVER },
            "model-first-byte-timeout",
            "`first-byte`",
            3,
        ),
        ("no more", body(": a\n"), Timeouts { idle: seconds(4), ..FOREVER }, "model-stalled", "`idle`", 4),
        ("no end", body(": a\n"), Timeouts { whole: seconds(5), ..FOREVER }, "model-too-slow", "`whole`", 5),
        ("no head in all", vec![Act::Stall], Timeouts { whole: seconds(5), ..FOREVER }, "model-too-slow", "`whole`", 5),
    ] {
        let (error, seconds) = ask(reply, timeouts).await;
        assert_eq!((error.code(), error.retry()), (code, Retry::Later), "{name}");
        assert!(
            error.to_string().contains(setting) && (took..took + 3).contains(&seconds),
            "{name}: {error}, {seconds} s"
        );
    }
}

#[tokio::test]
async fn a_server_that_drips_is_not_waited_for_longer_than_one_that_is_silent() {
    let (clock, listener) = (manual_clock(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let base = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let drips = clock.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        // A byte a second, for as long as anyone listens.
        while stream.write_all(b":\n").await.is_ok() {
            drips.0.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    });
    let timeouts = Timeouts { whole: Duration::from_secs(30), ..FOREVER };
    let error = turn(Settings { timeouts, ..Settings::new("m", base) }, &clock).await;
    assert_eq!(error, Error::TooSlow(Duration::from_secs(30)));
}

/// A place on loopback where nobody answers: its queue of connections is full.
fn unanswered() -> (SocketAddr, Vec<TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let held = std::iter::from_fn(connect).take(64).collect();
    (address, held, listener)
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_has_a_bound_of_its_own() {
    let (address, _held, _listener) = unanswered();
    let connect = Duration::from_millis(100);
    let base = format!("http://{address}/v1").parse().unwrap();
    let error =
        turn(Settings { timeouts: Timeouts { connect, ..FOREVER }, ..Settings::new("m", base) }, &manual_clock()).await;
    assert_eq!(error, Error::NoConnection(connect), "{error}");
    assert_eq!((error.code(), error.retry()), ("model-connect-timeout", Retry::Later));
    assert!(error.to_string().contains("`connect`"), "{error}");
}
