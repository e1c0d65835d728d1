//! Who vouches for the bytes of a component: Ed25519 signatures over a digest and a name, and sigstore bundles.
//!
//! What is signed is a short text that says what it is for, which name and which digest, so that a signature can be used for
//! nothing else: not for another component of the same author, not for other bytes, not by another protocol. Signatures are checked
//! strictly: keys and signatures in a form that more than one message or key could have are refused.
//!
//! A bundle is a text here. Whom it must name is decided here; whether it holds is found out by the host, which has the certificates.
//!
//! Nothing here reads a file or draws a key: seeds and texts arrive as values.

mod bundle;
mod identity;
mod key;
mod trust;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use bundle::Bundle;
pub use identity::{Bound, Claim, Identity, IdentityError, Subject, SubjectPattern, Unnamed, address, named_by_file};
pub use key::{PublicKey, SecretKey};
pub use trust::{Evidence, Seen, Signer, Untrusted, trusted, unforged};

use crate::id::{ComponentName, ToolDigest};

/// Longest text of [`Attached`] or [`Bundle`], in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// Signatures of one component that are looked at.
const MAX_SIGNATURES: usize = 32;

/// The only form of [`Attached`] that exists.
const FORMAT: u32 = 1;

/// Why a text is no key or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a public key.
    #[error("this is not a public key: write `ed25519:` and 32 bytes in base64, as `toolhold keys show` prints it")]
    PublicKey,
    /// A public key under which anything could be signed.
    #[error("this public key is a weak one: signatures under it prove nothing")]
    WeakKey,
    /// Not a secret key.
    #[error("this is not a secret key as `toolhold keys new` writes it")]
    SecretKey,
    /// Not a signature.
    #[error("this is not a signature: 64 bytes in base64")]
    Signature,
    /// A file of signatures that cannot be read.
    #[error("the signatures cannot be read: {0}")]
    Attached(String),
    /// A sigstore bundle that cannot be read.
    #[error("the sigstore bundle cannot be read: {0}")]
    Bundle(String),
}

/// Somebody's word that a digest is a component of this name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Whose.
    pub key: PublicKey,
    /// What the signer calls the component.
    pub name: ComponentName,
    /// The signature itself.
    pub signature: Value,
}

/// The 64 bytes of a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value([u8; 64]);

/// The signatures of a component as they are kept beside it: `FILE.sig`, or an annotation of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    format: u32,
    /// The component that they are for.
    pub digest: ToolDigest,
    /// The signatures. Each says something only if it holds.
    pub signatures: Vec<Signature>,
}

impl Signature {
    /// Signs.
    #[must_use]
    pub fn new(key: &SecretKey, name: &ComponentName, digest: ToolDigest) -> Self {
        let signature = key.signing().sign(message(name, digest).as_bytes());
        Self { key: key.public(), name: name.clone(), signature: Value(signature.to_bytes()) }
    }

    /// Whether it is this key's word on `digest`.
    #[must_use]
    pub fn holds_for(&self, digest: ToolDigest) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&self.signature.0);
        self.key.verifying().verify_strict(message(&self.name, digest).as_bytes(), &signature).is_ok()
    }
}

/// What is signed. Neither part can hold a line break, so no two pairs have one text.
#[must_use]
pub fn message(name: &ComponentName, digest: ToolDigest) -> String {
    format!("toolhold component signature, version 1\nname: {name}\ndigest: {digest}\n")
}

impl Attached {
    /// No signature yet.
    #[must_use]
    pub fn new(digest: ToolDigest) -> Self {
        Self { format: FORMAT, digest, signatures: Vec::new() }
    }

    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`Error::Attached`]: too long, too many, or of another form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES {
            return Err(Error::Attached(format!("they are longer than {MAX_BYTES} bytes")));
        }
        let attached: Self = serde_json::from_str(text).map_err(|error| Error::Attached(error.to_string()))?;
        if attached.format != FORMAT {
            return Err(Error::Attached(format!("their format is {}; this build reads {FORMAT}", attached.format)));
        }
        if attached.signatures.len() > MAX_SIGNATURES {
            return Err(Error::Attached(format!("there are more than {MAX_SIGNATURES}")));
        }
        Ok(attached)
    }

    /// The text that [`Attached::parse`] reads.
    ///
    /// # Errors
    ///
    /// [`Error::Attached`], never in practice: every part has a JSON form.
    pub fn render(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| Error::Attached(error.to_string()))
    }

    /// Adds a signature, in place of an older one by the same key.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.retain(|known| known.key != signature.key);
        self.signatures.push(signature);
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&STANDARD.encode(self.0))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom(Error::Signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn signature() -> Signature {
        Signature::new(&SecretKey::from_seed([7; 32]), &"files".parse().unwrap(), Digest::of(b"component"))
    }

    #[test]
    fn a_signature_holds_for_its_bytes_name_and_key_and_for_nothing_else() {
        let good = signature();
        assert!(good.holds_for(Digest::of(b"component")));
        assert!(!good.holds_for(Digest::of(b"Component")), "other bytes");
        let renamed = Signature { name: "mail".parse().unwrap(), ..good.clone() };
        assert!(!renamed.holds_for(Digest::of(b"component")), "another name");
        let taken = Signature { key: SecretKey::from_seed([8; 32]).public(), ..good };
        assert!(!taken.holds_for(Digest::of(b"component")), "another key");
    }

    #[test]
    fn every_changed_bit_of_a_signature_breaks_it() {
        for bit in 0..512 {
            let mut broken = signature();
            broken.signature.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!broken.holds_for(Digest::of(b"component")), "{bit}");
        }
    }

    /// The same signature with the order of the group added to its second half: other bytes that mean the same number.
    #[test]
    fn a_second_spelling_of_a_signature_is_refused() {
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut other = signature();
        let mut carry = 0_u16;
        for (byte, add) in other.signature.0[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        assert!(!other.holds_for(Digest::of(b"component")));
    }

    #[test]
    fn nothing_that_is_signed_for_another_purpose_is_a_signature_of_a_component() {
        let key = SecretKey::from_seed([7; 32]);
        let digest = Digest::of(b"component");
        for message in [digest.to_string(), digest.hex(), format!("files\n{digest}"), String::new()] {
            let value = Value(key.signing().sign(message.as_bytes()).to_bytes());
            let other = Signature { key: key.public(), name: "files".parse().unwrap(), signature: value };
            assert!(!other.holds_for(digest), "{message}");
        }
    }

    #[test]
    fn the_form_and_the_signed_text_stay_what_they_are() {
        let mut attached = Attached::new(Digest::of(b"component"));
        attached.add(signature());
        attached.add(signature());
        assert_eq!(attached.signatures.len(), 1, "one word for each key");
        let text = attached.render().unwrap();
        assert_eq!(Attached::parse(&text).unwrap(), attached);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn signatures_in_no_form_are_refused() {
        let good = Attached { signatures: vec![signature()], ..Attached::new(Digest::of(b"x")) }.render().unwrap();
        for bad in [
            String::new(),
            "[]".into(),
            good.replace("\"format\": 1", "\"format\": 2"),
            good.replace("\"format\"", "\"more\": 1, \"format\""),
            good.replace("\"files\"", "\"../files\""),
            good.replace("sha256:", "md5:"),
            good.replace("==\"", "\""),
            format!("{good}{}", " ".repeat(MAX_BYTES)),
        ] {
            assert!(matches!(Attached::parse(&bad), Err(Error::Attached(_))), "{bad}");
        }
        let many = Attached { signatures: vec![signature(); 33], ..Attached::new(Digest::of(b"x")) };
        assert!(matches!(Attached::parse(&many.render().unwrap()), Err(Error::Attached(_))));
    }
}
