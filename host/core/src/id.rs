//! Newtype identifiers. Parsing is the only way in, so a value of these types is always well formed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Longest component or tool name, in bytes. Model APIs allow 64 for `component__tool`; two of 31 and `__` fit.
pub const MAX_NAME_BYTES: usize = 64;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name with characters outside of the allowed set.
    #[error(
        "`{0}` is not a name: use lower-case letters, digits, and single `-` or `_` between them, at most {MAX_NAME_BYTES} bytes"
    )]
    Name(String),
    /// A tool name without its two parts.
    #[error("`{0}` is not a tool name: write `component.tool`, such as `files.read`")]
    ToolName(String),
    /// A digest that is not SHA-256 in hexadecimal.
    #[error("`{0}` is not a digest: write `sha256:` and 64 hexadecimal digits")]
    Digest(String),
    /// A key or id that is empty, too long or not printable ASCII.
    #[error("`{0}` is not an id: use 1 to 128 printable ASCII characters without spaces")]
    Opaque(String),
}

/// The start of a text that anybody may have written, as an error may repeat it.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(200).collect();
    crate::escape::line(&start).into_owned()
}

/// `[a-z][a-z0-9]*([-_][a-z0-9]+)*`: what a component or a tool within it is called.
fn is_name(text: &str) -> bool {
    let mut after_letter = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' => after_letter = true,
            b'0'..=b'9' if index > 0 => after_letter = true,
            b'-' | b'_' if after_letter => after_letter = false,
            _ => return false,
        }
    }
    after_letter && text.len() <= MAX_NAME_BYTES
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr, $error:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err($error(shown(text))) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// The name under which the manifest knows a component: the part of a tool name before the dot.
    ComponentName, is_name, Error::Name
);
text_id!(
    /// The name that a component gives one of its tools: the part of a tool name after the dot.
    LocalName, is_name, Error::Name
);
text_id!(
    /// The name under which the manifest knows a secret. The value has no place in this crate.
    SecretName, is_name, Error::Name
);
text_id!(
    /// The name under which the manifest knows a model.
    ModelName, is_name, Error::Name
);
text_id!(
    /// The name under which the manifest knows somebody who signs components.
    SignerName, is_name, Error::Name
);
text_id!(
    /// What is said of data by where it came from, such as `private` or `untrusted`. What it means, rules say.
    Label, is_name, Error::Name
);
text_id!(
    /// One run of an agent, or the batch of calls a front makes in one go.
    RunId, is_opaque, Error::Opaque
);
text_id!(
    /// One call of a tool.
    CallId, is_opaque, Error::Opaque
);
text_id!(
    /// One question to a person, and its answer.
    ApprovalId, is_opaque, Error::Opaque
);
text_id!(
    /// Two calls with the same key are the same call: the second gets the first one's outcome.
    IdempotencyKey, is_opaque, Error::Opaque
);

impl RunId {
    /// The run of calls that belong to none.
    #[must_use]
    pub fn none() -> Self {
        Self("none".into())
    }
}

impl IdempotencyKey {
    /// A key that is made of what it stands for: the same parts make the same key, and no others do.
    #[must_use]
    pub fn derived(parts: &[&[u8]]) -> Self {
        Self(Digest::of_parts(parts).hex().into())
    }
}

fn is_opaque(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `component.tool`, such as `files.read`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolName {
    whole: std::sync::Arc<str>,
    component: ComponentName,
    local: LocalName,
}

impl ToolName {
    /// Joins the two parts.
    #[must_use]
    pub fn new(component: ComponentName, local: LocalName) -> Self {
        Self { whole: format!("{component}.{local}").into(), component, local }
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The part before the dot.
    #[must_use]
    pub fn component(&self) -> &ComponentName {
        &self.component
    }

    /// The part after the dot.
    #[must_use]
    pub fn local(&self) -> &LocalName {
        &self.local
    }
}

impl FromStr for ToolName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = || Error::ToolName(shown(text));
        let (component, local) = text.split_once('.').ok_or_else(fail)?;
        Ok(Self::new(component.parse().map_err(|_| fail())?, local.parse().map_err(|_| fail())?))
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.whole)
    }
}

impl Serialize for ToolName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.whole)
    }
}

impl<'de> Deserialize<'de> for ToolName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// SHA-256 of some bytes: of a component, a manifest, canonical arguments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The digest of a component's bytes: what a lock file pins and a decision is bound to.
pub type ToolDigest = Digest;

impl Digest {
    /// Hashes `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes several parts so that no two different lists of parts give the same digest.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// A digest that was computed elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = || Error::Digest(shown(text));
        let digits = text.strip_prefix("sha256:").ok_or_else(fail)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| fail())?;
        Ok(Self(bytes))
    }
}

/// What a digest is written as, in one piece.
struct Written([u8; 71]);

impl Written {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Bytes and their digest, which were hashed once: whoever is handed both need not hash them again to believe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    bytes: Vec<u8>,
    digest: Digest,
}

impl Hashed {
    /// Hashes `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// Their digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes alone.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Digest {
    fn written(&self) -> Written {
        let mut text = *b"sha256:0000000000000000000000000000000000000000000000000000000000000000";
        // Twice as many digits as bytes always fit.
        let _fits = text.get_mut(7..).is_some_and(|digits| hex::encode_to_slice(self.0, digits).is_ok());
        Written(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.written().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.written().as_str())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_joined_by_single_separators() {
        for good in ["a", "files", "read-many", "read_many", "sha256", "a1-b2_c3"] {
            assert!(good.parse::<LocalName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "a__b", "A", "1a", "a.b", "a b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<LocalName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_repeats_nothing_that_a_terminal_obeys() {
        assert_eq!("run\u{202e}".parse::<LocalName>(), Err(Error::Name("run\\u{202e}".into())));
        assert_eq!("a\x1b[2J".parse::<ToolName>(), Err(Error::ToolName("a\\u{1b}[2J".into())));
    }

    #[test]
    fn a_tool_name_has_exactly_two_parts() {
        let name: ToolName = "files.read".parse().unwrap();
        assert_eq!((name.component().as_str(), name.local().as_str()), ("files", "read"));
        for bad in ["files", "files.", ".read", "a.b.c", "files..read"] {
            assert!(bad.parse::<ToolName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_survive_text_and_parts_do_not_run_together() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert_ne!(Digest::of_parts(&[b"ab", b"c"]), Digest::of_parts(&[b"a", b"bc"]));
        assert!("sha256:00".parse::<Digest>().is_err());
    }
}
