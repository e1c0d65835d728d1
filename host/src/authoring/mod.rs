//! What people who write tools use: their test cases, run in the real sandbox, in a world of their own.

mod canned;
mod case;
mod grants;
mod world;

pub(crate) use self::case::{CaseError, Ran, Workshop};
