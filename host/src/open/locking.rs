//! Writing lock files: with who vouched for what, with the bytes that they pin in the store, and with the way back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toolhold_core::id::{ComponentName, Digest};
use toolhold_core::listing::Listing;
use toolhold_core::lock::{Lock, Pin};
use toolhold_core::manifest::{Component, Manifest};

use super::files::optional_text;
use super::{Components, Consents, HostConfig, OpenError, Papers, Vouching};
use crate::replace_file;
use crate::store::{History, Store};

/// A lock file that may be written: whoever must have signed its components has.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    config: &'a HostConfig,
    files: Vec<(PathBuf, Pin)>,
    /// What MCP servers said of their tools.
    listings: Vec<String>,
    /// These servers: all of them are accepted as the manifest has them.
    servers: Vec<Component>,
    lock: Lock,
}

impl<'a> Accepted<'a> {
    /// What was loaded, as it is. Components that come from files are signed by what lies beside them.
    ///
    /// # Errors
    ///
    /// [`OpenError::Untrusted`] and its like.
    pub(crate) fn of(config: &'a HostConfig, manifest: &Manifest, components: &Components) -> Result<Self, OpenError> {
        let mut pins: BTreeMap<ComponentName, Pin> = components.pins().map(|(name, pin)| (name.clone(), pin)).collect();
        let mut files = Vec::new();
        for (name, pin) in pins.iter_mut().filter(|(_, pin)| !pin.held) {
            if let Some(path) = manifest.components().get(name).and_then(|component| component.path.as_ref()) {
                let Papers { signatures, bundle } = Papers::beside(&path.value, pin.digest)?;
                (pin.signatures, pin.bundle) = (signatures, bundle);
                files.push((path.value.clone(), pin.clone()));
            }
        }
        let lock = Lock::new(pins);
        Vouching::of(manifest)?.all(&lock)?;
        let said = components.listings();
        let listings = said.values().map(Listing::text).collect();
        let servers = manifest.components().values().filter(|component| said.contains_key(&component.name.value));
        Ok(Self { config, files, listings, servers: servers.cloned().collect(), lock })
    }

    /// A lock file whose components are in the store.
    ///
    /// # Errors
    ///
    /// [`OpenError::Untrusted`] and its like.
    pub(crate) fn stored(config: &'a HostConfig, manifest: &Manifest, lock: Lock) -> Result<Self, OpenError> {
        Vouching::of(manifest)?.all(&lock)?;
        Ok(Self { config, files: Vec::new(), listings: Vec::new(), servers: Vec::new(), lock })
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
        let consents = Consents::of(self.config);
        for component in &self.servers {
            if let Some(server) = &component.server {
                consents.keep(component, server)?;
            }
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
