//! `sql`: SQLite databases in granted files.
//!
//! Three things keep a statement in its place, and each would do: `query` declares no need to write, so the host gives it no file to
//! write to; the connection is opened read-only; and what a statement does is judged while SQLite prepares it ([`judge`]).
//! Fuel and the bounds on rows end what takes too long or gives too much.

mod bind;
mod cell;
mod execute;
mod judge;
mod mistake;
mod open;
mod query;
mod rows;
mod schema;

toolhold_sdk::component!(schema::schema, query::query, execute::execute);

#[cfg(test)]
mod tests;
