//! What a bundle's signature is over: the component's bytes, the text that names it, or a statement of which it is a subject.

use sigstore_verify::types::{HashAlgorithm, SignatureContent, Statement};
use toolhold_core::id::{ComponentName, Digest, ToolDigest};
use toolhold_core::signature::{Bound, message, named_by_file};

use super::Error;

/// The kind of a statement in an envelope.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// What can be said of a file that means: I made it, or I released it. A report of a scan, a test or a list of contents is signed by the same
/// machines, and says nothing for the file, or something against it.
const VOUCHING: [&str; 5] = [
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/provenance/v0.2",
    "https://in-toto.io/attestation/release/v0.1",
    "https://in-toto.io/attestation/release/v0.2",
    "https://sigstore.dev/cosign/sign/v1",
];

/// What was signed.
#[derive(Debug)]
pub(super) struct Signed {
    /// The digest that the signature, or the statement, is about.
    pub(super) digest: Digest,
    /// Which component that is.
    pub(super) bound: Bound,
}

/// What `content` signs of the component that has `digest` and is called `name`. What it says is not checked here.
pub(super) fn signed(content: &SignatureContent, digest: ToolDigest, name: &ComponentName) -> Result<Signed, Error> {
    match content {
        SignatureContent::MessageSignature(signature) => {
            let said = signature.message_digest.as_ref().ok_or(Error::NoDigest)?;
            if said.algorithm != HashAlgorithm::Sha2256 {
                return Err(Error::NoDigest);
            }
            let text = Digest::of(message(name, digest).as_bytes());
            match said.digest.as_bytes() {
                found if found == text.as_bytes() => {
                    Ok(Signed { digest: text, bound: Bound::Named(vec![name.clone()]) })
                }
                found if found == digest.as_bytes() => Ok(Signed { digest, bound: Bound::Bytes }),
                found => Err(Error::Other { signed: hex::encode(found), digest, name: name.clone() }),
            }
        }
        SignatureContent::DsseEnvelope(envelope) => {
            if envelope.payload_type != STATEMENT {
                return Err(Error::Form(format!("its envelope holds no `{STATEMENT}`")));
            }
            let statement: Statement =
                serde_json::from_slice(envelope.payload.as_bytes()).map_err(|error| Error::form(&error))?;
            stated(&statement, digest)
        }
        _ => Err(Error::Form("it signs neither a message nor a statement".into())),
    }
}

fn stated(statement: &Statement, digest: ToolDigest) -> Result<Signed, Error> {
    if !VOUCHING.contains(&statement.predicate_type.as_str()) {
        return Err(Error::Predicate(toolhold_core::escape::short(&statement.predicate_type, 200).into_owned()));
    }
    let is_it = |sha256: &sigstore_verify::types::Sha256Hash| sha256.as_bytes() == digest.as_bytes();
    let subjects: Vec<_> =
        statement.subject.iter().filter(|subject| subject.digest.sha256.as_ref().is_some_and(is_it)).collect();
    if subjects.is_empty() {
        return Err(Error::NoSubject(digest));
    }
    let names: Vec<ComponentName> = subjects.iter().filter_map(|subject| named_by_file(&subject.name)).collect();
    Ok(Signed { digest, bound: if names.is_empty() { Bound::Bytes } else { Bound::Named(names) } })
}
