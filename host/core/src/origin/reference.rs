//! References into OCI registries: `HOST[:PORT]/REPOSITORY` with `:TAG`, `@DIGEST` or both.
//!
//! Parts of a reference become parts of URLs, so the grammar is that of the distribution specification and nothing more:
//! no `..`, no `%`, no upper case, nothing that a server or a proxy could read in another way.

use std::fmt;
use std::str::FromStr;

use crate::id::Digest;

use super::web::Site;
use super::{Error, shown};

/// Longest repository, in bytes: what registries take.
const MAX_REPOSITORY: usize = 255;

/// Longest tag, in bytes: what the specification allows.
const MAX_TAG: usize = 128;

/// One artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    registry: Site,
    repository: String,
    version: Version,
}

/// Which of the artifacts in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Whatever a name points to today.
    Tag(String),
    /// This one. The tag is for people.
    Digest {
        /// What it was called.
        tag: Option<String>,
        /// The digest of its manifest.
        digest: Digest,
    },
}

impl Reference {
    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &Site {
        &self.registry
    }

    /// The repository within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which artifact.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The same repository, pinned to `digest`.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self { version: Version::Digest { tag: None, digest }, ..self.clone() }
    }
}

impl Version {
    /// The digest, if it names one.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Tag(_) => None,
            Self::Digest { digest, .. } => Some(*digest),
        }
    }

    /// What a registry is asked for.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Tag(tag) => tag.clone(),
            Self::Digest { digest, .. } => digest.to_string(),
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (registry, rest) = text.split_once('/').ok_or_else(|| Error::Repository(shown(text)))?;
        let (rest, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
        };
        let (repository, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((repository, tag)) => (repository, Some(parse_tag(tag)?)),
        };
        if repository.len() > MAX_REPOSITORY || !repository.split('/').all(is_part) {
            return Err(Error::Repository(shown(repository)));
        }
        let version = match (tag, digest) {
            (tag, Some(digest)) => Version::Digest { tag, digest },
            (Some(tag), None) => Version::Tag(tag),
            (None, None) => return Err(Error::NoVersion(shown(text))),
        };
        Ok(Self { registry: registry.parse()?, repository: repository.to_owned(), version })
    }
}

/// One spelling: lower case.
fn parse_digest(text: &str) -> Result<Digest, Error> {
    let fail = || Error::Digest(shown(text));
    let digest: Digest = text.parse().map_err(|_| fail())?;
    if digest.to_string() == text { Ok(digest) } else { Err(fail()) }
}

fn parse_tag(text: &str) -> Result<String, Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let starts = text.bytes().next().is_some_and(|byte| !matches!(byte, b'.' | b'-'));
    let good = starts && text.len() <= MAX_TAG && text.bytes().all(fits);
    if good { Ok(text.to_owned()) } else { Err(Error::Tag(shown(text))) }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_part(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let between = |run: &str| matches!(run, "." | "_" | "__") || run.bytes().all(|byte| byte == b'-');
    let ends = |byte: Option<u8>| byte.is_some_and(word);
    ends(part.bytes().next())
        && ends(part.bytes().next_back())
        && part.split(|char: char| u8::try_from(char).is_ok_and(word)).all(|run| run.is_empty() || between(run))
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.registry, self.repository)?;
        match &self.version {
            Version::Tag(tag) => write!(out, ":{tag}"),
            Version::Digest { tag: Some(tag), digest } => write!(out, ":{tag}@{digest}"),
            Version::Digest { tag: None, digest } => write!(out, "@{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_is_taken_apart() {
        let digest = Digest::of(b"x");
        let text = format!("registry.example.com:5000/a/b__c/d-e.f:v1.0@{digest}");
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.registry().to_string(), "registry.example.com:5000");
        assert_eq!(reference.repository(), "a/b__c/d-e.f");
        assert_eq!(reference.version(), &Version::Digest { tag: Some("v1.0".into()), digest });
        assert_eq!(reference.version().key(), digest.to_string());
    }

    #[test]
    fn nothing_else_is_a_reference() {
        for bad in [
            "example.com",
            "example.com/:1",
            "example.com/a",
            "example.com/a:",
            "example.com/a:.x",
            "example.com/a:-x",
            "example.com/a:x/y",
            "example.com/../a:1",
            "example.com/a/../b:1",
            "example.com/./a:1",
            "example.com//a:1",
            "example.com/a/:1",
            "example.com/A:1",
            "example.com/a%2fb:1",
            "example.com/a?b:1",
            "example.com/a#b:1",
            "example.com/a\\b:1",
            "example.com/a..b:1",
            "example.com/a___b:1",
            "example.com/-a:1",
            "example.com/a-:1",
            "example.com/a:1@sha256:00",
            "example.com/a@sha512:00",
            "user@example.com/a:1",
            "exa mple.com/a:1",
            "/a:1",
            &format!("example.com/{}:1", "a".repeat(256)),
            &format!("example.com/a:{}", "a".repeat(129)),
            &format!("example.com/a@sha256:{}", "A".repeat(64)),
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_cannot_leave_its_place_in_a_url(text in "[a-z0-9./:@%?#_\\\\-]{1,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
                let url = format!("https://{}/v2/{}/manifests/{}", reference.registry(), reference.repository(), reference.version().key());
                let parsed = url::Url::parse(&url).unwrap();
                prop_assert_eq!(parsed.as_str(), url);
            }
        }
    }
}
