//! Models that somebody names before there is a host: for one run on a command line, or for every run of a server.
//!
//! What they are made of is read once: a host that is opened after that knows their keys and shows none of them. Each run gets
//! models of its own, because a model remembers where it is.

use std::sync::Arc;

use toolhold_core::id::ModelName;
use toolhold_core::manifest::Manifest;

use super::spec::Readied;
use super::{Model, ModelOptions, ModelSpec, SpecError, chain, open_chain, open_named};
use crate::agent::clock::Clock;
use crate::secrets::{KnownSecret, Secrets};

/// A chain of models, ready to be opened for a run.
#[derive(Default)]
pub struct Described {
    links: Vec<Link>,
    secrets: Vec<KnownSecret>,
}

enum Link {
    /// Described outside of the manifest, and what reports call it.
    Known(String, Readied),
    /// One of the manifest, whose secrets the host reads.
    Named(ModelName),
}

impl Described {
    /// Reads what `specs` describe; `variable` reads the environment. Of none, the chain is the manifest's.
    ///
    /// # Errors
    ///
    /// [`SpecError`] of the first that cannot be used.
    pub fn read(
        specs: &[ModelSpec],
        options: &ModelOptions,
        variable: &dyn Fn(&str) -> Option<String>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SpecError> {
        let mut described = Self::default();
        for spec in specs {
            let link = match spec {
                ModelSpec::Named(name) => Link::Named(name.clone()),
                other => {
                    let readied = other.read(options, variable)?;
                    let model = readied.open(Arc::clone(clock))?;
                    described.secrets.extend(model.secrets());
                    Link::Known(model.identity().name.clone(), readied)
                }
            };
            described.links.push(link);
        }
        Ok(described)
    }

    /// What a host must not show: keys that its manifest does not name.
    #[must_use]
    pub fn secrets(&self) -> Vec<KnownSecret> {
        self.secrets.clone()
    }

    /// Whether the manifest has those that are only named here.
    ///
    /// # Errors
    ///
    /// [`SpecError::NoSuchModel`] of the first that it has not.
    pub fn are_known(&self, manifest: &Manifest) -> Result<(), SpecError> {
        self.links.iter().try_for_each(|link| match link {
            Link::Known(..) => Ok(()),
            Link::Named(name) => chain::find(name, manifest).map(drop),
        })
    }

    /// The models for one run, in the order in which they are asked: as they were named, or as the manifest has them. May be none.
    ///
    /// # Errors
    ///
    /// [`SpecError`] of the first that cannot be made ready.
    pub fn open(
        &self,
        manifest: &Manifest,
        secrets: &Secrets,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<Box<dyn Model>>, SpecError> {
        if self.links.is_empty() {
            return open_chain(manifest, secrets, clock);
        }
        self.links.iter().map(|link| link.open(manifest, secrets, clock)).collect()
    }

    /// The models that reports call `names`: those that are described here, or in the manifest. Nothing else is opened: a name
    /// is no way to a file or an address.
    ///
    /// # Errors
    ///
    /// [`SpecError`], also where there is none of a name.
    pub fn open_known(
        &self,
        names: &[String],
        manifest: &Manifest,
        secrets: &Secrets,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<Box<dyn Model>>, SpecError> {
        let find = |name: &String| {
            let known = self.links.iter().find(|link| link.name() == name);
            match (known, name.parse::<ModelName>()) {
                (Some(link), _) => link.open(manifest, secrets, clock),
                (None, Ok(name)) => Link::Named(name).open(manifest, secrets, clock),
                (None, Err(_)) => Err(SpecError::NotHere(name.chars().take(200).collect())),
            }
        };
        names.iter().map(find).collect()
    }
}

impl Link {
    fn name(&self) -> &str {
        match self {
            Self::Known(name, _) => name,
            Self::Named(name) => name.as_str(),
        }
    }

    fn open(
        &self,
        manifest: &Manifest,
        secrets: &Secrets,
        clock: &Arc<dyn Clock>,
    ) -> Result<Box<dyn Model>, SpecError> {
        match self {
            Self::Known(_, readied) => readied.open(Arc::clone(clock)),
            Self::Named(name) => open_named(name, manifest, secrets, clock),
        }
    }
}

impl std::fmt::Debug for Described {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.links.iter().map(Link::name)).finish()
    }
}
