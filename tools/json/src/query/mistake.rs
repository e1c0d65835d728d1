//! What is wrong with a program, with the place.

use jaq_core::compile::{self, Undefined};
use jaq_core::load;
use toolhold_sdk::prelude::*;

/// Characters of the program shown after the place.
const SHOWN: usize = 30;

/// A program that cannot be read.
pub(super) fn of_syntax(program: &str, errors: &load::Errors<&str, ()>) -> Error {
    let Some((_, error)) = errors.first() else { return Error::invalid_args("`program` is no jq program") };
    let (expected, found) = match error {
        load::Error::Io(_) => {
            return Error::invalid_args("`program` cannot use `import` or `include`: there are no modules");
        }
        load::Error::Lex(errors) => match errors.first() {
            Some((expected, found)) => (expected.as_str(), *found),
            None => ("another token", ""),
        },
        load::Error::Parse(errors) => match errors.first() {
            Some((expected, found)) => (expected.as_str(), *found),
            None => ("another token", ""),
        },
    };
    let start = load::span(program, found).start.min(program.len());
    let rest: String = program.get(start..).unwrap_or_default().chars().take(SHOWN).collect();
    let found = if rest.is_empty() { "its end".to_owned() } else { format!("`{rest}`") };
    Error::invalid_args(format!(
        "`program`: expected {expected} at character {}, found {found}",
        1 + count(program, start)
    ))
}

/// A program that names what does not exist.
pub(super) fn of_names(errors: &compile::Errors<&str, ()>) -> Error {
    let named = errors.iter().flat_map(|(_, errors)| errors).map(|(name, what)| match what {
        Undefined::Filter(arity) => format!("there is no filter `{name}/{arity}`"),
        Undefined::Var => format!("there is no variable `{name}`; give it in `variables`, without `$`"),
        other => format!("there is no {} `{name}`", other.as_str()),
    });
    let named: Vec<String> = named.collect();
    Error::invalid_args(format!("`program`: {}", named.join(", ")))
}

fn count(program: &str, end: usize) -> usize {
    program.get(..end).map_or(0, |before| before.chars().count())
}
