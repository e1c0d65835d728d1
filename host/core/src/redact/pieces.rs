//! A text that came in pieces: log lines, emitted parts. What is split over two of them is found in the whole.

use std::ops::Range;

use super::Redactor;
use super::search::Findings;

impl Redactor {
    /// Redacts each of `pieces`, and what begins in one of them and ends in another. Every piece that held a part of a
    /// secret has [`super::REDACTED`] in its place.
    pub(super) fn redact_pieces(&self, pieces: &mut [&mut String]) -> Findings {
        let mut all = Findings::default();
        for piece in pieces.iter_mut() {
            let found = self.search(piece.as_bytes());
            if !found.is_empty() {
                **piece = super::cut(piece, &found);
                all.secrets.extend(&found.secrets);
                all.ranges.extend(found.ranges);
            }
        }
        let whole: String = pieces.iter().map(|piece| piece.as_str()).collect();
        let found = self.search(whole.as_bytes());
        let mut at = 0;
        for piece in pieces.iter_mut() {
            let here = at..at + piece.len();
            at = here.end;
            let ranges: Vec<_> = found.ranges.iter().filter_map(|range| within(range, &here)).collect();
            if !ranges.is_empty() {
                **piece = super::cut(piece, &Findings { ranges, ..Findings::default() });
            }
        }
        all.secrets.extend(found.secrets);
        all.ranges.extend(found.ranges);
        all
    }
}

/// The part of `range` that is in `piece`, counted from the piece's begin.
fn within(range: &Range<usize>, piece: &Range<usize>) -> Option<Range<usize>> {
    let (start, end) = (range.start.max(piece.start), range.end.min(piece.end));
    (start < end).then(|| start - piece.start..end - piece.start)
}

#[cfg(test)]
mod tests {
    use super::super::REDACTED;
    use super::*;

    #[test]
    fn a_secret_that_is_split_over_pieces_is_taken_out_of_each() {
        let redactor = Redactor::new([("token", "hunter22-long")]);
        let mut pieces = ["a hunter22-long", "b hun", "ter22-", "long c", "d"].map(str::to_owned);
        let mut borrowed: Vec<&mut String> = pieces.iter_mut().collect();
        assert!(!redactor.redact_pieces(&mut borrowed).is_empty());
        assert_eq!(pieces.concat(), format!("a {REDACTED}b {REDACTED}{REDACTED}{REDACTED} cd"));
    }
}
