//! Which names a server answers to, and whose pages may ask it. Pure.
//!
//! A browser lets a page of `evil.example` ask whatever address that name leads to, also this machine's own, so a request that names a host
//! which this server is not is refused (DNS rebinding); and it says which page asks, so one of another site is refused, too.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};

use crate::problem::{Code, Problem};

/// A name under which a server is known, beside its address: that of a proxy before it, or one in a name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    host: String,
    /// `None` is any.
    port: Option<u16>,
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no name of a host: write `tools.example.com` or `tools.example.com:8443`");
        let authority: Authority = text.parse().map_err(|_| wrong())?;
        if authority.as_str().contains('@') || authority.host().is_empty() || authority.host().contains('*') {
            return Err(wrong());
        }
        Ok(Self { host: authority.host().to_ascii_lowercase(), port: authority.port_u16() })
    }
}

/// What a server answers to.
#[derive(Debug, Clone)]
pub(super) struct Names {
    named: Vec<HostName>,
    /// Connections are encrypted here.
    tls: bool,
}

/// The authority that a request asks, once it is known to be ours.
#[derive(Debug)]
pub(super) struct Ours {
    authority: Authority,
    /// It is a name that somebody gave us, so something may stand before us.
    named: bool,
}

impl Ours {
    /// As a `Host` header has it.
    pub(super) fn host(&self) -> HeaderValue {
        // An authority is visible ASCII, which every header may be.
        HeaderValue::from_str(self.authority.as_str()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl Names {
    pub(super) fn new(named: Vec<HostName>, tls: bool) -> Self {
        Self { named, tls }
    }

    /// The hosts that it was given names of.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|name| name.host.as_str())
    }

    /// Goes on only if the request asks this server, which took the connection at `local`.
    pub(super) fn check_host(&self, uri: &Uri, headers: &HeaderMap, local: SocketAddr) -> Result<Ours, Problem> {
        let authority = asked(uri, headers)?;
        let named = self.is_named(&authority);
        if named || self.is_address(&authority, local) {
            return Ok(Ours { authority, named });
        }
        let why = "this server is not of the name that the request has; an operator adds names with `--host`";
        Err(Problem::new(Code::HostNotServed, why))
    }

    fn is_named(&self, authority: &Authority) -> bool {
        let same = |name: &&HostName| {
            name.host.eq_ignore_ascii_case(authority.host())
                && name.port.is_none_or(|port| self.port(authority) == port)
        };
        self.named.iter().any(|name| same(&name))
    }

    fn is_address(&self, authority: &Authority, local: SocketAddr) -> bool {
        let (ours, host) = (local.ip().to_canonical(), authority.host());
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let same = match literal {
            Ok(address) => address.to_canonical() == ours,
            Err(_) => host.eq_ignore_ascii_case("localhost") && ours.is_loopback(),
        };
        same && self.port(authority) == local.port()
    }

    fn port(&self, authority: &Authority) -> u16 {
        authority.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// Goes on only if no page of another site asks.
    pub(super) fn check_origin(&self, ours: &Ours, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let refused = || Problem::new(Code::OriginRefused, "the request comes from a page of another site");
        for origin in headers.get_all(header::ORIGIN) {
            if !self.is_own(ours, origin) {
                return Err(refused());
            }
        }
        // A link of another site may lead here; what it may not do is change something.
        let site = headers.get("sec-fetch-site");
        let foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
        if foreign && !method.is_safe() { Err(refused()) } else { Ok(()) }
    }

    fn is_own(&self, ours: &Ours, origin: &HeaderValue) -> bool {
        let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        let default = match scheme {
            "https" if self.tls || ours.named => ":443",
            "http" if !self.tls => ":80",
            _ => return false,
        };
        let plain = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
        plain(authority) == plain(ours.authority.as_str())
    }
}

/// The one authority that a request asks.
fn asked(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
    let bad = |why: &str| Problem::new(Code::BadRequest, why);
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(bad("there is more than one `Host` header"));
    }
    let host: Option<Authority> = match host {
        None => None,
        Some(host) => {
            let parsed = host.to_str().ok().and_then(|host| host.parse().ok());
            Some(parsed.ok_or_else(|| bad("the `Host` header is not the name of a host"))?)
        }
    };
    let authority = match (uri.authority(), host) {
        (Some(one), Some(other)) if *one != other => return Err(bad("the request names two hosts")),
        (Some(one), _) => one.clone(),
        (None, Some(host)) => host,
        (None, None) => return Err(bad("the request names no host")),
    };
    if authority.as_str().contains('@') {
        Err(bad("the request has a user in the name of its host"))
    } else {
        Ok(authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(named: &[&str], tls: bool) -> Names {
        Names::new(named.iter().map(|name| name.parse().unwrap()).collect(), tls)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn host(names: &Names, local: &str, host: &str) -> Result<Ours, Code> {
        let checked = names.check_host(&"/".parse().unwrap(), &headers(&[("host", host)]), local.parse().unwrap());
        checked.map_err(|problem| problem.code())
    }

    #[test]
    fn a_server_answers_to_its_address_and_to_the_names_that_it_was_given() {
        let plain = names(&["tools.example.com", "other.example:8443"], false);
        for good in ["127.0.0.1:8077", "localhost:8077", "LOCALHOST:8077", "tools.example.com", "Tools.Example.com:99"]
        {
            assert!(host(&plain, "127.0.0.1:8077", good).is_ok(), "{good}");
        }
        assert!(host(&plain, "[::1]:8077", "[::1]:8077").is_ok());
        assert!(host(&plain, "[::ffff:10.0.0.7]:8077", "10.0.0.7:8077").is_ok());
        assert!(host(&plain, "10.0.0.7:80", "10.0.0.7").is_ok());
        assert!(host(&plain, "127.0.0.1:8077", "other.example:8443").is_ok());
        for bad in [
            "evil.example",
            "evil.example:8077",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.2:8077",
            "localhost",
            "localhost.evil.example:8077",
            "tools.example.com.evil.example",
            "other.example",
            "[::1]:8077",
            "0.0.0.0:8077",
        ] {
            assert_eq!(host(&plain, "127.0.0.1:8077", bad).unwrap_err(), Code::HostNotServed, "{bad}");
        }
        assert_eq!(host(&plain, "10.0.0.7:8077", "localhost:8077").unwrap_err(), Code::HostNotServed);
    }

    #[test]
    fn a_request_names_one_host() {
        let plain = names(&[], false);
        let local = "127.0.0.1:8077".parse().unwrap();
        let code = |uri: &str, pairs: &[(&'static str, &str)]| {
            plain.check_host(&uri.parse().unwrap(), &headers(pairs), local).map(drop).map_err(|problem| problem.code())
        };
        let good = ("host", "127.0.0.1:8077");
        assert_eq!(code("/", &[good, ("host", "evil.example")]), Err(Code::BadRequest));
        assert_eq!(code("http://evil.example/", &[good]), Err(Code::BadRequest));
        assert_eq!(code("http://evil.example/", &[]), Err(Code::HostNotServed));
        assert_eq!(code("/", &[]), Err(Code::BadRequest));
        assert_eq!(code("/", &[("host", "user@127.0.0.1:8077")]), Err(Code::BadRequest));
        assert_eq!(code("http://127.0.0.1:8077/", &[]), Ok(()));
    }

    #[test]
    fn only_pages_of_this_server_may_ask() {
        let (post, get) = (Method::POST, Method::GET);
        let code = |names: &Names, asked: &str, method: &Method, pairs: &[(&'static str, &str)]| {
            let ours = host(names, "127.0.0.1:8077", asked).unwrap();
            names.check_origin(&ours, method, &headers(pairs)).map_err(|problem| problem.code())
        };
        let (plain, tls) = (names(&["tools.example.com"], false), names(&["tools.example.com"], true));
        let address = "127.0.0.1:8077";
        for (names, asked, origin) in [
            (&plain, address, "http://127.0.0.1:8077"),
            (&plain, "tools.example.com", "http://tools.example.com"),
            // Something before us speaks TLS.
            (&plain, "tools.example.com", "https://tools.example.com"),
            (&plain, "tools.example.com:443", "https://tools.example.com"),
            (&tls, address, "https://127.0.0.1:8077"),
        ] {
            assert_eq!(code(names, asked, &post, &[("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://evil.example",
            "https://127.0.0.1:8077",
            "http://127.0.0.1",
            "http://127.0.0.1:8078",
            "http://localhost:8077",
            "http://127.0.0.1:8077.evil.example",
            "http://tools.example.com",
            "chrome-extension://127.0.0.1:8077",
        ] {
            for method in [&post, &get] {
                assert_eq!(code(&plain, address, method, &[("origin", origin)]), Err(Code::OriginRefused), "{origin}");
            }
        }
        let two = [("origin", "http://127.0.0.1:8077"), ("origin", "http://evil.example")];
        assert_eq!(code(&plain, address, &post, &two), Err(Code::OriginRefused));
        assert_eq!(
            code(&tls, "tools.example.com", &post, &[("origin", "http://tools.example.com")]),
            Err(Code::OriginRefused)
        );
        for site in ["cross-site", "same-site", "nonsense"] {
            assert_eq!(code(&plain, address, &post, &[("sec-fetch-site", site)]), Err(Code::OriginRefused));
            assert_eq!(code(&plain, address, &get, &[("sec-fetch-site", site)]), Ok(()));
        }
        assert_eq!(code(&plain, address, &post, &[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(code(&plain, address, &post, &[]), Ok(()), "a program sends no origin");
    }

    #[test]
    fn a_name_is_a_host_and_perhaps_a_port() {
        assert_eq!("A.example:1".parse::<HostName>().unwrap(), HostName { host: "a.example".into(), port: Some(1) });
        for wrong in ["", "https://a.example", "a b", "u@a.example", "*.example", ":80"] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong}");
        }
    }
}
