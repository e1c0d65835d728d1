//! Statements that want more than they may. Whatever they try, the files are as they were.

use granted::testing::Fixture;
use rusqlite::Connection;
use toolhold_sdk::Error;
use toolhold_sdk::serde_json::json;

use super::{fails, ok, shop};

/// Runs a statement that must be refused with both tools, and looks whether anything changed.
fn refused_by_both(fixture: &Fixture, sql: &str) {
    let path = fixture.path("shop.db");
    let before = (fixture.names(), std::fs::read(fixture.at("shop.db")).unwrap());
    let query = fails("query", json!({"path": path, "sql": sql}));
    let execute = fails("execute", json!({"path": path, "steps": [{"sql": sql}]}));
    for error in [query, execute] {
        assert!(matches!(error, Error::Denied(_) | Error::InvalidArgs(_) | Error::Failed(_)), "{sql}: {error:?}");
    }
    assert_eq!((fixture.names(), std::fs::read(fixture.at("shop.db")).unwrap()), before, "{sql}");
}

#[test]
fn nothing_is_attached_loaded_or_written_elsewhere() {
    let fixture = shop();
    std::fs::write(fixture.at("other.db"), b"").unwrap();
    let other = fixture.path("other.db");
    for sql in [
        format!("ATTACH '{other}' AS other"),
        format!("ATTACH 'file:{other}?mode=rwc' AS other"),
        "ATTACH ':memory:' AS m".to_owned(),
        "DETACH main".to_owned(),
        format!("VACUUM INTO '{other}'"),
        "VACUUM".to_owned(),
        "SELECT load_extension('evil')".to_owned(),
        "SELECT LOAD_EXTENSION('evil', 'main')".to_owned(),
        "SELECT fts3_tokenizer('simple', x'4141414141414141')".to_owned(),
        "SELECT writefile('/tmp/x', 'x')".to_owned(),
        "SELECT readfile('/etc/passwd')".to_owned(),
    ] {
        refused_by_both(&fixture, &sql);
    }
}

#[test]
fn a_trigger_does_no_more_than_who_sets_it_off() {
    let fixture = shop();
    let trigger = "CREATE TRIGGER t AFTER INSERT ON sale BEGIN SELECT load_extension('evil'); END";
    let steps = json!([{"sql": trigger}, {"sql": "INSERT INTO sale VALUES (1, 1)"}]);
    let error = fails("execute", json!({"path": fixture.path("shop.db"), "steps": steps}));
    assert!(error.message().contains("step 2 of 2"), "{error:?}");
}

#[test]
fn no_pragma_changes_anything() {
    let fixture = shop();
    for pragma in [
        "journal_mode = DELETE",
        "journal_mode(off)",
        "user_version = 7",
        "writable_schema = ON",
        "writable_schema(1)",
        "application_id = 1",
        "foreign_keys = OFF",
        "trusted_schema = ON",
        "locking_mode = NORMAL",
        "synchronous = OFF",
        "encoding = 'UTF-16'",
        "page_size = 512",
        "auto_vacuum = 1",
        "incremental_vacuum",
        "wal_checkpoint",
        "optimize",
        "temp_store_directory = '/tmp'",
        "data_store_directory = '/'",
        "mmap_size = 1000000",
        "hard_heap_limit = 1",
        "main.user_version = 1",
        "schema_version = 5",
        "analysis_limit = 1",
        "case_sensitive_like = 1",
    ] {
        refused_by_both(&fixture, &format!("PRAGMA {pragma}"));
    }
    ok("query", json!({"path": fixture.path("shop.db"), "sql": "PRAGMA user_version"}));
}

#[test]
fn transactions_are_the_calls_own() {
    let fixture = shop();
    for sql in ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"] {
        refused_by_both(&fixture, sql);
    }
    let path = fixture.path("shop.db");
    let escape = json!({"path": path, "steps": [{"sql": "DELETE FROM sale"}, {"sql": "COMMIT"}, {"sql": "nonsense"}]});
    assert!(fails("execute", escape).message().contains("step 2 of 3"));
    assert_eq!(ok("query", json!({"path": path, "sql": "SELECT count(*) FROM sale"}))["rows"], json!([[3]]));
}

#[test]
fn a_question_changes_nothing() {
    let fixture = shop();
    let path = fixture.path("shop.db");
    let before = std::fs::read(fixture.at("shop.db")).unwrap();
    for sql in [
        "DELETE FROM sale",
        "DELETE FROM sale RETURNING item",
        "WITH x AS (SELECT 1) UPDATE sale SET count = 0",
        "INSERT INTO sale SELECT 1, 1",
        "REPLACE INTO sale VALUES (1, 1)",
        "CREATE TABLE x(a)",
        "CREATE TEMP TABLE x(a)",
        "DROP TABLE sale",
        "ALTER TABLE sale RENAME TO x",
        "REINDEX",
        "ANALYZE",
        "EXPLAIN DELETE FROM sale",
        "SELECT 1; DELETE FROM sale",
    ] {
        let error = fails("query", json!({"path": path, "sql": sql}));
        assert!(matches!(error, Error::Denied(_) | Error::InvalidArgs(_)), "{sql}: {error:?}");
    }
    assert_eq!((fixture.names(), std::fs::read(fixture.at("shop.db")).unwrap()), (vec!["shop.db".to_owned()], before));
}

#[test]
fn the_schema_is_not_written_by_hand() {
    let fixture = shop();
    for sql in [
        "UPDATE sqlite_schema SET sql = 'x'",
        "DELETE FROM sqlite_master",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, 'x')",
    ] {
        refused_by_both(&fixture, sql);
    }
}

#[test]
fn a_path_is_a_path_and_no_uri() {
    let fixture = shop();
    for name in ["shop.db?mode=rwc", "shop.db?vfs=unix", "missing.db?immutable=1", "shop.db#x", "%73hop.db"] {
        let error = fails("query", json!({"path": fixture.path(name), "sql": "SELECT 1"}));
        assert!(matches!(error, Error::NotFound(_)), "{name}: {error:?}");
    }
    for path in [":memory:", "file::memory:", ""] {
        assert!(matches!(fails("query", json!({"path": path, "sql": "SELECT 1"})), Error::InvalidArgs(_)), "{path}");
    }
    std::fs::copy(fixture.at("shop.db"), fixture.at("a?b#c%41.db")).unwrap();
    let odd = json!({"path": fixture.path("a?b#c%41.db"), "sql": "SELECT count(*) FROM sale"});
    assert_eq!(ok("query", odd)["rows"], json!([[3]]));
}

#[test]
fn a_database_from_anybody_does_no_harm() {
    let fixture = shop();
    let connection = Connection::open(fixture.at("evil.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t(a, b GENERATED ALWAYS AS (abs(a)) VIRTUAL); INSERT INTO t(a) VALUES (1);
             CREATE VIEW v AS SELECT load_extension('evil') AS x FROM t;
             CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN DELETE FROM t; END;
             CREATE VIEW loop1 AS SELECT * FROM t;",
        )
        .unwrap();
    drop(connection);
    let path = fixture.path("evil.db");
    let message = fails("query", json!({"path": path, "sql": "SELECT * FROM v"})).message().to_owned();
    assert!(message.contains("load_extension"), "{message}");
    ok("schema", json!({"path": path}));
    let mut bytes = std::fs::read(fixture.at("shop.db")).unwrap();
    for byte in bytes.iter_mut().skip(100).step_by(7) {
        *byte = byte.wrapping_add(13);
    }
    std::fs::write(fixture.at("broken.db"), bytes).unwrap();
    for sql in ["SELECT * FROM item", "SELECT * FROM sold"] {
        let error = fails("query", json!({"path": fixture.path("broken.db"), "sql": sql}));
        assert!(matches!(error, Error::Failed(_) | Error::InvalidArgs(_)), "{error:?}");
    }
}
