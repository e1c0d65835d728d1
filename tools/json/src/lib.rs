//! `json`: what a model should not do to JSON by rewriting it: ask it questions, change a part, compare, check, lay out.
//!
//! Every tool takes a document in one of three forms ([`document`]); only `edit` changes a file. A program of `query` may run
//! for ever: the host's fuel ends it, and nothing here counts steps.

mod document;
mod edit;
mod format;
mod patch;
mod query;
mod validate;

toolhold_sdk::component!(
    query::query,
    validate::validate,
    patch::patch,
    patch::merge,
    patch::diff,
    edit::edit,
    format::format,
);

#[cfg(test)]
mod tests;
