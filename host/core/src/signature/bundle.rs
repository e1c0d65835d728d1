//! A sigstore bundle as it travels and is kept: a text of JSON. What is in it is found out elsewhere.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Error, MAX_BYTES};

/// What every bundle says of itself, in one of two spellings.
const KINDS: [&str; 2] = ["application/vnd.dev.sigstore.bundle+json;version=", "application/vnd.dev.sigstore.bundle.v"];

/// A bundle, in one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle(String);

impl Bundle {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`]: it is too long, no JSON, or something else than a bundle.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fail = |why: &str| Error::Bundle(why.to_owned());
        let bounded = |text: &str| match text.len() > MAX_BYTES {
            true => Err(Error::Bundle(format!("it is longer than {MAX_BYTES} bytes"))),
            false => Ok(()),
        };
        bounded(text)?;
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
            Error::Bundle(format!("it is not JSON: line {} column {}", error.line(), error.column()))
        })?;
        let kind = value.get("mediaType").and_then(serde_json::Value::as_str);
        let kind = kind.ok_or_else(|| {
            fail("it has no `mediaType`, which every sigstore bundle has; cosign 2 writes one with `--new-bundle-format`")
        })?;
        if !KINDS.iter().any(|known| kind.starts_with(known)) {
            return Err(fail("its `mediaType` is not that of a sigstore bundle"));
        }
        // Numbers can get longer: what is kept must be read again.
        let text = value.to_string();
        bounded(&text)?;
        Ok(Self(text))
    }

    /// Its JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Bundle of {} bytes", self.0.len())
    }
}

impl Serialize for Bundle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bundle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_kept_in_one_line_and_anything_else_is_refused() {
        let text = "{\n  \"mediaType\": \"application/vnd.dev.sigstore.bundle.v0.3+json\",\n  \"x\": [1, {}]\n}\n";
        let bundle = Bundle::parse(text).unwrap();
        assert_eq!(bundle.as_str(), r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","x":[1,{}]}"#);
        assert_eq!(Bundle::parse(bundle.as_str()).unwrap(), bundle);
        for bad in [
            String::new(),
            "[]".into(),
            "{".into(),
            "{}".into(),
            r#"{"mediaType":7}"#.into(),
            r#"{"mediaType":"application/json"}"#.into(),
            format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
            format!("{text}{}", " ".repeat(MAX_BYTES)),
            format!("{text}{text}"),
            text.replace("[1", &format!("[1{}", ",1e15".repeat(MAX_BYTES / 8))),
        ] {
            assert!(matches!(Bundle::parse(&bad), Err(Error::Bundle(_))), "{}", bad.get(..80).unwrap_or(&bad));
        }
    }
}
