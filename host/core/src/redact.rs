//! Texts without the secrets that the host knows: before they are stored, logged, shown or handed to a caller.
//!
//! A secret never enters a guest, but a server can send one back, a guest can pass that on, and a person can paste one. What
//! comes back may be written differently: each text is looked at as it is and with its escapes undone
//! ([`view`](self)), and each secret is searched for as it is, in hex and in base64. What no search can find is a secret
//! that somebody transformed in a way of their own: `docs/secrets.md` says so.
//! How a stored text is *shown* is [`crate::escape`]'s business: the journal keeps what was really said.

mod pass;
mod pattern;
mod pieces;
mod report;
mod search;
mod stream;
#[cfg(test)]
mod tests;
mod value;
mod view;

use std::borrow::Cow;
use std::sync::Arc;

pub use self::pass::{Pass, Place, Redactions};
use self::search::{Findings, Searcher};
pub use self::stream::Stream;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets, in bytes, are not searched for: they would be found in every text.
pub const MIN_SECRET_BYTES: usize = 6;

/// Takes known secrets out of texts. `Redactor::default()` knows none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Searcher>>);

impl std::fmt::Debug for Redactor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Redactor({} secrets)", self.0.as_ref().map_or(0, |searcher| searcher.names().len()))
    }
}

impl Redactor {
    /// Knows these secrets: the name of each, which may be told, and its value, which may not.
    ///
    /// Values shorter than [`MIN_SECRET_BYTES`] are left out. The values stay in memory as long as a clone lives.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(Searcher::new(secrets).map(Arc::new))
    }

    /// Whether it knows none, so that nothing can be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether `text` holds a known secret in any form.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        !self.search(text.as_bytes()).is_empty()
    }

    /// `text` with [`REDACTED`] in the place of every known secret.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.search(text.as_bytes());
        if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(cut(text, &found)) }
    }

    /// [`Redactor::redact`] for bytes that may not be UTF-8.
    #[must_use]
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let found = self.search(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut kept = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for range in &found.ranges {
            kept.extend_from_slice(bytes.get(at..range.start).unwrap_or_default());
            kept.extend_from_slice(REDACTED.as_bytes());
            at = range.end;
        }
        kept.extend_from_slice(bytes.get(at..).unwrap_or_default());
        Cow::Owned(kept)
    }

    /// Begins to redact the texts of one call, and to note what was found where.
    #[must_use]
    pub fn pass(&self) -> Pass<'_> {
        Pass::new(self)
    }

    fn search(&self, bytes: &[u8]) -> Findings {
        self.0.as_ref().map_or_else(Findings::default, |searcher| searcher.search(bytes))
    }
}

/// `text` without what was found. Both ends of a range are moved outwards to the next border of a character.
fn cut(text: &str, found: &Findings) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for range in &found.ranges {
        kept.push_str(text.get(at..text.floor_char_boundary(range.start)).unwrap_or_default());
        kept.push_str(REDACTED);
        at = text.ceil_char_boundary(range.end);
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    kept
}
