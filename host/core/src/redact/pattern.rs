//! The forms in which a secret is searched for. Escapes are not among them: they are undone in the text, see `view`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::MIN_SECRET_BYTES;

/// A line of a secret with several lines is searched for on its own if it is this long, in bytes: shorter ones are no secret.
const MIN_LINE_BYTES: usize = 16;

/// One form of one secret.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The number of the secret.
    pub(super) secret: usize,
    /// What is searched for.
    pub(super) bytes: Vec<u8>,
    /// The characters before and after it hold some bits of the secret too.
    pub(super) border: Border,
    /// See [`borders`].
    borders: Vec<u32>,
}

impl Pattern {
    fn new(secret: usize, bytes: Vec<u8>, border: Border) -> Self {
        let borders = borders(&bytes);
        Self { secret, bytes, border, borders }
    }

    /// How many bytes at the end of `text` are the begin of this form and not all of it. A form whose last character is
    /// shared may be whole: what comes next belongs to it.
    pub(super) fn begun_at_end_of(&self, text: &[u8]) -> usize {
        let most = match self.border {
            Border::Clean => self.bytes.len().saturating_sub(1),
            Border::Shared => self.bytes.len(),
        };
        let end = text.get(text.len().saturating_sub(most)..).unwrap_or(text);
        let mut length = 0;
        for byte in end {
            length = self.longer(length, *byte);
        }
        length.min(most)
    }

    /// The longest begin of this form at the end of a text, when it was `length` long and `byte` follows.
    fn longer(&self, mut length: usize, byte: u8) -> usize {
        loop {
            if self.bytes.get(length) == Some(&byte) {
                return length + 1;
            }
            match length.checked_sub(1).and_then(|last| self.borders.get(last)) {
                Some(border) => length = *border as usize,
                None => return 0,
            }
        }
    }
}

/// For each begin of `bytes`, how long the longest shorter begin is that it also ends with.
fn borders(bytes: &[u8]) -> Vec<u32> {
    let mut borders: Vec<u32> = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        let mut length = at.checked_sub(1).and_then(|before| borders.get(before)).map_or(0, |border| *border as usize);
        while length > 0 && bytes.get(length) != Some(byte) {
            length = borders.get(length - 1).map_or(0, |border| *border as usize);
        }
        let matches = at > 0 && bytes.get(length) == Some(byte);
        borders.push(u32::try_from(length + usize::from(matches)).unwrap_or(0));
    }
    borders
}

/// What stands at the ends of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// Something else.
    Clean,
    /// A character of base64 that the secret shares with its neighbour.
    Shared,
}

/// All forms of `value`.
pub(super) fn of(secret: usize, value: &str) -> Vec<Pattern> {
    let mut all = Vec::new();
    for text in std::iter::once(value).chain(lines(value)) {
        let clean = |bytes| Pattern::new(secret, bytes, Border::Clean);
        all.extend([text.as_bytes().to_vec(), hex::encode(text).into(), hex::encode_upper(text).into()].map(clean));
        for before in 0..3 {
            let shared = |bytes: Vec<u8>| Pattern::new(secret, bytes, Border::Shared);
            all.extend(inner_runs(text.as_bytes(), before).map(shared));
        }
    }
    all
}

/// The lines of a key with many: a log or an error often shows only one. The frame of a PEM file is not secret.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    let all = value.lines().map(str::trim);
    all.filter(move |line| *line != value && line.len() >= MIN_LINE_BYTES && !line.starts_with("-----"))
}

/// The base64 characters that hold nothing but bits of `secret`, where `before` bytes of the group of three are others';
/// in both alphabets. Whatever stands around the secret, these stay the same.
fn inner_runs(secret: &[u8], before: usize) -> impl Iterator<Item = Vec<u8>> {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
    let inner = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
    let run = move |text: String| text.as_bytes().get(inner.clone()).unwrap_or_default().to_vec();
    let runs = [STANDARD.encode(&padded), URL_SAFE.encode(&padded)].map(run);
    runs.into_iter().filter(|run| run.len() >= MIN_SECRET_BYTES)
}
