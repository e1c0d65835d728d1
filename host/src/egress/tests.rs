//! What cannot be seen from a guest: which of several addresses are used, and where secrets go in every kind of place.

use std::net::IpAddr;

use http::HeaderMap;
use secrecy::SecretString;
use toolhold_core::grant::http::{Host, Method, Scheme, Target};
use toolhold_core::grant::{SecretPlace, SecretUse};
use toolhold_sandbox::capability::http::{Egress as _, EgressError, EgressRequest};

use super::{Client, SecretLookup, lookup, place};

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
    let answer = Client::new(SecretLookup::none()).send(request("/", &[])).await;
    assert!(matches!(answer, Err(EgressError::Address(_))), "{answer:?}");
}
