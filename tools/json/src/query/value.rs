//! Values of jq as JSON. The language has more: what JSON cannot say is an error, but for the numbers that jq itself prints as
//! `null`.

use jaq_json::{Num, Val};
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Map, Number, from_str};

/// Arrays and objects within each other; a parser of JSON takes no more.
const MAX_DEPTH: usize = 120;

/// A value as JSON.
///
/// # Errors
/// It is nested too deep, or is not JSON.
pub(super) fn from_jq(value: &Val, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(Error::failed(format!("is nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(truth) => Value::Bool(*truth),
        Val::Num(number) => from_number(number),
        Val::TStr(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Val::BStr(_) => return Err(Error::failed("is a byte string; make text of it with `@base64` or `tostring`")),
        Val::Arr(items) => items.iter().map(|item| from_jq(item, depth + 1)).collect::<Result<_>>()?,
        Val::Obj(entries) => {
            let entry = |(key, value): (&Val, &Val)| Ok((from_key(key)?, from_jq(value, depth + 1)?));
            Value::Object(entries.iter().map(entry).collect::<Result<Map<_, _>>>()?)
        }
    })
}

fn from_key(key: &Val) -> Result<String> {
    match key {
        Val::TStr(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        other => Err(Error::failed(format!("has the key {other}, which is no string; use `tostring`"))),
    }
}

fn from_number(number: &Num) -> Value {
    match number {
        Num::Int(integer) => Value::from(*integer),
        Num::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
        other => from_str(&other.to_string()).unwrap_or(Value::Null),
    }
}
