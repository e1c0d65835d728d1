//! The secrets of the manifest: read once, when the host is opened, and handed to nobody but the egress and the redactor.
//!
//! All of them are read before anything runs. A secret that is missing when a request needs it would be found out in the
//! middle of a call; one that was never opened could not be taken out of what is shown. Nothing here prints a value, keeps
//! it longer than the host lives, or has it in an error.

mod command;
mod environment;
mod error;
mod keyring;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use toolhold_core::id::SecretName;
use toolhold_core::manifest::SecretSource;
use toolhold_core::redact::{MIN_SECRET_BYTES, Redactor};

pub use self::error::{Error, Why};
use crate::private_file;
pub use crate::private_file::PrivateFileError;

/// The values of the secrets of a manifest, and those that the host has to know without handing them out. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    named: BTreeMap<SecretName, SecretString>,
    known: Vec<KnownSecret>,
}

/// A secret that is never given to a request of a guest, but must not be shown either: the key of a model.
#[derive(Debug, Clone)]
pub struct KnownSecret {
    /// What the audit calls it.
    pub name: String,
    /// Its value.
    pub value: SecretString,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.0.named.keys()).finish()
    }
}

impl Secrets {
    /// Reads every secret. Blocks: a source may be a program.
    ///
    /// # Errors
    ///
    /// The first secret that cannot be had, and what would mend it.
    pub fn open<'a>(
        sources: impl IntoIterator<Item = (&'a SecretName, &'a SecretSource)>,
        known: Vec<KnownSecret>,
    ) -> Result<Self, Error> {
        Self::open_in(sources, known, &environment::variable)
    }

    /// [`Secrets::open`] in an environment of the caller's.
    fn open_in<'a>(
        sources: impl IntoIterator<Item = (&'a SecretName, &'a SecretSource)>,
        known: Vec<KnownSecret>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let read = |(name, source): (&SecretName, &SecretSource)| match read(source, variable) {
            Ok(value) => Ok((name.clone(), value)),
            Err(why) => Err(Error { secret: name.clone(), why }),
        };
        let named = sources.into_iter().map(read).collect::<Result<BTreeMap<_, _>, _>>()?;
        let opened = Self(Arc::new(Inner { named, known }));
        opened.warn_of_short_ones();
        Ok(opened)
    }

    /// The value of a secret, to be put into a request.
    #[must_use]
    pub fn get(&self, name: &SecretName) -> Option<&SecretString> {
        self.0.named.get(name)
    }

    /// The same, that also knows what `earlier` did: what this process has once read is shown by nothing of it any more, although no request
    /// is given it.
    #[must_use]
    pub(crate) fn remembering(self, earlier: &Self) -> Self {
        let is_here = |name: &str, value: &str| self.all().any(|own| own == (name, value));
        let gone = earlier.all().filter(|(name, value)| !is_here(name, value));
        let gone = gone.map(|(name, value)| KnownSecret { name: name.to_owned(), value: value.to_owned().into() });
        let known = self.0.known.iter().cloned().chain(gone).collect();
        Self(Arc::new(Inner { named: self.0.named.clone(), known }))
    }

    /// What takes all of them out of texts. Built anew: keep it.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.all())
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.0.named.iter().map(|(name, value)| (name.as_str(), value.expose_secret()));
        named.chain(self.0.known.iter().map(|known| (known.name.as_str(), known.value.expose_secret())))
    }

    fn warn_of_short_ones(&self) {
        for (name, _) in self.all().filter(|(_, value)| value.len() < MIN_SECRET_BYTES) {
            tracing::warn!(
                secret = name,
                "this secret is shorter than {MIN_SECRET_BYTES} bytes: it cannot be taken out of results and logs; use a longer one"
            );
        }
    }
}

fn read(source: &SecretSource, variable: &dyn Fn(&str) -> Option<String>) -> Result<SecretString, Why> {
    let text: Zeroizing<String> = match source {
        SecretSource::Env(name) => variable(name).map(Into::into).ok_or_else(|| Why::NotSet(name.clone()))?,
        SecretSource::File(path) => private_file::read(path)?,
        SecretSource::Command(command) => command::output(command, command::PATIENCE)?,
        SecretSource::Keyring { service, user } => keyring::read(service, user)?,
    };
    // What writes a line ends it; the end of the line is not of the secret.
    let value = text.trim_end_matches(['\n', '\r']);
    if value.is_empty() {
        return Err(Why::Empty);
    }
    if value.contains('\0') {
        return Err(Why::NotText);
    }
    Ok(SecretString::from(value))
}
