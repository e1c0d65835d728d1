//! The text of a token: what its holder has, and what is kept of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;
use toolhold_core::id::Digest;

/// What every token begins with, so that one that leaks is found by who looks for leaks.
const PREFIX: &str = "th_";

/// Bytes of randomness in a token. Nobody guesses these, so a plain hash of them is enough to keep.
const ENTROPY: usize = 32;

/// Longer, in bytes, is no token, and is not hashed.
const LONGEST: usize = 128;

/// A token as its holder has it. Shown once, never stored.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new one that nobody knows.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; ENTROPY]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice())))))
    }

    /// The text, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(..)")
    }
}

/// What would be kept of a text, if that is a token at all.
#[must_use]
pub fn digest_of(presented: &str) -> Option<Digest> {
    let is_token = presented.starts_with(PREFIX) && presented.len() <= LONGEST;
    is_token.then(|| Digest::of(presented.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same_and_none_is_printed() {
        let (one, two) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert_ne!(one.reveal(), two.reveal());
        // 256 bits in base64, after the prefix.
        assert_eq!((one.reveal().len(), &one.reveal()[..3]), (3 + 43, "th_"));
        assert_eq!(digest_of(one.reveal()), Some(one.digest()));
        assert!(!format!("{one:?}").contains(&one.reveal()[3..]));
    }

    #[test]
    fn what_is_no_token_is_not_hashed() {
        let long = format!("th_{}", "a".repeat(LONGEST));
        for text in ["", "th", "TH_abc", "Bearer th_abc", long.as_str()] {
            assert_eq!(digest_of(text), None, "{text}");
        }
    }
}
