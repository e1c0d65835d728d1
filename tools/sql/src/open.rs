//! Opening a database in a sandbox: there are no locks and no shared memory, and nobody else runs in it.
//!
//! Without locks, the file is one connection's alone (`locking_mode = EXCLUSIVE`), for which a write-ahead log needs no shared
//! memory. A database without log and journal is opened as immutable, because a read-only one could not make a log. With a journal
//! that somebody left, a reader refuses: what is in the file then was never committed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use toolhold_sdk::prelude::*;

use crate::judge;
use crate::mistake;

/// Bytes of a text, a blob, a row or a statement.
const MAX_LENGTH: i32 = 16 * 1024 * 1024;
/// Levels of an expression, and statements within each other: each takes stack.
const MAX_DEPTH: i32 = 100;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read a database that is there.
    Read,
    /// Change a database that is there.
    Write,
    /// Change a database, or make it.
    Create,
}

/// Opens the database at `path`.
///
/// # Errors
/// It is not there, is no database, or is in a state in which it cannot be read.
pub(crate) fn open(path: &str, access: Access) -> Result<Connection> {
    let path = granted::path::check(path)?;
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            return Err(granted::path::explain(path, std::io::ErrorKind::IsADirectory.into()));
        }
        Ok(_) => {}
        Err(_) if access == Access::Create && !granted::path::exists(path) => {}
        Err(error) => return Err(granted::path::explain(path, error)),
    }
    let beside = Beside::look(path)?;
    let opened = connect(path, access, beside).and_then(|connection| prepare(&connection, access).map(|()| connection));
    opened.map_err(|error| mistake::of_file(path, &error))
}

fn connect(path: &Path, access: Access, beside: Beside) -> rusqlite::Result<Connection> {
    let (mode, flags) = match access {
        Access::Read if beside == Beside::Something => ("ro", OpenFlags::SQLITE_OPEN_READ_ONLY),
        Access::Read => ("ro&immutable=1", OpenFlags::SQLITE_OPEN_READ_ONLY),
        Access::Write => ("rw", OpenFlags::SQLITE_OPEN_READ_WRITE),
        Access::Create => ("rwc", OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE),
    };
    let uri = format!("file:{}?vfs=unix-none&mode={mode}", escaped(path));
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// What stands beside a database: a log or a journal with something in it, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Something,
    Nothing,
}

impl Beside {
    /// Looks. What may not be seen may be there, and a database without its log or journal is another one: so that is an error.
    fn look(path: &Path) -> Result<Self> {
        let mut beside = Self::Nothing;
        for ending in ["-wal", "-journal"] {
            match fs::metadata(format!("{}{ending}", path.display())) {
                Ok(file) if file.len() > 0 => beside = Self::Something,
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::denied(format!(
                        "`{0}` cannot be read without knowing whether `{0}{ending}` is there; grant reading that too",
                        path.display()
                    )));
                }
                _ => {}
            }
        }
        Ok(beside)
    }
}

fn escaped(path: &Path) -> String {
    path.display().to_string().chars().fold(String::new(), |mut escaped, character| {
        if matches!(character, '%' | '?' | '#') {
            let _infallible = write!(escaped, "%{:02X}", u32::from(character));
        } else {
            escaped.push(character);
        }
        escaped
    })
}

fn prepare(connection: &Connection, access: Access) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY;")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH)?;
    connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, MAX_DEPTH)?;
    connection.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, MAX_DEPTH)?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if access != Access::Read {
        if mode != "wal" {
            // The host lands a call as a whole or not at all: a journal on disk would be one more file to grant.
            connection.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
        }
        connection.execute_batch("PRAGMA foreign_keys = ON")?;
    }
    // Reads the file: what is no database is found here, and what must be recovered is.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| judge::judge(&context.action, access)))
}
