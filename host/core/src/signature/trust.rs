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

/// Whether every signature that is said to be by one of `signers` holds for `digest`. Who made the others is not known.
///
/// # Errors
///
/// [`Untrusted::Forged`] for the first that does not: it is no accident, also where no signature is asked for.
pub fn unforged<'a>(
    signatures: &[Signature],
    digest: ToolDigest,
    signers: impl IntoIterator<Item = (&'a SignerName, &'a PublicKey)>,
) -> Result<(), Untrusted> {
    let forged = |key: &PublicKey| signatures.iter().any(|signed| signed.key == *key && !signed.holds_for(digest));
    let mut signers = signers.into_iter();
    match signers.find(|(_, key)| forged(key)) {
        Some((signer, _)) => Err(Untrusted::Forged { signer: signer.clone() }),
        None => Ok(()),
    }
}

/// The first of `signers` who signed `digest` as `name`, if no signature of any of them is forged.
///
/// # Errors
///
/// [`Untrusted`]: a forged one before all others, else the nearest that the signatures came.
pub fn trusted<'a>(
    signatures: &[Signature],
    digest: ToolDigest,
    name: &ComponentName,
    signers: impl IntoIterator<Item = (&'a SignerName, &'a PublicKey)>,
) -> Result<SignerName, Untrusted> {
    let signers: Vec<(&SignerName, &PublicKey)> = signers.into_iter().collect();
    unforged(signatures, digest, signers.iter().copied())?;
    let (mut wanted, mut nearest) = (Vec::new(), None);
    for (signer, key) in signers {
        for signature in signatures.iter().filter(|signature| signature.key == *key) {
            if signature.name == *name {
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
        assert!(matches!(judge(std::slice::from_ref(&claimed)), Err(Untrusted::Forged { .. })));
        for both in [[good.clone(), claimed.clone()], [claimed.clone(), good.clone()]] {
            assert!(matches!(judge(&both), Err(Untrusted::Forged { .. })), "a good one does not excuse a forged one");
        }
        assert!(matches!(unforged(&[claimed], digest, [(&name, &key)]), Err(Untrusted::Forged { .. })));
        let stranger = Signature { key: mallory.public(), ..good.clone() };
        assert_eq!(unforged(&[good.clone(), stranger], digest, [(&name, &key)]), Ok(()), "who that is nobody knows");
        assert!(matches!(trusted(&[good], digest, &files, []), Err(Untrusted::Nobody { .. })));
    }
}
