//! Ed25519 keys and how they are written down.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Error;

const PUBLIC: &str = "ed25519:";
const SECRET: &str = "toolhold-secret-key-ed25519:";

/// Whose signature something is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// What signs. Its bytes are overwritten when it goes.
pub struct SecretKey(SigningKey);

impl PublicKey {
    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.0
    }
}

impl SecretKey {
    /// The key that a seed stands for. The seed must come from the operating system's randomness.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Reads what [`SecretKey::to_text`] wrote.
    ///
    /// # Errors
    ///
    /// [`Error::SecretKey`], which holds nothing of the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let seed = text.trim().strip_prefix(SECRET).and_then(decode).ok_or(Error::SecretKey)?;
        Ok(Self::from_seed(seed))
    }

    /// The text of its file. Whoever has it can sign.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SECRET}{}\n", STANDARD.encode(self.0.to_bytes()))
    }

    /// The key that others check with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn signing(&self) -> &SigningKey {
        &self.0
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = text.strip_prefix(PUBLIC).and_then(decode).ok_or(Error::PublicKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| Error::PublicKey)?;
        if key.is_weak() { Err(Error::WeakKey) } else { Ok(Self(key)) }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PUBLIC}{}", STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey of {}", self.public())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_text_and_a_secret_is_never_shown() {
        let key = SecretKey::from_seed([7; 32]);
        assert_eq!(SecretKey::parse(&key.to_text()).unwrap().public(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        let shown = format!("{key:?}");
        assert!(!shown.contains(&STANDARD.encode([7; 32])) && shown.contains("ed25519:"), "{shown}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let good = SecretKey::from_seed([7; 32]).public().to_string();
        for bad in ["", "ed25519:", "ed25519:AAAA", &good[8..], &good.replace('=', ""), &format!(" {good}")] {
            assert_eq!(bad.parse::<PublicKey>(), Err(Error::PublicKey), "{bad}");
        }
        assert!(matches!(SecretKey::parse(&good), Err(Error::SecretKey)));
    }

    /// Points of small order: some signature holds under them for every message.
    #[test]
    fn weak_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        for bytes in [[0; 32], one] {
            let text = format!("ed25519:{}", STANDARD.encode(bytes));
            assert!(matches!(text.parse::<PublicKey>(), Err(Error::WeakKey | Error::PublicKey)));
        }
        assert_eq!(format!("ed25519:{}", STANDARD.encode(one)).parse::<PublicKey>(), Err(Error::WeakKey));
    }
}
