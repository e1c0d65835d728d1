//! `csv`: tables as text. A model asks for the rows and sums it needs instead of reading the file.
//!
//! Everything reads as a stream ([`source`]): a file of any size takes the memory of what is kept, which is bounded. Cells stay
//! the texts that they are unless an argument asks for types, because `007` is not 7.

mod cell;
mod convert;
mod info;
mod query;
mod source;

toolhold_sdk::component!(info::info, query::query, convert::convert, convert::convert_file);

#[cfg(test)]
mod tests;
