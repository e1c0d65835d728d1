//! Who may vouch for a model's server beside those the system trusts: certificates in a file, such as a company's own.
//!
//! They are trusted for the model's address alone and for one run; nothing is added to the system. There is no way to trust
//! a server unseen: a key that goes to whoever answers is no secret.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::Certificate;

/// The largest file, in bytes: a system's whole bundle has a quarter of it.
const LARGEST: u64 = 1 << 20;

/// Certificates of authorities that are trusted beside the system's. `Authorities::default()` is none.
#[derive(Debug, Clone, Default)]
pub struct Authorities(Vec<Certificate>);

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// The file cannot be read.
    #[error("the file of certificates `{}` cannot be read: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It holds none.
    #[error("`{}` holds no certificates: write them as PEM, each from `-----BEGIN CERTIFICATE-----` on", .0.display())]
    NoCertificates(PathBuf),
}

impl Authorities {
    /// The certificates in the PEM file at `path`.
    ///
    /// # Errors
    ///
    /// See [`AuthoritiesError`].
    pub fn load(path: &Path) -> Result<Self, AuthoritiesError> {
        let unreadable = |error| AuthoritiesError::Unreadable { path: path.to_owned(), error };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut pem = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut pem).map_err(unreadable)?;
        let whole = pem.len() as u64 <= LARGEST;
        let certificates = Certificate::from_pem_bundle(&pem).ok().filter(|found| whole && !found.is_empty());
        certificates.map(Self).ok_or_else(|| AuthoritiesError::NoCertificates(path.to_owned()))
    }

    /// For the HTTP client.
    pub(super) fn certificates(&self) -> impl Iterator<Item = Certificate> {
        self.0.iter().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let refused = || Authorities::load(&path).unwrap_err().to_string();
        assert!(refused().contains("cannot be read"));
        for text in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA"] {
            std::fs::write(&path, text).unwrap();
            assert!(refused().contains("holds no certificates"), "{text}");
        }
    }
}
