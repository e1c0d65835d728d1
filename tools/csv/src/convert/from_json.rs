//! Records of JSON as rows. The columns are the keys of all objects in the order of their first occurrence, so the records are
//! held; values that are arrays or objects become their JSON text.

use std::collections::HashSet;
use std::io::Write;

use csv_parser::Writer;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Deserializer;

use super::failed;

/// Bytes of records.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Records: exactly one of `values`, `text` and `path`.
#[args]
#[derive(Debug)]
pub(crate) struct Records {
    /// The records themselves.
    values: Option<Vec<Value>>,
    /// A JSON array of records, or JSON Lines.
    text: Option<String>,
    /// Absolute path of a file with such a text.
    path: Option<String>,
}

impl Records {
    /// The file that is read.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Writes them as rows.
    ///
    /// # Errors
    /// They cannot be read, or are no records.
    pub(super) fn write(&self, writer: &mut Writer<&mut dyn Write>) -> Result<u64> {
        let records = self.load()?;
        let columns = columns(&records);
        if !columns.is_empty() {
            writer.write_record(&columns).map_err(failed)?;
        }
        for (index, record) in records.iter().enumerate() {
            let cells: Vec<String> = match record {
                Value::Array(cells) if columns.is_empty() => cells.iter().map(cell).collect(),
                Value::Object(record) => {
                    columns.iter().map(|name| record.get(*name).map(cell).unwrap_or_default()).collect()
                }
                _ => {
                    let message =
                        format!("record {} is not like the others: all are objects, or all are arrays", index + 1);
                    return Err(Error::invalid_args(message));
                }
            };
            writer.write_record(&cells).map_err(failed)?;
        }
        writer.flush()?;
        Ok(records.len() as u64)
    }

    fn load(&self) -> Result<Vec<Value>> {
        let read;
        let text = match (&self.values, &self.text, &self.path) {
            (Some(values), None, None) => return Ok(values.clone()),
            (None, Some(text), None) => text,
            (None, None, Some(path)) => {
                read = granted::load_text(granted::path::check(path)?, MAX_BYTES)?;
                &read
            }
            _ => return Err(Error::invalid_args("`records`: give exactly one of `values`, `text` and `path`")),
        };
        let values: std::result::Result<Vec<Value>, _> = Deserializer::from_str(text).into_iter().collect();
        let mut values = values.map_err(|problem| Error::invalid_args(format!("`records` are not JSON: {problem}")))?;
        match (values.pop(), values.len()) {
            (Some(Value::Array(records)), 0)
                if records.iter().all(|record| record.is_array() || record.is_object()) =>
            {
                Ok(records)
            }
            (Some(last), _) => {
                values.push(last);
                Ok(values)
            }
            (None, _) => Ok(values),
        }
    }
}

fn columns(records: &[Value]) -> Vec<&str> {
    let (mut columns, mut seen) = (Vec::new(), HashSet::new());
    for name in records.iter().filter_map(Value::as_object).flat_map(|record| record.keys()) {
        if seen.insert(name.as_str()) {
            columns.push(name.as_str());
        }
    }
    columns
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
