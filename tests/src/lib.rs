//! What the end-to-end tests are made of: the guests, how they are built, and a host to run them in.
//!
//! Order of reading: [`guests`] builds what compilers make, [`wat_guest`] what none would, [`bomb`] what is too large to be
//! written down, [`lie`] what describes itself falsely, [`http_server`] what they talk to, [`sigstore`] who vouches for them;
//! [`test_host`] is where they run. The tests themselves are in `tests/suite`.

pub mod bomb;
pub mod guests;
pub mod http_server;
pub mod lie;
pub mod sigstore;
pub mod test_host;
pub mod wat_guest;

include!(concat!(env!("OUT_DIR"), "/lists.rs"));
