//! Wrong tokens, counted: how many from where, and which of them the audit is told of. Pure: the time is passed in.
//!
//! Nobody guesses a token. What is bounded is what a flood of guesses costs: entries in the audit, and answers. A right token is let in
//! whatever came before it from the same place, so nobody can lock out who has one.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Wrong tokens from one place, in a minute, after which it is told to wait.
pub(super) const MOST_PER_PEER: u32 = 20;

/// Wrong tokens, in a minute, of which the audit is told one by one. Of the others it is told how many they were.
pub(super) const MOST_RECORDED: u32 = 30;

/// Places that are counted apart. Beyond, they count as one.
const MOST_PEERS: usize = 1024;

/// In microseconds.
const MINUTE: u64 = 60_000_000;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A network address.
    Address(IpAddr),
    /// This machine, by way of a socket in the file system.
    Local,
}

impl Peer {
    /// What one client has: of IPv6, a whole network of addresses.
    #[must_use]
    pub fn block(self) -> Self {
        match self {
            Self::Address(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => Self::Address(IpAddr::V4(address)),
                None => Self::Address(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))),
            },
            other => other,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(out),
            Self::Local => out.write_str("local"),
        }
    }
}

/// What is to be done about an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// The peer is to wait for so many seconds.
    pub(super) wait: Option<u64>,
    /// The audit is told, and of how many before this one it was not.
    pub(super) record: Option<u64>,
}

/// How many came lately.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Which minute is counted.
    minute: u64,
    peers: HashMap<Option<Peer>, u32>,
    recorded: u32,
    unrecorded: u64,
}

impl Attempts {
    /// Counts one that failed, at `now` in microseconds since 1970.
    pub(super) fn failed(&mut self, peer: Peer, now: u64) -> Counted {
        if now / MINUTE != self.minute {
            self.minute = now / MINUTE;
            self.peers.clear();
            self.recorded = 0;
        }
        let block = Some(peer.block());
        let known = self.peers.contains_key(&block) || self.peers.len() < MOST_PEERS;
        let count = self.peers.entry(block.filter(|_| known)).or_default();
        *count = count.saturating_add(1);
        let left = (MINUTE - now % MINUTE).div_ceil(1_000_000);
        let wait = (*count > MOST_PER_PEER).then_some(left);
        Counted { wait, record: self.record() }
    }

    fn record(&mut self) -> Option<u64> {
        if self.recorded >= MOST_RECORDED {
            self.unrecorded = self.unrecorded.saturating_add(1);
            return None;
        }
        self.recorded += 1;
        Some(std::mem::take(&mut self.unrecorded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u32) -> Peer {
        Peer::Address(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_place_is_told_to_wait_until_the_minute_is_over_and_others_are_not() {
        let mut attempts = Attempts::default();
        for _ in 0..MOST_PER_PEER {
            assert_eq!(attempts.failed(peer(1), MINUTE).wait, None);
        }
        assert_eq!(attempts.failed(peer(1), MINUTE + 1).wait, Some(60));
        assert_eq!(attempts.failed(peer(1), 2 * MINUTE - 1).wait, Some(1));
        assert_eq!(attempts.failed(peer(2), MINUTE + 1).wait, None);
        assert_eq!(attempts.failed(peer(1), 2 * MINUTE).wait, None);
    }

    #[test]
    fn the_audit_is_not_flooded_and_nothing_is_left_unsaid() {
        let mut attempts = Attempts::default();
        let told = (0..1000).filter(|_| attempts.failed(peer(1), 0).record.is_some()).count();
        assert_eq!(told, MOST_RECORDED as usize);
        assert_eq!(attempts.failed(peer(1), MINUTE).record, Some(1000 - u64::from(MOST_RECORDED)));
        assert_eq!(attempts.failed(peer(1), MINUTE).record, Some(0));
    }

    #[test]
    fn what_is_counted_is_bounded_whatever_comes() {
        let mut attempts = Attempts::default();
        for number in 0..10_000 {
            attempts.failed(peer(number), 0);
        }
        assert_eq!(attempts.peers.len(), MOST_PEERS + 1);
        assert!(attempts.failed(peer(77_777), 0).wait.is_some(), "those beyond count as one");
        assert!(attempts.failed(peer(1), 0).wait.is_none());
    }

    #[test]
    fn one_who_has_a_network_of_addresses_is_one() {
        let of = |text: &str| Peer::Address(text.parse().unwrap()).block();
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
