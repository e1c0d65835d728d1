//! Why a schema cannot be used.

use crate::escape::short as shown;

/// Why a schema cannot be used. Read by the author of a component and by its operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither an object nor a boolean.
    #[error("a schema must be an object or a boolean, this is {0}")]
    NotASchema(&'static str),
    /// Written for a dialect that is not supported.
    #[error("the dialect `{}` is not supported: use JSON Schema 2020-12 or draft 7", shown(.0, 200))]
    Dialect(String),
    /// Longer than what is read.
    #[error("the schema has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// Its length as compact text.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Nested deeper than what is read.
    #[error("the schema is nested deeper than {0} levels")]
    TooDeep(usize),
    /// More regular expressions than what is compiled.
    #[error("the schema has {found} regular expressions, at most {limit} are compiled")]
    TooManyPatterns {
        /// How many there are.
        found: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A reference to something outside of the schema.
    #[error("`$ref` to `{}` leaves the schema and nothing is ever fetched: copy it into `$defs`", shown(.0, 200))]
    RemoteReference(String),
    /// References that lead back to where they started without looking at a part of the value.
    #[error("the reference at `{}` leads back to itself without looking at a part of the value", shown(.0, 200))]
    Loop(String),
    /// Combinations that make checking one value take longer than anybody can wait.
    #[error(
        "checking one value takes more than {limit} steps: use fewer nested `allOf`, `anyOf`, `oneOf`, `$ref` and `unevaluated…`"
    )]
    TooCostly {
        /// What is allowed.
        limit: u64,
    },
    /// Not a valid schema of its dialect.
    #[error("`{}` in the schema: {}", shown(.at, 200), shown(.why, 400))]
    Invalid {
        /// JSON pointer into the schema; empty for the whole.
        at: String,
        /// What is wrong.
        why: String,
    },
}
