//! Patterns over the paths of URLs.
//!
//! A pattern is matched on the path as most servers will understand it: decoded, without `.` and `..`. A path that servers
//! understand differently, because it hides a separator or a dot, or is encoded twice, matches no pattern but `/**`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::grant::{GuestPatterns, glob};

/// What covers every path, whatever a server makes of it.
const EVERYTHING: &str = "/**";

/// Which paths.
#[derive(Debug, Clone)]
pub struct PathPatterns {
    patterns: GuestPatterns,
    /// Whether `/` alone, which has no part that a pattern could name, is one of them.
    root: bool,
}

/// A path of which there is one reading: decoded, each part once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlainPath<'a>(Cow<'a, str>);

impl PathPatterns {
    /// Compiles patterns that each begin with `/`.
    ///
    /// # Errors
    ///
    /// The index of the pattern that cannot be used, and why.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, glob::Error)> {
        let (roots, others): (Vec<_>, Vec<_>) =
            patterns.into_iter().enumerate().partition(|(_, pattern)| *pattern == "/");
        let compiled = GuestPatterns::new(others.iter().map(|(_, pattern)| *pattern));
        let at = |index: usize| others.get(index).map_or(index, |(at, _)| *at);
        let patterns = compiled.map_err(|(index, error)| (at(index), error))?;
        Ok(Self { patterns, root: !roots.is_empty() })
    }

    /// Every path.
    #[must_use]
    pub fn everything() -> Self {
        Self { patterns: GuestPatterns::new([EVERYTHING]).unwrap_or_default(), root: true }
    }

    /// Whether `path`, encoded as it is sent, is one of these.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match path {
            _ if self.is_everything() => true,
            "/" => self.root || self.patterns.matches("/"),
            _ => PlainPath::of(path).is_some_and(|plain| self.patterns.matches(&plain.0)),
        }
    }

    /// Whether every path is.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.patterns.source().iter().any(|pattern| pattern == EVERYTHING)
    }

    /// The patterns.
    pub fn source(&self) -> impl Iterator<Item = &str> {
        self.root.then_some("/").into_iter().chain(self.patterns.source().iter().map(String::as_str))
    }
}

impl<'a> PlainPath<'a> {
    /// Decodes `path`. `None` if servers may read it in more than one way.
    fn of(path: &'a str) -> Option<Self> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        // As many separators as before: none was hidden.
        let separators = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
        if separators(&decoded) != separators(path)
            || decoded.chars().any(|char| char == '\\' || char.is_control())
            || is_encoded_again(&decoded)
        {
            return None;
        }
        let mut parts = decoded.strip_prefix('/')?.split('/').rev();
        let last = parts.next().is_none_or(is_plain);
        let inner = parts.all(|part| !part.is_empty() && is_plain(part));
        (last && inner).then_some(Self(decoded))
    }
}

/// Some servers cut a part at its `;` before they look for dots.
fn is_plain(part: &str) -> bool {
    !matches!(part.split(';').next(), Some("." | ".."))
}

/// Whether decoding once more would find something.
fn is_encoded_again(decoded: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_hexdigit();
    decoded.as_bytes().windows(3).any(|window| matches!(window, [b'%', high, low] if digit(high) && digit(low)))
}
