//! From a host to addresses that a request may go to.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use toolhold_core::grant::address::is_permitted;
use toolhold_core::grant::http::{Host, Target};
use toolhold_sandbox::capability::http::EgressError;

/// Addresses of one name that are tried.
const MAX_TRIED: usize = 8;

/// The addresses of the target that are public or in one of the ranges `named`. There is at least one.
///
/// # Errors
///
/// [`EgressError::Lookup`] and [`EgressError::Address`].
pub(super) async fn permitted(target: &Target, named: &[IpNet]) -> Result<Vec<SocketAddr>, EgressError> {
    let found = match target.host() {
        Host::V4(address) => vec![IpAddr::V4(*address)],
        Host::V6(address) => vec![IpAddr::V6(*address)],
        Host::Name(name) => lookup(name).await?,
    };
    checked(target.host(), &found, named)
        .map(|addresses| addresses.into_iter().map(|address| SocketAddr::new(address, target.port())).collect())
}

async fn lookup(name: &str) -> Result<Vec<IpAddr>, EgressError> {
    let found = tokio::net::lookup_host((name, 0)).await;
    let found = found.map_err(|error| EgressError::Lookup(format!("`{name}` cannot be looked up: {error}")))?;
    Ok(found.map(|address| address.ip()).collect())
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
