//! Answers that their peers do not take, or take slowly.

use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::*;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that lets so many bytes of each answer come.
async fn client(served: &Served, window: u32) -> SendRequest<bytes::Bytes> {
    let builder = Builder::new().initial_window_size(window).handshake(served.connect().await);
    let (client, connection) = builder.await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

fn ask(served: &Served, client: &mut SendRequest<bytes::Bytes>, path: &str) -> ResponseFuture {
    let request = http::Request::get(format!("http://{}{path}", served.address));
    let request = request.header("authorization", format!("Bearer {}", served.token)).body(()).unwrap();
    client.send_request(request, true).unwrap().0
}

async fn asked(served: &Served, client: &mut SendRequest<bytes::Bytes>, path: &str) -> (u16, RecvStream) {
    let answer = timeout(PATIENCE, ask(served, client, path)).await.unwrap().unwrap();
    (answer.status().as_u16(), answer.into_body())
}

/// How the answer ends of which no more is taken than comes by itself.
async fn end(mut body: RecvStream) -> Option<Reason> {
    let all = async {
        loop {
            match body.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.reason(),
                None => return None,
            }
        }
    };
    timeout(PATIENCE, all).await.expect("an answer that nobody reads stays")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_http_2_that_nobody_reads_has_a_place_and_is_given_up() {
    for window in [0, 1, 20 << 10] {
        let bounds = Bounds { stall_time: Duration::from_millis(500), requests_per_peer: 1, ..Bounds::default() };
        let served = Served::new(bounds).await;
        let mut client = client(&served, window).await;
        let (status, unread) = asked(&served, &mut client, "/large").await;
        assert_eq!(status, 200);
        assert_eq!(asked(&served, &mut client, "/open").await.0, 503, "its place was free before it was read");
        assert_eq!(end(unread).await, Some(Reason::CANCEL), "of a window of {window}");
        // Whatever else is on its connection goes on.
        assert_eq!(asked(&served, &mut client, "/open").await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_on_which_nothing_happens_is_kept_and_takes_no_place() {
    let bounds = Bounds { stall_time: Duration::from_millis(100), requests_per_peer: 1, ..Bounds::default() };
    let served = Served::new(bounds).await;
    let mut client = client(&served, 65_535).await;
    let (status, mut events) = asked(&served, &mut client, "/events").await;
    assert_eq!(status, 200);
    let mut next = async || timeout(PATIENCE, events.data()).await.unwrap().unwrap().unwrap();
    assert_eq!(next().await, "data: first\n\n");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(asked(&served, &mut client, "/open").await.0, 200);
    served.go.notify_one();
    assert_eq!(next().await, "data: second\n\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_long_is_no_answer_that_nobody_reads() {
    let served = Served::new(Bounds { stall_time: Duration::from_millis(100), ..Bounds::default() }).await;
    let mut client = client(&served, 65_535).await;
    let waiting = ask(&served, &mut client, "/wait");
    served.here.notified().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    served.go.notify_one();
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_http_1_that_is_read_slowly_comes_whole() {
    let served = Served::new(quick()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut stream = socket.connect(served.address).await.unwrap();
    stream.write_all(served.request("GET /large HTTP/1.1", &[], "").as_bytes()).await.unwrap();
    // Longer than the head of another request may take.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = timeout(PATIENCE, read(stream)).await.unwrap();
    assert!(answer.ends_with('x') && answer.len() > LARGE, "{} bytes", answer.len());
}
