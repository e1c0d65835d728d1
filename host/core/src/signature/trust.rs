//! Whether a component is signed by somebody whom the manifest trusts for it.

use std::collections::BTreeMap;

use crate::id::{ComponentName, SignerName, ToolDigest};

use super::identity::{Bound, Claim, Identity, Unnamed};
use super::{PublicKey, Signature};

/// Somebody whose word on components counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// Who has the secret half of this key.
    Key(PublicKey),
    /// Whom an issuer of identities knows by this name.
    Identity(Identity),
}

/// The signatures of a component, and what was found out of the bundle that came with it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The signatures.
    pub signatures: &'a [Signature],
    /// The bundle, if it speaks for somebody.
    pub seen: Option<&'a Seen>,
    /// Why it does not, if it does not. That is no forgery: it counts for nobody, as a signature by a key that nobody knows.
    pub silent: Option<&'a str>,
}

/// What was found out of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it says.
    pub claim: Claim,
    /// For those whom it names: whether it holds under the root that their operator trusts, and else why not.
    pub held: BTreeMap<SignerName, Result<(), String>>,
}

/// Why the signatures of a component do not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Nobody who is trusted for it signed anything.
    #[error("it is not signed by {wanted}{found}")]
    Nobody {
        /// Whose signature it takes.
        wanted: String,
        /// Of whom the bundle speaks instead, or why it speaks of nobody; empty without one.
        found: String,
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
    /// The signer signed bytes and no name.
    #[error(
        "`{signer}` signed these bytes and no name, so nothing says that they are `{wanted}`: have the text of `toolhold sign --text` signed, or write `unnamed = \"allow\"` into `[signers.{signer}]`"
    )]
    Unnamed {
        /// Who signed.
        signer: SignerName,
        /// What the component is called here.
        wanted: ComponentName,
    },
    /// The signature is not by that key over these bytes.
    #[error("the signature that `{signer}` is said to have made does not hold for these bytes")]
    Forged {
        /// Who is said to have signed.
        signer: SignerName,
    },
    /// The bundle names somebody and does not hold.
    #[error("the bundle that `{signer}` is said to have made does not hold: {why}")]
    Bundle {
        /// Who is said to have signed.
        signer: SignerName,
        /// Which check it does not pass.
        why: String,
    },
}

impl Signer {
    /// Whether what `seen` says is said to be by them.
    fn is_claimed(&self, seen: &Seen) -> bool {
        matches!(self, Self::Identity(identity) if identity.is(&seen.claim))
    }
}

/// Whether everything that is said to be by one of `signers` holds for `digest`. Who made the rest is not known.
///
/// # Errors
///
/// [`Untrusted::Forged`] or [`Untrusted::Bundle`] for the first that does not: it is no accident, also where no signature is asked for.
pub fn unforged<'a>(
    evidence: Evidence<'_>,
    digest: ToolDigest,
    signers: impl IntoIterator<Item = (&'a SignerName, &'a Signer)>,
) -> Result<(), Untrusted> {
    for (name, signer) in signers {
        match signer {
            Signer::Key(key) => {
                if evidence.signatures.iter().any(|signed| signed.key == *key && !signed.holds_for(digest)) {
                    return Err(Untrusted::Forged { signer: name.clone() });
                }
            }
            Signer::Identity(_) => {
                let Some(seen) = evidence.seen.filter(|seen| signer.is_claimed(seen)) else { continue };
                let missing = || Err("nobody has checked it".to_owned());
                let held = seen.held.get(name).cloned().unwrap_or_else(missing);
                held.map_err(|why| Untrusted::Bundle { signer: name.clone(), why })?;
            }
        }
    }
    Ok(())
}

/// The first of `signers` who signed `digest` as `name`, if nothing that is said to be by any of them is forged.
///
/// # Errors
///
/// [`Untrusted`]: a forged one before all others, else the nearest that the signatures came.
pub fn trusted<'a>(
    evidence: Evidence<'_>,
    digest: ToolDigest,
    name: &ComponentName,
    signers: impl IntoIterator<Item = (&'a SignerName, &'a Signer)>,
) -> Result<SignerName, Untrusted> {
    let signers: Vec<(&SignerName, &Signer)> = signers.into_iter().collect();
    unforged(evidence, digest, signers.iter().copied())?;
    let mut nearest = None;
    for (signer, kind) in &signers {
        let judged = match kind {
            Signer::Key(key) => by_key(evidence.signatures, key, signer, name),
            Signer::Identity(identity) => by_identity(evidence.seen, identity, signer, name),
        };
        match judged {
            Some(Ok(())) => return Ok((*signer).clone()),
            Some(Err(why)) => _ = nearest.get_or_insert(why),
            None => {}
        }
    }
    Err(nearest.unwrap_or_else(|| nobody(&signers, evidence)))
}

/// Whether `key` signed it as `name`; `None` if it signed nothing. What is here was found to hold.
fn by_key(
    signatures: &[Signature],
    key: &PublicKey,
    signer: &SignerName,
    name: &ComponentName,
) -> Option<Result<(), Untrusted>> {
    let mut own = signatures.iter().filter(|signature| signature.key == *key);
    let first = own.next()?;
    if first.name == *name || own.any(|signature| signature.name == *name) {
        return Some(Ok(()));
    }
    Some(Err(Untrusted::Name { signer: signer.clone(), found: first.name.clone(), wanted: name.clone() }))
}

/// Whether the bundle is by `identity` and for `name`; `None` if it is by somebody else. What is here was found to hold.
fn by_identity(
    seen: Option<&Seen>,
    identity: &Identity,
    signer: &SignerName,
    name: &ComponentName,
) -> Option<Result<(), Untrusted>> {
    let claim = &seen.filter(|seen| identity.is(&seen.claim))?.claim;
    let names = match &claim.bound {
        Bound::Named(names) => names.as_slice(),
        Bound::Bytes => &[],
    };
    let (signer, wanted) = (signer.clone(), name.clone());
    Some(match (names.first(), identity.unnamed) {
        (Some(_), _) if names.contains(name) => Ok(()),
        (Some(found), _) => Err(Untrusted::Name { signer, found: found.clone(), wanted }),
        (None, Unnamed::Allow) => Ok(()),
        (None, Unnamed::Refuse) => Err(Untrusted::Unnamed { signer, wanted }),
    })
}

fn nobody(signers: &[(&SignerName, &Signer)], evidence: Evidence<'_>) -> Untrusted {
    let found = match (evidence.seen, evidence.silent) {
        (Some(seen), _) => Some(format!("; the bundle with it speaks of {}", seen.claim.in_words())),
        (None, silent) => silent.map(|why| format!("; {why}")),
    };
    let wanted = |(name, signer): &(&SignerName, &Signer)| match signer {
        // Beside what is there instead, so that the difference is seen.
        Signer::Identity(identity) if evidence.seen.is_some() => format!("`{name}`, who is {}", identity.in_words()),
        _ => format!("`{name}`"),
    };
    let wanted: Vec<String> = signers.iter().map(wanted).collect();
    let wanted = if wanted.is_empty() { "anybody in `[signers]`".to_owned() } else { wanted.join(" or ") };
    Untrusted::Nobody { wanted, found: found.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::super::{SecretKey, Subject, SubjectPattern};
    use super::*;
    use crate::id::Digest;

    fn by(signatures: &[Signature]) -> Evidence<'_> {
        Evidence { signatures, seen: None, silent: None }
    }

    #[test]
    fn only_a_trusted_key_with_the_right_name_over_the_right_bytes_counts() {
        let (alice, mallory) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
        let (files, mail): (ComponentName, ComponentName) = ("files".parse().unwrap(), "mail".parse().unwrap());
        let (name, key): (SignerName, Signer) = ("alice".parse().unwrap(), Signer::Key(alice.public()));
        let digest = Digest::of(b"files");
        let judge = |signatures: &[Signature]| trusted(by(signatures), digest, &files, [(&name, &key)]);
        let good = Signature::new(&alice, &files, digest);
        assert_eq!(judge(&[Signature::new(&mallory, &files, digest), good.clone()]), Ok(name.clone()));
        assert!(matches!(judge(&[]), Err(Untrusted::Nobody { .. })));
        assert!(matches!(judge(&[Signature::new(&mallory, &files, digest)]), Err(Untrusted::Nobody { .. })));
        assert!(matches!(judge(&[Signature::new(&alice, &mail, digest)]), Err(Untrusted::Name { .. })));
        assert_eq!(judge(&[Signature::new(&alice, &mail, digest), good.clone()]), Ok(name.clone()));
        assert!(matches!(judge(&[Signature::new(&alice, &files, Digest::of(b"x"))]), Err(Untrusted::Forged { .. })));
        let claimed = Signature { key: alice.public(), ..Signature::new(&mallory, &files, digest) };
        assert!(matches!(judge(std::slice::from_ref(&claimed)), Err(Untrusted::Forged { .. })));
        for both in [[good.clone(), claimed.clone()], [claimed.clone(), good.clone()]] {
            assert!(matches!(judge(&both), Err(Untrusted::Forged { .. })), "a good one does not excuse a forged one");
        }
        assert!(matches!(unforged(by(&[claimed]), digest, [(&name, &key)]), Err(Untrusted::Forged { .. })));
        let stranger = Signature { key: mallory.public(), ..good.clone() };
        assert_eq!(
            unforged(by(&[good.clone(), stranger]), digest, [(&name, &key)]),
            Ok(()),
            "who that is nobody knows"
        );
        assert!(matches!(trusted(by(&[good]), digest, &files, []), Err(Untrusted::Nobody { .. })));
    }

    fn identity(unnamed: Unnamed) -> Signer {
        Signer::Identity(Identity {
            subject: SubjectPattern::parse("alice@example.com").unwrap(),
            issuer: "https://login.example.com".into(),
            repository: None,
            root: "root.json".into(),
            unnamed,
        })
    }

    fn seen(bound: Bound, held: &[(&SignerName, Result<(), String>)]) -> Seen {
        let claim = Claim {
            subject: Subject::Email("alice@example.com".into()),
            issuer: "https://login.example.com".into(),
            repository: None,
            bound,
        };
        Seen { claim, held: held.iter().map(|(name, held)| ((*name).clone(), held.clone())).collect() }
    }

    #[test]
    fn only_a_bundle_that_holds_and_names_the_component_counts() {
        let (alice, bob): (SignerName, SignerName) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let (files, mail): (ComponentName, ComponentName) = ("files".parse().unwrap(), "mail".parse().unwrap());
        let strict = identity(Unnamed::Refuse);
        let judge = |signer: &Signer, seen: &Seen| {
            trusted(
                Evidence { signatures: &[], seen: Some(seen), silent: None },
                Digest::of(b"files"),
                &files,
                [(&alice, signer)],
            )
        };
        let named = |name: &ComponentName| Bound::Named(vec![name.clone()]);
        let good = seen(named(&files), &[(&alice, Ok(()))]);
        assert_eq!(judge(&strict, &good), Ok(alice.clone()));
        assert!(matches!(judge(&strict, &seen(named(&mail), &[(&alice, Ok(()))])), Err(Untrusted::Name { .. })));
        let unnamed = seen(Bound::Bytes, &[(&alice, Ok(()))]);
        assert!(matches!(judge(&strict, &unnamed), Err(Untrusted::Unnamed { .. })));
        assert!(matches!(
            judge(&strict, &seen(Bound::Named(vec![]), &[(&alice, Ok(()))])),
            Err(Untrusted::Unnamed { .. })
        ));
        assert_eq!(judge(&identity(Unnamed::Allow), &unnamed), Ok(alice.clone()));
        let other = seen(named(&mail), &[(&alice, Ok(()))]);
        assert!(
            matches!(judge(&identity(Unnamed::Allow), &other), Err(Untrusted::Name { .. })),
            "a name that is there counts"
        );
        // Not checked, checked for somebody else, and checked and found false are one and the same.
        for held in [&[][..], &[(&bob, Ok(()))], &[(&alice, Err("expired".to_owned()))]] {
            let seen = seen(named(&files), held);
            assert!(matches!(judge(&strict, &seen), Err(Untrusted::Bundle { .. })), "{held:?}");
            let evidence = Evidence { signatures: &[], seen: Some(&seen), silent: None };
            let forged = unforged(evidence, Digest::of(b"files"), [(&alice, &strict)]);
            assert!(matches!(forged, Err(Untrusted::Bundle { .. })), "also where nobody has to sign");
        }
    }

    #[test]
    fn a_bundle_that_speaks_for_nobody_is_no_forgery_and_counts_for_nobody() {
        let (alice, files): (SignerName, ComponentName) = ("alice".parse().unwrap(), "files".parse().unwrap());
        let signer = identity(Unnamed::Allow);
        let evidence = Evidence { signatures: &[], seen: None, silent: Some("it says nothing") };
        assert_eq!(unforged(evidence, Digest::of(b"files"), [(&alice, &signer)]), Ok(()));
        let told = trusted(evidence, Digest::of(b"files"), &files, [(&alice, &signer)]).unwrap_err().to_string();
        assert_eq!(told, "it is not signed by `alice`; it says nothing");
    }

    #[test]
    fn whoever_else_holds_a_good_bundle_is_nobody() {
        let (alice, files): (SignerName, ComponentName) = ("alice".parse().unwrap(), "files".parse().unwrap());
        let signer = identity(Unnamed::Allow);
        let good = seen(Bound::Named(vec![files.clone()]), &[(&alice, Ok(()))]);
        let with = |change: &dyn Fn(&mut Claim)| {
            let mut seen = good.clone();
            change(&mut seen.claim);
            let evidence = Evidence { signatures: &[], seen: Some(&seen), silent: None };
            assert_eq!(unforged(evidence, Digest::of(b"files"), [(&alice, &signer)]), Ok(()), "it is no forgery");
            trusted(evidence, Digest::of(b"files"), &files, [(&alice, &signer)]).unwrap_err().to_string()
        };
        let told = with(&|claim| claim.issuer.push('/'));
        assert_eq!(
            told,
            "it is not signed by `alice`, who is `alice@example.com` as `https://login.example.com` knows it; \
             the bundle with it speaks of `alice@example.com` as `https://login.example.com/` knows it"
        );
        with(&|claim| claim.subject = Subject::Email("malice@example.com".into()));
        with(&|claim| claim.subject = Subject::Uri("alice@example.com".into()));
        let told = with(&|claim| claim.subject = Subject::Email("\u{1b}[2J\u{202e}".into()));
        assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{told}");
    }
}
