//! A component as registries keep it: the layout of the CNCF, which other runtimes read and write too.
//!
//! A manifest of the OCI image form with a config of its own kind and one layer, which is the component; layers of other kinds, in which
//! other programs keep what is theirs, are left alone. What we add (needs, signatures) is in annotations, which others skip.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toolhold_core::id::{Digest, ToolDigest};

use super::{Error, Hidden};
use crate::store::MAX_COMPONENT;

/// The kind of the manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The kind of the config.
pub(super) const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// The kind of the layer.
pub(super) const LAYER: &str = "application/wasm";

/// The annotation with signatures: the text of `FILE.sig`.
pub(super) const SIGNATURES: &str = "dev.toolhold.signatures";

/// The annotation with a sigstore bundle: the text of `FILE.sigstore.json`.
pub(super) const BUNDLE: &str = "dev.toolhold.sigstore-bundle";

/// The annotation with the tools and what they declare to need, for people and for other programs. Never believed.
pub(super) const TOOLS: &str = "dev.toolhold.tools";

/// Largest manifest, in bytes: what registries take.
pub(super) const MAX_MANIFEST: u64 = 4 << 20;

/// An image manifest.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// What a manifest says of a blob.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// The config of a component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) created: String,
    pub(super) architecture: &'static str,
    pub(super) os: &'static str,
    pub(super) layer_digests: Vec<ToolDigest>,
    pub(super) component: Interface,
}

/// What a component imports and exports.
#[derive(Debug, Serialize)]
pub(super) struct Interface {
    pub(super) exports: Vec<String>,
    pub(super) imports: Vec<String>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self { media_type: media_type.to_owned(), digest: Digest::of(bytes), size: bytes.len() as u64 }
    }
}

impl Manifest {
    /// Reads the manifest of `what`, and which blob is the component.
    pub(super) fn component(bytes: &[u8], what: &str, hidden: &Hidden) -> Result<(Self, Descriptor), Error> {
        let fail = |why: String| Error::NotAComponent(what.to_owned(), why);
        let unreadable = |error: serde_json::Error| {
            fail(format!("its manifest cannot be read: {}", hidden.shown(&error.to_string(), 200)))
        };
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        let kind = manifest.media_type.as_deref().unwrap_or(MANIFEST);
        if manifest.schema_version != 2 || kind != MANIFEST {
            return Err(fail(format!("its manifest is not of the kind `{MANIFEST}`")));
        }
        if manifest.config.media_type != CONFIG {
            return Err(fail(format!("its config is not of the kind `{CONFIG}`; is it a container image?")));
        }
        let mut layers = manifest.layers.iter().filter(|layer| layer.media_type == LAYER);
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            return Err(fail(format!("it does not have exactly one layer of the kind `{LAYER}`")));
        };
        if layer.size > MAX_COMPONENT {
            return Err(Error::TooLarge { what: what.to_owned(), most: MAX_COMPONENT });
        }
        let layer = layer.clone();
        Ok((manifest, layer))
    }
}
