//! From a host to addresses that a request may go to.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use toolhold_core::grant::address::is_permitted;
use toolhold_core::grant::http::{Host, Target};
use toolhold_sandbox::capability::http::EgressError;

/// Addresses of one name that are tried.
const MAX_TRIED: usize = 8;

/// The addresses of a name. Waits for as long as the operating system does.
type Resolve = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Finds the addresses of names.
#[derive(Clone)]
pub(super) struct Lookups(Arc<Resolve>);

impl Default for Lookups {
    fn default() -> Self {
        Self::by(|name| (name, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect()))
    }
}

/// A turn to look a name up; none where there is nothing to look up.
pub(super) type Turn = Option<OwnedSemaphorePermit>;

/// Waits for a turn among the lookups of one component. Nobody can end a lookup: it has its turn until the operating system gives it up,
/// also when nobody waits for it any more. So names of which nothing is heard take no more than these.
pub(super) async fn turn(target: &Target, lookups: &Arc<Semaphore>) -> Result<Turn, EgressError> {
    match target.host() {
        Host::V4(_) | Host::V6(_) => Ok(None),
        Host::Name(_) => {
            let turn = Arc::clone(lookups).acquire_owned().await;
            turn.map(Some).map_err(|_| EgressError::Lookup("the host is being shut down".into()))
        }
    }
}

impl Lookups {
    pub(super) fn by(resolve: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(resolve))
    }

    /// The addresses of the target that are public or in one of the ranges `named`. There is at least one.
    ///
    /// # Errors
    ///
    /// [`EgressError::Lookup`] and [`EgressError::Address`].
    pub(super) async fn permitted(
        &self,
        target: &Target,
        turn: Turn,
        named: &[IpNet],
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let found = match target.host() {
            Host::V4(address) => vec![IpAddr::V4(*address)],
            Host::V6(address) => vec![IpAddr::V6(*address)],
            Host::Name(name) => self.of_name(name, turn).await?,
        };
        checked(target.host(), &found, named)
            .map(|addresses| addresses.into_iter().map(|address| SocketAddr::new(address, target.port())).collect())
    }

    async fn of_name(&self, name: &str, turn: Turn) -> Result<Vec<IpAddr>, EgressError> {
        let (resolve, wanted) = (Arc::clone(&self.0), name.to_owned());
        let found = tokio::task::spawn_blocking(move || {
            let found = resolve(&wanted);
            drop(turn);
            found
        });
        let found = found.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        found.map_err(|error| EgressError::Lookup(format!("`{name}` cannot be looked up: {error}")))
    }
}

/// The permitted ones of the addresses that were found, or why there is none.
pub(super) fn checked(host: &Host, found: &[IpAddr], named: &[IpNet]) -> Result<Vec<IpAddr>, EgressError> {
    let permitted: Vec<IpAddr> =
        found.iter().copied().filter(|address| is_permitted(*address, named)).take(MAX_TRIED).collect();
    match found.first() {
        None => Err(EgressError::Lookup(format!("`{host}` has no address"))),
        Some(first) if permitted.is_empty() => Err(EgressError::Address(format!(
            "`{host}` leads to {first}, which is not a public address; name its range in `addresses` if it is meant"
        ))),
        Some(_) => Ok(permitted),
    }
}
