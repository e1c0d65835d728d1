//! What is free in the database after something was removed, and how it goes back to the file system.

use rusqlite::Connection;

use super::error::Error;

/// A new database can give free pages back in small steps.
const GIVES_BACK: &str = "PRAGMA auto_vacuum = INCREMENTAL";

/// The log is cut to this many bytes when it was moved into the database: one large step does not leave a large log for ever.
pub(super) const SHORT_LOG: &str = "PRAGMA journal_size_limit = 8388608";

/// Pages that are given back at once.
pub(super) const PAGES_OF_A_STEP: u32 = 512;

/// Has a database that is new give free pages back in small steps. An older one does so once it is [written anew](compact).
///
/// To say it again to one that does would write it into its first page each time, and wait for the disk.
pub(super) fn of_new_ones(connection: &Connection) -> Result<(), Error> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages == 0 {
        connection.execute_batch(GIVES_BACK)?;
    }
    Ok(())
}

/// Gives up to `pages` free pages back, and says how many there were.
pub(super) fn give_back(connection: &Connection, pages: u32) -> Result<usize, Error> {
    // Each page that is given back is a row: whoever does not ask for the next one gives back one.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    let mut given = 0;
    while rows.next()?.is_some() {
        given += 1;
    }
    Ok(given)
}

/// Writes the database anew, in the form of a new one.
pub(super) fn compact(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(GIVES_BACK)?;
    Ok(connection.execute_batch("VACUUM")?)
}
