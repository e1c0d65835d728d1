//! What a grant covers, in every spelling that somebody may try.

use proptest::prelude::*;

use super::*;

fn target(text: &str) -> Target {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn parse(text: &str) -> Result<Target, TargetError> {
    let (scheme, rest) = text.split_once("://").unwrap();
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    Target::parse(scheme, &rest[..at], &rest[at..])
}

fn grant(host: &str) -> HttpGrant {
    HttpGrant {
        schemes: vec![Scheme::Https],
        host: HostPattern::parse(host).unwrap(),
        ports: Ports::OfScheme,
        methods: vec![Method::Get],
        paths: PathPatterns::everything(),
        addresses: Vec::new(),
        secrets: Vec::new(),
        idempotency_header: None,
        within: Vec::new(),
        labels: Arc::default(),
    }
}

fn paths(patterns: &[&str]) -> PathPatterns {
    PathPatterns::new(patterns.iter().copied()).unwrap()
}

#[test]
fn each_part_of_a_request_must_be_granted_and_the_nearest_miss_is_told() {
    let grants = [grant("other.example"), HttpGrant { paths: paths(&["/v1/**"]), ..grant("api.example.com") }];
    for (method, url, expected) in [
        (Method::Get, "https://api.example.com/v1/x?q", Ok(())),
        (Method::Get, "https://api.example.com:443/v1", Ok(())),
        (Method::Get, "https://API.example.COM./v1", Ok(())),
        (Method::Post, "https://api.example.com/v1/x", Err(Miss::Method)),
        (Method::Get, "https://api.example.com/v2", Err(Miss::Path)),
        (Method::Get, "https://api.example.com:8443/v1", Err(Miss::Port)),
        (Method::Get, "http://api.example.com/v1", Err(Miss::Scheme)),
        (Method::Get, "https://example.com/v1", Err(Miss::Host)),
        (Method::Get, "https://api.example.com.evil.example/v1", Err(Miss::Host)),
    ] {
        assert_eq!(covering(&grants, method, &target(url)).map(drop), expected, "{url}");
    }
    assert_eq!(covering(&[], Method::Get, &target("https://a.example")).map(drop), Err(Miss::NoGrant));
}

#[test]
fn a_star_stands_for_one_or_more_names_below_and_never_for_the_name_itself() {
    let below = HostPattern::parse("*.example.com").unwrap();
    for (host, expected) in [
        ("a.example.com", true),
        ("a.b.example.com", true),
        ("example.com", false),
        ("aexample.com", false),
        ("a.example.com.evil.example", false),
        ("127.0.0.1", false),
    ] {
        assert_eq!(below.matches(&Host::parse(host).unwrap()), expected, "{host}");
    }
}

#[test]
fn a_pattern_is_written_as_it_is_compared() {
    for good in
        ["example.com", "*.example.com", "*", "localhost", "127.0.0.1", "[::1]", "::1", "xn--mnchen-3ya.example"]
    {
        assert!(HostPattern::parse(good).is_ok(), "{good}");
    }
    for (bad, error) in [
        ("", HostError::Empty),
        ("https://example.com", HostError::NotOnlyAHost),
        ("example.com:443", HostError::NotOnlyAHost),
        ("me@example.com", HostError::NotOnlyAHost),
        ("*example.com", HostError::Star),
        ("api.*.com", HostError::Star),
        ("*.*.com", HostError::Star),
        ("*.127.0.0.1", HostError::AddressBelow),
        ("Example.com", HostError::Spelling("example.com".into())),
        ("example.com.", HostError::Spelling("example.com".into())),
        ("münchen.example", HostError::Spelling("xn--mnchen-3ya.example".into())),
        ("2130706433", HostError::Spelling("127.0.0.1".into())),
        ("0x7f.1", HostError::Spelling("127.0.0.1".into())),
    ] {
        assert_eq!(HostPattern::parse(bad), Err(error), "{bad}");
    }
    for bad in ["*.", ".example.com", "a..b", "a b", "exa%mple", "*.\u{202e}"] {
        assert!(HostPattern::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_address_is_the_same_in_every_spelling() {
    for spelling in [
        "127.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "0x7F.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "%3127.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
    ] {
        assert_eq!(target(&format!("http://{spelling}:8080/")).host().to_string(), "127.0.0.1", "{spelling}");
    }
    for spelling in ["[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]"] {
        assert_eq!(target(&format!("http://{spelling}/")).host().to_string(), "[::1]", "{spelling}");
    }
    assert_eq!(target("http://[::ffff:127.0.0.1]/").host(), &Host::V6("::ffff:127.0.0.1".parse().unwrap()));
    assert_eq!(target("http://LOCALHOST./").host(), &Host::Name("localhost".into()));
}

#[test]
fn what_two_parsers_could_read_differently_is_no_target() {
    for text in [
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://@example.com/",
        "http://example.com@evil.example/",
        "http://exa\tmple.com/",
        "http://example.com\r\nHost: evil.example/",
        "http://example.com\\@evil.example/",
        "http://example.com#@evil.example/",
        "http://example.com/a b",
        "http://example.com/a\r\nX: y",
        "http://example.com/a\\..\\b",
        "http://example.com/a#b",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://256.256.256.256/",
        "http://1.2.3.4.5/",
        "http://a..b/",
        "http:///a",
        "http://:80/a",
        "http://?a",
        "http://[::1%25eth0]/",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert!(Target::parse(Scheme::Http, "a.example", "b").is_err(), "a path without its slash");
    assert!(Target::parse(Scheme::Http, "a.example", &"/a".repeat(10_000)).is_err(), "a long one");
}

#[test]
fn dots_are_resolved_in_what_is_judged_and_sent() {
    for (written, sent) in [
        ("/v1/../admin", "/admin"),
        ("/v1/%2e%2E/admin", "/admin"),
        ("/v1/.%2e/admin", "/admin"),
        ("/v1/./x", "/v1/x"),
        ("/../../x", "/x"),
        ("", "/"),
        ("?q=1", "/"),
    ] {
        assert_eq!(target(&format!("https://a.example{written}")).path(), sent, "{written}");
    }
    assert_eq!(target("https://a.example?q=1").to_string(), "https://a.example/?q=1");
}

#[test]
fn a_path_that_servers_read_differently_matches_no_narrow_pattern() {
    let v1 = paths(&["/v1/**"]);
    for good in ["/v1", "/v1/", "/v1/a", "/v1/a%20b", "/v1/a/b;c=d", "/v1/%C3%A9", "/%761/a"] {
        assert!(v1.matches(good), "{good}");
    }
    for bad in [
        "/",
        "/v2",
        "/v1x",
        "/v1%2f..%2fadmin",
        "/v1/a%2Fb",
        "/v1/%5c..%5cadmin",
        "/v1/%252e%252e/admin",
        "/v1/..;/admin",
        "/v1/.;x/a",
        "/v1/..%3b/admin",
        "/v1//admin",
        "//v1/a",
        "/v1/%00",
        "/v1/%0d%0a",
        "/v1/%ff",
        "/v1/%c0%ae%c0%ae/admin",
    ] {
        assert!(!v1.matches(bad), "{bad}");
    }
    let all = PathPatterns::everything();
    assert!(all.matches("/a%2Fb") && all.matches("/a//b") && all.matches("/"));
}

#[test]
fn the_root_alone_can_be_granted() {
    let root = paths(&["/", "/a"]);
    assert!(root.matches("/") && root.matches("/a") && !root.matches("/b") && !root.matches("/a/b"));
    assert!(!paths(&["/a"]).matches("/") && !paths(&[]).matches("/"));
    assert_eq!(PathPatterns::new(["/", "a"]).unwrap_err().0, 1);
}

#[test]
fn a_need_is_an_origin() {
    for (text, url, expected) in [
        ("*", "http://a.example:81", true),
        ("https://a.example", "https://a.example/x", true),
        ("https://a.example", "http://a.example", false),
        ("https://a.example", "https://a.example:8443", false),
        ("https://a.example:8443", "https://a.example:8443", true),
        ("http://a.example:*", "http://a.example:81", true),
        ("https://*.a.example", "https://b.a.example", true),
        ("https://*.a.example", "https://a.example", false),
        ("http://[::1]", "http://[::1]/", true),
        ("http://[::1]:81", "http://[::1]:81/", true),
        ("https://*", "https://a.example", true),
    ] {
        let origin = Origin::parse(text).unwrap();
        assert_eq!(origin.covers(&target(url)), expected, "{text} {url}");
        assert_eq!(origin.to_string(), text);
    }
    for bad in [
        "",
        "a.example",
        "ftp://a.example",
        "https://a.example/x",
        "https://",
        "https://a.example:x",
        "https://a.example:+1",
        "https://a.example:0",
    ] {
        assert!(Origin::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn needs_and_the_run_can_only_take_away() {
    let api = grant("*.example.com");
    let within = |lists: &[&[&str]]| HttpGrant {
        within: lists.iter().map(|list| list.iter().map(|text| Origin::parse(text).unwrap()).collect()).collect(),
        ..api.clone()
    };
    let a = target("https://a.example.com");
    assert_eq!(within(&[&["*"]]).covers(Method::Get, &a), Ok(()));
    assert_eq!(within(&[&["https://a.example.com"], &["*"]]).covers(Method::Get, &a), Ok(()));
    assert_eq!(within(&[&[]]).covers(Method::Get, &a), Err(Miss::Ceiling));
    assert_eq!(within(&[&["*"], &["https://b.example.com"]]).covers(Method::Get, &a), Err(Miss::Ceiling));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_what_it_reads_it_reads_again(
        authority in "[a-z0-9.:\\[\\]%@*é]{0,12}",
        path in "[/?]?[a-z./%;0-9?&=]{0,12}",
    ) {
        if let Ok(target) = Target::parse(Scheme::Http, &authority, &path) {
            let written = target.to_string();
            let again = Target::parse(Scheme::Http, &target.authority(), &written[7 + target.authority().len()..]);
            prop_assert_eq!(again, Ok(target));
        }
    }

    #[test]
    fn a_path_that_matches_holds_no_dots_when_it_is_decoded(path in "(/(\\.|%2e|%2E|;|%2f|%5c|%25|a|v1){0,4}){1,4}") {
        if paths(&["/v1/**"]).matches(&path) {
            let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
            prop_assert!(!decoded.split('/').any(|part| matches!(part, "." | "..")), "{}", decoded);
            prop_assert!(decoded.starts_with("/v1"));
        }
    }
}
