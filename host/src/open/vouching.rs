//! Who vouches for components: what came with them, judged by the manifest and the roots that it names.

use std::path::{Path, PathBuf};

use toolhold_core::id::{ComponentName, Digest, SignerName, ToolDigest};
use toolhold_core::lock::{Lock, Pin};
use toolhold_core::manifest::{Component, Manifest};
use toolhold_core::signature::{self, Attached, Bundle, Evidence, Seen, Signature, Signer, Untrusted, trusted};

use super::OpenError;
use super::files::optional_text;
use crate::sigstore::Roots;

/// What came with a component to vouch for it. Nothing of it is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Papers {
    /// Signatures by keys.
    pub(crate) signatures: Vec<Signature>,
    /// A sigstore bundle.
    pub(crate) bundle: Option<Bundle>,
}

/// Who vouches for a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voucher {
    /// As the manifest calls them.
    pub(crate) signer: SignerName,
    /// As their certificate calls them, if they have one: with a pattern, they are not always the same.
    pub(crate) subject: Option<String>,
}

/// Judges what came with components.
#[derive(Debug)]
pub(crate) struct Vouching<'a> {
    manifest: &'a Manifest,
    roots: Roots,
}

/// What was found where a bundle may be.
enum Looked {
    /// None, or nobody is known by an identity.
    Nothing,
    /// One that speaks for nobody, and why.
    Silent(String),
    /// One that speaks for somebody.
    At(Seen),
}

impl Looked {
    fn evidence<'a>(&'a self, papers: &'a Papers) -> Evidence<'a> {
        let (seen, silent) = match self {
            Self::Nothing => (None, None),
            Self::Silent(why) => (None, Some(why.as_str())),
            Self::At(seen) => (Some(seen), None),
        };
        Evidence { signatures: &papers.signatures, seen, silent }
    }
}

impl Papers {
    /// What a lock file has.
    pub(crate) fn of(pin: &Pin) -> Self {
        Self { signatures: pin.signatures.clone(), bundle: pin.bundle.clone() }
    }

    /// What lies beside a component's file: `FILE.sig`, which must be for these very bytes, and `FILE.sigstore.json`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Signatures`], [`OpenError::OtherBytes`], [`OpenError::Read`].
    pub(crate) fn beside(component: &Path, digest: ToolDigest) -> Result<Self, OpenError> {
        Ok(Self { signatures: signatures_beside(component, digest)?, bundle: bundle_beside(component)? })
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.signatures.len() + usize::from(self.bundle.is_some())
    }
}

impl<'a> Vouching<'a> {
    /// Judges by `manifest`, whose trusted roots are read now.
    ///
    /// # Errors
    ///
    /// [`OpenError::TrustedRoot`].
    pub(crate) fn of(manifest: &'a Manifest) -> Result<Self, OpenError> {
        let roots = Roots::of(manifest).map_err(|error| OpenError::TrustedRoot(error.to_string()))?;
        Ok(Self { manifest, roots })
    }

    /// Who of those that `component` names vouches for `digest`; `None` if nobody has to.
    ///
    /// # Errors
    ///
    /// [`OpenError::Untrusted`], [`OpenError::Bundle`].
    pub(crate) fn judge(
        &self,
        component: &Component,
        digest: ToolDigest,
        papers: &Papers,
    ) -> Result<Option<Voucher>, OpenError> {
        let name = &component.name.value;
        let looked = self.looked(name, &component.signed_as, digest, papers)?;
        let judged = self.manifest.vouched(component, digest, looked.evidence(papers));
        let signer = judged.map_err(|source| OpenError::Untrusted { component: name.clone(), source })?;
        Ok(signer.map(|signer| self.voucher(signer, &looked)))
    }

    /// Who of all signers vouches for `digest` as `signed_as`, where the manifest has no component `name` yet.
    ///
    /// # Errors
    ///
    /// [`OpenError::Bundle`]; [`Untrusted`] within.
    pub(crate) fn anybody(
        &self,
        name: &ComponentName,
        signed_as: &ComponentName,
        digest: ToolDigest,
        papers: &Papers,
    ) -> Result<Result<Voucher, Untrusted>, OpenError> {
        let looked = self.looked(name, signed_as, digest, papers)?;
        let signer = trusted(looked.evidence(papers), digest, signed_as, self.manifest.signers());
        Ok(signer.map(|signer| self.voucher(signer, &looked)))
    }

    /// Whether each component of `lock` that the manifest has is vouched for as the manifest asks.
    ///
    /// # Errors
    ///
    /// [`OpenError::Untrusted`] or [`OpenError::Bundle`] for the first that is not.
    pub(crate) fn all(&self, lock: &Lock) -> Result<(), OpenError> {
        for (name, component) in self.manifest.components() {
            if let Some(pin) = lock.components().get(name) {
                self.judge(component, pin.digest, &Papers::of(pin))?;
            }
        }
        Ok(())
    }

    fn voucher(&self, signer: SignerName, looked: &Looked) -> Voucher {
        let subject = match (self.manifest.signers().get(&signer), looked) {
            (Some(Signer::Identity(_)), Looked::At(seen)) => Some(seen.claim.subject.as_str().to_owned()),
            _ => None,
        };
        Voucher { signer, subject }
    }

    fn looked(
        &self,
        name: &ComponentName,
        signed_as: &ComponentName,
        digest: ToolDigest,
        papers: &Papers,
    ) -> Result<Looked, OpenError> {
        let Some(bundle) = papers.bundle.as_ref().filter(|_| !self.roots.is_empty()) else {
            return Ok(Looked::Nothing);
        };
        match self.roots.seen(bundle, digest, signed_as, self.manifest.signers()) {
            Ok(Ok(seen)) => Ok(Looked::At(seen)),
            Ok(Err(silent)) => Ok(Looked::Silent(silent.to_string())),
            Err(error) => Err(OpenError::Bundle { component: name.clone(), why: error.to_string() }),
        }
    }
}

/// The signatures in `FILE.sig` beside a component, which must be for these very bytes. None if there is no such file.
///
/// # Errors
///
/// [`OpenError::Signatures`], [`OpenError::OtherBytes`].
pub(crate) fn signatures_beside(component: &Path, digest: Digest) -> Result<Vec<Signature>, OpenError> {
    let path = beside(component, ".sig");
    let Some(text) = optional_text(&path)? else { return Ok(Vec::new()) };
    let fail = |error: signature::Error| OpenError::Signatures { path: path.clone(), why: error.to_string() };
    let attached = Attached::parse(&text).map_err(fail)?;
    if attached.digest != digest {
        return Err(OpenError::OtherBytes { path, signed: attached.digest, found: digest });
    }
    Ok(attached.signatures)
}

fn bundle_beside(component: &Path) -> Result<Option<Bundle>, OpenError> {
    let path = beside(component, BUNDLE);
    optional_text(&path)?.map(|text| bundle(&path, &text)).transpose()
}

/// What is added to a component's file name, or its address, to have that of its bundle.
pub(crate) const BUNDLE: &str = ".sigstore.json";

/// The bundle in a file that somebody named.
///
/// # Errors
///
/// [`OpenError::Read`], [`OpenError::BundleFile`].
pub(crate) fn bundle_in(path: &Path) -> Result<Bundle, OpenError> {
    bundle(path, &super::files::text(path)?)
}

fn bundle(path: &Path, text: &str) -> Result<Bundle, OpenError> {
    let fail = |error: signature::Error| OpenError::BundleFile { path: path.to_owned(), why: error.to_string() };
    Bundle::parse(text).map_err(fail)
}

fn beside(component: &Path, ending: &str) -> PathBuf {
    let mut path = component.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}
