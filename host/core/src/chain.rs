//! The hash chain of the audit: each entry's hash covers its number, its body and the hash before it.
//!
//! Pure: what is stored where is the journal's business. The chain shows that entries were changed, cut out, added in
//! between or reordered. It cannot show that *all* of it was written anew by somebody who may write everything the host may
//! write; for that, note a [`Head`] elsewhere from time to time and compare.

use std::fmt;
use std::str::FromStr;

use crate::id::Digest;

/// What is hashed ahead of everything: a hash made for another purpose is never one of ours.
const DOMAIN: &[u8] = b"toolhold audit 1";

/// The end of a chain: the number of its last entry and that entry's hash. Written as `12:sha256:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are; entries are numbered from 1.
    pub sequence: u64,
    /// The hash of the last one.
    pub hash: Digest,
}

/// A text that is not a [`Head`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the head of an audit: write the number of the last entry, `:` and its hash, such as `12:sha256:…`"
)]
pub struct NotAHead(String);

impl Default for Head {
    /// The head of a chain without entries.
    fn default() -> Self {
        Self { sequence: 0, hash: Digest::of(DOMAIN) }
    }
}

impl Head {
    /// The head after one more entry with this body.
    #[must_use]
    pub fn after(&self, body: &str) -> Self {
        let sequence = self.sequence + 1;
        let hash = Digest::of_parts(&[DOMAIN, &sequence.to_le_bytes(), self.hash.as_bytes(), body.as_bytes()]);
        Self { sequence, hash }
    }

    /// Moves on over one stored entry.
    ///
    /// # Errors
    ///
    /// [`Broken`] where the entry does not follow.
    pub fn follow(&mut self, link: &Link<'_>) -> Result<(), Broken> {
        let next = self.after(link.body);
        let why = if link.sequence != next.sequence {
            Why::Missing { found: link.sequence }
        } else if link.previous != self.hash {
            Why::Unlinked
        } else if link.hash != next.hash {
            Why::Changed
        } else {
            *self = next;
            return Ok(());
        };
        Err(Broken { at: next.sequence, why })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let parse = || {
            let (sequence, hash) = text.split_once(':')?;
            Some(Self { sequence: sequence.parse().ok()?, hash: hash.parse().ok()? })
        };
        parse().ok_or_else(|| NotAHead(text.chars().take(100).collect()))
    }
}

/// One stored entry.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its number.
    pub sequence: u64,
    /// The hash of the entry before it, as stored.
    pub previous: Digest,
    /// Its hash, as stored.
    pub hash: Digest,
    /// What it says: the text of a JSON object, byte for byte.
    pub body: &'a str,
}

/// Where a chain is broken and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit is broken at entry {at}: {why}")]
pub struct Broken {
    /// The number of the first entry that does not follow.
    pub at: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Another number follows: entries were cut out or reordered.
    #[error("entry {found} stands in its place: entries were removed or reordered")]
    Missing {
        /// The number that stands there.
        found: u64,
    },
    /// It names another entry as the one before it.
    #[error("it does not follow the entry before it: entries were replaced or reordered")]
    Unlinked,
    /// Its content does not have its hash.
    #[error("its content was changed")]
    Changed,
    /// The chain ends before an entry that is known to have been written.
    #[error("the audit ends before it, but it was written: the end was cut off")]
    Cut,
    /// The entry with this number is not the one that is known to have been written.
    #[error("another entry was written under this number: the audit was written anew")]
    Replaced,
    /// Entries were removed from the beginning, and the audit does not say so.
    #[error("entries were removed from the beginning, and it does not say so")]
    Beginning,
    /// An export of what was removed does not join on to what is left.
    #[error("the export of what was removed does not join on to it")]
    Unjoined,
    /// What it says cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// What is noted of manifests and components is not what the entries up to this one say.
    #[error("what is noted of manifests and components is not what the audit says of them")]
    Standing,
    /// What it says is not what is stored of that call.
    #[error("what is stored of call `{call}` is not what it says: {what}")]
    Differs {
        /// Which call.
        call: String,
        /// What differs.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(bodies: &[&'static str]) -> Vec<Link<'static>> {
        let mut head = Head::default();
        let mut links = Vec::new();
        for body in bodies {
            let next = head.after(body);
            links.push(Link { sequence: next.sequence, previous: head.hash, hash: next.hash, body });
            head = next;
        }
        links
    }

    fn walk(links: &[Link<'_>]) -> Result<Head, Broken> {
        let mut head = Head::default();
        links.iter().try_for_each(|link| head.follow(link)).map(|()| head)
    }

    #[test]
    fn an_untouched_chain_holds() {
        let head = walk(&chain(&["a", "b", "c"])).unwrap();
        assert_eq!(head.sequence, 3);
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
    }

    #[test]
    fn every_single_change_of_any_entry_breaks_it() {
        let good = chain(&["a", "b", "c", "d"]);
        for index in 0..good.len() {
            let mut changed = good.clone();
            changed[index].body = "x";
            assert_eq!(walk(&changed).unwrap_err(), Broken { at: index as u64 + 1, why: Why::Changed });
            let mut cut = good.clone();
            cut.remove(index);
            assert_eq!(walk(&cut).is_err(), index < good.len() - 1, "a cut at the end needs a known head");
            let mut relinked = good.clone();
            relinked[index].previous = Digest::of(b"other");
            assert_eq!(walk(&relinked).unwrap_err().why, Why::Unlinked);
        }
    }

    #[test]
    fn entries_in_another_order_break_it_even_with_their_numbers_changed() {
        let mut swapped = chain(&["a", "b", "c"]);
        swapped.swap(1, 2);
        assert_eq!(walk(&swapped).unwrap_err().why, Why::Missing { found: 3 });
        for (index, link) in swapped.iter_mut().enumerate() {
            link.sequence = index as u64 + 1;
        }
        assert!(walk(&swapped).is_err());
    }

    #[test]
    fn what_is_not_a_head_says_how_one_is_written() {
        for text in ["", "1", "x:sha256:00", "-1:sha256:00"] {
            assert!(text.parse::<Head>().unwrap_err().to_string().contains("12:sha256"), "{text}");
        }
    }
}
