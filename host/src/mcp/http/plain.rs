//! Which requests are so plain that nothing about their heads is left to be judged.
//!
//! What is not plain is no error here: the SDK judges it, and says what is wrong. So nothing is let through that it would
//! refuse, as long as what is plain is a part of what it takes.

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, header};
use rmcp::model::ProtocolVersion;

use super::gate::{REVISION, SESSION, STATELESS};
use super::{LONGEST_MESSAGE, PATH};

const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// What a name in a header begins with that is written otherwise than in the body.
const ENCODED: &str = "=?";

/// How a plain request speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speaks {
    /// As a message of this session, in a revision that has them.
    InSession(HeaderValue),
    /// For itself, and of the tool that it calls by this name.
    Whole(HeaderValue),
}

/// Hosts that a server answers to; any, if it was not told.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn new(hosts: &[String]) -> Self {
        Self(hosts.to_vec())
    }

    fn have(&self, headers: &HeaderMap) -> bool {
        let Some(host) = only(headers, header::HOST.as_str()) else { return false };
        let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
        let host = authority.host().trim_matches(['[', ']']);
        self.0.is_empty() || self.0.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }
}

/// Whether a request may be a message: it has a length, which no message exceeds.
pub(super) fn may_be_message(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH && fits(request.body())
}

/// How such a request speaks, if it is plain.
pub(super) fn speaks(headers: &HeaderMap, hosts: &Hosts) -> Option<Speaks> {
    let is_plain =
        hosts.have(headers) && !headers.contains_key(header::ORIGIN) && is_json(headers) && takes_both(headers);
    is_plain.then(|| spoken(headers)).flatten()
}

fn spoken(headers: &HeaderMap) -> Option<Speaks> {
    let revision = match headers.contains_key(REVISION) {
        true => Some(text(only(headers, REVISION)?)?),
        false => None,
    };
    if revision == Some(STATELESS) {
        let name = only(headers, NAME)?;
        let is_call = text(only(headers, METHOD)?)? == "tools/call" && !text(name)?.starts_with(ENCODED);
        return (is_call && !headers.contains_key(SESSION)).then(|| Speaks::Whole(name.clone()));
    }
    let is_known = |revision: &str| {
        ProtocolVersion::KNOWN_VERSIONS.iter().any(|known| known.as_str() == revision && known.has_initialize())
    };
    revision.is_none_or(is_known).then(|| only(headers, SESSION)).flatten().cloned().map(Speaks::InSession)
}

fn fits(body: &Body) -> bool {
    let longest = u64::try_from(LONGEST_MESSAGE).unwrap_or(u64::MAX);
    body.size_hint().exact().is_some_and(|length| length <= longest)
}

fn is_json(headers: &HeaderMap) -> bool {
    only(headers, header::CONTENT_TYPE.as_str()).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.eq_ignore_ascii_case(b"application/json") || kind.eq_ignore_ascii_case(b"application/json; charset=utf-8")
    })
}

/// Both forms of an answer, each as it is, with nothing said of them.
fn takes_both(headers: &HeaderMap) -> bool {
    let Some(kinds) = only(headers, header::ACCEPT.as_str()).and_then(text) else { return false };
    let has = |kind: &str| kinds.split(',').any(|one| one.trim().eq_ignore_ascii_case(kind));
    !kinds.contains([';', '"']) && has("application/json") && has("text/event-stream")
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(name).into_iter();
    let (one, more) = (all.next(), all.next());
    one.filter(|_| more.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: &str = "2025-11-25";

    fn said(headers: &[(&str, &str)]) -> Option<Speaks> {
        asked(&Hosts::new(&["127.0.0.1".into(), "::1".into()]), Method::POST, PATH, headers)
    }

    fn taken(request: &Request, hosts: &Hosts) -> Option<Speaks> {
        may_be_message(request).then(|| speaks(request.headers(), hosts)).flatten()
    }

    fn asked(hosts: &Hosts, method: Method, path: &str, headers: &[(&str, &str)]) -> Option<Speaks> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        taken(&request.body(Body::from("{}")).unwrap(), hosts)
    }

    /// A plain request in a session, with one header in the place of another, and more.
    fn session<'a>(other: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let plain = [
            ("host", "127.0.0.1:80"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            (REVISION, SESSIONS),
            (SESSION, "s"),
        ];
        let of = |name: &str, value| other.iter().find(|(other, _)| *other == name).map_or(value, |(_, other)| *other);
        let plain = plain.into_iter().map(|(name, value)| (name, of(name, value))).filter(|(_, value)| *value != "-");
        plain.chain(more.iter().copied()).collect()
    }

    fn whole<'a>(other: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [(REVISION, STATELESS), (SESSION, "-")];
        let plain = [(METHOD, "tools/call"), (NAME, "a__b")];
        let of = |name: &str, value| other.iter().find(|(other, _)| *other == name).map_or(value, |(_, other)| *other);
        let plain = plain.into_iter().map(|(name, value)| (name, of(name, value))).filter(|(_, value)| *value != "-");
        let other: Vec<_> =
            own.iter().filter(|(name, _)| !other.iter().any(|(own, _)| own == name)).chain(other).copied().collect();
        session(&other, &[]).into_iter().chain(plain).chain(more.iter().copied()).collect()
    }

    #[test]
    fn what_usual_clients_send_is_plain() {
        let in_session = Some(Speaks::InSession(HeaderValue::from_static("s")));
        for other in [
            ("host", "[::1]:8077"),
            ("content-type", "Application/JSON; charset=utf-8"),
            ("accept", "text/event-stream,application/json"),
            ("accept", "application/json, text/event-stream, */*"),
            (REVISION, "2024-11-05"),
            (REVISION, "-"),
        ] {
            assert_eq!(said(&session(&[other], &[])), in_session, "{other:?}");
        }
        assert_eq!(said(&whole(&[], &[])), Some(Speaks::Whole(HeaderValue::from_static("a__b"))));
        let any = Hosts::new(&[]);
        assert!(asked(&any, Method::POST, PATH, &session(&[("host", "a.example")], &[])).is_some());
    }

    #[test]
    fn everything_else_is_not() {
        for other in [
            ("host", "evil.example"),
            ("host", "127.0.0.1.evil.example"),
            ("host", "-"),
            ("host", "a b"),
            ("content-type", "text/plain"),
            ("content-type", "application/json; charset=utf-16"),
            ("content-type", "-"),
            ("accept", "application/json"),
            ("accept", "text/event-stream"),
            ("accept", "*/*"),
            ("accept", "application/json;q=0, text/event-stream"),
            ("accept", "application/jsonx, text/event-stream"),
            ("accept", "-"),
            (REVISION, "2026-07-29"),
            (REVISION, "latest"),
            (REVISION, ""),
        ] {
            assert_eq!(said(&session(&[other], &[])), None, "{other:?}");
            assert_eq!(said(&whole(&[other], &[])), None, "{other:?}");
        }
        assert_eq!(said(&session(&[(SESSION, "-")], &[])), None);
        for other in [(METHOD, "tools/list"), (METHOD, "-"), (NAME, "-"), (NAME, "=?base64?YV9fYg==?="), (SESSION, "s")]
        {
            assert_eq!(said(&whole(&[other], &[])), None, "{other:?}");
        }
        for more in [
            ("origin", "http://127.0.0.1"),
            ("host", "127.0.0.1:80"),
            ("content-type", "application/json"),
            ("accept", "application/json;q=0"),
            (REVISION, SESSIONS),
            (REVISION, STATELESS),
        ] {
            assert_eq!(said(&session(&[], &[more])), None, "{more:?}");
            assert_eq!(said(&whole(&[], &[more])), None, "{more:?}");
        }
        assert_eq!(said(&session(&[], &[(SESSION, "t")])), None);
        for more in [(METHOD, "tools/call"), (NAME, "a__b")] {
            assert_eq!(said(&whole(&[], &[more])), None, "{more:?}");
        }
        let any = Hosts::new(&[]);
        for method in [Method::GET, Method::DELETE, Method::PUT] {
            assert_eq!(asked(&any, method, PATH, &session(&[], &[])), None);
        }
        assert_eq!(asked(&any, Method::POST, "/other", &session(&[], &[])), None);
    }

    #[test]
    fn a_body_of_unknown_or_too_great_a_length_is_not_plain() {
        let any = Hosts::new(&[]);
        let with = |body: Body| {
            let mut request = Request::post(PATH);
            for (name, value) in session(&[], &[]) {
                request = request.header(name, value);
            }
            taken(&request.body(body).unwrap(), &any)
        };
        let text = |length| Body::from("x".repeat(length));
        assert!(with(text(LONGEST_MESSAGE)).is_some() && with(text(LONGEST_MESSAGE + 1)).is_none());
        let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>("{}")]);
        assert!(with(Body::from_stream(stream)).is_none());
    }
}
