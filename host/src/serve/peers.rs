//! How many connections, or open requests, there are, and from where.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::Peer;

/// The connections of a server, or its open requests, counted.
#[derive(Debug, Clone)]
pub(super) struct Peers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_per_peer: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<Peer, usize>,
}

/// One that counts, for as long as this is there.
#[derive(Debug)]
pub(super) struct Entered {
    peers: Peers,
    block: Peer,
}

impl Peers {
    /// So many in all, and so many of one peer.
    pub(super) fn new(most: usize, most_per_peer: usize) -> Self {
        Self(Arc::new(Inner { most, most_per_peer, open: Mutex::default() }))
    }

    /// One more, if there is room.
    pub(super) fn enter(&self, peer: Peer) -> Option<Entered> {
        let block = peer.block();
        let mut open = self.open();
        if open.all >= self.0.most || open.of.get(&block).is_some_and(|count| *count >= self.0.most_per_peer) {
            return None;
        }
        open.all += 1;
        *open.of.entry(block).or_default() += 1;
        Some(Entered { peers: self.clone(), block })
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.peers.open();
        open.all = open.all.saturating_sub(1);
        let left = open.of.get_mut(&self.block).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == Some(0) {
            open.of.remove(&self.block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_leaves_room_for_others_and_all_together_have_an_end() {
        let peer = |number: u32| Peer::Address(std::net::IpAddr::V4(number.into()));
        let peers = Peers::new(5, 2);
        let first: Vec<_> = (0..3).map(|_| peers.enter(peer(1))).collect();
        assert_eq!(first.iter().flatten().count(), 2);
        let others: Vec<_> = (2..9).filter_map(|number| peers.enter(peer(number))).collect();
        assert_eq!(others.len(), 3);
        drop(first);
        assert!(peers.enter(peer(1)).is_some());
        drop(others);
        // What is over is not remembered.
        assert!(peers.open().of.is_empty() && peers.open().all == 0);
    }
}
