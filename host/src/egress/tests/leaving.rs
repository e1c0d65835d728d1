//! Connections whose request is given up.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{sleep, timeout};
use toolhold_sandbox::capability::http::Body;

use super::super::exchange::over_http2;

/// Settings of HTTP/2 that say nothing.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// The head of an answer to the first request, with the status 200.
const HEAD: [u8; 10] = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];

fn request() -> http::Request<Body> {
    let piece = || Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(&[0; 4096])));
    let endless = StreamBody::new(futures_util::stream::repeat_with(piece));
    let body = endless.map_err(|never| match never {}).boxed_unsync();
    http::Request::post("http://a.example/").body(body).unwrap()
}

/// Waits until nobody is at the other end any more, without reading what came from there.
async fn is_closed(mut server: DuplexStream) {
    let closed = async {
        while server.write_all(&SETTINGS).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(2), closed).await.expect("the connection outlives its request");
}

#[tokio::test]
async fn a_connection_of_http_2_ends_with_a_request_that_a_server_does_not_take() {
    // The greeting fits, and little more.
    let (client, server) = tokio::io::duplex(64);
    assert!(timeout(Duration::from_millis(200), over_http2(client, request())).await.is_err());
    is_closed(server).await;
}

#[tokio::test]
async fn a_connection_of_http_2_ends_with_an_answer_that_is_given_up() {
    let (client, mut server) = tokio::io::duplex(4096);
    let answering = async {
        server.write_all(&SETTINGS).await.unwrap();
        let mut greeting = [0; 24];
        server.read_exact(&mut greeting).await.unwrap();
        let mut kind = 0;
        while kind != 1 {
            let mut head = [0; 9];
            server.read_exact(&mut head).await.unwrap();
            kind = head[3];
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            server.read_exact(&mut vec![0; length as usize]).await.unwrap();
        }
        server.write_all(&HEAD).await.unwrap();
        server
    };
    let (begun, server) = tokio::join!(over_http2(client, request()), answering);
    let (answer, driven) = begun.unwrap();
    assert_eq!(answer.status(), 200);
    // So that it has as much to send as it may.
    sleep(Duration::from_millis(100)).await;
    drop((answer, driven));
    is_closed(server).await;
}
