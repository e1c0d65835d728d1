//! Engines: how guests are compiled and where their memory comes from.
//!
//! Every engine has the same compiler settings, so that one compiled artifact loads into all of them; they differ in
//! the size of their pools only. Nothing here knows what a call is.

mod artifact;
mod cache;
mod compile;
mod settings;
mod ticker;
mod trust;

#[cfg(test)]
pub(crate) use artifact::trailer;
pub(crate) use artifact::{Artifact, Unusable};
pub(crate) use cache::Cache;
pub use compile::CompileError;
pub(crate) use compile::Compiler;
pub(crate) use settings::{PoolSize, bounds, new_engine};
pub(crate) use ticker::Ticker;
