//! What is shown of a call, and who is told of a question.

use super::*;

/// A server that counts its requests.
fn counting() -> (HttpServer, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&asked);
    let server = HttpServer::start(move |_, stream: &mut std::net::TcpStream| {
        seen.fetch_add(1, Ordering::SeqCst);
        let _gone = std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    (server.unwrap(), asked)
}

#[test]
fn what_is_shown_of_a_call_sends_nothing_not_even_a_get() {
    let (server, asked) = counting();
    let port = server.port();
    let manifest = format!(
        "version = 1\n[tools.web]\nsource = \"web.wasm\"\n[[tools.web.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\n\
         ports = [{port}]\naddresses = [\"127.0.0.0/8\"]\nmethods = [\"GET\", \"POST\"]\n[[rules]]\nname = \"ask\"\n\
         decision = \"ask\"\ntools = [\"web.*\"]\n"
    );
    let place = Place { project: Project::new(&manifest), time: Arc::new(HostTime) };
    std::fs::write(place.project.path().join("web.wasm"), guest("http")).unwrap();
    block_on(async {
        let host = place.open().await;
        let url = format!("http://127.0.0.1:{port}/?everything-that-it-knows");
        let fetch = || ToolCall::new("web.fetch", json!({ "url": url }).to_string());
        let id = awaited(&park(&host, fetch()).await);
        let record = host.approvals().get(&id).await.unwrap();
        let request = &record.foreseen.effects.requests[0];
        assert_eq!((request.method.as_str(), &request.state), ("GET", &RequestState::Withheld));
        assert!(request.url.contains("everything-that-it-knows"), "it is listed: {request:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        approve(&host, &id).await;
        succeeded(&park(&host, fetch()).await);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn who_wants_to_be_told_is_told_signed_and_without_arguments() {
    let hook = HttpServer::with(&b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"[..]).unwrap();
    let place = Place::told_at(&format!("http://{}/told", hook.authority()));
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("private-name.md", "private content")).await);
        approve(&host, &id).await;
        let began = Instant::now();
        while hook.requests().len() < 2 {
            assert!(began.elapsed() < Duration::from_secs(30), "nobody was told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for request in hook.requests() {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let told: Value = serde_json::from_str(body).unwrap();
            assert_eq!((told["approval"].as_str(), told["tool"].as_str()), (Some(id.as_str()), Some("files.write")));
            assert!(!request.contains("private") && !request.contains("k3y-of-the-hook"), "{request}");
            let signature = head.lines().find_map(|line| line.strip_prefix("toolhold-signature: ")).unwrap();
            let seconds = signature.strip_prefix("t=").unwrap().split_once(',').unwrap().0.parse().unwrap();
            let own = toolhold_core::approval::signature::of(b"k3y-of-the-hook", seconds, body.as_bytes());
            assert_eq!(signature, own);
        }
    });
}

#[test]
fn a_process_ends_when_everybody_was_told_also_where_they_were_not_there_at_once() {
    let asked = AtomicUsize::new(0);
    let hook = HttpServer::start(move |_, stream| {
        let status = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "503 Later" } else { "204 No Content" };
        drop(stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()));
    });
    let hook = hook.unwrap();
    let place = Place::told_at(&format!("http://{}/", hook.authority()));
    assert_eq!(place.project.run(&["lock"]).code(), 0);
    place.project.run(&["call", "files.write", "path=/work/a.md", "content=one"]).failed(17, &["awaiting-approval"]);
    assert_eq!(hook.requests().len(), 2, "the second one was taken");
    let id = waiting(&place.project);
    place.project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    assert!(hook.requests()[2].contains(r#""state":"approved""#), "{:?}", hook.requests());
}

#[test]
fn a_webhook_that_never_answers_keeps_no_call_waiting() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::told_at(&format!("http://{}/", listener.local_addr().unwrap()));
    block_on(async {
        let host = place.open().await;
        let began = Instant::now();
        let id = awaited(&park(&host, write("a.md", "one")).await);
        approve(&host, &id).await;
        succeeded(&park(&host, write("a.md", "one")).await);
        assert!(began.elapsed() < Duration::from_secs(9), "longer than it is waited for");
    });
}
