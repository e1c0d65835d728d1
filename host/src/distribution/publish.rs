//! Publishes a component to a registry: its blobs, then the manifest that names them.

use std::collections::BTreeMap;

use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use toolhold_core::id::{Digest, ToolDigest};
use toolhold_core::origin::{Reference, Version};
use url::Url;

use super::artifact::{self, Config, Descriptor, Interface, Manifest};
use super::registry::{Registry, Scope};
use super::{Error, Options};

/// Largest answer to a request that changes something, in bytes. None of it is used.
const MAX_ANSWER: u64 = 64 << 10;

/// What is published.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The component.
    pub(crate) bytes: Vec<u8>,
    /// What it imports.
    pub(crate) imports: Vec<String>,
    /// What it exports.
    pub(crate) exports: Vec<String>,
    /// Its tools and their needs, as JSON.
    pub(crate) tools: String,
    /// Its signatures, as JSON.
    pub(crate) signatures: Option<String>,
    /// Its sigstore bundle, as JSON.
    pub(crate) bundle: Option<String>,
    /// When.
    pub(crate) created: String,
    /// What else is said of it.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What was published.
#[derive(Debug)]
pub(crate) struct Published {
    /// The reference that always leads to it.
    pub(crate) reference: Reference,
    /// The digest of its bytes.
    pub(crate) component: ToolDigest,
}

/// Publishes `parcel` under `reference`, which must have a tag.
///
/// # Errors
///
/// [`Error`].
pub(crate) async fn publish(parcel: Parcel, reference: &Reference, options: &Options) -> Result<Published, Error> {
    let Version::Tag(tag) = reference.version() else { return Err(Error::NoTag) };
    let registry = Registry::new(reference, Scope::Push, options);
    let done = push(parcel, tag, &registry).await;
    let (artifact, component) = done.map_err(|error| registry.clean(error))?;
    Ok(Published { reference: reference.at(artifact), component })
}

async fn push(parcel: Parcel, tag: &str, registry: &Registry<'_>) -> Result<(Digest, ToolDigest), Error> {
    let layer = Descriptor::of(artifact::LAYER, &parcel.bytes);
    let config = serde_json::to_vec(&Config {
        created: parcel.created.clone(),
        architecture: "wasm",
        os: "wasip2",
        layer_digests: vec![layer.digest],
        component: Interface { exports: parcel.exports, imports: parcel.imports },
    })?;
    let mut annotations = parcel.annotations;
    annotations.insert("org.opencontainers.image.created".to_owned(), parcel.created);
    annotations.insert(artifact::TOOLS.to_owned(), parcel.tools);
    annotations.extend(parcel.signatures.map(|text| (artifact::SIGNATURES.to_owned(), text)));
    annotations.extend(parcel.bundle.map(|text| (artifact::BUNDLE.to_owned(), text)));
    let manifest = serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: Some(artifact::MANIFEST.to_owned()),
        artifact_type: Some(artifact::LAYER.to_owned()),
        config: Descriptor::of(artifact::CONFIG, &config),
        layers: vec![layer.clone()],
        annotations,
    })?;
    if manifest.len() as u64 > artifact::MAX_MANIFEST {
        return Err(Error::TooLarge { what: "the manifest".into(), most: artifact::MAX_MANIFEST });
    }
    blob(registry, parcel.bytes).await?;
    blob(registry, config).await?;
    let url = registry.url(&format!("manifests/{tag}"))?;
    let digest = Digest::of(&manifest);
    let answer = registry.send(Method::PUT, &url, Some(artifact::MANIFEST), Some(manifest)).await?;
    answer.success("the manifest").await?.body(MAX_ANSWER).await?;
    Ok((digest, layer.digest))
}

/// Uploads `bytes`, unless they are there.
async fn blob(registry: &Registry<'_>, bytes: Vec<u8>) -> Result<(), Error> {
    let digest = Digest::of(&bytes);
    let there = registry.send(Method::HEAD, &registry.url(&format!("blobs/{digest}"))?, None, None).await?;
    if there.response.status() == StatusCode::OK {
        return Ok(());
    }
    let begun = registry.send(Method::POST, &registry.url("blobs/uploads/")?, None, Some(Vec::new())).await?;
    let begun = begun.success("an upload").await?;
    let location = begun.response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let mut url: Url = location
        .and_then(|location| begun.url.join(location).ok())
        .ok_or_else(|| Error::Address(registry.shown(location.unwrap_or_default())))?;
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    let done = registry.send(Method::PUT, &url, Some("application/octet-stream"), Some(bytes)).await?;
    done.success("the upload").await?.body(MAX_ANSWER).await?;
    Ok(())
}
