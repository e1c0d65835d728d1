//! Why a component cannot be fetched or published. What a server said is escaped and short before it gets here.

use std::path::PathBuf;

use toolhold_core::id::Digest;

use crate::private_file::PrivateFileError;

/// Why a component cannot be fetched or published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file whose bytes were replaced cannot be fetched again.
    #[error("`{0}` is a file: what it once had cannot be fetched")]
    Gone(String),
    /// A server has no bytes that could be fetched.
    #[error(
        "`{0}` is an MCP server, and has no bytes to be fetched: name it in the manifest, and `toolhold lock` asks it for its tools"
    )]
    Server(String),
    /// More bytes than a component, or a document, may have.
    #[error("`{what}` has more than {most} bytes, which is more than it may have")]
    TooLarge {
        /// What.
        what: String,
        /// The bound.
        most: u64,
    },
    /// Without TLS.
    #[error(
        "`{0}` would be reached without TLS, where anybody on the way can read and change what is sent; name it with `--plain-http {0}` if that is meant"
    )]
    InTheClear(String),
    /// A login that anybody on the way could read.
    #[error("your login for `{0}` would be sent without TLS, where anybody on the way can read it: it is not sent")]
    LoginInTheClear(String),
    /// An address within somebody's network, or this machine, that only a server named.
    #[error(
        "a server sent us on to `{site}`, which leads to {address}, and that is not a public address; name it with `--allow-host {site}` if it is meant"
    )]
    Private {
        /// Where it sent us.
        site: String,
        /// Where that is.
        address: String,
    },
    /// A host that is not known.
    #[error("`{0}` cannot be looked up: {1}")]
    Lookup(String, String),
    /// An address that is none.
    #[error("a server sent us on to `{0}`, which is not an address on the web")]
    Address(String),
    /// Sent on and on.
    #[error("`{0}` sends us on and on")]
    Redirects(String),
    /// No answer.
    #[error("`{0}` cannot be reached: {1}")]
    Unreachable(String, String),
    /// Too slow.
    #[error("`{0}` is too slow: {1}")]
    Slow(String, &'static str),
    /// A status that is no success.
    #[error("`{site}` answered {status} to {what}{words}")]
    Status {
        /// Who.
        site: String,
        /// What it answered.
        status: u16,
        /// What it was asked for.
        what: String,
        /// What it said, after a colon; empty if nothing.
        words: String,
    },
    /// A registry that wants to know who asks.
    #[error("`{0}` wants to know who asks: run `docker login {0}`, or put its `auths` into DOCKER_AUTH_CONFIG")]
    NoCredentials(String),
    /// Credentials that cannot be had.
    #[error("the credentials for `{0}` cannot be used: {1}")]
    Credentials(String, String),
    /// The file that they are in.
    #[error(transparent)]
    CredentialsFile(#[from] PrivateFileError),
    /// An answer that makes no sense.
    #[error("`{0}` does not speak the registry protocol: {1}")]
    Protocol(String, String),
    /// Something that is there and is no component.
    #[error("`{0}` is not a WebAssembly component as registries keep them: {1}")]
    NotAComponent(String, String),
    /// Other bytes than the digest says.
    #[error("`{what}` is not what it is said to be: its digest is {found}, not {wanted}")]
    Digest {
        /// What.
        what: String,
        /// What it should be.
        wanted: Digest,
        /// What it is.
        found: Digest,
    },
    /// Signatures that cannot be read, or are for something else.
    #[error("the signatures that came with it cannot be used: {0}")]
    Signatures(String),
    /// A reference that nothing can be published under.
    #[error("publish under a tag, `oci://HOST/REPOSITORY:TAG`: the digest follows from what is published")]
    NoTag,
    /// Something that has no JSON form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// The same, with every text that a server may have had a hand in as `clean` leaves it.
    pub(super) fn map_texts(self, clean: impl Fn(&str) -> String) -> Self {
        match self {
            Self::TooLarge { what, most } => Self::TooLarge { what: clean(&what), most },
            Self::InTheClear(site) => Self::InTheClear(clean(&site)),
            Self::LoginInTheClear(site) => Self::LoginInTheClear(clean(&site)),
            Self::Private { site, address } => Self::Private { site: clean(&site), address },
            Self::Lookup(site, why) => Self::Lookup(clean(&site), clean(&why)),
            Self::Address(address) => Self::Address(clean(&address)),
            Self::Redirects(site) => Self::Redirects(clean(&site)),
            Self::Unreachable(site, why) => Self::Unreachable(clean(&site), clean(&why)),
            Self::Slow(site, why) => Self::Slow(clean(&site), why),
            Self::Status { site, status, what, words } => {
                Self::Status { site: clean(&site), status, what: clean(&what), words: clean(&words) }
            }
            Self::Credentials(site, why) => Self::Credentials(site, clean(&why)),
            Self::Protocol(site, why) => Self::Protocol(clean(&site), clean(&why)),
            Self::NotAComponent(what, why) => Self::NotAComponent(clean(&what), clean(&why)),
            Self::Digest { what, wanted, found } => Self::Digest { what: clean(&what), wanted, found },
            Self::Signatures(why) => Self::Signatures(clean(&why)),
            // Nothing of these is a server's.
            Self::File { .. }
            | Self::Gone(_)
            | Self::Server(_)
            | Self::NoCredentials(_)
            | Self::CredentialsFile(_)
            | Self::NoTag
            | Self::Json(_) => self,
        }
    }
}
