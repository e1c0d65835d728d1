//! A text with its escapes undone, and the way back: which bytes of the text each byte of the view came from.
//!
//! Undoing escapes finds every spelling of a secret at once, where listing the spellings could not: JSON may escape any
//! character or none, percent-encoding too, and servers nest them.

use std::ops::Range;

/// Longer is no escape: `&#x10ffff;` with some zeros before it.
const LONGEST_ESCAPE: usize = 16;

/// A way of writing a character that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// `\n`, `\"`, `\/`, `\u0041`, `\x41`: JSON, and what programs print of texts.
    Backslash,
    /// `%41`: URLs.
    Percent,
    /// `%41`, and `+` for a space: forms and queries.
    Form,
    /// `&amp;`, `&#65;`, `&#x41;`: HTML and XML.
    Entity,
    /// A line break, which base64 and keys may have anywhere.
    LineBreak,
}

/// A text, or what is left of it when escapes are undone.
#[derive(Debug)]
pub(super) struct View<'a> {
    bytes: &'a [u8],
    origin: Option<Origin<'a>>,
}

#[derive(Debug)]
struct Origin<'a> {
    parent: &'a View<'a>,
    undone: &'a Undone,
}

/// A text whose escapes were undone.
#[derive(Debug)]
pub(super) struct Undone {
    bytes: Vec<u8>,
    /// Per byte, where in the text it was written.
    from: Vec<Range<u32>>,
}

impl<'a> View<'a> {
    /// The text itself.
    pub(super) fn of_text(bytes: &'a [u8]) -> Self {
        Self { bytes, origin: None }
    }

    /// What `undone`, which came from `parent`, looks like.
    pub(super) fn of_undone(parent: &'a View<'a>, undone: &'a Undone) -> Self {
        Self { bytes: &undone.bytes, origin: Some(Origin { parent, undone }) }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first `length` bytes.
    pub(super) fn head(&self, length: usize) -> View<'a> {
        let origin = self.origin.as_ref().map(|origin| Origin { parent: origin.parent, undone: origin.undone });
        View { bytes: self.bytes.get(..length).unwrap_or(self.bytes), origin }
    }

    /// Where in the text itself byte number `at` begins; `None` at the end.
    pub(super) fn place(&self, at: usize) -> Option<usize> {
        self.bytes.get(at)?;
        self.in_text(at..at + 1).map(|range| range.start)
    }

    /// Where an escape begins that may not be whole yet: the first sign of one near the end. Without one, the end.
    pub(super) fn escape_at_end(&self) -> usize {
        let near = self.bytes.len().saturating_sub(LONGEST_ESCAPE - 1);
        let end = self.bytes.get(near..).unwrap_or_default();
        let Some(sign) = end.iter().position(|byte| matches!(byte, b'\\' | b'%' | b'&')) else {
            return self.bytes.len();
        };
        // Of two backslashes the first makes the second one a plain one.
        let run = self.bytes.get(..near + sign).unwrap_or_default().iter().rev().take_while(|byte| **byte == b'\\');
        near + sign - run.count()
    }

    /// Where in the text itself the bytes of `range` were written. `None` for an empty range.
    pub(super) fn in_text(&self, range: Range<usize>) -> Option<Range<usize>> {
        let Some(Origin { parent, undone }) = &self.origin else { return Some(range) };
        let first = undone.from.get(range.start)?;
        let last = undone.from.get(range.end.checked_sub(1)?)?;
        parent.in_text(first.start as usize..last.end as usize)
    }

    /// The bytes with every `escape` undone; `None` if there is none, or the text is longer than any text may be.
    pub(super) fn undo(&self, escape: Escape) -> Option<Undone> {
        let sign = |byte: &u8| escape.begins_with(*byte);
        if self.bytes.len() > u32::MAX as usize || !self.bytes.iter().any(sign) {
            return None;
        }
        let mut undone = Undone { bytes: Vec::new(), from: Vec::new() };
        let (mut rest, mut at, mut changed) = (self.bytes, 0u32, false);
        while let Some((first, others)) = rest.split_first() {
            let unit = escape.begins_with(*first).then(|| escape.read(rest)).flatten();
            let (length, plain) = match &unit {
                Some(unit) => (unit.length, unit.bytes()),
                None => (1, std::slice::from_ref(first)),
            };
            changed |= unit.is_some();
            let end = at.saturating_add(length);
            undone.bytes.extend_from_slice(plain);
            undone.from.extend(std::iter::repeat_n(at..end, plain.len()));
            at = end;
            rest = if unit.is_some() { rest.get(length as usize..).unwrap_or_default() } else { others };
        }
        changed.then_some(undone)
    }
}

/// One escape, and what it stands for.
struct Unit {
    /// How long it is as written, in bytes.
    length: u32,
    plain: [u8; 4],
    plain_length: usize,
}

impl Unit {
    fn byte(length: u32, byte: u8) -> Self {
        Self { length, plain: [byte, 0, 0, 0], plain_length: 1 }
    }

    fn character(length: u32, character: char) -> Self {
        let mut plain = [0; 4];
        let plain_length = character.encode_utf8(&mut plain).len();
        Self { length, plain, plain_length }
    }

    fn nothing(length: u32) -> Self {
        Self { length, plain: [0; 4], plain_length: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.plain.get(..self.plain_length).unwrap_or_default()
    }
}

impl Escape {
    fn begins_with(self, byte: u8) -> bool {
        match self {
            Self::Backslash => byte == b'\\',
            Self::Percent => byte == b'%',
            Self::Form => byte == b'%' || byte == b'+',
            Self::Entity => byte == b'&',
            Self::LineBreak => byte == b'\n' || byte == b'\r',
        }
    }

    /// The escape at the begin of `text`, if it is one.
    fn read(self, text: &[u8]) -> Option<Unit> {
        match self {
            Self::Backslash => backslash(text),
            Self::Percent => percent(text),
            Self::Form if text.starts_with(b"+") => Some(Unit::byte(1, b' ')),
            Self::Form => percent(text),
            Self::Entity => entity(text),
            Self::LineBreak => Some(Unit::nothing(1)),
        }
    }
}

fn backslash(text: &[u8]) -> Option<Unit> {
    match *text {
        [_, b'u', ..] => unicode(text),
        [_, b'x', high, low, ..] => Some(Unit::byte(4, pair(high, low)?)),
        [_, letter, ..] => {
            let plain = match letter {
                b'"' | b'\\' | b'/' | b'\'' => letter,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                _ => return None,
            };
            Some(Unit::byte(2, plain))
        }
        _ => None,
    }
}

/// `\u0041`, or two of them for a character beyond the first plane.
fn unicode(text: &[u8]) -> Option<Unit> {
    let unit = |at: usize| number(text.get(at..at + 4)?, 16);
    let first = unit(2)?;
    if let Some(character) = char::from_u32(first) {
        return Some(Unit::character(6, character));
    }
    let second = text.get(6..8).filter(|sign| *sign == b"\\u").and_then(|_| unit(8));
    let both = [u16::try_from(first).ok()?, u16::try_from(second?).ok()?];
    let character = char::decode_utf16(both).next()?.ok()?;
    Some(Unit::character(12, character))
}

fn percent(text: &[u8]) -> Option<Unit> {
    match *text {
        [_, high, low, ..] => Some(Unit::byte(3, pair(high, low)?)),
        _ => None,
    }
}

fn entity(text: &[u8]) -> Option<Unit> {
    let end = text.iter().take(LONGEST_ESCAPE).position(|byte| *byte == b';')?;
    let name = text.get(1..end)?;
    let character = match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => return None,
    };
    Some(Unit::character(u32::try_from(end + 1).ok()?, character))
}

fn pair(high: u8, low: u8) -> Option<u8> {
    u8::try_from(number(&[high, low], 16)?).ok()
}

/// Digits and nothing else: `from_str_radix` alone would take a sign too.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let all_digits = text.chars().all(|digit| digit.is_digit(radix));
    all_digits.then(|| u32::from_str_radix(text, radix).ok()).flatten()
}
