//! Who may ask this server for what: tokens with roles, and what a request's caller is to the parts that answer it.
//!
//! A front learns of its caller by the [`Caller`] in a request's extensions, put there by the [`gate`] or by the control socket, and asks
//! it for a [`Role`]. Nothing that is served makes, changes or removes a token: that is done on this machine, with `toolhold tokens`.

mod attempts;
mod caller;
mod file;
mod gate;
mod invitations;
mod role;
mod secret;
mod service;
mod tokens;

pub use attempts::Peer;
pub use caller::{Caller, Connection, needs};
pub use file::{TokenFile, TokenFileError};
pub use gate::gate;
pub(crate) use gate::let_in;
pub use invitations::{INVITED, Invitation};
pub use role::Role;
pub use secret::{Secret, digest_of};
pub use service::Access;
pub use tokens::{Name, Token, Tokens, TokensError};
