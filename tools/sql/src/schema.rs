//! `schema`: what a database consists of.

use rusqlite::{Connection, Row};
use toolhold_sdk::prelude::*;

use crate::mistake;
use crate::open::{Access, open};

/// Tables, indexes and others that are returned.
const MAX_OBJECTS: usize = 500;

/// A column.
#[output]
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name.
    name: String,
    /// Its type, as it was declared; empty if it was not.
    kind: String,
    /// True if it cannot be null.
    not_null: bool,
    /// True if it belongs to the primary key.
    primary_key: bool,
}

/// A table or a view.
#[output]
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    name: String,
    /// True if it is a view.
    view: bool,
    /// Its columns.
    columns: Vec<Column>,
    /// The statement that made it: constraints, foreign keys, or the query of a view.
    sql: String,
}

/// An index or a trigger.
#[output]
#[derive(Debug)]
pub(crate) struct Attached {
    /// Its name.
    name: String,
    /// The table that it belongs to.
    table: String,
    /// The statement that made it.
    sql: String,
}

/// All of it.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// Tables and views.
    tables: Vec<Table>,
    /// Indexes that were made by a statement of their own.
    indexes: Vec<Attached>,
    /// Triggers.
    triggers: Vec<Attached>,
    /// True if there is more.
    truncated: bool,
}

/// Describes a SQLite database: tables and views with their columns, indexes, triggers. The first call on a database that is not
/// known.
#[tool(
    title = "Describe a SQLite database",
    hints(read_only, idempotent),
    needs(read("/**", "reads the database it is asked to describe"))
)]
pub(crate) fn schema(
    /// Absolute path of the database.
    path: String,
) -> Result<Schema> {
    let connection = open(&path, Access::Read)?;
    read(&connection).map_err(|error| mistake::of_statement(&error, "cannot be read"))
}

fn read(connection: &Connection) -> rusqlite::Result<Schema> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY type, name",
    )?;
    let text =
        |row: &Row<'_>, index: usize| row.get_ref(index).map(|cell| cell.as_str().unwrap_or_default().to_owned());
    let mut rows = statement.query([])?;
    let (mut schema, mut count) = (Schema::default(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        if count > MAX_OBJECTS {
            schema.truncated = true;
            break;
        }
        let (kind, name, table, sql) = (text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?);
        match kind.as_str() {
            "index" => schema.indexes.push(Attached { name, table, sql }),
            "trigger" => schema.triggers.push(Attached { name, table, sql }),
            // A view of something that is not there any more has no columns, and is shown.
            _ => {
                let columns = columns(connection, &name).unwrap_or_default();
                schema.tables.push(Table { view: kind == "view", columns, name, sql });
            }
        }
    }
    Ok(schema)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement =
        connection.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?) WHERE hidden <> 1")?;
    let rows = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            kind: row.get(1)?,
            not_null: row.get(2)?,
            primary_key: row.get::<_, i64>(3)? > 0,
        })
    })?;
    rows.collect()
}
