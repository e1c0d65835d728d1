//! Components from elsewhere: fetched from a file, the web or an OCI registry, and published to one.
//!
//! Nothing that is fetched is trusted for having been fetched: the digest of the bytes is computed here and pinned, signatures are judged by
//! the manifest, and a person sees what the component asks for before anything is written. What a server can do is bounded: bytes, time and
//! redirects, and it cannot send the host to an address that the user did not name and that is not public.
//!
//! The few requests of the distribution specification are our own, on the HTTP client that is here anyway: the usual crate reads whole
//! bodies before it looks at them, follows redirects to any address, and brings a second hash, a second base64 and thirty more crates (ADR 12).

mod artifact;
mod credentials;
mod error;
mod hidden;
mod network;
mod publish;
mod registry;

use std::path::PathBuf;

use toolhold_core::id::{Digest, ToolDigest};
use toolhold_core::origin::{Origin, Site};
use toolhold_core::signature::{Attached, Bundle, MAX_BYTES, Signature};

pub(crate) use self::credentials::Credentials;
pub(crate) use self::error::Error;
use self::hidden::Hidden;
use self::network::Network;
pub(crate) use self::publish::{Parcel, publish};
use self::registry::{Registry, Scope};
use crate::open::{BUNDLE, Papers};
use crate::store::{MAX_COMPONENT, Store};

/// What the user allows beside the host that a reference names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Hosts that may have any address.
    pub(crate) allowed: Vec<Site>,
    /// Hosts that may have any address and are spoken to without TLS.
    pub(crate) plain: Vec<Site>,
    /// Who the user is to registries.
    pub(crate) credentials: Credentials,
    /// Where the bytes may be already: what is there need not be sent again.
    pub(crate) store: Option<Store>,
}

/// A component as it came.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Their digest.
    pub(crate) digest: ToolDigest,
    /// The digest of the manifest that a registry has for it.
    pub(crate) artifact: Option<Digest>,
    /// What came with it as signatures. Not judged yet.
    pub(crate) papers: Papers,
}

/// Gets whatever `origin` leads to now. `file` is the path of one that is a file.
///
/// # Errors
///
/// [`Error`].
pub(crate) async fn fetch(origin: &Origin, file: Option<PathBuf>, options: &Options) -> Result<Fetched, Error> {
    match origin {
        Origin::File(written) => {
            let path = file.unwrap_or_else(|| PathBuf::from(written));
            let bytes = read(path.clone())?;
            let digest = Digest::of(&bytes);
            let papers = Papers::beside(&path, digest).map_err(|error| Error::Signatures(error.to_string()))?;
            Ok(Fetched { bytes, digest, artifact: None, papers })
        }
        Origin::Web(address) => {
            let network = Network::new(Site::of(address.url()), options);
            let bytes = network.download(address.url(), MAX_COMPONENT).await?;
            let digest = Digest::of(&bytes);
            let beside = |ending: &str| {
                let mut beside = address.url().clone();
                beside.set_path(&format!("{}{ending}", address.url().path()));
                beside.set_query(None);
                beside
            };
            let text = network.download_if_there(&beside(".sig"), MAX_BYTES as u64).await?;
            let signatures = text.map_or(Ok(Vec::new()), |text| signatures(&text, digest, network.hidden()))?;
            let text = network.download_if_there(&beside(BUNDLE), MAX_BYTES as u64).await?;
            let bundle = text.map(|text| bundle(&text)).transpose()?;
            Ok(Fetched { bytes, digest, artifact: None, papers: Papers { signatures, bundle } })
        }
        Origin::Registry(reference) => Registry::new(reference, Scope::Pull, options).pull().await,
        Origin::Server(_) => Err(Error::Server(origin.to_string())),
    }
}

/// Gets the bytes of `digest` from where they once came from, and no others.
///
/// # Errors
///
/// [`Error::Digest`] if something else is there by now.
pub(crate) async fn fetch_pinned(origin: &Origin, digest: ToolDigest, options: &Options) -> Result<Vec<u8>, Error> {
    let bytes = match origin {
        Origin::File(path) => return Err(Error::Gone(path.clone())),
        Origin::Web(address) => {
            Network::new(Site::of(address.url()), options).download(address.url(), MAX_COMPONENT).await?
        }
        // By its own digest: it does not matter what any tag says by now.
        Origin::Registry(reference) => Registry::new(reference, Scope::Pull, options).pull_pinned(digest).await?,
        Origin::Server(_) => return Err(Error::Server(origin.to_string())),
    };
    let found = Digest::of(&bytes);
    if found == digest { Ok(bytes) } else { Err(Error::Digest { what: origin.to_string(), wanted: digest, found }) }
}

fn read(path: PathBuf) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let fail = |source| Error::File { path: path.clone(), source };
    let file = std::fs::File::open(&path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(fail(std::io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_COMPONENT + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_COMPONENT {
        return Err(Error::TooLarge { what: path.display().to_string(), most: MAX_COMPONENT });
    }
    Ok(bytes)
}

/// The sigstore bundle that came with a component. The messages repeat nothing of it.
fn bundle(text: &[u8]) -> Result<Bundle, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::Signatures("the bundle is not text".into()))?;
    Bundle::parse(text).map_err(|error| Error::Signatures(error.to_string()))
}

/// Signatures that came with a component, which must be for these very bytes.
fn signatures(text: &[u8], digest: ToolDigest, hidden: &Hidden) -> Result<Vec<Signature>, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::Signatures("they are not text".into()))?;
    // The message of the parser repeats what it read.
    let fail = |error: toolhold_core::signature::Error| Error::Signatures(hidden.shown(&error.to_string(), 200));
    let attached = Attached::parse(text).map_err(fail)?;
    if attached.digest != digest {
        return Err(Error::Signatures(format!("they are for {}, the component is {digest}", attached.digest)));
    }
    Ok(attached.signatures)
}

#[cfg(test)]
mod tests;
