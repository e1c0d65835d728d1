//! What cannot be seen from a guest: which of several addresses are used, and where secrets go in every kind of place.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use base64::Engine as _;

use http::HeaderMap;
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use toolhold_core::grant::http::{Host, Method, Scheme, Target};
use toolhold_core::grant::{SecretPlace, SecretUse};
use toolhold_core::redact::Redactor;
use toolhold_sandbox::capability::http::{Egress as _, EgressError, EgressRequest};

use super::{Client, SecretLookup, lookup, place};

mod leaving;
mod lookups;

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

fn request(path: &str, secrets: &[(&str, SecretPlace)]) -> EgressRequest {
    EgressRequest {
        component: None,
        method: Method::Get,
        target: Target::parse(Scheme::Http, "127.0.0.1:1", path).unwrap(),
        headers: HeaderMap::new(),
        body: None,
        addresses: Vec::new(),
        secrets: secrets
            .iter()
            .map(|(secret, place)| SecretUse { secret: secret.parse().unwrap(), place: place.clone() })
            .collect(),
        connect_timeout: None,
        returned: Arc::new(|_| ()),
    }
}

fn known() -> SecretLookup {
    SecretLookup::new(|name| match name.as_str() {
        "plain" => Some(SecretString::from("s3cret value&=")),
        "lines" => Some(SecretString::from("one\r\nHost: evil.example")),
        _ => None,
    })
}

#[test]
fn only_permitted_addresses_of_a_name_are_used_and_a_name_without_one_is_refused() {
    let host = Host::parse("a.example").unwrap();
    let checked = |found: &[&str], named: &[&str]| {
        let named: Vec<_> = named.iter().map(|range| range.parse().unwrap()).collect();
        lookup::checked(&host, &addresses(found), &named)
    };
    assert_eq!(checked(&["10.0.0.1", "8.8.8.8", "::1"], &[]), Ok(addresses(&["8.8.8.8"])));
    assert_eq!(checked(&["10.0.0.1"], &["10.0.0.0/8"]), Ok(addresses(&["10.0.0.1"])));
    assert_eq!(checked(&["::ffff:127.0.0.1"], &["127.0.0.0/8"]), Ok(addresses(&["::ffff:127.0.0.1"])));
    for private in ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "fd00::1", "0.0.0.0"] {
        assert!(matches!(checked(&[private], &[]), Err(EgressError::Address(_))), "{private}");
    }
    assert!(matches!(checked(&[], &[]), Err(EgressError::Lookup(_))));
    assert_eq!(checked(&["8.8.8.8"; 100], &[]).unwrap().len(), 8, "no name makes the host try for ever");
}

#[test]
fn a_secret_goes_where_the_grant_says_and_takes_the_place_of_what_was_there() {
    let query = |name: &str| SecretPlace::Query { name: name.into() };
    let header = SecretPlace::Header { name: http::header::AUTHORIZATION, prefix: "Bearer ".into() };
    let placed = place::secrets(&request("/a?k%65y=guest&b=1&key&c", &[("plain", query("key"))]), &known()).unwrap();
    assert_eq!(placed.path_and_query, "/a?b=1&c&key=s3cret+value%26%3D");
    let placed = place::secrets(&request("/a", &[("plain", query("key")), ("plain", header)]), &known()).unwrap();
    assert_eq!(placed.path_and_query, "/a?key=s3cret+value%26%3D");
    assert_eq!(placed.headers[0].1, "Bearer s3cret value&=");
    assert!(placed.headers[0].1.is_sensitive());
    let basic = SecretPlace::Basic { user: "me".into() };
    let placed = place::secrets(&request("/?a=%20&&b", &[("plain", basic)]), &known()).unwrap();
    assert_eq!(placed.headers[0].1, "Basic bWU6czNjcmV0IHZhbHVlJj0=");
    assert_eq!(placed.path_and_query, "/?a=%20&&b", "what was judged is what is sent");
}

#[test]
fn a_secret_that_is_missing_or_cannot_be_sent_stops_the_request_and_is_not_in_the_error() {
    let header = SecretPlace::Header { name: http::header::AUTHORIZATION, prefix: String::new() };
    for (secret, word) in [("lines", "no header can hold"), ("unknown", "has no value")] {
        let Err(EgressError::Secret(why)) = place::secrets(&request("/", &[(secret, header.clone())]), &known()) else {
            panic!("{secret} was sent");
        };
        assert!(why.contains(word) && why.contains(secret) && !why.contains("evil"), "{why}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_named_is_refused_before_anything_is_opened() {
    let answer = Client::new(SecretLookup::none(), Redactor::default()).send(request("/", &[])).await;
    assert!(matches!(answer, Err(EgressError::Address(_))), "{answer:?}");
}

/// What comes of `answer`, which a server writes in pieces of `piece` bytes: the headers, the body, and the secrets that it held.
async fn answered(answer: &[u8], piece: usize) -> (HeaderMap, Vec<u8>, BTreeSet<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.to_vec();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        for piece in answer.chunks(piece) {
            stream.write_all(piece).unwrap();
            // So that the other side gets it as a piece of its own.
            std::thread::yield_now();
        }
    });
    let returned = Arc::new(Mutex::new(BTreeSet::new()));
    let told = Arc::clone(&returned);
    let request = EgressRequest {
        target: Target::parse(Scheme::Http, &format!("127.0.0.1:{port}"), "/").unwrap(),
        addresses: vec!["127.0.0.0/8".parse().unwrap()],
        returned: Arc::new(move |names| told.lock().unwrap().extend(names.iter().cloned())),
        ..request("/", &[])
    };
    let client = Client::new(SecretLookup::none(), Redactor::new([("api", SECRET), ("pin", "8273645")]));
    let answer = client.send(request).await.unwrap();
    let headers = answer.headers.clone();
    let body = answer.body.collect().await.unwrap();
    let mut all = headers;
    body.trailers().into_iter().for_each(|trailers| all.extend(trailers.clone()));
    server.join().unwrap();
    let names = returned.lock().unwrap().clone();
    (all, body.to_bytes().to_vec(), names)
}

/// With signs that every encoding has to escape.
const SECRET: &str = "hunter22 \"e\\/+%&=longer";

#[tokio::test]
async fn a_secret_that_a_server_sends_back_does_not_reach_the_guest_however_it_is_written_and_split() {
    let quoted = serde_json::Value::from(SECRET).to_string();
    let unicode: String = SECRET.chars().map(|sign| format!("\\u{:04x}", u32::from(sign))).collect();
    let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("me:{SECRET}"));
    for spelled in [SECRET, &quoted, &unicode, &percent, &basic, &hex::encode(SECRET)] {
        let body = format!("{{\"before\": 1, \"value\": \"{spelled}\", \"pin\": 8273645, \"after\": 2}}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        for piece in [1, 3, 7, 64, 4096] {
            let (_, got, names) = answered(answer.as_bytes(), piece).await;
            let got = String::from_utf8(got).unwrap();
            assert_eq!(got.len(), body.len(), "as long as it said");
            assert!(got.starts_with("{\"before\": 1, \"value\": \"") && got.ends_with(", \"after\": 2}"), "{got}");
            assert!(got.contains("[redacted]***") && got.contains("*******,"), "{got}");
            assert!(Redactor::new([("api", SECRET), ("pin", "8273645")]).redact(&got) == got.as_str(), "{got}");
            assert!(!got.contains(&spelled[spelled.len() - 8..]), "{got}");
            assert_eq!(names.len(), 2, "{names:?}");
        }
    }
}

#[tokio::test]
async fn headers_and_trailers_come_without_secrets_and_with_everything_else() {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nx-echo: Bearer {SECRET}\r\nx-echo: plain\r\nx-8273645: yes\r\netag: \"a\"\r\n\
         transfer-encoding: chunked\r\ntrailer: x-last\r\n\r\n5\r\nhello\r\n0\r\nx-last: {SECRET}\r\n\r\n"
    );
    let (headers, body, names) = answered(answer.as_bytes(), 4096).await;
    let echoed: Vec<_> = headers.get_all("x-echo").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(echoed, [&*format!("Bearer [redacted]{}", "*".repeat(SECRET.len() - 10)), "plain"]);
    assert_eq!((&headers["etag"], body.as_slice()), (&http::HeaderValue::from_static("\"a\""), &b"hello"[..]));
    assert!(headers["x-last"].to_str().unwrap().starts_with("[redacted]"), "{headers:?}");
    assert!(!format!("{headers:?}").contains("8273645"), "{headers:?}");
    assert_eq!(names.len(), 2);
}

#[tokio::test]
async fn an_answer_that_breaks_off_gives_what_came_and_then_the_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).unwrap() > 0);
        // The end may be the begin of a secret, so it is held back until there is no more.
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nall of hunter22").unwrap();
    });
    let request = EgressRequest {
        target: Target::parse(Scheme::Http, &format!("127.0.0.1:{port}"), "/").unwrap(),
        addresses: vec!["127.0.0.0/8".parse().unwrap()],
        ..request("/", &[])
    };
    let client = Client::new(SecretLookup::none(), Redactor::new([("api", SECRET)]));
    let mut body = client.send(request).await.unwrap().body;
    server.join().unwrap();
    let mut got = Vec::new();
    let error = loop {
        match body.frame().await {
            Some(Ok(frame)) => got.extend(frame.into_data().unwrap()),
            Some(Err(error)) => break error,
            None => panic!("it looks whole"),
        }
    };
    assert_eq!(got, b"all of hunter22", "{error}");
    assert!(body.frame().await.is_none());
}
