//! Why a bundle or a trusted root is of no use, in one line that names the check and what would mend it.

use std::path::PathBuf;

use sigstore_verify::{CertificateError, TimestampError, TransparencyLogError};
use toolhold_core::escape;
use toolhold_core::id::{ComponentName, ToolDigest};

/// Bytes of a message of the library, or of a bundle, that are repeated.
const SHOWN: usize = 240;

/// Why a bundle or a trusted root is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file that a signer's `trusted-root` names.
    #[error("the trusted root `{}` cannot be used: {why}; take `trusted_root.json` from whoever runs the sigstore instance", .path.display())]
    Root {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is no bundle, or one of a form that is not read.
    #[error("the sigstore bundle cannot be read: {0}")]
    Form(String),
    /// No transparency log has it.
    #[error(
        "the sigstore bundle has no log entry: without one nobody would notice a stolen certificate; sign with a transparency log"
    )]
    NoEntry,
    /// A log promised, and proved nothing.
    #[error(
        "the sigstore bundle has a log entry without an inclusion proof; make it anew with a version of cosign that writes one"
    )]
    NoProof,
    /// Signed with a key that it does not have.
    #[error(
        "the sigstore bundle has no certificate, so it says of nobody that they signed; sign with an identity, or with `toolhold sign`"
    )]
    NoCertificate,
    /// The certificate has no identity, or no issuer.
    #[error("the certificate in the sigstore bundle names no identity with an issuer")]
    Nobody,
    /// The bundle does not say what it is for.
    #[error(
        "the sigstore bundle does not say which SHA-256 digest was signed; make it anew with `cosign sign-blob --bundle`"
    )]
    NoDigest,
    /// Other bytes, or another name.
    #[error(
        "the sigstore bundle is for sha256:{signed}, which is neither the component ({digest}) nor its text as `{name}`; is it that of another version, or of another component?"
    )]
    Other {
        /// What was signed, in hexadecimal digits.
        signed: String,
        /// What the component is.
        digest: ToolDigest,
        /// What it is called.
        name: ComponentName,
    },
    /// A statement of other files.
    #[error(
        "the statement in the sigstore bundle is not about {0}; is it that of another version, or of another component?"
    )]
    NoSubject(ToolDigest),
    /// A statement that does not vouch for its subjects.
    #[error(
        "the statement in the sigstore bundle is a `{0}`, which does not say that its subject was made or released; take the provenance"
    )]
    Predicate(String),
}

impl Error {
    /// What the library says of what cannot be read.
    pub(super) fn form(error: &dyn std::error::Error) -> Self {
        Self::Form(escape::short(&error.to_string(), SHOWN).into_owned())
    }
}

/// Which check failed.
pub(super) fn in_words(error: &sigstore_verify::Error) -> String {
    use sigstore_verify::Error as E;
    let check = match error {
        E::Certificate(CertificateError::Expired { .. } | CertificateError::NotYetValid { .. }) => {
            "the certificate was not valid when it signed"
        }
        E::Certificate(CertificateError::Sct(_)) => "no log of certificates has the certificate",
        E::Certificate(CertificateError::NoValidAuthority { .. }) => {
            "no authority of the trusted root was valid when it signed; is `trusted-root` up to date?"
        }
        E::Certificate(_) => {
            "the certificate is not by an authority of the trusted root; is `trusted-root` that of its instance?"
        }
        E::TransparencyLog(TransparencyLogError::UnknownLog { .. }) => {
            "the log is not in the trusted root; is `trusted-root` that of its instance, and up to date?"
        }
        E::TransparencyLog(TransparencyLogError::EntryMismatch(_)) => "its log entry is that of another signature",
        E::TransparencyLog(_) => "its log entry does not hold",
        E::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => "nothing proves when it was signed",
        E::Timestamp(_) => "its time stamp does not hold",
        E::SignatureInvalid(_) => "the signature does not hold",
        E::ArtifactMismatch(_) => "it is for other bytes",
        E::Bundle(_) | E::InvalidBundle(_) => "it is not whole",
        E::UnsupportedBundle(_) | E::UnsupportedArtifact(_) => "it is of a kind that is not read",
        _ => "it cannot be checked",
    };
    format!("{check} ({})", escape::short(&error.to_string(), SHOWN))
}
