//! Bytes that come in pieces and are handed on before their end is known: the body of an answer on its way to a guest.
//!
//! A secret may be split over pieces anywhere, in the middle of an escape too. So what could be the begin of one stays here
//! until the next piece shows what it is. The length stays what it was: a body has said how long it is before it came.

use std::collections::BTreeSet;

use super::search::Findings;
use super::{REDACTED, Redactor};

/// What is held back at most, in times of the longest secret: six is every character as `\u0041`.
const SPELLING: usize = 8;

/// The least and the most that this may be, in bytes. It is searched again with every piece.
const HELD: std::ops::RangeInclusive<usize> = (1 << 10)..=(64 << 10);

/// Takes known secrets out of bytes that come in pieces.
#[derive(Debug)]
pub struct Stream {
    redactor: Redactor,
    held: Vec<u8>,
    most: usize,
    found: BTreeSet<usize>,
}

impl Redactor {
    /// Begins to take secrets out of bytes that come in pieces.
    #[must_use]
    pub fn stream(&self) -> Stream {
        let longest = self.0.as_ref().map_or(0, |searcher| searcher.longest());
        let most = longest.saturating_mul(SPELLING).clamp(*HELD.start(), *HELD.end());
        Stream { redactor: self.clone(), held: Vec::new(), most, found: BTreeSet::new() }
    }
}

impl Redactor {
    /// A whole text without known secrets, as long as it was, and the names of those that it held; `None` where it holds none.
    ///
    /// It is searched once: nothing follows that could decide what its end is.
    #[must_use]
    pub fn covered(&self, bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
        let found = self.search(bytes);
        if found.is_empty() {
            return None;
        }
        let mut covered = bytes.to_vec();
        cover(&mut covered, &found);
        Some((covered, self.names(&found.secrets)))
    }

    fn names(&self, secrets: &BTreeSet<usize>) -> Vec<String> {
        let names = self.0.as_ref().map(|searcher| searcher.names()).unwrap_or_default();
        secrets.iter().filter_map(|number| names.get(*number)).map(ToString::to_string).collect()
    }
}

impl Stream {
    /// Takes the next piece and returns what can be handed on: of the same length in all, once [`finish`](Self::finish) is done.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let open = self.redactor.0.as_ref().map_or(0, |searcher| searcher.open_end(last(&self.held, 2 * self.most)));
        self.hand_on(open.min(self.most))
    }

    /// Returns the rest: nothing comes any more.
    pub fn finish(&mut self) -> Vec<u8> {
        self.hand_on(0)
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Names of the secrets that were found so far.
    #[must_use]
    pub fn found(&self) -> Vec<String> {
        self.redactor.names(&self.found)
    }

    /// Everything but the last `open` bytes, and but what reaches into them.
    fn hand_on(&mut self, open: usize) -> Vec<u8> {
        let found = self.redactor.search(&self.held);
        let mut end = self.held.len().saturating_sub(open);
        if let Some(range) = found.ranges.iter().find(|range| range.start < end && end < range.end) {
            let stays = self.held.len() - range.start <= 2 * self.most;
            end = if stays { range.start } else { range.end };
        }
        let rest = self.held.split_off(end);
        let mut ready = std::mem::replace(&mut self.held, rest);
        cover(&mut ready, &found);
        self.found.extend(found.secrets);
        ready
    }
}

fn last(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(count)..).unwrap_or(bytes)
}

/// Writes over what was found, as far as it is in `bytes`.
fn cover(bytes: &mut [u8], found: &Findings) {
    for range in &found.ranges {
        let Some(part) = bytes.get_mut(range.clone()) else { continue };
        let word = REDACTED.as_bytes();
        let covering: &[u8] = if part.len() < word.len() { b"" } else { word };
        let with = covering.iter().copied().chain(std::iter::repeat(b'*'));
        part.iter_mut().zip(with).for_each(|(byte, with)| *byte = with);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::super::search;
    use super::*;

    const SECRETS: [(&str, &str); 3] =
        [("one", "hunter22 \"e\\/+%&=longer"), ("two", "longerthanthis"), ("rest", "aaaaaaaa")];

    /// A character of base64 beside a secret, as it may be written.
    const NEIGHBOUR: usize = 16;

    fn redactor() -> Redactor {
        Redactor::new(SECRETS)
    }

    /// `text` in pieces that end where `cuts` say.
    fn streamed(redactor: &Redactor, text: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<String>) {
        let mut stream = redactor.stream();
        let (mut out, mut at) = (Vec::new(), 0);
        for cut in cuts.iter().map(|cut| at.max(*cut % (text.len() + 1))).chain([text.len()]).collect::<BTreeSet<_>>() {
            if cut > at {
                out.extend(stream.push(&text[at..cut]));
                at = cut;
            }
        }
        out.extend(stream.finish());
        (out, stream.found())
    }

    /// Everything that is found in the whole is covered in `out`, but for the few bits that a neighbour in base64 holds; nothing
    /// else is touched.
    fn as_in_the_whole(redactor: &Redactor, text: &[u8], out: &[u8]) {
        let shown = String::from_utf8_lossy(out);
        assert_eq!(text.len(), out.len(), "{shown}");
        assert!(redactor.search(out).is_empty(), "{shown}");
        let mut at = 0;
        for range in redactor.search(text).ranges {
            assert_eq!(text[at..range.start], out[at..range.start], "{shown}");
            let (was, is) = (&text[range.clone()], &out[range.clone()]);
            let stays: Vec<bool> =
                was.iter().zip(is).map(|(was, is)| was == is && !b"[redacted]*".contains(is)).collect();
            let longest = stays.split(|stays| !stays).map(<[bool]>::len).max();
            assert!(longest <= Some(NEIGHBOUR), "{shown}");
            at = range.end;
        }
        assert_eq!(text[at..], out[at..], "{shown}");
    }

    fn unicode(text: &str) -> String {
        text.chars().map(|sign| format!("\\u{:04x}", u32::from(sign))).collect()
    }

    fn percent(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    fn spelled(secret: &str, way: usize) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string().trim_matches('"').to_owned();
        match way {
            0 => secret.to_owned(),
            1 => quoted(secret),
            2 => unicode(secret),
            3 => percent(secret),
            4 => quoted(&quoted(secret)),
            5 => percent(&unicode(secret)),
            6 => quoted(&percent(secret)),
            7 => hex::encode(secret),
            8 => STANDARD.encode(secret),
            9 => URL_SAFE_NO_PAD.encode(format!("u:{secret}.")),
            10 => STANDARD.encode(secret).chars().map(|sign| format!("{sign}\n")).collect(),
            11 => secret.chars().map(|sign| format!("&#{};", u32::from(sign))).collect(),
            _ => percent(secret).replace("%20", "+"),
        }
    }

    fn noise() -> impl Strategy<Value = String> {
        "[a-h\\\\%&+ \"u0-9\n;#x]{0,24}"
    }

    proptest! {
        #[test]
        fn what_is_split_anywhere_is_found_as_in_the_whole(
            parts in prop::collection::vec((noise(), 0..3_usize, 0..13_usize), 1..4),
            end in noise(),
            cuts in prop::collection::vec(any::<usize>(), 0..40),
        ) {
            let redactor = redactor();
            let text: String = parts.iter().map(|(before, number, way)| format!("{before}{}", spelled(SECRETS[*number].1, *way))).collect();
            let text = format!("{text}{end}").into_bytes();
            let (out, found) = streamed(&redactor, &text, &cuts);
            as_in_the_whole(&redactor, &text, &out);
            prop_assert_eq!(found.is_empty(), redactor.search(&text).is_empty());
        }

        #[test]
        fn what_holds_no_secret_passes_as_it_is(bytes in prop::collection::vec(any::<u8>(), 0..400), cuts in prop::collection::vec(any::<usize>(), 0..20)) {
            let redactor = redactor();
            prop_assume!(redactor.search(&bytes).is_empty());
            prop_assert_eq!(streamed(&redactor, &bytes, &cuts), (bytes.clone(), Vec::new()));
        }
    }

    #[test]
    fn every_spelling_one_byte_at_a_time() {
        let redactor = redactor();
        for (_, secret) in SECRETS {
            for way in 0..13 {
                let text = format!("{{\"a\": \"x{}y\"}}\n", spelled(secret, way));
                let cuts: Vec<usize> = (0..text.len()).collect();
                let (out, _) = streamed(&redactor, text.as_bytes(), &cuts);
                as_in_the_whole(&redactor, text.as_bytes(), &out);
                assert_ne!(out, text.as_bytes(), "{way}");
            }
        }
    }

    #[test]
    fn what_cannot_be_the_begin_of_a_secret_is_not_held_back() {
        let mut stream = redactor().stream();
        assert_eq!(stream.push(b"data: {\"done\": 1}\n\n"), b"data: {\"done\": 1}\n\n");
        assert_eq!(stream.push(b"go hunt"), b"go ");
        assert_eq!(stream.push(b"ing"), b"hunting");
        assert_eq!((stream.held(), stream.finish()), (0, Vec::new()));
    }

    #[test]
    fn a_whole_text_is_covered_as_a_stream_would() {
        let redactor = redactor();
        for way in 0..13 {
            let text = format!("a {} b", spelled(SECRETS[0].1, way));
            let (out, found) = streamed(&redactor, text.as_bytes(), &[]);
            assert_eq!(redactor.covered(text.as_bytes()), Some((out, found)), "{way}");
        }
        assert_eq!(redactor.covered(b"hunter2"), None);
    }

    #[test]
    fn what_a_whole_text_costs_grows_as_it_does_whatever_it_ends_with() {
        let redactor = redactor();
        // Each end may be the begin of an escape within an escape.
        for end in ["", "\\", "%", "&", "\\%&", "%255c%25", "&#92;&#37;2", "hunter2", "\\u00\\u00%2"] {
            let looked_at = |times: usize| {
                let text = format!("{}{end}", end.repeat(times)).into_bytes();
                let before = search::looked_at();
                assert_eq!(redactor.covered(&text), None);
                (text.len(), search::looked_at() - before)
            };
            let (bytes, once) = looked_at(1_000);
            assert!(once <= 64 * bytes, "`{end}`: {once} for {bytes}");
            let (_, twice) = looked_at(2_000);
            assert!(twice <= 2 * once + 64 * end.len(), "`{end}`: {once}, then {twice}");
        }
    }

    #[test]
    fn what_is_held_back_is_bounded_whatever_comes() {
        let mut stream = redactor().stream();
        let mut out = stream.push(b"go aGVsb_").len();
        for _ in 0..3_000 {
            out += stream.push(b"a\n").len();
            assert!(stream.held() <= 2 * stream.most, "{}", stream.held());
        }
        assert!(stream.found().is_empty() || out > 0);
        let short = Redactor::new([("pin", "123456")]);
        assert_eq!(streamed(&short, b"pin 123456.", &[7]).0, b"pin ******.", "no room for the word");
    }
}
