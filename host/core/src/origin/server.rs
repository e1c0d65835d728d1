//! MCP servers: programs whose tools are called over their protocol. What they do there, nobody here sees.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::{Error, Site, WebAddress, shown};

/// The scheme of MCP servers.
pub(super) const MCP: &str = "mcp:";

/// A server that is a process, spoken to over its standard streams.
const STDIO: &str = "stdio";

/// Where an MCP server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// A process that the host starts.
    Stdio,
    /// An address on the web that speaks streamable HTTP.
    Http(WebAddress),
}

impl ServerAddress {
    /// The ranges of addresses that the address itself names: that of a host that is written as one, and this machine where it is
    /// called `localhost`.
    #[must_use]
    pub fn named(&self) -> Vec<IpNet> {
        let Self::Http(address) = self else { return Vec::new() };
        let Some(site) = Site::of(address.url()) else { return Vec::new() };
        match site.address() {
            Some(address) => vec![IpNet::from(address)],
            None if site.is_this_machine() => loopback(),
            None => Vec::new(),
        }
    }
}

/// Every address of this machine that nothing outside of it reaches.
fn loopback() -> Vec<IpNet> {
    let v4 = IpNet::new(IpAddr::from([127, 0, 0, 0]), 8).ok();
    let v6 = IpNet::new(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16]), 128).ok();
    v4.into_iter().chain(v6).collect()
}

impl FromStr for ServerAddress {
    type Err = Error;

    /// What follows `mcp:`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = |why| Error::Server(shown(text), why);
        if text == STDIO {
            return Ok(Self::Stdio);
        }
        if !text.contains("://") {
            return Err(fail("write `mcp:stdio` for a program, or `mcp:https://…` for an address"));
        }
        let address: WebAddress = text.parse()?;
        let is_near = Site::of(address.url()).is_some_and(|site| site.is_this_machine());
        if address.url().scheme() != "https" && !is_near {
            return Err(fail(
                "without TLS, only `localhost` and loopback addresses are spoken to: write `mcp:https://…`",
            ));
        }
        if address.url().query().is_some() {
            return Err(fail("a server has no query: what is secret goes into a header, see `secrets`"));
        }
        Ok(Self::Http(address))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdio => write!(out, "{MCP}{STDIO}"),
            Self::Http(address) => write!(out, "{MCP}{}", address.url()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;

    #[test]
    fn a_server_is_a_program_or_an_address_with_tls() {
        for good in
            ["mcp:stdio", "mcp:https://mcp.example/mcp", "mcp:http://127.0.0.1:8080/mcp", "mcp:http://localhost:1/"]
        {
            let origin = Origin::parse(good).unwrap();
            assert!(matches!(origin, Origin::Server(_)), "{good}");
            assert_eq!(origin.to_string(), good);
            assert_eq!(origin.name(), None);
        }
        for bad in [
            "mcp:",
            "mcp:server",
            "mcp:STDIO",
            "mcp:/usr/bin/server",
            "mcp:http://mcp.example/mcp",
            "mcp:http://10.0.0.1/mcp",
            "mcp:https://user:secret@mcp.example/mcp",
            "mcp:https://mcp.example/mcp?key=secret",
            "mcp:ftp://mcp.example/mcp",
            "mcp://mcp.example/mcp",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_written_as_an_address_is_named() {
        let named = |text: &str| text.parse::<ServerAddress>().unwrap().named();
        assert_eq!(named("http://127.0.0.1:8080/mcp"), ["127.0.0.1/32".parse().unwrap()]);
        assert_eq!(named("https://10.1.2.3/mcp"), ["10.1.2.3/32".parse().unwrap()]);
        assert_eq!(named("http://localhost:1/mcp"), ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert!(named("https://mcp.example/mcp").is_empty() && named("stdio").is_empty());
    }
}
