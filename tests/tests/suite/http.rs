//! Requests of guests, to a server on loopback: what is granted goes out as it was judged, and nothing else does.

use std::io::Write as _;
use std::net::TcpListener;

use serde_json::{Value, json};
use toolhold_core::effect::{Request, RequestState};
use toolhold_core::id::Digest;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;
use toolhold_sandbox::RunOptions;
use toolhold_tests::http_server::HttpServer;
use toolhold_tests::test_host::{Reply, TestHost};

use crate::check::{failed, next_call_works, stops};

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: b\r\n\r\nhello";

const SECRETS: &str = "[secrets]\ntoken.env = \"UNUSED\"\nlines.env = \"UNUSED\"\nmissing.env = \"UNUSED\"\n";

/// A host that may send requests to `server`; `keys` are keys of the component after its one grant.
pub(crate) fn granted(server: &HttpServer, keys: &str) -> TestHost {
    let methods = "[\"GET\", \"HEAD\", \"OPTIONS\", \"POST\", \"PUT\", \"DELETE\"]";
    narrow(server, &format!("methods = {methods}"), keys)
}

/// The same with other keys of the grant.
fn narrow(server: &HttpServer, grant: &str, keys: &str) -> TestHost {
    let grant = format!(
        "{keys}\n[[tools.guest.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\nports = [{}]\naddresses = [\"127.0.0.0/8\"]\n{grant}\n{SECRETS}",
        server.port()
    );
    TestHost::of("waiting", &grant).unwrap()
}

fn get(host: &TestHost, server: &HttpServer, path: &str) -> Reply {
    host.call("http_request", json!({"authority": server.authority(), "path": path})).unwrap()
}

fn text(reply: &Reply) -> &str {
    reply.value().unwrap().as_str().unwrap()
}

fn why(request: &Request) -> &str {
    match &request.state {
        RequestState::Refused { why } | RequestState::NotSent { why } | RequestState::Sent { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_granted_request_goes_out_as_it_was_judged_and_its_answer_comes_back() {
    let server = HttpServer::with(HELLO).unwrap();
    let host = granted(&server, "");
    let reply = get(&host, &server, "/a/../b?q=1");
    assert_eq!(text(&reply), "200\ncontent-length: 5\nx-a: b\n\nhello");
    let sent = server.requests();
    assert!(sent[0].starts_with("GET /b?q=1 HTTP/1.1\r\n"), "{sent:?}");
    assert!(sent[0].contains(&format!("host: {}\r\n", server.authority())), "{sent:?}");
    let url = format!("http://{}/b?q=1", server.authority());
    let expected = Request {
        method: "GET".into(),
        url,
        state: RequestState::Answered { status: 200 },
        sent_bytes: 0,
        received_bytes: 5,
        secrets: Vec::new(),
        returned: Vec::new(),
    };
    assert_eq!(reply.requests, [expected]);
    assert!(reply.usage.get(Limit::HttpBytesReceived) > 5 && reply.usage.get(Limit::HttpRequests) == 1);
}

#[test]
fn a_body_is_sent_whole_and_counted() {
    let server = HttpServer::with(HELLO).unwrap();
    let body = "x".repeat(10_000);
    let arguments = json!({"authority": server.authority(), "method": "POST", "body": body});
    let reply = granted(&server, "").call("http_request", arguments).unwrap();
    assert!(text(&reply).ends_with("hello"));
    assert_eq!(reply.requests[0].sent_bytes, 10_000);
    assert_eq!(server.requests()[0].matches('x').count(), 10_000);
}

#[test]
fn what_is_not_granted_does_not_leave_and_the_operator_learns_why() {
    let server = HttpServer::with(HELLO).unwrap();
    let port = server.port();
    let host = narrow(&server, "paths = [\"/v1/**\"]", "");
    let local = format!("127.0.0.1:{port}");
    for (arguments, expected) in [
        (json!({"authority": local, "path": "/v2"}), "path"),
        (json!({"authority": local, "path": "/v1/../v2"}), "path"),
        (json!({"authority": local, "path": "/v1/%2e%2e/v2"}), "path"),
        (json!({"authority": local, "path": "/v1/..%2fv2"}), "path"),
        (json!({"authority": local, "path": "/v1//v2"}), "path"),
        (json!({"authority": local, "path": "/v1", "method": "POST"}), "method"),
        (json!({"authority": local, "path": "/v1", "method": "CONNECT"}), "method"),
        (json!({"authority": local, "path": "/v1", "method": "get"}), "method"),
        (json!({"authority": local, "path": "/v1", "secure": true}), "scheme"),
        (json!({"authority": "127.0.0.1:1", "path": "/v1"}), "port"),
        (json!({"authority": "127.0.0.1", "path": "/v1"}), "port"),
        (json!({"authority": format!("localhost:{port}"), "path": "/v1"}), "host"),
        (json!({"authority": format!("[::ffff:127.0.0.1]:{port}"), "path": "/v1"}), "host"),
        (json!({"authority": format!("127.0.0.2:{port}"), "path": "/v1"}), "host"),
        (json!({"authority": format!("user@127.0.0.1:{port}"), "path": "/v1"}), "user"),
        (json!({"authority": format!("evil.example@127.0.0.1:{port}"), "path": "/v1"}), "user"),
    ] {
        let reply = host.call("http_request", arguments.clone()).unwrap();
        assert!(failed(&reply, Class::Denied).message.contains("Denied"), "{arguments}");
        assert_eq!(reply.requests.len(), 1);
        assert!(matches!(reply.requests[0].state, RequestState::Refused { .. }), "{:?}", reply.requests);
        assert!(why(&reply.requests[0]).contains(expected), "{arguments}: {:?}", reply.requests);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn every_spelling_of_an_address_is_the_address() {
    let server = HttpServer::with(HELLO).unwrap();
    let host = granted(&server, "");
    for spelling in ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f000001", "127.1", "127.0.0.1."] {
        let authority = format!("{spelling}:{}", server.port());
        let reply = host.call("http_request", json!({"authority": authority})).unwrap();
        assert!(text(&reply).starts_with("200"), "{spelling}");
        assert!(reply.requests[0].url.starts_with(&format!("http://{}/", server.authority())), "{:?}", reply.requests);
    }
    // The same spellings where any host is granted, and no address that is not public: none gets through.
    let anywhere = format!("[[tools.guest.http]]\nhost = \"*\"\nschemes = [\"http\"]\nports = [{}]\n", server.port());
    let host = TestHost::of("waiting", &anywhere).unwrap();
    let before = server.requests().len();
    for spelling in [
        "127.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "localhost",
        "LOCALHOST.",
    ] {
        let authority = format!("{spelling}:{}", server.port());
        let reply = host.call("http_request", json!({"authority": authority})).unwrap();
        assert!(failed(&reply, Class::Denied).message.contains("DestinationIpProhibited"), "{spelling}: {reply:?}");
        assert!(why(&reply.requests[0]).contains("not a public address"), "{spelling}: {:?}", reply.requests);
    }
    assert_eq!(server.requests().len(), before);
}

#[test]
fn a_redirect_is_an_answer_and_where_it_leads_must_be_granted_too() {
    let elsewhere = HttpServer::with(HELLO).unwrap();
    let location = format!("http://{}/", elsewhere.authority());
    let server = HttpServer::with(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"));
    let server = server.unwrap();
    let host = granted(&server, "");
    assert!(text(&get(&host, &server, "/")).starts_with(&format!("302\nlocation: {location}\n")));
    let followed = host.call("http_request", json!({"authority": elsewhere.authority()})).unwrap();
    failed(&followed, Class::Denied);
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_guest_cannot_set_what_belongs_to_the_connection() {
    let server = HttpServer::with(HELLO).unwrap();
    let host = granted(&server, "");
    for (name, value) in [
        ("host", "evil.example"),
        ("connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("proxy-authorization", "x"),
        ("proxy-anything", "x"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("expect", "100-continue"),
        ("x-split", "a\r\nx-injected: yes"),
        ("x split", "a"),
        ("x-injected: yes\r\nx", "a"),
    ] {
        let arguments = json!({"authority": server.authority(), "headers": [name, value]});
        failed(&host.call("http_request", arguments).unwrap(), Class::Denied);
    }
    assert!(server.requests().is_empty());
    // A length without a body would have the server wait for, or take, what comes next.
    let arguments = json!({"authority": server.authority(), "headers": ["content-length", "100", "x-own", "kept"]});
    assert!(text(&host.call("http_request", arguments).unwrap()).starts_with("200"));
    let sent = server.requests().concat();
    assert!(!sent.contains("content-length") && sent.contains("x-own: kept"), "{sent}");
}

#[test]
fn a_secret_reaches_the_server_and_neither_the_guest_nor_the_record() {
    let server = HttpServer::with(HELLO).unwrap();
    let grant = "secrets = [{ secret = \"token\", header = \"authorization\", prefix = \"Bearer \" }, { secret = \"token\", query = \"key\" }]";
    let host = narrow(&server, grant, "");
    let arguments =
        json!({"authority": server.authority(), "path": "/a?key=mine&b=1", "headers": ["authorization", "mine"]});
    let reply = host.call("http_request", arguments).unwrap();
    let sent = server.requests().concat();
    assert!(sent.starts_with("GET /a?b=1&key=t0k3n-value HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("authorization: Bearer t0k3n-value\r\n") && !sent.contains("mine"), "{sent}");
    assert!(!format!("{reply:?}").contains("t0k3n"), "{reply:?}");
    assert_eq!(reply.requests[0].secrets, ["token", "token"]);
    assert!(reply.requests[0].url.ends_with("/a?key=mine&b=1"));
}

#[test]
fn a_second_try_of_a_call_sends_the_same_key_and_a_guest_cannot_choose_it() {
    let server = HttpServer::with(HELLO).unwrap();
    let grant = "methods = [\"GET\", \"POST\"]\nidempotency-header = \"Idempotency-Key\"";
    let host = narrow(&server, grant, "");
    let run = |call: &[u8], method: &str, path: &str| {
        let headers = ["idempotency-key", "mine"];
        let arguments = json!({"authority": server.authority(), "method": method, "path": path, "headers": headers});
        let call = host.authorize("http_request", arguments).map(|authorized| (authorized, Digest::of(call))).unwrap();
        let options = RunOptions { key: Some(call.1), ..RunOptions::default() };
        assert!(host.sandbox().run_blocking(&call.0, options).outcome.is_ok());
        let head = server.requests().pop().unwrap();
        assert!(!head.contains("mine"), "{head}");
        head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).map(str::to_owned)
    };
    let first = run(b"one", "POST", "/a");
    assert!(first.is_some());
    assert_eq!(run(b"one", "POST", "/a"), first, "another try of the same call");
    assert_ne!(run(b"two", "POST", "/a"), first, "another call");
    assert_ne!(run(b"one", "POST", "/b"), first, "another request");
    assert_eq!(run(b"one", "GET", "/a"), None, "it asks for no change");
}

#[test]
fn a_label_comes_with_an_answer_and_not_with_a_request_that_has_none() {
    let server = HttpServer::with(HELLO).unwrap();
    let labels = |host: &TestHost, arguments: Value| {
        let call = host.authorize("http_request", arguments).unwrap();
        let report = host.sandbox().run_blocking(&call, RunOptions::default());
        report.labels.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let host = narrow(&server, "labels = [\"untrusted\"]\npaths = [\"/a\"]", "");
    assert_eq!(labels(&host, json!({"authority": server.authority(), "path": "/a"})), ["untrusted"]);
    assert_eq!(labels(&host, json!({"authority": server.authority(), "path": "/b"})), [""; 0], "refused");
    let silent = HttpServer::with("").unwrap();
    let host = narrow(&silent, "labels = [\"untrusted\"]", "");
    assert_eq!(labels(&host, json!({"authority": silent.authority()})), [""; 0], "nothing came");
}

#[test]
fn a_secret_that_cannot_be_sent_stops_the_request() {
    let server = HttpServer::with(HELLO).unwrap();
    for (secret, expected) in [("lines", "no header can hold"), ("missing", "has no value")] {
        let host = narrow(&server, &format!("secrets = [{{ secret = \"{secret}\", header = \"x-key\" }}]"), "");
        let reply = get(&host, &server, "/");
        failed(&reply, Class::Denied);
        assert!(matches!(reply.requests[0].state, RequestState::NotSent { .. }));
        assert!(why(&reply.requests[0]).contains(expected), "{:?}", reply.requests);
        assert!(!format!("{reply:?}").contains("t0k3n"), "{reply:?}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_preview_sends_what_asks_for_no_change_and_ends_at_what_does() {
    let server = HttpServer::with(HELLO).unwrap();
    let host = granted(&server, "");
    let ask = |method: &str| json!({"authority": server.authority(), "method": method});
    let reply = host.preview("http_request", ask("GET")).unwrap();
    assert!(text(&reply).starts_with("200"));
    assert_eq!(server.requests().len(), 1);
    for method in ["POST", "PUT", "DELETE"] {
        let reply = host.preview("http_request", ask(method)).unwrap();
        assert_eq!(failed(&reply, Class::Withheld).code, "withheld");
        assert_eq!(reply.requests[0].state, RequestState::Withheld);
        next_call_works(host.sandbox());
    }
    assert_eq!(server.requests().len(), 1, "something was sent");
    let refused = host.preview("http_request", json!({"authority": "127.0.0.1:1", "method": "POST"})).unwrap();
    failed(&refused, Class::Denied);
}

#[test]
fn a_run_that_changes_nothing_sends_only_what_asks_for_no_change() {
    let server = HttpServer::with(HELLO).unwrap();
    let host = granted(&server, "");
    let scope = toolhold_core::policy::RunScope::default().read_only();
    let run = |method: &str| {
        let arguments = json!({"authority": server.authority(), "method": method});
        host.run(&host.authorize_in(&scope, "http_request", arguments).unwrap()).unwrap()
    };
    assert!(text(&run("GET")).starts_with("200"));
    failed(&run("POST"), Class::Denied);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_answer_that_floods_its_head_is_none() {
    let many = |count: usize, name: &str| {
        let headers: String = (0..count).map(|index| format!("{name}{index}: x\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n")
    };
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(1 << 20));
    for head in [many(32_769, "x"), many(257, "x"), many(200, &"x".repeat(400)), long, "nonsense\r\n\r\n".into()] {
        let server = HttpServer::with(head).unwrap();
        let host = granted(&server, "");
        failed(&get(&host, &server, "/"), Class::Denied);
        next_call_works(host.sandbox());
    }
}

#[test]
fn what_is_compressed_stays_compressed() {
    let bomb =
        [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n".as_slice(), b"\x1f\x8b\x08\x00"];
    let server = HttpServer::with(bomb.concat()).unwrap();
    let reply = get(&granted(&server, ""), &server, "/");
    assert!(text(&reply).contains("content-encoding: gzip"));
    assert_eq!(reply.requests[0].received_bytes, 4);
}

#[test]
fn a_server_that_says_nothing_costs_the_call_its_time_and_nothing_else() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let grant = |keys: &str| {
        format!(
            "{keys}\n[[tools.guest.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\nports = [{port}]\naddresses = [\"127.0.0.0/8\"]\n"
        )
    };
    let host = TestHost::of("waiting", &grant("limits.time = \"200ms\"")).unwrap();
    let arguments = json!({"authority": format!("127.0.0.1:{port}")});
    let reply = stops(&host, "http_request", arguments, Limit::Time);
    assert!(matches!(reply.requests[0].state, RequestState::Sent { .. }), "{:?}", reply.requests);
    // A guest may be less patient than its call.
    let host = TestHost::of("waiting", &grant("")).unwrap();
    let arguments = json!({"authority": format!("127.0.0.1:{port}"), "patience": 50});
    let reply = host.call("http_request", arguments).unwrap();
    assert!(failed(&reply, Class::Denied).message.contains("ConnectionReadTimeout"), "{reply:?}");
}

#[test]
fn a_server_that_stops_in_the_middle_is_an_error_and_the_request_counts_as_answered() {
    let server = HttpServer::with("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
    let host = granted(&server, "");
    let reply = get(&host, &server, "/");
    failed(&reply, Class::Tool);
    assert_eq!(reply.requests[0].state, RequestState::Answered { status: 200 });
    let closed = HttpServer::with("").unwrap();
    let reply = get(&granted(&closed, ""), &closed, "/");
    failed(&reply, Class::Denied);
    assert!(matches!(reply.requests[0].state, RequestState::Sent { .. }), "{:?}", reply.requests);
}

#[test]
fn a_connection_that_does_not_come_to_be_has_sent_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let no_tls = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let grant = format!(
        "[[tools.guest.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\", \"https\"]\nports = [{free}, {no_tls}]\naddresses = [\"127.0.0.0/8\"]\n"
    );
    let host = TestHost::of("waiting", &grant).unwrap();
    for (port, secure) in [(free, false), (no_tls, true)] {
        let arguments = json!({"authority": format!("127.0.0.1:{port}"), "secure": secure});
        let reply = host.call("http_request", arguments).unwrap();
        failed(&reply, Class::Denied);
        assert!(matches!(reply.requests[0].state, RequestState::NotSent { .. }), "{:?}", reply.requests);
    }
}

#[test]
fn a_tool_that_declares_no_need_sends_nothing_whatever_is_granted() {
    let host = TestHost::of("waiting", "[[tools.guest.http]]\nhost = \"*\"\n").unwrap();
    let granted = |tool: &str, arguments: Value| host.authorize(tool, arguments).unwrap().grants().http.len();
    assert_eq!(granted("http_request", json!({"authority": "a.example"})), 1);
    assert_eq!(granted("sleep_forever", json!({})), 0);
}
