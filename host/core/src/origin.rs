//! Where a component comes from: a file, an address on the web, an artifact in an OCI registry, or the MCP server whose tools it is.
//!
//! An origin says where to look, never what runs: that is the digest in the lock file. So a tag that moves, or a server that
//! answers something else today, changes nothing until a person accepts it.

mod reference;
mod server;
mod web;

use std::fmt;

pub use reference::{Reference, Version};
pub use server::ServerAddress;
pub use web::{Site, WebAddress};

use crate::id::ComponentName;

/// The scheme of artifacts in registries.
const OCI: &str = "oci://";

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, as it is named.
    File(String),
    /// An address on the web.
    Web(WebAddress),
    /// An artifact in a registry.
    Registry(Reference),
    /// An MCP server: nothing is fetched, its tools are called where they are.
    Server(ServerAddress),
}

/// Why a text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A scheme that nothing is fetched by.
    #[error("components are not loaded from `{0}:`; give a path, `https://…`, `oci://HOST/REPOSITORY:TAG` or `mcp:…`")]
    Scheme(String),
    /// A host that is none, or is not written in its one form.
    #[error("`{0}` is not a host in its simplest form: write lower case, and a port only if it is not the usual one")]
    Host(String),
    /// A repository that no registry has.
    #[error(
        "`{0}` is not a repository: write lower-case letters, digits and single `.`, `_` or `-` between them, in parts joined by `/`"
    )]
    Repository(String),
    /// A tag that no registry has.
    #[error("`{0}` is not a tag: use up to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`")]
    Tag(String),
    /// A digest that is none.
    #[error("`{0}` is not a digest: write `sha256:` and 64 hexadecimal digits")]
    Digest(String),
    /// Neither tag nor digest.
    #[error("`{0}` names no version: add `:TAG` or `@sha256:DIGEST`")]
    NoVersion(String),
    /// An address that cannot be used.
    #[error("`{0}` is not an address that a component can come from: {1}")]
    Address(String, &'static str),
    /// A server that cannot be spoken to.
    #[error("`mcp:{0}` is not an MCP server that tools can be called of: {1}")]
    Server(String, &'static str),
}

impl Origin {
    /// Reads an origin. What has no scheme is the path of a file.
    ///
    /// # Errors
    ///
    /// [`Error`] says what is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(server) = text.strip_prefix(server::MCP) {
            return server.parse().map(Self::Server);
        }
        if let Some(reference) = text.strip_prefix(OCI) {
            return reference.parse().map(Self::Registry);
        }
        match text.split_once("://") {
            None => Ok(Self::File(text.to_owned())),
            Some(("https" | "http", _)) => text.parse().map(Self::Web),
            Some((scheme, _)) => Err(Error::Scheme(shown(scheme))),
        }
    }

    /// What a component from here is called if nobody gives it another name.
    #[must_use]
    pub fn name(&self) -> Option<ComponentName> {
        let last = match self {
            Self::File(path) => path.rsplit('/').next(),
            Self::Web(address) => address.url().path_segments().and_then(|mut segments| segments.next_back()),
            Self::Registry(reference) => reference.repository().rsplit('/').next(),
            Self::Server(_) => None,
        };
        let last = last?.to_ascii_lowercase();
        last.strip_suffix(".wasm").unwrap_or(&last).parse().ok()
    }

    /// Whether it is elsewhere: the lock file and the store have what runs, and no file of this machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => out.write_str(path),
            Self::Web(address) => out.write_str(address.url().as_str()),
            Self::Registry(reference) => write!(out, "{OCI}{reference}"),
            Self::Server(server) => server.fmt(out),
        }
    }
}

/// The start of a text that anybody may have written, as an error may repeat it.
fn shown(text: &str) -> String {
    crate::escape::short(text, 200).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_and_a_path_has_none() {
        assert_eq!(Origin::parse("tools/files.wasm"), Ok(Origin::File("tools/files.wasm".into())));
        assert!(matches!(Origin::parse("https://example.com/files.wasm"), Ok(Origin::Web(_))));
        assert!(matches!(Origin::parse("oci://example.com/tools/files:1"), Ok(Origin::Registry(_))));
        for scheme in ["file", "ftp", "git", "data", "HTTPS", "OCI", "docker"] {
            assert_eq!(Origin::parse(&format!("{scheme}://example.com/x:1")), Err(Error::Scheme(scheme.into())));
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let digest = crate::id::Digest::of(b"x");
        for text in [
            "a/b.wasm",
            "https://example.com/files.wasm?v=2",
            "oci://ghcr.io/some-one/files:1.2",
            &format!("oci://127.0.0.1:5000/files@{digest}"),
            &format!("oci://[::1]:5000/files:latest@{digest}"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_name_is_the_last_part_and_only_if_it_is_a_name() {
        let name = |text: &str| Origin::parse(text).unwrap().name().map(|name| name.to_string());
        assert_eq!(name("tools/Files.wasm").as_deref(), Some("files"));
        assert_eq!(name("https://example.com/a/mail.wasm?x=../y").as_deref(), Some("mail"));
        assert_eq!(name("oci://example.com/a/mail-box:1.0").as_deref(), Some("mail-box"));
        for text in
            ["..", "tools/", "https://example.com/", "https://example.com/a%2f..wasm", "oci://example.com/a/b.c:1"]
        {
            assert_eq!(name(text), None, "{text}");
        }
    }
}
