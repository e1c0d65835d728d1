//! What is sent: methods, headers, bodies, redirects.

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::json;
use toolhold_sdk::testing::{call, tools};

use super::{Server, answer};
use crate::COMPONENT;

fn names(headers: &[(String, String)]) -> Vec<&str> {
    headers.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_tool_that_looks_says_so_and_the_one_that_sends_says_so_too() {
    let [fetch, send] = &tools(&COMPONENT)[..] else { panic!("two tools") };
    assert_eq!((fetch.name.as_str(), fetch.hints.read_only, fetch.hints.destructive), ("fetch", true, false));
    assert_eq!((send.name.as_str(), send.hints.read_only, send.hints.destructive), ("send", false, true));
    assert!(fetch.hints.open_world && send.hints.open_world && fetch.hints.idempotent && !send.hints.idempotent);
}

#[test]
fn the_arguments_conform_to_the_schema_and_nothing_leaves_a_native_build() {
    let error =
        call(&COMPONENT, "fetch", json!({"url": "https://example.com/", "method": "head", "format": "text"})).error();
    assert!(error.message().contains("sandbox"), "{error:?}");
    let arguments = json!({"url": "https://example.com/", "method": "post", "json": {"a": 1}});
    assert!(call(&COMPONENT, "send", arguments).error().message().contains("sandbox"));
}

#[test]
fn what_is_no_request_is_refused_before_anything_is_sent() {
    let cases = [
        (json!({"url": "example.com"}), "no URL"),
        (json!({"url": "ftp://example.com/"}), "`http://` or `https://`"),
        (json!({"url": "file:///etc/passwd"}), "`http://` or `https://`"),
        (json!({"url": "https://user:pass@example.com/"}), "user or password"),
        (json!({"url": "https://example.com/", "headers": {"a b": "c"}}), "no header name"),
        (json!({"url": "https://example.com/", "headers": {"a": "b\r\nc: d"}}), "line break"),
        (json!({"url": "https://example.com/", "headers": {"Host": "x"}}), "set for you"),
    ];
    for (args, words) in cases {
        let mut server = Server::new(Vec::new());
        let error = server.fetch(args).unwrap_err();
        assert!(matches!(error, Error::InvalidArgs(_)) && error.message().contains(words), "{error:?}");
        assert!(!error.message().contains("pass@") && server.asked.is_empty());
    }
}

#[test]
fn a_request_asks_for_no_compression_and_carries_what_it_was_given() {
    let mut server = Server::new(vec![answer(200, "", ""), answer(200, "", "")]);
    server.fetch(json!({"url": "https://example.com/#part", "headers": {"Accept": "text/plain"}})).unwrap();
    let body = json!({"b": [1]});
    server.send(json!({"url": "https://example.com/", "method": "put", "json": body})).unwrap();
    assert_eq!(server.asked[0].url.as_str(), "https://example.com/");
    assert_eq!(names(&server.asked[0].headers), ["accept", "accept-encoding", "user-agent"]);
    assert!(server.asked[0].headers.contains(&("accept".into(), "text/plain".into())));
    assert!(server.asked[0].headers.contains(&("accept-encoding".into(), "identity".into())));
    assert!(server.asked[1].headers.contains(&("content-type".into(), "application/json".into())));
    assert_eq!((server.asked[1].method, server.asked[1].body.as_slice()), ("PUT", b"{\"b\":[1]}".as_slice()));
}

#[test]
fn a_body_is_given_in_one_form() {
    let error = Server::new(Vec::new())
        .send(json!({"url": "https://example.com/", "method": "post", "json": 1, "text": "x"}))
        .unwrap_err();
    assert!(error.message().contains("one of"), "{error:?}");
    let error = Server::new(Vec::new())
        .send(json!({"url": "https://example.com/", "method": "post", "base64": "%%"}))
        .unwrap_err();
    assert!(matches!(error, Error::InvalidArgs(_)));
}

#[test]
fn what_was_sent_and_answered_is_no_error_whatever_the_answer_looks_like() {
    let answers = [
        (201, "", ""),
        (204, "content-type: application/json\ncontent-encoding: gzip", ""),
        (201, "content-encoding: br", "?"),
        (201, "content-encoding: gzip", "?"),
        (404, "content-type: text/html", "<p>gone"),
    ];
    for (status, headers, body) in answers {
        let args = json!({"url": "https://example.com/", "method": "post", "json": {"a": 1}, "format": "json"});
        let page = Server::new(vec![answer(status, headers, body)]).send(args).unwrap();
        assert_eq!(page.status, status);
        assert!(page.note.is_some(), "{page:?}");
    }
}

#[test]
fn redirects_are_followed_and_leave_behind_what_is_personal() {
    let redirect = |status, to: &str| answer(status, &format!("location: {to}"), "");
    let mut server = Server::new(vec![
        redirect(308, "/b"),
        redirect(302, "//other.example/c"),
        answer(200, "content-type: text/plain", "done"),
    ]);
    let args =
        json!({"url": "https://example.com/a", "method": "post", "text": "x", "headers": {"authorization": "mine"}});
    let page = server.send(args).unwrap();
    let asked: Vec<_> = server.asked.iter().map(|request| (request.method, request.url.as_str())).collect();
    let expected =
        [("POST", "https://example.com/a"), ("POST", "https://example.com/b"), ("GET", "https://other.example/c")];
    assert_eq!(asked, expected);
    assert_eq!(server.asked[1].body, b"x");
    assert!(names(&server.asked[1].headers).contains(&"authorization"));
    assert!(server.asked[2].body.is_empty());
    let last = names(&server.asked[2].headers);
    assert!(!last.contains(&"authorization") && !last.contains(&"content-type"), "{last:?}");
    assert_eq!((page.url.as_str(), page.redirects.len()), ("https://other.example/c", 2));
}

#[test]
fn redirects_end_at_their_bound_and_lead_to_http_only() {
    let around = || (0..20).map(|number| answer(301, &format!("location: /{number}"), "")).collect::<Vec<_>>();
    let mut server = Server::new(around());
    let error = server.fetch(json!({"url": "https://example.com/", "max_redirects": 3})).unwrap_err();
    assert!(error.message().contains("after 3 redirects") && server.asked.len() == 4, "{error:?}");
    let mut server = Server::new(around());
    server.fetch(json!({"url": "https://example.com/", "max_redirects": 1000})).unwrap_err();
    assert_eq!(server.asked.len(), 11);
    for target in ["file:///etc/passwd", "https://u:p@example.com/", "javascript:1"] {
        let mut server = Server::new(vec![answer(302, &format!("location: {target}"), "")]);
        server.fetch(json!({"url": "https://example.com/"})).unwrap_err();
        assert_eq!(server.asked.len(), 1);
    }
}
