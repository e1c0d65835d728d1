//! The only place that opens a socket for a guest, and the only one where a secret meets a request. What comes back is searched
//! for secrets before it is handed over.
//!
//! What arrives here is granted and counted by the sandbox. Here names are looked up, addresses checked, and the connection is
//! made to an address that was checked: nothing looks a name up a second time. Nothing here follows a redirect, reads a proxy
//! from the environment, keeps a connection for another request, or decompresses what comes.

mod answer;
mod client;
mod connect;
mod exchange;
mod lookup;
mod place;
#[cfg(test)]
mod tests;

pub use self::client::Client;
pub use self::place::SecretLookup;
