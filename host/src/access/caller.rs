//! Who asks, as far as a front is concerned: a name and a role.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use toolhold_core::id::Digest;

use super::attempts::Peer;
use super::role::Role;
use super::service::unauthorized;
use crate::problem::{Code, Problem};

/// How a request came here. In the extensions of every request, put there by who took the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Where it comes from.
    pub peer: Peer,
    /// Whether nobody on the way could read it, as far as this process can tell: TLS that ends here, or this machine's own socket.
    pub encrypted: bool,
}

impl Connection {
    /// By way of a socket in the file system.
    pub const LOCAL: Self = Self { peer: Peer::Local, encrypted: true };
}

/// Who asks. In the extensions of every request that reaches a front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, or `local:USER`. Idempotency keys, labels and the audit go by it.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// The token that it showed, by its hash. A caller of another kind has none.
    token: Option<Digest>,
}

impl Caller {
    /// A caller that showed no token: somebody else has vouched for it.
    #[must_use]
    pub fn new(name: &str, role: Role) -> Self {
        Self { name: name.into(), role, token: None }
    }

    /// Somebody on this machine who may use the state directory anyway.
    #[must_use]
    pub fn local(user: &str) -> Self {
        Self::new(&format!("local:{user}"), Role::Admin)
    }

    pub(super) fn of_token(name: &str, role: Role, token: Digest) -> Self {
        Self { name: name.into(), role, token: Some(token) }
    }

    pub(super) fn token(&self) -> Option<&Digest> {
        self.token.as_ref()
    }

    /// Goes on only for who may do what needs this role.
    ///
    /// # Errors
    ///
    /// The role is too small: 403, with the one that is needed.
    pub fn needs(&self, needed: Role) -> Result<(), Problem> {
        if self.role.has(needed) {
            return Ok(());
        }
        let why = format!("this needs the role `{needed}`, and `{}` has `{}`", self.name, self.role);
        Err(Problem::new(Code::Forbidden, why).with("needed", needed.as_str()))
    }
}

/// A handler that takes a `Caller` is not reached without one.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthorized("this needs a token", None))
    }
}

/// For the routes of a router that need the same role:
/// `.route_layer(axum::middleware::from_fn_with_state(Role::Run, access::needs))`.
///
/// # Errors
///
/// There is no caller, or its role is too small.
pub async fn needs(
    State(needed): State<Role>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    caller.needs(needed)?;
    Ok(next.run(request).await)
}
