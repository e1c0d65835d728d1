//! Groups of rows, and what is computed over each.

use std::collections::{HashMap, HashSet};

use csv_parser::StringRecord;
use toolhold_sdk::prelude::*;

use crate::cell;
use crate::source::Rows;

/// Groups at most.
const MAX_GROUPS: usize = 100_000;
/// Different values held at once by all `distinct` together.
const MAX_DISTINCT: usize = 500_000;

/// What to compute.
#[args]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// Rows, or with `column` cells with something in them.
    Count,
    /// Sum of the numbers.
    Sum,
    /// Arithmetic mean of the numbers.
    Mean,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// How many different values.
    Distinct,
}

/// One thing to compute.
#[args]
#[derive(Debug)]
pub(crate) struct Aggregate {
    /// What to compute.
    function: Function,
    /// Over which column; `count` needs none.
    column: Option<String>,
    /// Name of the computed column; such as `sum of price` if left out.
    name: Option<String>,
}

/// All groups.
pub(super) struct Groups {
    columns: Vec<String>,
    by: Vec<usize>,
    computed: Vec<(Function, Option<usize>)>,
    groups: HashMap<Vec<String>, usize>,
    tallies: Vec<Vec<Tally>>,
    distinct: usize,
    /// The key of the row before, whose room is used again.
    key: Vec<String>,
}

#[derive(Default)]
struct Tally {
    count: u64,
    numbers: u64,
    sum: cell::Sum,
    extreme: Option<String>,
    seen: HashSet<String>,
}

impl Groups {
    /// # Errors
    /// A column does not exist or is not said.
    pub(super) fn new(by: &[String], aggregates: &[Aggregate], rows: &Rows) -> Result<Self> {
        let mut columns = by.to_vec();
        let by = by.iter().map(|name| rows.column(name)).collect::<Result<_>>()?;
        let counted = [Aggregate { function: Function::Count, column: None, name: None }];
        let aggregates = if aggregates.is_empty() { &counted } else { aggregates };
        let mut computed = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            columns.push(aggregate.name());
            computed.push((aggregate.function, aggregate.resolve(rows)?));
        }
        Ok(Self { columns, by, computed, groups: HashMap::new(), tallies: Vec::new(), distinct: 0, key: Vec::new() })
    }

    /// # Errors
    /// There are too many groups or values.
    pub(super) fn add(&mut self, row: &StringRecord) -> Result<()> {
        // The key is looked up before it is owned: most rows belong to a group that is there.
        let mut key = std::mem::take(&mut self.key);
        key.resize_with(self.by.len(), String::new);
        for (part, index) in key.iter_mut().zip(&self.by) {
            part.clear();
            part.push_str(row.get(*index).unwrap_or_default());
        }
        let place = self.groups.get(&key).copied().unwrap_or_else(|| {
            self.tallies.push(self.computed.iter().map(|_| Tally::default()).collect());
            self.groups.insert(key.clone(), self.tallies.len() - 1);
            self.tallies.len() - 1
        });
        self.key = key;
        if self.tallies.len() > MAX_GROUPS || self.distinct > MAX_DISTINCT {
            return Err(Error::failed("too many groups or different values; use `filter`, or group by another column"));
        }
        let Some(tallies) = self.tallies.get_mut(place) else { return Ok(()) };
        for (tally, (function, column)) in tallies.iter_mut().zip(&self.computed) {
            let cell = column.map(|index| row.get(index).unwrap_or_default());
            self.distinct += usize::from(tally.add(*function, cell));
        }
        Ok(())
    }

    /// The columns, and a row for each group in the order of their first rows.
    pub(super) fn finish(mut self) -> (Vec<String>, Vec<Vec<Value>>) {
        if self.by.is_empty() && self.tallies.is_empty() {
            // Over all rows there is an answer also if there are none.
            self.groups.insert(Vec::new(), 0);
            self.tallies.push(self.computed.iter().map(|_| Tally::default()).collect());
        }
        let mut keys: Vec<(usize, Vec<String>)> = self.groups.into_iter().map(|(key, place)| (place, key)).collect();
        keys.sort_unstable();
        let rows = keys.into_iter().zip(self.tallies).map(|((_, key), tallies)| {
            let computed = tallies.into_iter().zip(&self.computed).map(|(tally, (function, _))| tally.value(*function));
            key.into_iter().map(Value::from).chain(computed).collect()
        });
        (self.columns, rows.collect())
    }
}

impl Aggregate {
    fn name(&self) -> String {
        let function = match self.function {
            Function::Count => "count",
            Function::Sum => "sum",
            Function::Mean => "mean",
            Function::Min => "min",
            Function::Max => "max",
            Function::Distinct => "distinct",
        };
        let computed = || self.column.as_ref().map_or(function.to_owned(), |column| format!("{function} of {column}"));
        self.name.clone().unwrap_or_else(computed)
    }

    fn resolve(&self, rows: &Rows) -> Result<Option<usize>> {
        match (&self.column, self.function) {
            (Some(name), _) => rows.column(name).map(Some),
            (None, Function::Count) => Ok(None),
            (None, _) => Err(Error::invalid_args(format!("`aggregate`: `{}` needs a `column`", self.name()))),
        }
    }
}

impl Tally {
    /// Takes a cell; true if its value is one more to be remembered.
    fn add(&mut self, function: Function, cell: Option<&str>) -> bool {
        let Some(cell) = cell else {
            self.count += 1;
            return false;
        };
        if cell.is_empty() {
            return false;
        }
        self.count += 1;
        match function {
            Function::Count => false,
            Function::Sum | Function::Mean => {
                if let Some(number) = cell::number(cell) {
                    self.numbers += 1;
                    self.sum.add(cell, number);
                }
                false
            }
            Function::Min => self.keep(cell, std::cmp::Ordering::Less),
            Function::Max => self.keep(cell, std::cmp::Ordering::Greater),
            Function::Distinct => !self.seen.contains(cell) && self.seen.insert(cell.to_owned()),
        }
    }

    fn keep(&mut self, cell: &str, wanted: std::cmp::Ordering) -> bool {
        if self.extreme.as_ref().is_none_or(|known| cell::compare(cell, known) == wanted) {
            self.extreme = Some(cell.to_owned());
        }
        false
    }

    fn value(self, function: Function) -> Value {
        match function {
            Function::Count => Value::from(self.count),
            Function::Sum => self.sum.value(),
            Function::Mean if self.numbers > 0 => self.sum.mean_value(self.numbers),
            Function::Mean => Value::Null,
            Function::Min | Function::Max => self.extreme.map_or(Value::Null, Value::from),
            Function::Distinct => Value::from(self.seen.len()),
        }
    }
}
