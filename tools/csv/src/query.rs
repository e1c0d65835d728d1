//! `query`: rows that fulfil conditions, chosen columns, sorted; or sums over groups of them.

use csv_parser::StringRecord;
use toolhold_sdk::prelude::*;

use crate::cell;
use crate::source::{Rows, Table};

mod condition;
mod group;

use condition::{Condition, Conditions};
use group::{Aggregate, Groups};

/// Rows returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Rows returned at most.
const MAX_LIMIT: usize = 10_000;
/// Bytes of cells returned.
const MAX_RESULT_BYTES: usize = 1024 * 1024;
/// Bytes of cells held to be sorted.
const MAX_SORTED_BYTES: usize = 64 * 1024 * 1024;

/// One key of an order.
#[args]
#[derive(Debug)]
pub(crate) struct Order {
    /// Name of a column of the result.
    column: String,
    /// From the greatest to the least.
    #[serde(default)]
    descending: bool,
}

/// What to ask of a table.
#[args]
#[derive(Debug)]
pub(crate) struct QueryArgs {
    /// Either `path` or `text`, and how to read it where that cannot be found.
    table: Table,
    /// Only rows that fulfil all of these.
    #[serde(default)]
    filter: Vec<Condition>,
    /// Columns to return, in this order; all if left out.
    #[serde(default)]
    select: Vec<String>,
    /// One row for each combination of values of these columns, with what `aggregate` says of its rows.
    #[serde(default)]
    group_by: Vec<String>,
    /// What to compute over the rows of a group, or over all rows if there are no groups.
    #[serde(default)]
    aggregate: Vec<Aggregate>,
    /// Order of the result: numbers by size and before texts.
    #[serde(default)]
    sort: Vec<Order>,
    /// Rows of the result to leave out at the beginning.
    #[serde(default)]
    skip: usize,
    /// Rows to return, at most 10000; 100 if left out.
    limit: Option<usize>,
}

/// The rows.
#[output]
pub(crate) struct Found {
    /// Names of the columns.
    columns: Vec<String>,
    /// The rows: cells are the texts that they are in the file, computed values are numbers.
    rows: Vec<Vec<Value>>,
    /// Rows that there are, returned or not.
    total: usize,
    /// To go on, pass this as `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_skip: Option<usize>,
}

/// Asks a table (CSV, TSV) of any size: filters, selects, sorts, groups, counts and sums. Use it instead of reading the file.
#[tool(
    title = "Query a table",
    hints(read_only, idempotent),
    needs(read("/**", "reads the file it is asked to query"))
)]
pub(crate) fn query(args: QueryArgs) -> Result<Found> {
    let mut rows = args.table.open()?;
    let conditions = Conditions::resolve(&args.filter, &rows)?;
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let window = Window { skip: args.skip, limit };
    if !args.group_by.is_empty() || !args.aggregate.is_empty() {
        if !args.select.is_empty() {
            return Err(Error::invalid_args(
                "`select` does not go with groups: `group_by` and `aggregate` are the columns",
            ));
        }
        let mut groups = Groups::new(&args.group_by, &args.aggregate, &rows)?;
        let mut row = StringRecord::new();
        while rows.read(&mut row)? {
            if conditions.hold(&row) {
                groups.add(&row)?;
            }
        }
        let (columns, mut all) = groups.finish();
        sort(&mut all, &order(&args.sort, &columns)?);
        return Ok(window.of(columns, all));
    }
    plain(&args, &mut rows, &conditions, &window)
}

fn plain(args: &QueryArgs, rows: &mut Rows, conditions: &Conditions, window: &Window) -> Result<Found> {
    let selected: Vec<usize> = match args.select.as_slice() {
        [] => (0..rows.columns.len()).collect(),
        names => names.iter().map(|name| rows.column(name)).collect::<Result<_>>()?,
    };
    let columns: Vec<String> = selected.iter().filter_map(|index| rows.columns.get(*index)).cloned().collect();
    // A row may be sorted by what is not selected.
    let keys =
        args.sort.iter().map(|key| Ok((rows.column(&key.column)?, key.descending))).collect::<Result<Vec<_>>>()?;
    let (mut kept, mut keys_of, mut total, mut bytes) = (Vec::new(), Vec::new(), 0, 0);
    let mut row = StringRecord::new();
    while rows.read(&mut row)? {
        if !conditions.hold(&row) {
            continue;
        }
        total += 1;
        let wanted = if keys.is_empty() { total > window.skip && kept.len() < window.limit } else { true };
        if !wanted {
            continue;
        }
        bytes += row.as_slice().len() + 24 * row.len();
        if bytes > MAX_SORTED_BYTES {
            return Err(Error::failed("too many rows to sort; use `filter` or `group_by` to have fewer"));
        }
        let cells = |indexes: &[usize]| -> Vec<Value> {
            indexes.iter().map(|index| Value::from(row.get(*index).unwrap_or_default())).collect()
        };
        kept.push(cells(&selected));
        keys_of.push(cells(&keys.iter().map(|(index, _)| *index).collect::<Vec<_>>()));
    }
    if keys.is_empty() {
        return Ok(window.cut(columns, kept, total));
    }
    let order: Vec<(usize, bool)> =
        keys.iter().enumerate().map(|(place, (_, descending))| (place, *descending)).collect();
    let mut both: Vec<(Vec<Value>, Vec<Value>)> = keys_of.into_iter().zip(kept).collect();
    both.sort_by(|(left, _), (right, _)| compare(left, right, &order));
    Ok(window.of(columns, both.into_iter().map(|(_, row)| row).collect()))
}

fn order(sort: &[Order], columns: &[String]) -> Result<Vec<(usize, bool)>> {
    let place = |key: &Order| {
        let place = columns.iter().position(|column| *column == key.column).ok_or_else(|| {
            Error::invalid_args(format!(
                "`sort`: the result has no column `{}`; it has {}",
                key.column,
                columns.join(", ")
            ))
        })?;
        Ok((place, key.descending))
    };
    sort.iter().map(place).collect()
}

fn sort(rows: &mut [Vec<Value>], order: &[(usize, bool)]) {
    if !order.is_empty() {
        rows.sort_by(|left, right| compare(left, right, order));
    }
}

fn compare(left: &[Value], right: &[Value], order: &[(usize, bool)]) -> std::cmp::Ordering {
    let text = |row: &[Value], place: usize| match row.get(place) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let keys = order.iter().map(|(place, descending)| {
        let order = cell::compare(&text(left, *place), &text(right, *place));
        if *descending { order.reverse() } else { order }
    });
    keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

/// The part of a result that is returned.
struct Window {
    skip: usize,
    limit: usize,
}

impl Window {
    fn of(&self, columns: Vec<String>, all: Vec<Vec<Value>>) -> Found {
        let total = all.len();
        let rows = all.into_iter().skip(self.skip).take(self.limit).collect();
        self.cut(columns, rows, total)
    }

    /// Rows of the window, as many as have room.
    fn cut(&self, columns: Vec<String>, mut rows: Vec<Vec<Value>>, total: usize) -> Found {
        let mut bytes = 0;
        let fit = rows.iter().take_while(|row| {
            bytes += row.iter().map(|cell| cell.as_str().map_or(8, str::len) + 3).sum::<usize>();
            bytes <= MAX_RESULT_BYTES
        });
        let fit = fit.count();
        rows.truncate(fit);
        let next = self.skip + rows.len();
        Found { columns, rows, total, next_skip: (next < total && fit > 0).then_some(next) }
    }
}
