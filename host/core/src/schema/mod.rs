//! JSON Schema for arguments and results: compiled once per tool, checked before and after every call.
//!
//! A schema comes from a component that nobody trusts, and the value from a model that nobody trusts either. So what a
//! schema may cost is bounded when it is compiled ([`CompiledSchema::compile`]) and what a value may cost is bounded
//! before it is looked at. Nothing here fetches anything: a `$ref` that leaves the schema is an error.
//!
//! Dialects: 2020-12 (also where `$schema` is absent) and draft 7. `format` is an annotation, as both dialects have it by
//! default: it is shown to the model and never refuses a call. `contentEncoding` and `contentMediaType` likewise in 2020-12.

mod bounds;
mod compile;
mod cost;
mod error;
mod explain;
mod parse;
mod render;
mod violation;

pub(crate) use bounds::Extent;
pub use compile::CompiledSchema;
pub(crate) use cost::Cost;
pub use error::Error;
pub(crate) use explain::nearest;
pub use parse::{MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES, is_heavy, parse};
pub use violation::{MAX_VIOLATIONS, Violation, Violations};

#[cfg(test)]
mod tests;
