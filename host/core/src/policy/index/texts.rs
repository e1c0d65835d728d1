//! Texts and beginnings of texts: one search finds all that fit.

use super::push;

/// Texts that conditions name. [`Texts::sort`] ends entering.
#[derive(Debug, Default)]
pub(super) struct Texts {
    entries: Vec<Entry>,
}

/// One text, and the conditions that want it. The lists are in ascending order.
#[derive(Debug, Default)]
pub(super) struct Entry {
    text: String,
    /// Those that want the whole text.
    pub(super) equal: Vec<usize>,
    /// Those that want a text that begins with it.
    pub(super) beginnings: Vec<usize>,
    /// The longest other entry that it begins with and that begins something.
    shorter: Option<usize>,
}

impl Texts {
    pub(super) fn enter(&mut self, text: String, position: usize, list: impl Fn(&mut Entry) -> &mut Vec<usize>) {
        let mut entry = Entry { text, ..Entry::default() };
        list(&mut entry).push(position);
        self.entries.push(entry);
    }

    /// Puts entries in order, those of one text together.
    pub(super) fn sort(&mut self) {
        // Stable: positions were entered in ascending order and stay so.
        self.entries.sort_by(|left, right| left.text.cmp(&right.text));
        self.entries.dedup_by(|later, earlier| {
            let same = later.text == earlier.text;
            if same {
                later.equal.iter().for_each(|position| push(&mut earlier.equal, *position));
                later.beginnings.iter().for_each(|position| push(&mut earlier.beginnings, *position));
            }
            same
        });
        // Entries that the one at hand begins with: each of them begins with the one before it.
        let mut open: Vec<(usize, String)> = Vec::new();
        for (index, entry) in self.entries.iter_mut().enumerate() {
            while open.last().is_some_and(|(_, text)| !entry.text.starts_with(text.as_str())) {
                open.pop();
            }
            entry.shorter = open.last().map(|(index, _)| *index);
            if !entry.beginnings.is_empty() {
                open.push((index, entry.text.clone()));
            }
        }
    }

    /// Shows the positions of all that want `text`, or a beginning of it.
    pub(super) fn visit(&self, text: &str, look: &mut impl FnMut(&[usize])) {
        // INVARIANT: a text that `text` begins with stands at or before the last entry that is not greater, and that entry begins
        // with it as well; so it is that entry or follows from it by `shorter`.
        let after = self.entries.partition_point(|entry| entry.text.as_str() <= text);
        let mut at = after.checked_sub(1);
        if let Some(entry) = at.and_then(|at| self.entries.get(at)).filter(|entry| entry.text == text) {
            look(&entry.equal);
        }
        while let Some(entry) = at.and_then(|at| self.entries.get(at)) {
            if text.starts_with(entry.text.as_str()) {
                look(&entry.beginnings);
            }
            at = entry.shorter;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_search_finds_what_one_finds_who_looks_at_all(
            entered in prop::collection::vec(("[ab]{0,5}", any::<bool>()), 0..30),
            text in "[ab]{0,6}",
        ) {
            let mut texts = Texts::default();
            for (position, (text, equal)) in entered.iter().enumerate() {
                let list: fn(&mut Entry) -> &mut Vec<usize> =
                    if *equal { |entry| &mut entry.equal } else { |entry| &mut entry.beginnings };
                texts.enter(text.clone(), position, list);
            }
            texts.sort();
            let mut found = Vec::new();
            texts.visit(&text, &mut |positions| {
                assert!(positions.is_sorted(), "{positions:?}");
                found.extend_from_slice(positions);
            });
            found.sort_unstable();
            let fits = |(wanted, equal): &(String, bool)| if *equal { *wanted == text } else { text.starts_with(wanted) };
            let expected: Vec<usize> =
                entered.iter().enumerate().filter(|(_, entered)| fits(entered)).map(|(position, _)| position).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
