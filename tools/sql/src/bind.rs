//! Parameters of a statement: by place or by name, each exactly once.

use rusqlite::Statement;
use toolhold_sdk::prelude::*;

use crate::cell;

/// What stands before the name of a parameter.
const SIGILS: [char; 3] = [':', '@', '$'];

/// Binds parameters: an array for `?`, an object for `:name`.
///
/// # Errors
/// `invalid-args` that names the one that is missing or too much.
pub(crate) fn bind(statement: &mut Statement<'_>, parameters: Option<&Value>) -> Result<()> {
    let count = statement.parameter_count();
    let failed = |error: rusqlite::Error| Error::failed(error);
    match parameters {
        None | Some(Value::Null) if count == 0 => Ok(()),
        None | Some(Value::Null) => Err(wrong(count, 0)),
        Some(Value::Array(values)) if values.len() == count => {
            for (index, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, cell::to_sql(value)?).map_err(failed)?;
            }
            Ok(())
        }
        Some(Value::Array(values)) => Err(wrong(count, values.len())),
        Some(Value::Object(values)) => {
            let mut bound = 0;
            for (name, value) in values {
                let plain = name.trim_start_matches(SIGILS);
                let named = |sigil| statement.parameter_index(&format!("{sigil}{plain}")).ok().flatten();
                let index = SIGILS.into_iter().find_map(named);
                let index = index.ok_or_else(|| Error::invalid_args(format!("`sql` has no parameter `:{plain}`")))?;
                statement.raw_bind_parameter(index, cell::to_sql(value)?).map_err(failed)?;
                bound += 1;
            }
            if bound == count { Ok(()) } else { Err(wrong(count, bound)) }
        }
        Some(_) => Err(Error::invalid_args("`parameters` is an array for `?`, or an object for `:name`")),
    }
}

fn wrong(wanted: usize, given: usize) -> Error {
    Error::invalid_args(format!("`sql` has {wanted} parameters, and `parameters` has {given}"))
}
