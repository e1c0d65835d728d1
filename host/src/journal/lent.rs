//! Connections that read, lent to one reader after the other: opening one parses the form of the whole database anew.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

/// Most connections that are kept while nobody reads.
const KEPT: usize = 4;

/// Connections of one journal that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    connections: Vec<Connection>,
    /// The journal is closed: what comes back is closed too.
    closed: bool,
}

impl Idle {
    /// One that was used before.
    pub(super) fn take(&self) -> Option<Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).connections.pop()
    }

    /// Closes all, and whatever comes back later.
    pub(super) fn close(&self) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.closed = true;
        shelf.connections.clear();
    }

    fn put(&self, connection: Connection) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One within a transaction sees the database as it was, and keeps the log from being emptied.
        if !shelf.closed && shelf.connections.len() < KEPT && connection.is_autocommit() {
            shelf.connections.push(connection);
        }
    }
}

/// A connection, given back when it is dropped if it was lent.
#[derive(Debug)]
pub(super) struct Lent {
    /// `None` while it is dropped.
    connection: Option<Connection>,
    home: Option<Arc<Idle>>,
}

impl Lent {
    /// One that goes back to `home`.
    pub(super) fn from(connection: Connection, home: Arc<Idle>) -> Self {
        Self { connection: Some(connection), home: Some(home) }
    }

    /// One of the reader's own.
    pub(super) fn own(connection: Connection) -> Self {
        Self { connection: Some(connection), home: None }
    }
}

impl Deref for Lent {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "it is taken when it is dropped, and then nobody has it")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a connection until it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(connection), Some(home)) = (self.connection.take(), &self.home) {
            home.put(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_comes_back_unless_it_is_in_the_middle_or_too_many_or_too_late() {
        let idle = Arc::new(Idle::default());
        let lend = || Lent::from(Connection::open_in_memory().unwrap(), Arc::clone(&idle));
        drop(Lent::own(Connection::open_in_memory().unwrap()));
        assert!(idle.take().is_none());
        let one = lend();
        one.execute_batch("CREATE TABLE mark (x)").unwrap();
        drop(one);
        let again = Lent::from(idle.take().unwrap(), Arc::clone(&idle));
        again.prepare("SELECT x FROM mark").unwrap();
        again.execute_batch("BEGIN").unwrap();
        drop(again);
        assert!(idle.take().is_none(), "a transaction");
        drop((0..=KEPT).map(|_| lend()).collect::<Vec<_>>());
        assert_eq!((0..=KEPT).filter(|_| idle.take().is_some()).count(), KEPT);
        let late = lend();
        idle.close();
        drop(late);
        assert!(idle.take().is_none());
    }
}
