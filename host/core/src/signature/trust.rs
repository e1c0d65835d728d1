//! Whether a component is signed by somebody whom the manifest trusts for it.

use crate::id::{ComponentName, SignerName, ToolDigest};

use super::{PublicKey, Signature};

/// Why the signatures of a component do not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Nobody who is trusted for it signed anything.
    #[error("it is not signed by {wanted}")]
    Nobody {
        /// Whose signature it takes.
        wanted: String,
    },
    /// The signer means another component.
    #[error("`{signer}` signed it as `{found}`, not as `{wanted}`: these bytes are meant to be another component")]
    Name {
        /// Who signed.
        signer: SignerName,
        /// What the signer calls it.
        found: ComponentName,
        /// What it is called here.
        wanted: ComponentName,
    },
    /// The signature is not by that key over these bytes.
    #[error("the signature that `{signer}` is said to have made does not hold for these bytes")]
    Forged {
        /// Who is said to have signed.
        signer: SignerName,
    },
}

/// The first of `signers` who signed `digest` as `name`.
///
/// # Errors
///
/// [`Untrusted`] tells the nearest that the signatures came.
pub fn trusted<'a>(
    signatures: &[Signature],
    digest: ToolDigest,
    name: &ComponentName,
    signers: impl IntoIterator<Item = (&'a SignerName, &'a PublicKey)>,
) -> Result<SignerName, Untrusted> {
    let (mut wanted, mut nearest) = (Vec::new(), None);
    for (signer, key) in signers {
        for signature in signatures.iter().filter(|signature| signature.key == *key) {
            if !signature.holds_for(digest) {
                nearest.get_or_insert(Untrusted::Forged { signer: signer.clone() });
            } else if signature.name == *name {
                return Ok(signer.clone());
            } else {
                let (found, wanted) = (signature.name.clone(), name.clone());
                nearest.get_or_insert(Untrusted::Name { signer: signer.clone(), found, wanted });
            }
        }
        wanted.push(format!("`{signer}`"));
    }
    let nobody = || {
        let wanted = if wanted.is_empty() { "anybody in `[signers]`".to_owned() } else { wanted.join(" or ") };
        Untrusted::Nobody { wanted }
    };
    Err(nearest.unwrap_or_else(nobody))
}

#[cfg(test)]
mod tests {
    use super::super::SecretKey;
    use super::*;
    use crate::id::Digest;

    #[test]
    fn only_a_trusted_key_with_the_right_name_over_the_right_bytes_counts() {
        let (alice, mallory) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
        let (files, mail): (ComponentName, ComponentName) = ("files".parse().unwrap(), "mail".parse().unwrap());
        let (name, key): (SignerName, PublicKey) = ("alice".parse().unwrap(), alice.public());
        let digest = Digest::of(b"files");
        let judge = |signatures: &[Signature]| trusted(signatures, digest, &files, [(&name, &key)]);
        let good = Signature::new(&alice, &files, digest);
        assert_eq!(judge(&[Signature::new(&mallory, &files, digest), good.clone()]), Ok(name.clone()));
        assert!(matches!(judge(&[]), Err(Untrusted::Nobody { .. })));
        assert!(matches!(judge(&[Signature::new(&mallory, &files, digest)]), Err(Untrusted::Nobody { .. })));
        assert!(matches!(judge(&[Signature::new(&alice, &mail, digest)]), Err(Untrusted::Name { .. })));
        assert!(matches!(judge(&[Signature::new(&alice, &files, Digest::of(b"x"))]), Err(Untrusted::Forged { .. })));
        let claimed = Signature { key: alice.public(), ..Signature::new(&mallory, &files, digest) };
        assert!(matches!(judge(&[claimed]), Err(Untrusted::Forged { .. })));
        assert!(matches!(trusted(&[good], digest, &files, []), Err(Untrusted::Nobody { .. })));
    }
}
