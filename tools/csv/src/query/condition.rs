//! Conditions on the cells of a row.

use std::cmp::Ordering;

use csv_parser::StringRecord;
use toolhold_sdk::prelude::*;

use crate::cell;
use crate::source::Rows;

/// What a cell must be.
#[args]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    /// The same number, or the same text.
    Equal,
    /// Another.
    NotEqual,
    /// A lesser number than a number, or a text before a text.
    Less,
    /// Not greater.
    AtMost,
    /// A greater number than a number, or a text behind a text.
    Greater,
    /// Not less.
    AtLeast,
    /// A text that contains the value.
    Contains,
    /// A text that begins with the value.
    StartsWith,
    /// A text that ends with the value.
    EndsWith,
    /// One of `values`.
    OneOf,
    /// Nothing in it.
    Empty,
    /// Something in it.
    NotEmpty,
}

/// A condition on one cell of each row.
#[args]
#[derive(Debug)]
pub(crate) struct Condition {
    /// Name of the column.
    column: String,
    /// What its cell must be.
    is: Is,
    /// The value to compare with.
    value: Option<Value>,
    /// The values of `one_of`.
    #[serde(default)]
    values: Vec<Value>,
    /// Take upper and lower case for the same.
    #[serde(default)]
    ignore_case: bool,
}

/// Conditions on the columns of one table.
pub(super) struct Conditions(Vec<Resolved>);

struct Resolved {
    column: usize,
    is: Is,
    values: Vec<String>,
    ignore_case: bool,
}

impl Conditions {
    /// # Errors
    /// A column does not exist, or a value is missing or too much.
    pub(super) fn resolve(conditions: &[Condition], rows: &Rows) -> Result<Self> {
        conditions.iter().map(|condition| condition.resolve(rows)).collect::<Result<_>>().map(Self)
    }

    pub(super) fn hold(&self, row: &StringRecord) -> bool {
        self.0.iter().all(|condition| condition.holds(row.get(condition.column).unwrap_or_default()))
    }
}

impl Condition {
    fn resolve(&self, rows: &Rows) -> Result<Resolved> {
        let column = rows.column(&self.column)?;
        let values = match (self.is, &self.value, self.values.as_slice()) {
            (Is::Empty | Is::NotEmpty, None, []) => Vec::new(),
            (Is::OneOf, None, [_, ..]) => self.values.iter().map(|value| self.text(value)).collect::<Result<_>>()?,
            (Is::OneOf | Is::Empty | Is::NotEmpty, ..) => {
                return Err(self.wrong("`one_of` takes `values`, `empty` and `not_empty` take nothing"));
            }
            (_, Some(value), []) => vec![self.text(value)?],
            _ => return Err(self.wrong("give the `value` to compare with")),
        };
        Ok(Resolved { column, is: self.is, values, ignore_case: self.ignore_case })
    }

    fn text(&self, value: &Value) -> Result<String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(self.wrong("a value is a text, a number, true or false")),
        };
        Ok(if self.ignore_case { text.to_lowercase() } else { text })
    }

    fn wrong(&self, what: &str) -> Error {
        Error::invalid_args(format!("`filter` on `{}`: {what}", self.column))
    }
}

impl Resolved {
    fn holds(&self, cell: &str) -> bool {
        let lowered;
        let cell = if self.ignore_case {
            lowered = cell.to_lowercase();
            &lowered
        } else {
            cell
        };
        let value = self.values.first().map_or("", String::as_str);
        let order = |allowed: &[Ordering]| match cell::numbers(cell, value) {
            Some(order) => allowed.contains(&order),
            // A text is neither less nor greater than a number.
            None if cell.is_empty() || cell::number(cell).is_some() || cell::number(value).is_some() => false,
            None => allowed.contains(&cell.cmp(value)),
        };
        match self.is {
            Is::Equal => same(cell, value),
            Is::NotEqual => !same(cell, value),
            Is::Less => order(&[Ordering::Less]),
            Is::AtMost => order(&[Ordering::Less, Ordering::Equal]),
            Is::Greater => order(&[Ordering::Greater]),
            Is::AtLeast => order(&[Ordering::Greater, Ordering::Equal]),
            Is::Contains => cell.contains(value),
            Is::StartsWith => cell.starts_with(value),
            Is::EndsWith => cell.ends_with(value),
            Is::OneOf => self.values.iter().any(|value| same(cell, value)),
            Is::Empty => cell.trim().is_empty(),
            Is::NotEmpty => !cell.trim().is_empty(),
        }
    }
}

/// Whether two texts are the same, or two numbers.
fn same(cell: &str, value: &str) -> bool {
    cell == value || cell::numbers(cell, value) == Some(Ordering::Equal)
}
