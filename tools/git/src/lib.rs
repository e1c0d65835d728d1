//! `git`: the history of a repository, read from its files: no git, no hooks, no filters, no configuration of anybody runs.
//!
//! The reader is our own and small ([`store`]): what there is for Rust maps packs into memory, which no sandbox of WASI allows. It
//! reads loose objects and packs of SHA-1 repositories; what it cannot read (SHA-256, reftable) it says.

mod object;
mod oid;
mod store;

mod refs;
mod repository;
mod revision;
mod tree;

mod patch;
mod time;

mod blame;
mod diff;
mod list_refs;
mod log;
mod read;
mod show;

toolhold_sdk::component!(list_refs::refs, log::log, show::show, diff::diff, read::read, blame::blame);

#[cfg(test)]
mod tests;
