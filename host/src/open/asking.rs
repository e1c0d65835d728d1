//! What MCP servers say of their tools now: asked where a person is about to accept it, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use toolhold_core::id::{ComponentName, SecretName};
use toolhold_core::listing::Listing;
use toolhold_core::manifest::{Manifest, SecretSource};

use super::{OpenError, client};
use crate::secrets::Secrets;
use crate::upstream::{self, Means};

/// What a server said.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its tools, or why it did not say, for the operator.
    pub(crate) listing: Result<Listing, String>,
}

/// Asks the servers of `manifest` that are called `names`, which somebody accepted: programs are started for it. Reads no secrets but
/// theirs, and none if there is no server.
///
/// # Errors
///
/// A secret cannot be had. That a server does not answer is none.
pub(crate) async fn ask(
    manifest: &Manifest,
    names: &BTreeSet<ComponentName>,
) -> Result<BTreeMap<ComponentName, Asked>, OpenError> {
    let components = manifest.components().iter().filter(|(name, _)| names.contains(*name));
    let servers: Vec<_> = components.filter_map(|(name, component)| Some((name, component.server.as_ref()?))).collect();
    if servers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let used: Vec<SecretName> = servers.iter().flat_map(|(_, server)| server.secrets()).collect();
    let sources = manifest.secrets().iter().filter(|(name, _): &(&SecretName, &SecretSource)| used.contains(name));
    let secrets = Secrets::open(sources, Vec::new())?;
    let means = Means { secrets: &secrets, client: client(&secrets, &secrets.redactor()) };
    let names = servers.into_iter().map(|(name, _)| name.clone()).collect();
    let listings = upstream::listings(manifest, names, &means).await;
    Ok(listings.into_iter().map(|(name, listing)| (name, Asked { listing })).collect())
}
