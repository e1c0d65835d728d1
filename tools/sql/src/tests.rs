//! The tools through the dispatch that the host uses, on databases that SQLite wrote elsewhere; `schema-check` holds arguments and
//! results against their schemas.

mod attacks;

use granted::testing::Fixture;
use rusqlite::Connection;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Effect, Error};

use crate::COMPONENT;

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> Error {
    call(&COMPONENT, tool, arguments).error()
}

/// A database with two tables.
fn shop() -> Fixture {
    let fixture = Fixture::new(&[]);
    let connection = Connection::open(fixture.at("shop.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL CHECK(price > 0), picture BLOB);
             CREATE TABLE sale(item INTEGER NOT NULL REFERENCES item(id), count INTEGER);
             CREATE INDEX sale_item ON sale(item);
             CREATE VIEW sold AS SELECT name, sum(count) AS count FROM sale JOIN item ON item.id = sale.item GROUP BY name;
             INSERT INTO item VALUES (1, 'pen', 1.5, x'00ff'), (2, 'desk', 200, NULL);
             INSERT INTO sale VALUES (1, 10), (1, 5), (2, 1);",
        )
        .unwrap();
    fixture
}

fn rows(fixture: &Fixture, sql: &str) -> Value {
    ok("query", json!({"path": fixture.path("shop.db"), "sql": sql}))["rows"].clone()
}

#[test]
fn only_execute_writes() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect == Effect::Write);
        assert_eq!((writes, tool.hints.read_only), (tool.name == "execute", !writes), "{}", tool.name);
    }
}

#[test]
fn a_database_is_described() {
    let fixture = shop();
    let schema = ok("schema", json!({"path": fixture.path("shop.db")}));
    let names: Vec<(&str, bool)> = schema["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| (table["name"].as_str().unwrap(), table["view"] == json!(true)))
        .collect();
    assert_eq!(names, [("item", false), ("sale", false), ("sold", true)]);
    let name = json!({"name": "name", "kind": "TEXT", "not_null": true, "primary_key": false});
    assert_eq!(schema["tables"][0]["columns"][1], name);
    assert_eq!(schema["indexes"][0]["table"], json!("sale"));
}

#[test]
fn questions_with_parameters_are_answered() {
    let fixture = shop();
    let path = fixture.path("shop.db");
    let by_place = json!({"path": path, "sql": "SELECT name, picture FROM item WHERE price < ? AND name LIKE ?", "parameters": [10, "p%"]});
    let expected = json!({"columns": ["name", "picture"], "rows": [["pen", {"base64": "AP8="}]], "truncated": false});
    assert_eq!(ok("query", by_place), expected);
    let by_name = json!({"path": path, "sql": "SELECT :a + $b, @c", "parameters": {"a": 1, "b": 2.5, "c": null}});
    assert_eq!(ok("query", by_name)["rows"], json!([[3.5, null]]));
    assert_eq!(rows(&fixture, "SELECT * FROM sold ORDER BY count DESC"), json!([["pen", 15], ["desk", 1]]));
    assert_eq!(rows(&fixture, "SELECT name FROM pragma_table_info('sale')"), json!([["item"], ["count"]]));
    assert_eq!(rows(&fixture, "PRAGMA integrity_check"), json!([["ok"]]));
    assert_eq!(
        rows(&fixture, "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n"),
        json!([[1], [2], [3]])
    );
    assert_eq!(
        rows(&fixture, "SELECT json_extract('{\"a\": [1, 9007199254740993]}', '$.a[1]')"),
        json!([[9_007_199_254_740_993_i64]])
    );
}

#[test]
fn results_are_bounded() {
    let fixture = shop();
    let many = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let answer = ok("query", json!({"path": fixture.path("shop.db"), "sql": many, "limit": 5}));
    assert_eq!((answer["rows"].as_array().unwrap().len(), &answer["truncated"]), (5, &json!(true)));
    let wide = "SELECT hex(zeroblob(20000)) FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)";
    let answer = ok("query", json!({"path": fixture.path("shop.db"), "sql": wide, "limit": 10_000}));
    assert!(answer["truncated"] == json!(true) && answer.to_string().len() < 1_200_000);
    let large = rows(&fixture, "SELECT hex(zeroblob(50000)), zeroblob(100000)");
    assert_eq!((&large[0][0]["bytes"], &large[0][1]["bytes"]), (&json!(100_000), &json!(100_000)));
    let huge = json!({"path": fixture.path("shop.db"), "sql": "SELECT zeroblob(100000000)"});
    assert!(fails("query", huge).message().contains("too large"));
}

#[test]
fn changes_are_one_transaction() {
    let fixture = shop();
    let path = fixture.path("shop.db");
    let done = ok(
        "execute",
        json!({"path": path, "steps": [
            {"sql": "INSERT INTO item(name, price, picture) VALUES (?, ?, ?) RETURNING id", "parameters": ["cup", 3, {"base64": "AQI="}]},
            {"sql": "UPDATE sale SET count = count + 1 WHERE item = :item", "parameters": {"item": 1}},
            {"sql": "CREATE TABLE note(text)"},
        ]}),
    );
    assert_eq!(
        (&done["steps"][0]["rows"]["rows"], &done["steps"][1]["changes"], &done["last_insert_rowid"]),
        (&json!([[3]]), &json!(2), &json!(3))
    );
    let failing = json!({"path": path, "steps": [{"sql": "DELETE FROM sale"}, {"sql": "INSERT INTO item(name, price) VALUES ('bad', -1)"}]});
    let message = fails("execute", failing).message().to_owned();
    assert!(message.contains("step 2 of 2") && message.contains("CHECK"), "{message}");
    let orphan = json!({"path": path, "steps": [{"sql": "INSERT INTO sale VALUES (99, 1)"}]});
    assert!(fails("execute", orphan).message().contains("FOREIGN KEY"));
    let connection = Connection::open(fixture.at("shop.db")).unwrap();
    let count: i64 = connection.query_row("SELECT sum(count) FROM sale", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 18, "what other programs see");
    assert_eq!(connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    assert_eq!(fixture.names(), ["shop.db"], "nothing is left beside it");
}

#[test]
fn a_database_is_made_only_when_said() {
    let fixture = Fixture::new(&[(
        "text",
        "no database at all, but long enough to have a header of a hundred bytes .................................",
    )]);
    let steps = json!([{"sql": "CREATE TABLE t(a)"}]);
    assert!(matches!(fails("execute", json!({"path": fixture.path("new.db"), "steps": steps})), Error::NotFound(_)));
    ok("execute", json!({"path": fixture.path("new.db"), "steps": steps, "create": true}));
    assert_eq!(ok("schema", json!({"path": fixture.path("new.db")}))["tables"][0]["name"], json!("t"));
    assert!(fails("schema", json!({"path": fixture.path("text")})).message().contains("is no SQLite database"));
    assert!(fails("schema", json!({"path": fixture.path("")})).message().contains("is a directory"));
}

#[test]
fn a_log_that_was_not_written_back_is_read_and_written() {
    let fixture = shop();
    let connection = Connection::open(fixture.at("shop.db")).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(())).unwrap();
    connection.execute("UPDATE item SET name = 'pencil' WHERE id = 1", []).unwrap();
    std::fs::copy(fixture.at("shop.db"), fixture.at("copy.db")).unwrap();
    std::fs::copy(fixture.at("shop.db-wal"), fixture.at("copy.db-wal")).unwrap();
    drop(connection);
    let select = json!({"path": fixture.path("copy.db"), "sql": "SELECT name FROM item WHERE id = 1"});
    let before = std::fs::read(fixture.at("copy.db-wal")).unwrap();
    assert_eq!(ok("query", select.clone())["rows"], json!([["pencil"]]));
    assert_eq!(std::fs::read(fixture.at("copy.db-wal")).unwrap(), before, "a question changes nothing");
    ok(
        "execute",
        json!({"path": fixture.path("copy.db"), "steps": [{"sql": "UPDATE item SET name = 'quill' WHERE id = 1"}]}),
    );
    assert_eq!(ok("query", select)["rows"], json!([["quill"]]));
    let other = Connection::open(fixture.at("copy.db")).unwrap();
    assert_eq!(
        other.query_row("SELECT name FROM item WHERE id = 1", [], |row| row.get::<_, String>(0)).unwrap(),
        "quill"
    );
    // In WAL mode and closed: there is no log, and none can be made by a reader.
    assert_eq!(rows(&fixture, "SELECT name FROM item WHERE id = 1"), json!([["pencil"]]));
}

#[test]
fn a_change_that_was_cut_off_is_not_read_and_is_put_back() {
    let fixture = shop();
    let mut connection = Connection::open(fixture.at("shop.db")).unwrap();
    connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; CREATE TABLE big(a); WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO big SELECT hex(zeroblob(100)) FROM n").unwrap();
    let transaction = connection.transaction().unwrap();
    transaction.execute("UPDATE big SET a = 'uncommitted'", []).unwrap();
    std::fs::copy(fixture.at("shop.db"), fixture.at("cut.db")).unwrap();
    std::fs::copy(fixture.at("shop.db-journal"), fixture.at("cut.db-journal")).unwrap();
    transaction.rollback().unwrap();
    let select = json!({"path": fixture.path("cut.db"), "sql": "SELECT count(*) FROM big WHERE a = 'uncommitted'"});
    assert!(fails("query", select.clone()).message().contains("in the middle of a change"));
    ok("execute", json!({"path": fixture.path("cut.db"), "steps": [{"sql": "SELECT 1"}]}));
    assert_eq!(ok("query", select)["rows"], json!([[0]]));
}

#[test]
fn mistakes_name_place_and_fix() {
    let fixture = shop();
    let path = fixture.path("shop.db");
    let message = |sql: &str, parameters: Value| {
        fails("query", json!({"path": path, "sql": sql, "parameters": parameters})).message().to_owned()
    };
    assert!(message("SELECT nam FROM item", json!(null)).contains("no such column: nam, at `nam FROM item`"));
    assert!(message("SELEC 1", json!(null)).contains("syntax error"));
    assert!(message("SELECT ?, ?", json!([1])).contains("has 2 parameters, and `parameters` has 1"));
    assert!(message("SELECT :a", json!({"b": 1})).contains("has no parameter `:b`"));
    assert!(message("SELECT :a, :b", json!({"a": 1})).contains("has 2 parameters, and `parameters` has 1"));
    assert!(message("SELECT ?", json!([[1]])).contains("give JSON as its text"));
    assert!(message("SELECT ?", json!([18_446_744_073_709_551_615_u64])).contains("does not fit 64 bits"));
    assert!(message("SELECT 1; SELECT 2", json!(null)).contains("more than one statement"));
    assert!(message(" -- nothing", json!(null)).contains("no statement"));
}
