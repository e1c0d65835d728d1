//! Which conditions may hold for given arguments, without a look at each.
//!
//! A condition that wants an argument to be one of some texts or numbers, or a text that begins in one way, stands below that
//! argument; it is looked at only where the argument is so. What else it wants is not the index's concern: who is found is
//! weighed as a whole. Any condition that is not understood here is found always.
//!
//! Texts stand sorted and not hashed, so that one search finds equal ones and beginnings alike, nothing is drawn at random, and a
//! long argument is read no further than a condition goes. A search allocates nothing.

mod needed;
mod texts;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use needed::{Needed, What, number};
use texts::Texts;

/// Conditions by their position.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those that may hold whatever the arguments are.
    any: Vec<usize>,
    arguments: BTreeMap<String, Argument>,
}

/// Conditions that want something of one argument. Each list is in ascending order.
#[derive(Debug, Default)]
struct Argument {
    /// Those that may hold without it.
    without: Vec<usize>,
    /// Those that may hold if it is no text.
    no_text: Vec<usize>,
    numbers: BTreeMap<u64, Vec<usize>>,
    texts: Texts,
}

impl Index {
    /// Enters conditions by their schemas; `None` stands for a rule without one.
    pub(super) fn of<'a>(conditions: impl Iterator<Item = Option<&'a Value>>) -> Self {
        let mut index = Self::default();
        for (position, condition) in conditions.enumerate() {
            match condition.and_then(Needed::of) {
                Some(needed) => index.arguments.entry(needed.argument.to_owned()).or_default().enter(position, needed),
                None => index.any.push(position),
            }
        }
        index.arguments.values_mut().for_each(|argument| argument.texts.sort());
        index
    }

    /// What `weigh` finds at the lowest position at `from` or after it where it finds something, if it finds nothing where a
    /// condition does not hold.
    pub(super) fn first<T>(
        &self,
        arguments: &Map<String, Value>,
        from: usize,
        weigh: impl Fn(usize) -> Option<T>,
    ) -> Option<T> {
        let mut best: Option<(usize, T)> = None;
        let mut look = |positions: &[usize]| {
            let before = best.as_ref().map_or(usize::MAX, |(position, _)| *position);
            let start = positions.partition_point(|position| *position < from);
            let mut positions = positions.iter().skip(start).copied().take_while(|position| *position < before);
            let found = positions.find_map(|position| weigh(position).map(|found| (position, found)));
            best = found.or(best.take());
        };
        look(&self.any);
        for (name, argument) in &self.arguments {
            argument.visit(arguments.get(name), &mut look);
        }
        best.map(|(_, found)| found)
    }
}

impl Argument {
    fn enter(&mut self, position: usize, needed: Needed<'_>) {
        if !needed.required {
            self.without.push(position);
        }
        match needed.what {
            What::Begins(prefix) => {
                self.no_text.push(position);
                self.texts.enter(prefix, position, |entry| &mut entry.beginnings);
            }
            What::Is(values) => values.iter().for_each(|value| match value {
                Value::String(text) => self.texts.enter(text.clone(), position, |entry| &mut entry.equal),
                value => push(self.numbers.entry(number(value).unwrap_or_default()).or_default(), position),
            }),
        }
    }

    /// Shows all positions of conditions that may hold where the argument is `value`.
    fn visit(&self, value: Option<&Value>, look: &mut impl FnMut(&[usize])) {
        match value {
            None => look(&self.without),
            Some(Value::String(text)) => self.texts.visit(text, look),
            Some(value) => {
                look(&self.no_text);
                if let Some(positions) = number(value).and_then(|number| self.numbers.get(&number)) {
                    look(positions);
                }
            }
        }
    }
}

/// Enters a position once, though a condition may name a value twice.
fn push(positions: &mut Vec<usize>, position: usize) {
    if positions.last() != Some(&position) {
        positions.push(position);
    }
}
