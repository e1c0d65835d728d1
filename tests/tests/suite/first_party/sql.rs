//! `sql`: databases that SQLite on the host wrote, read and written by SQLite in the sandbox, and the other way round. The component is
//! C, so it is not on every machine.

use rusqlite::Connection;
use serde_json::json;
use toolhold_tests::guests;
use toolhold_tests::test_host::{self, TestHost};

use super::Bench;

/// The tool with a database, where it is built.
fn bench(limits: &str) -> Option<Bench> {
    let bench = Bench::of(&guests::other("sql").unwrap()?, limits);
    let connection = connect(&bench);
    connection
        .execute_batch(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, size INT GENERATED ALWAYS AS (length(body)) STORED, body BLOB);
             CREATE INDEX by_name ON item(name DESC) WHERE name <> '';
             CREATE TABLE pair(a TEXT PRIMARY KEY, b) WITHOUT ROWID;
             CREATE VIRTUAL TABLE words USING fts5(text);
             INSERT INTO words VALUES ('hello world');
             WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO item(name, body) SELECT 'n' || i, zeroblob(i * 20) FROM n;",
        )
        .unwrap();
    Some(bench)
}

fn connect(bench: &Bench) -> Connection {
    Connection::open(bench.directory.path().join("a.db")).unwrap()
}

#[test]
fn a_database_of_the_host_is_read_and_changed() {
    let Some(bench) = bench("") else { return };
    let ask = |sql: &str| bench.ok("query", json!({"path": "/work/a.db", "sql": sql}))["rows"].clone();
    assert_eq!(ask("SELECT count(*), sum(size) FROM item"), json!([[2000, 40_020_000]]));
    assert_eq!(ask("SELECT id FROM item WHERE name = 'N77'"), json!([[77]]));
    assert_eq!(ask("SELECT text FROM words WHERE words MATCH 'hello'"), json!([["hello world"]]));
    assert_eq!(ask("PRAGMA integrity_check"), json!([["ok"]]));
    let steps = json!([{"sql": "DELETE FROM item WHERE id > 10"}, {"sql": "INSERT INTO pair VALUES (?, ?)", "parameters": ["k", 1.5]}]);
    bench.ok("execute", json!({"path": "/work/a.db", "steps": steps}));
    let connection = connect(&bench);
    let answer: (i64, f64) = connection
        .query_row("SELECT count(*), (SELECT b FROM pair) FROM item", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(answer, (10, 1.5));
    assert_eq!(connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    assert_eq!(std::fs::read_dir(bench.directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_log_of_the_host_is_read_and_written_back() {
    let Some(bench) = bench("") else { return };
    let connection = connect(&bench);
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(())).unwrap();
    connection.execute("UPDATE item SET name = 'new' WHERE id = 1", []).unwrap();
    for ending in ["", "-wal"] {
        let file = |name: &str| bench.directory.path().join(format!("{name}{ending}"));
        std::fs::copy(file("a.db"), file("copy.db")).unwrap();
    }
    drop(connection);
    let select = json!({"path": "/work/copy.db", "sql": "SELECT name FROM item WHERE id = 1"});
    assert_eq!(bench.ok("query", select)["rows"], json!([["new"]]));
    let update = json!([{"sql": "UPDATE item SET name = 'newer' WHERE id = 1"}]);
    bench.ok("execute", json!({"path": "/work/copy.db", "steps": update}));
    let other = Connection::open(bench.directory.path().join("copy.db")).unwrap();
    assert_eq!(
        other.query_row("SELECT name FROM item WHERE id = 1", [], |row| row.get::<_, String>(0)).unwrap(),
        "newer"
    );
    // Closed in WAL mode, without a log: a reader cannot make one and need not.
    assert_eq!(
        bench.ok("query", json!({"path": "/work/a.db", "sql": "SELECT name FROM item WHERE id = 1"}))["rows"],
        json!([["new"]])
    );
}

#[test]
fn a_statement_that_never_ends_is_stopped_and_changes_nothing() {
    let Some(bench) = bench("limits.fuel = 300_000_000") else { return };
    let endless = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_eq!(bench.fails("query", json!({"path": "/work/a.db", "sql": endless})).0, "limit-crossed");
    let before = std::fs::read(bench.directory.path().join("a.db")).unwrap();
    let steps =
        json!([{"sql": "DELETE FROM pair"}, {"sql": format!("INSERT INTO pair {endless}, 1")}, {"sql": endless}]);
    bench.fails("execute", json!({"path": "/work/a.db", "steps": steps}));
    assert_eq!(std::fs::read(bench.directory.path().join("a.db")).unwrap(), before);
}

#[test]
fn what_is_denied_is_not_reached() {
    let Some(bench) = bench("") else { return };
    bench.put("secret/b.db", std::fs::read(bench.directory.path().join("a.db")).unwrap());
    for sql in [
        "ATTACH '/work/secret/b.db' AS b",
        "VACUUM INTO '/work/c.db'",
        "SELECT load_extension('/work/x.so')",
        "DELETE FROM item",
    ] {
        assert_ne!(bench.fails("query", json!({"path": "/work/a.db", "sql": sql})).0, "trap", "{sql}");
    }
    bench.fails("query", json!({"path": "/work/secret/b.db", "sql": "SELECT 1"}));
    bench.fails(
        "execute",
        json!({"path": "/work/secret/new.db", "steps": [{"sql": "CREATE TABLE t(a)"}], "create": true}),
    );
    assert!(!bench.directory.path().join("secret/new.db").exists());
}

#[test]
fn a_database_without_its_log_is_not_read() {
    let Some(bench) = bench("") else { return };
    let path = bench.directory.path().display();
    let host = |read: &str| {
        let grants =
            format!("[[tools.guest.directories]]\nhost = \"{path}\"\nguest = \"/work\"\nread = [\"{read}\"]\n");
        TestHost::new(&test_host::shared().unwrap(), &guests::other("sql").unwrap().unwrap(), &grants).unwrap()
    };
    let select = json!({"path": "/work/a.db", "sql": "SELECT count(*) FROM item"});
    let alone = host("a.db").call("query", select.clone()).unwrap();
    let message = alone.failure().unwrap().message.to_string();
    assert!(message.contains("a.db-wal") && message.contains("grant reading that too"), "{message}");
    let whole = host("a.db*").call("query", select).unwrap();
    assert_eq!(whole.value().unwrap()["rows"], json!([[2000]]));
}
