//! Values between JSON and SQLite.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{Value as Sql, ValueRef};
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Number;

/// Bytes of a cell that are returned.
const MAX_CELL: usize = 64 * 1024;
/// Bytes of its beginning that are returned if it has more.
const SHOWN: usize = 1024;

/// A parameter: null, true, false, a number, a text, or `{"base64": "…"}`.
///
/// # Errors
/// It is none of these.
pub(crate) fn to_sql(value: &Value) -> Result<Sql> {
    match value {
        Value::Null => Ok(Sql::Null),
        Value::Bool(truth) => Ok(Sql::Integer(i64::from(*truth))),
        Value::String(text) => Ok(Sql::Text(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(Sql::Integer(integer)),
            (None, Some(real)) if !number.is_u64() => Ok(Sql::Real(real)),
            _ => Err(Error::invalid_args(format!("the parameter {number} does not fit 64 bits; give it as a text"))),
        },
        Value::Object(object) if object.len() == 1 => {
            let text = object.get("base64").and_then(Value::as_str).ok_or_else(no_parameter)?;
            let bytes = STANDARD
                .decode(text)
                .map_err(|problem| Error::invalid_args(format!("a parameter is not base64: {problem}")))?;
            Ok(Sql::Blob(bytes))
        }
        Value::Object(_) | Value::Array(_) => Err(no_parameter()),
    }
}

fn no_parameter() -> Error {
    Error::invalid_args(
        "a parameter is null, true, false, a number, a text or `{\"base64\": \"…\"}`; give JSON as its text",
    )
}

/// A cell: a text as a string, a blob as `{"base64": "…"}`. Of a large one, its beginning and its size.
pub(crate) fn to_json(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::from(integer),
        ValueRef::Real(real) => Number::from_f64(real).map_or_else(|| Value::from(real.to_string()), Value::Number),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            if bytes.len() > MAX_CELL {
                json!({"start": text.get(..text.floor_char_boundary(SHOWN)), "bytes": bytes.len()})
            } else {
                Value::from(text)
            }
        }
        ValueRef::Blob(bytes) if bytes.len() > MAX_CELL => {
            json!({"base64_start": STANDARD.encode(bytes.get(..SHOWN).unwrap_or_default()), "bytes": bytes.len()})
        }
        ValueRef::Blob(bytes) => json!({"base64": STANDARD.encode(bytes)}),
    }
}
