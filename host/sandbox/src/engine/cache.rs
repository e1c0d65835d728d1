//! Compiled components, learned descriptions and what else was learned of components on disk.
//!
//! An entry's name says everything that its content depends on, so no entry is ever out of date: the component's digest,
//! and a hash of the engine's version, its settings and the machine. A broken or doubtful entry is reported, and done anew.

use std::hash::{Hash as _, Hasher};
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use toolhold_core::id::Digest;
use wasmtime::Engine;

use super::artifact::{self, Artifact};
use super::trust::{Error, TrustedDir};

/// Largest description that is read back.
const MAX_DESCRIPTION_BYTES: u64 = 8 << 20;

/// The cache, or none.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: Option<TrustedDir>,
}

impl Cache {
    /// A cache in `path`. One that cannot be trusted is not used, and a warning says why.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let dir = path.and_then(|path| TrustedDir::open(path).inspect_err(warn).ok());
        Self { dir }
    }

    /// The artifact of the component `digest` for engines like `engine`.
    pub(crate) fn artifact(&self, digest: &Digest, engine: &Engine) -> Option<Artifact> {
        let name = artifact_name(digest, engine);
        let file = self.read(&name)?;
        Artifact::from_file(file).inspect_err(|error| tracing::warn!(%name, %error, "compiling again")).ok()
    }

    /// Keeps `code` as the artifact of the component `digest`.
    pub(crate) fn keep_artifact(&self, digest: &Digest, engine: &Engine, code: &[u8]) {
        self.write(&artifact_name(digest, engine), &Artifact::parts(code, &artifact::trailer(code)));
    }

    /// Drops the artifact of the component `digest`.
    pub(crate) fn forget_artifact(&self, digest: &Digest, engine: &Engine) {
        if let Some(dir) = &self.dir {
            dir.remove(&artifact_name(digest, engine));
        }
    }

    /// What the component `digest` said of itself.
    pub(crate) fn description(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(&description_name(digest))?.take(MAX_DESCRIPTION_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps what the component `digest` said of itself.
    pub(crate) fn keep_description(&self, digest: &Digest, json: &[u8]) {
        self.write(&description_name(digest), &[json]);
    }

    /// What was learned of the component `digest` when it was last loaded as a whole, for engines like `engine`.
    pub(crate) fn learned(&self, digest: &Digest, engine: &Engine) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(&learned_name(digest, engine))?.take(MAX_DESCRIPTION_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps what was learned of the component `digest`.
    pub(crate) fn keep_learned(&self, digest: &Digest, engine: &Engine, json: &[u8]) {
        self.write(&learned_name(digest, engine), &[json]);
    }

    fn read(&self, name: &str) -> Option<std::fs::File> {
        self.dir.as_ref()?.read(name).inspect_err(warn).ok().flatten()
    }

    fn write(&self, name: &str, parts: &[&[u8]]) {
        if let Some(dir) = &self.dir {
            drop(dir.write(name, parts).inspect_err(warn));
        }
    }
}

fn warn(error: &Error) {
    tracing::warn!(%error, "cache entry not used");
}

fn artifact_name(digest: &Digest, engine: &Engine) -> String {
    format!("{}-{}.cwasm", digest.hex(), settings_of(engine))
}

/// Another engine may refuse what this one compiles.
fn learned_name(digest: &Digest, engine: &Engine) -> String {
    format!("{}-{}.learned.json", digest.hex(), settings_of(engine))
}

/// A name for everything but the component that machine code depends on.
fn settings_of(engine: &Engine) -> String {
    let mut settings = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    // The compiler may use any instruction of this machine, so the machine is part of the name too.
    std::env::consts::ARCH.hash(&mut settings);
    let settings = hex::encode(settings.0.finalize());
    settings.get(..16).unwrap_or_default().to_owned()
}

fn description_name(digest: &Digest) -> String {
    format!("{}.describe.json", digest.hex())
}

/// Hashes with SHA-256: the standard hasher's results may differ between releases of Rust.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.first_chunk().copied().map_or(0, u64::from_le_bytes)
    }
}
