//! Guests that a compiler makes, by what they go for.

mod compute;
mod files;
mod paths;
mod results;
mod surroundings;
mod talk;

pub(crate) use compute::*;
pub(crate) use files::*;
pub(crate) use paths::*;
pub(crate) use results::*;
pub(crate) use surroundings::*;
pub(crate) use talk::*;
