//! Whether a sigstore bundle holds: its certificate, its log entry, its signature, under a root that the operator supplied.
//!
//! Nothing is fetched, and no root is built in: what is trusted is in the files that the manifest names, and who is accepted is
//! decided by `toolhold_core::signature`. Every check is made each time, from the bundle's text: nothing that was found out once is kept.
//!
//! Accepted is less than the library would: only signatures with a certificate, only with a proof that a log has them, only with the
//! certificate's own log, and of the many things that can be attested of a file only those that say that it was made or released.

mod error;
mod root;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sigstore_verify::types::{Artifact, Bundle as Parsed, Sha256Hash};
use sigstore_verify::{SubjectAltName, VerificationPolicy, Verifier};
use toolhold_core::id::{ComponentName, SignerName, ToolDigest};
use toolhold_core::manifest::Manifest;
use toolhold_core::signature::{Bundle, Claim, Seen, Signer, Subject};

pub(crate) use self::error::Error;
use self::subject::Signed;

/// Log entries and time stamps that are looked at.
const MAX_PROOFS: usize = 4;

/// The trusted roots that a manifest names, by file.
pub(crate) struct Roots(BTreeMap<PathBuf, Verifier>);

impl std::fmt::Debug for Roots {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl Roots {
    /// Reads all of them: one that is missing or broken is told at once, and not when a bundle comes.
    ///
    /// # Errors
    ///
    /// [`Error::Root`].
    pub(crate) fn of(manifest: &Manifest) -> Result<Self, Error> {
        let files: BTreeSet<&PathBuf> = files(manifest).collect();
        let read = |path: &PathBuf| Ok((path.clone(), root::read(path)?));
        files.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody is known by an identity: then bundles are kept and not looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a bundle says of the component that has `digest` and is called `name`, and whether it holds for those of `signers` whom it names;
    /// or why it speaks for nobody.
    ///
    /// # Errors
    ///
    /// [`Error`]: it is for something else, or of a form that proves nothing although it names somebody.
    pub(crate) fn seen(
        &self,
        bundle: &Bundle,
        digest: ToolDigest,
        name: &ComponentName,
        signers: &BTreeMap<SignerName, Signer>,
    ) -> Result<Result<Seen, Error>, Error> {
        match self.spoken(bundle, digest, name, signers) {
            Err(silent @ (Error::NoCertificate | Error::Nobody | Error::Predicate(_))) => Ok(Err(silent)),
            other => other.map(Ok),
        }
    }

    fn spoken(
        &self,
        bundle: &Bundle,
        digest: ToolDigest,
        name: &ComponentName,
        signers: &BTreeMap<SignerName, Signer>,
    ) -> Result<Seen, Error> {
        let parsed = parsed(bundle)?;
        let signed = subject::signed(&parsed.content, digest, name)?;
        let claim = claim(&parsed, &signed)?;
        let held = signers.iter().filter_map(|(signer, kind)| match kind {
            Signer::Identity(identity) if identity.is(&claim) => {
                Some((signer.clone(), self.holds(&identity.root, &parsed, &signed)))
            }
            Signer::Identity(_) | Signer::Key(_) => None,
        });
        let held = held.collect();
        Ok(Seen { claim, held })
    }

    /// Checks all that can be checked. Whom it is by was compared before, and is no part of this.
    fn holds(&self, root: &Path, bundle: &Parsed, signed: &Signed) -> Result<(), String> {
        let verifier = self.0.get(root).ok_or_else(|| format!("the trusted root `{}` was not read", root.display()))?;
        let digest = Sha256Hash::new(*signed.digest.as_bytes());
        let found = verifier.verify(Artifact::from_digest(digest), bundle, &VerificationPolicy::any_identity());
        let found = found.map_err(|error| error::in_words(&error))?;
        // What the default policy of the library asks for today is asked for here in any case.
        match (found.certificate_verified(), found.sct_verified(), found.tlog_verified()) {
            (true, true, true) if !found.verified_timestamps().is_empty() => Ok(()),
            _ => Err("not everything of it was checked".to_owned()),
        }
    }
}

/// Checks that a bundle is for the component that has `digest`, as far as that can be said without a root: for those who publish it.
///
/// # Errors
///
/// [`Error`].
pub(crate) fn is_for(bundle: &Bundle, digest: ToolDigest, name: &ComponentName) -> Result<(), Error> {
    let parsed = parsed(bundle)?;
    let signed = subject::signed(&parsed.content, digest, name)?;
    claim(&parsed, &signed).map(drop)
}

/// The files of trusted roots that a manifest names.
pub(crate) fn files(manifest: &Manifest) -> impl Iterator<Item = &PathBuf> {
    manifest.signers().values().filter_map(|signer| match signer {
        Signer::Identity(identity) => Some(&identity.root),
        Signer::Key(_) => None,
    })
}

/// The bundle, if it has what a proof takes.
fn parsed(bundle: &Bundle) -> Result<Parsed, Error> {
    let parsed = Parsed::from_json(bundle.as_str()).map_err(|error| Error::form(&error))?;
    let material = &parsed.verification_material;
    // First of all: one that is by a key is nobody's, whatever else it has or lacks.
    parsed.signing_certificate().ok_or(Error::NoCertificate)?;
    let entries = &material.tlog_entries;
    if entries.is_empty() {
        return Err(Error::NoEntry);
    }
    // One proof does not excuse an entry without one.
    if entries.iter().any(|entry| entry.inclusion_proof.is_none()) {
        return Err(Error::NoProof);
    }
    if entries.len() > MAX_PROOFS || material.timestamp_verification_data.rfc3161_timestamps.len() > MAX_PROOFS {
        return Err(Error::Form(format!("it has more than {MAX_PROOFS} log entries or time stamps")));
    }
    Ok(parsed)
}

/// What the certificate says, unchecked.
fn claim(bundle: &Parsed, signed: &Signed) -> Result<Claim, Error> {
    let certificate = bundle.signing_certificate().ok_or(Error::NoCertificate)?;
    let certificate =
        sigstore_verify::crypto::parse_certificate_info(certificate).map_err(|error| Error::form(&error))?;
    let subject = match certificate.identity {
        Some(SubjectAltName::Uri(text)) => Subject::Uri(text),
        Some(SubjectAltName::Email(text)) => Subject::Email(text),
        _ => return Err(Error::Nobody),
    };
    let issuer = certificate.issuer.ok_or(Error::Nobody)?;
    let repository = certificate.ci_claims.source_repository_uri;
    Ok(Claim { subject, issuer, repository, bound: signed.bound.clone() })
}

#[cfg(test)]
mod tests;
