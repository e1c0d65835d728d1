//! A turn in the making: text and calls, within the bytes that are kept.
//!
//! No size or number in an answer makes it allocate more than the bytes that were received.

use serde_json::Value;
use toolhold_core::run::RequestedCall;

use super::{Finish, Tokens, Turn};

/// Calls in one answer. Far more than any run allows; what is beyond is cut.
const MOST_CALLS: usize = 256;

/// Text and calls, as far as they came.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) calls: Vec<Piece>,
    pub(super) served_by: Option<String>,
    cut: bool,
    room: usize,
}

/// A call in the making.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// The provider's number for it.
    pub(super) index: Option<u64>,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl Draft {
    /// An empty one that keeps at most `bytes` of text and arguments.
    pub(super) fn new(bytes: usize) -> Self {
        Self { room: bytes, ..Self::default() }
    }

    /// Whether something had to be left out, so that the rest need not be read.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Appends text, as much as there is room for. Returns what was kept.
    pub(super) fn say(&mut self, mut text: String) -> String {
        let kept = text.floor_char_boundary(self.room);
        self.room -= kept;
        self.cut |= kept < text.len();
        text.truncate(kept);
        self.text.push_str(&text);
        text
    }

    /// Takes room for all of `bytes`, or for none of them.
    pub(super) fn keep(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.room && !self.cut;
        self.cut |= !fits;
        self.room -= if fits { bytes } else { 0 };
        fits
    }

    /// Begins a call for which room was taken. Returns its place.
    pub(super) fn begin(&mut self, piece: Piece) -> Option<usize> {
        if self.calls.len() >= MOST_CALLS {
            self.cut = true;
            return None;
        }
        self.calls.push(piece);
        Some(self.calls.len() - 1)
    }

    /// The last call with this number.
    pub(super) fn place_of(&self, index: u64) -> Option<usize> {
        self.calls.iter().rposition(|piece| piece.index == Some(index))
    }

    /// Appends to the arguments of the call at `place`, if there is room.
    pub(super) fn append(&mut self, place: usize, arguments: &str) {
        if self.keep(arguments.len())
            && let Some(piece) = self.calls.get_mut(place)
        {
            piece.arguments.push_str(arguments);
        }
    }

    /// Remembers the name by which the provider calls what answers.
    pub(super) fn serve(&mut self, model: Option<&str>) {
        if let Some(model) = model.filter(|model| !model.is_empty()) {
            self.served_by = Some(model.chars().take(200).collect());
        }
    }

    /// The turn. `sent` is the size of the request in bytes, for a guess where the provider does not count.
    pub(super) fn finish(self, finish: Finish, usage: Usage, sent: usize) -> Turn {
        let finish = if self.cut { Finish::Length } else { finish };
        let written =
            self.text.len() + self.calls.iter().map(|piece| piece.name.len() + piece.arguments.len()).sum::<usize>();
        let tokens = usage.tokens(sent, written);
        let requested = |piece: Piece| RequestedCall { id: piece.id, name: piece.name, arguments: piece.arguments };
        let calls = self.calls.into_iter().map(requested).collect();
        Turn { text: self.text, calls, finish, tokens, served_by: self.served_by }
    }
}

/// What the provider counted, as far as it did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) cached: u64,
}

impl Usage {
    fn tokens(self, sent: usize, written: usize) -> Tokens {
        let (Some(input), Some(output)) = (self.input, self.output) else {
            return Tokens { input: tokens_in(sent), output: tokens_in(written), cached: 0, estimated: true };
        };
        Tokens { input, output, cached: self.cached.min(input), estimated: false }
    }
}

/// About four bytes of English or JSON are a token.
fn tokens_in(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// The text at a key; nothing where there is none.
pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The start of a text that an error repeats.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_between_characters_and_the_turn_says_so() {
        let mut draft = Draft::new(5);
        assert_eq!((draft.say("aé".into()), draft.is_cut()), ("aé".into(), false));
        assert_eq!((draft.say("éé".into()), draft.is_cut()), ("é".into(), true));
        let turn = draft.finish(Finish::Stop, Usage::default(), 9);
        assert_eq!((turn.text.as_str(), turn.finish), ("aéé", Finish::Length));
        assert_eq!(turn.tokens, Tokens { input: 3, output: 2, cached: 0, estimated: true });
    }

    #[test]
    fn arguments_are_kept_whole_or_not_at_all() {
        let mut draft = Draft::new(4);
        let place = draft.begin(Piece::default()).unwrap();
        draft.append(place, "{}");
        draft.append(place, "abc");
        draft.append(place, "x");
        assert_eq!((draft.calls[0].arguments.as_str(), draft.is_cut()), ("{}", true));
    }

    #[test]
    fn more_calls_than_any_run_allows_are_cut() {
        let mut draft = Draft::new(1 << 20);
        let begun = (0..MOST_CALLS + 9).filter(|_| draft.begin(Piece::default()).is_some()).count();
        assert_eq!((begun, draft.is_cut()), (MOST_CALLS, true));
    }

    #[test]
    fn no_more_can_be_cached_than_was_read() {
        let usage = Usage { input: Some(7), output: Some(3), cached: 99 };
        assert_eq!(usage.tokens(0, 0), Tokens { input: 7, output: 3, cached: 7, estimated: false });
    }
}
