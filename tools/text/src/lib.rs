//! `text`: what a model does to text and should not do in its head. Pure functions: no file, no clock, no randomness, so
//! none of these tools needs anything.

mod codec;
mod count;
mod diff;
mod extract;
mod hash;
mod pattern;
mod replace;

toolhold_sdk::component!(
    diff::diff,
    count::count,
    extract::extract,
    replace::replace,
    codec::encode,
    codec::decode,
    hash::hash
);

#[cfg(test)]
mod tests;
