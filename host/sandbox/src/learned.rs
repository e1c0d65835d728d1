//! What was found out of a component when it was loaded as a whole, kept beside its machine code: with it, the component can be listed and
//! judged again without being compiled, and without a look at its machine code, until one of its tools is called.
//!
//! Kept only after everything was checked: it compiles, fits this host, and describes tools whose schemas compile. It is trusted as machine code
//! of the cache is, and no further: what is called is compiled from the bytes that the digest names, or taken from the cache by it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use toolhold_core::describe::Description;
use toolhold_core::id::ToolDigest;

use crate::component::{Kind, Lane, Refused};
use crate::engine::Artifact;
use crate::load::{DescribedBy, LoadError, Loaded};

/// Another form, or another judgement of what fits this host, has another number.
const FORMAT: u32 = 2;

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    /// The version of this program: what one accepts, the next one may refuse.
    by: String,
    digest: ToolDigest,
    size: u64,
    is_module: bool,
    description: Description,
    described_by: DescribedBy,
    kind: Kind,
    lane: Lane,
    imports: Vec<String>,
    exports: Vec<String>,
    refused: Vec<Refused>,
}

/// What is kept of a component that was loaded.
pub(crate) fn to_json(loaded: &Loaded, is_module: bool) -> Option<Vec<u8>> {
    let kept = Kept {
        format: FORMAT,
        by: env!("CARGO_PKG_VERSION").to_owned(),
        digest: loaded.digest,
        size: loaded.size,
        is_module,
        description: Description::clone(&loaded.description),
        described_by: loaded.described_by,
        kind: loaded.kind.clone(),
        lane: loaded.lane,
        imports: loaded.imports.to_vec(),
        exports: loaded.exports.to_vec(),
        refused: loaded.refused.to_vec(),
    };
    serde_json::to_vec(&kept).ok()
}

/// What was kept of the component `digest` with `size` bytes, and whether it is a module. `None` where it is not of use.
pub(crate) fn from_json(json: &[u8], digest: ToolDigest, size: u64) -> Option<(Loaded, bool)> {
    let kept: Kept = serde_json::from_slice(json).ok()?;
    let is_it = (kept.format, kept.digest, kept.size) == (FORMAT, digest, size) && kept.by == env!("CARGO_PKG_VERSION");
    let loaded = Loaded {
        digest,
        size,
        description: Arc::new(kept.description),
        described_by: kept.described_by,
        kind: kept.kind,
        lane: kept.lane,
        imports: kept.imports.into(),
        exports: kept.exports.into(),
        refused: kept.refused.into(),
        schemas_compile: true,
    };
    is_it.then_some((loaded, kept.is_module))
}

/// The machine code of a component: there, or to be made of its bytes when it is first needed.
#[derive(Debug)]
pub(crate) struct Code {
    made: OnceLock<Artifact>,
    /// Until it is made.
    bytes: Mutex<Option<Vec<u8>>>,
}

impl Code {
    pub(crate) fn made(artifact: Artifact) -> Self {
        Self { made: OnceLock::from(artifact), bytes: Mutex::default() }
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self { made: OnceLock::new(), bytes: Mutex::new(Some(bytes)) }
    }

    /// It, if it is made.
    pub(crate) fn get(&self) -> Option<&Artifact> {
        self.made.get()
    }

    /// It, made by `make` if it is not there: once, however many ask. If that fails, the next one who asks tries again.
    pub(crate) fn get_or_make(
        &self,
        make: impl FnOnce(&[u8]) -> Result<Artifact, LoadError>,
    ) -> Result<&Artifact, LoadError> {
        if self.made.get().is_none() {
            let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever held the lock before may have made it, and has dropped the bytes.
            if let Some(waiting) = bytes.as_deref() {
                drop(self.made.set(make(waiting)?));
                *bytes = None;
            }
        }
        self.made.get().ok_or_else(|| LoadError::Host("the machine code was made and is not there".into()))
    }
}
