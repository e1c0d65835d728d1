//! The forms that the database has had. The list only grows: what was shipped is never edited.

use std::sync::LazyLock;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::error::Error;

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::new(vec![
        M::up(include_str!("migrations/0001_calls_and_audit.sql")),
        M::up(include_str!("migrations/0002_standing.sql")),
        M::up(include_str!("migrations/0003_plans.sql")),
        M::up(include_str!("migrations/0004_reliability.sql")),
        M::up(include_str!("migrations/0005_runs.sql")),
        M::up(include_str!("migrations/0006_tapes.sql")),
        M::up(include_str!("migrations/0007_approvals.sql")),
        M::up(include_str!("migrations/0008_approval_age.sql")),
        M::up(include_str!("migrations/0009_retention.sql")),
    ])
});

/// Brings the database to the newest form.
pub(super) fn apply(connection: &mut Connection) -> Result<(), Error> {
    Ok(MIGRATIONS.to_latest(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_valid_and_what_was_shipped_is_unchanged() {
        MIGRATIONS.validate().unwrap();
        let first = toolhold_core::id::Digest::of(include_bytes!("migrations/0001_calls_and_audit.sql"));
        assert_eq!(first.hex(), "59e6a749fdedb5294841ecd7d3711f595c8fb678efa214abc6654d12d37c4029");
        let second = toolhold_core::id::Digest::of(include_bytes!("migrations/0002_standing.sql"));
        assert_eq!(second.hex(), "430800a19c2eb8bcae3f84be4fdd9aa299a507965f1265a053c87544dd3a0b28");
    }

    #[test]
    fn a_database_of_a_newer_version_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 1_000).unwrap();
        assert!(matches!(apply(&mut connection), Err(Error::Newer)));
    }
}
