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
        M::up(include_str!("migrations/0010_cheaper_rows.sql")),
        M::up(include_str!("migrations/0011_calls_of_a_run.sql")),
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

    const A_CALL: &str = "INSERT INTO calls (call, run, tool, digest, mode, effects, arguments_digest, admitted_at, state, outcome_digest)
         VALUES (?1, 'r', 't.t', zeroblob(32), 'live', 'none', zeroblob(32), 1, ?1, iif(?1 = 'settled', zeroblob(32), NULL))";
    const A_PLAN: &str = "INSERT INTO plans (call, state, plan, effects, outcome, kept_bytes, made_at) VALUES (?1, ?1, '', '', '', 7, 1)";
    const CALL_STATES: [&str; 4] = ["admitted", "settled", "abandoned", "unknown"];
    const PLAN_STATES: [&str; 8] = ["preview", "applied", "ready", "landed", "refused", "undoing", "undone", "expired"];

    fn one<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> T {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn rules_that_were_written_anew_are_the_same_rules() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let mut connection = Connection::open(&path).unwrap();
        // With rows of before, and somebody who has the older form in memory.
        MIGRATIONS.to_version(&mut connection, 9).unwrap();
        connection.execute(A_CALL, ["settled"]).unwrap();
        connection.execute(A_PLAN, ["landed"]).unwrap();
        let other = Connection::open(&path).unwrap();
        assert_eq!(one::<i64>(&other, "SELECT count(*) FROM calls"), 1);
        apply(&mut connection).unwrap();
        let fresh = Connection::open(&path).unwrap();
        for connection in [&connection, &other, &fresh] {
            assert_eq!(one::<String>(connection, "PRAGMA integrity_check"), "ok");
            assert_eq!(one::<i64>(connection, "SELECT sum(kept_bytes) FROM plans WHERE state = 'landed'"), 7);
            for (sql, words) in [(A_CALL, &CALL_STATES[..]), (A_PLAN, &PLAN_STATES)] {
                for wrong in ["", "Settled", "landed ", "settled' OR ''='"] {
                    let error = connection.execute(sql, [wrong]).unwrap_err();
                    assert!(error.to_string().contains("CHECK constraint failed: state = "), "{wrong}: {error}");
                }
                connection.execute_batch("BEGIN; DELETE FROM calls; DELETE FROM plans").unwrap();
                for word in words {
                    connection.execute(sql, [word]).unwrap();
                }
                connection.execute_batch("ROLLBACK").unwrap();
            }
        }
    }

    #[test]
    fn a_row_needs_no_table_of_its_own() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection).unwrap();
        for sql in [A_CALL, A_PLAN] {
            let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
            let steps: Vec<String> =
                statement.query_map([""], |row| row.get(1)).unwrap().collect::<Result<_, _>>().unwrap();
            assert!(steps.iter().any(|step| step == "MakeRecord"), "{steps:?}");
            assert!(!steps.iter().any(|step| step == "OpenEphemeral"), "{steps:?}");
        }
        let kept =
            "EXPLAIN QUERY PLAN SELECT coalesce(sum(kept_bytes), 0) FROM plans WHERE state IN ('preview', 'landed')";
        let plan: String = connection.query_row(kept, [], |row| row.get(3)).unwrap();
        assert!(plan.contains("COVERING INDEX plans_by_state"), "{plan}");
    }

    #[test]
    fn an_entry_out_of_order_ends_the_transaction_and_leaves_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection).unwrap();
        let entry = "INTO audit (sequence, previous, hash, body) VALUES (?1, zeroblob(32), zeroblob(32), '')";
        for (verb, sequence) in
            [("INSERT", 3), ("INSERT OR REPLACE", 1), ("INSERT OR IGNORE", 5), ("INSERT OR ROLLBACK", 0)]
        {
            connection.execute_batch("BEGIN").unwrap();
            connection.execute(&format!("INSERT {entry}"), [1]).unwrap();
            let error = connection.execute(&format!("{verb} {entry}"), [sequence]).unwrap_err();
            assert!(error.to_string().contains("append-only"), "{verb}: {error}");
            assert!(connection.is_autocommit(), "{verb}");
            assert_eq!(one::<i64>(&connection, "SELECT count(*) FROM audit"), 0, "{verb}");
        }
    }

    #[test]
    fn a_database_of_a_newer_version_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 1_000).unwrap();
        assert!(matches!(apply(&mut connection), Err(Error::Newer)));
    }
}
