//! Granted files as tools need them: what a path is and how a failure is explained, a file loaded whole with a bound, a file
//! stored in place. What a path reaches is the host's decision; nothing here resolves links or tries to contain anything.

mod identity;
mod load;
pub mod path;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use identity::{Identity, identity, is_same, is_within};
pub use load::{load, load_text};
pub use store::{Existing, store};
