//! Writing lock files: with who vouched for what, with the bytes that they pin in the store, and with the way back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toolhold_core::id::{ComponentName, Digest};
use toolhold_core::listing::Listing;
use toolhold_core::lock::{Lock, Pin};
use toolhold_core::manifest::{Component, Manifest};
use toolhold_core::signature::{self, Attached, Signature};

use super::files::optional_text;
use super::{Components, HostConfig, OpenError};
use crate::replace_file;
use crate::store::{History, Store};

/// A lock file that may be written: whoever must have signed its components has.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    config: &'a HostConfig,
    files: Vec<(PathBuf, Pin)>,
    /// What MCP servers said of their tools.
    listings: Vec<String>,
    lock: Lock,
}

impl<'a> Accepted<'a> {
    /// What was loaded, as it is. Components that come from files are signed by what lies beside them.
    ///
    /// # Errors
    ///
    /// [`OpenError::Untrusted`].
    pub(crate) fn of(config: &'a HostConfig, manifest: &Manifest, components: &Components) -> Result<Self, OpenError> {
        let mut pins: BTreeMap<ComponentName, Pin> = components.pins().map(|(name, pin)| (name.clone(), pin)).collect();
        let mut files = Vec::new();
        for (name, pin) in pins.iter_mut().filter(|(_, pin)| !pin.held) {
            if let Some(path) = manifest.components().get(name).and_then(|component| component.path.as_ref()) {
                pin.signatures = signatures_beside(&path.value, pin.digest)?;
                files.push((path.value.clone(), pin.clone()));
            }
        }
        let lock = Lock::new(pins);
        vouched(manifest, &lock)?;
        let listings = components.listings().values().map(Listing::text).collect();
        Ok(Self { config, files, listings, lock })
    }

    /// A lock file whose components are in the store.
    ///
    /// # Errors
    ///
    /// [`OpenError::Untrusted`].
    pub(crate) fn stored(config: &'a HostConfig, manifest: &Manifest, lock: Lock) -> Result<Self, OpenError> {
        vouched(manifest, &lock)?;
        Ok(Self { config, files: Vec::new(), listings: Vec::new(), lock })
    }

    /// The lock file.
    pub(crate) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Writes it as the lock file `number` of `history`, which it comes from.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub(crate) fn write_going_back(&self, history: &History, number: u64) -> Result<(), OpenError> {
        let text = self.text()?;
        replace_file::replace(&self.config.lock, text.as_bytes()).map_err(|error| self.fail(&error))?;
        Ok(history.went_to(number, &self.lock)?)
    }

    fn text(&self) -> Result<String, OpenError> {
        self.lock.render().map_err(|error| self.fail(&error))
    }

    fn fail(&self, error: &dyn std::error::Error) -> OpenError {
        OpenError::Lock { path: self.config.lock.clone(), message: error.to_string() }
    }

    /// Writes it. What was there before can be gone back to.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; if the lock file was not written, nothing that matters was.
    pub(crate) fn write(&self) -> Result<(), OpenError> {
        let HostConfig { lock: path, state, .. } = self.config;
        let store = Store::of(state);
        for (file, pin) in &self.files {
            let bytes = std::fs::read(file).map_err(|source| OpenError::Read { path: file.clone(), source })?;
            // What was looked at is what is pinned: a file that changed meanwhile is not kept under the other's name.
            if Digest::of(&bytes) == pin.digest {
                store.put(&bytes)?;
            }
        }
        for listing in &self.listings {
            store.put(listing.as_bytes())?;
        }
        let history = History::of(state, path)?;
        // Also what was written by hand, or came with somebody else's commit.
        let present = optional_text(path).ok().flatten().and_then(|text| Lock::parse(&text).ok());
        let text = self.text()?;
        replace_file::replace(path, text.as_bytes()).map_err(|error| self.fail(&error))?;
        history.record(present.as_ref(), &self.lock)?;
        Ok(history.shorten()?)
    }
}

/// Whether each component of `lock` that the manifest has is signed as the manifest asks.
///
/// # Errors
///
/// [`OpenError::Untrusted`] for the first that is not.
pub(super) fn vouched(manifest: &Manifest, lock: &Lock) -> Result<(), OpenError> {
    let check = |(name, component): (&ComponentName, &Component)| {
        let Some(pin) = lock.components().get(name) else { return Ok(()) };
        let judged = manifest.vouched(component, pin.digest, &pin.signatures);
        judged.map(drop).map_err(|source| OpenError::Untrusted { component: name.clone(), source })
    };
    manifest.components().iter().try_for_each(check)
}

/// The signatures in `FILE.sig` beside a component, which must be for these very bytes. None if there is no such file.
///
/// # Errors
///
/// [`OpenError::Signatures`].
pub(crate) fn signatures_beside(component: &Path, digest: Digest) -> Result<Vec<Signature>, OpenError> {
    let mut path = component.as_os_str().to_owned();
    path.push(".sig");
    let path = PathBuf::from(path);
    let Some(text) = optional_text(&path)? else { return Ok(Vec::new()) };
    let fail = |error: signature::Error| OpenError::Signatures { path: path.clone(), why: error.to_string() };
    let attached = Attached::parse(&text).map_err(fail)?;
    if attached.digest != digest {
        return Err(OpenError::OtherBytes { path, signed: attached.digest, found: digest });
    }
    Ok(attached.signatures)
}
