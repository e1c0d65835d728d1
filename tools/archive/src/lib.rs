//! `archive`: zip, tar, tar.gz and gz, from anybody.
//!
//! An archive says where its entries go, how large they are and what they are, and all of it may be a lie. So extraction is two
//! passes: the first ([`survey`]) reads all of it and writes nothing, and whatever is not plainly a file or a directory below the
//! target, or is too much, ends the call there. The second holds what is written against what the first has seen.

mod bounds;
mod create;
mod entry;
mod extract;
mod format;
mod list;
mod reader;
mod survey;

toolhold_sdk::component!(list::list, extract::extract, create::create);

#[cfg(test)]
mod tests;
