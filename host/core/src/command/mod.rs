//! A program as a tool: how arguments become a command line, and how what it leaves behind becomes a result.
//!
//! A program knows nothing of JSON, schemas or Toolhold. Whoever writes the manifest, or packs the program, says in a
//! [`Written`] form what stands where; here that is checked once ([`Command::new`]), filled in for each call
//! ([`Command::invocation`]) and read back ([`Command::result`]).
//!
//! A model chooses values, never the shape: each value is one argument of the command line, however it is written, and one
//! that would be read as an option is refused.

mod result;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use result::{Fault, Output};
use template::{Filled, Line, Text};

use crate::schema::{Violations, nearest};

/// The key of [`crate::describe::ToolInfo::extra`] under which a packed program carries its [`Written`] form.
pub const EXTRA: &str = "command";

/// Most entries of a command line as it is written.
const MAX_ENTRIES: usize = 256;

/// Most bytes of all templates of a command together.
const MAX_WRITTEN: usize = 128 << 10;

/// Most bytes of a command line, an environment and standard input as they are filled in.
const MAX_BYTES: usize = 8 << 20;

/// How a program is called, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Written {
    /// The command line after the program's own name: literal entries, `{argument}`, `{argument:--flag}`.
    pub argv: Vec<String>,
    /// What it reads on standard input: a text with `{argument}` in it; `{}` is all arguments as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Environment variables, each a text with `{argument}` in it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What of its output is the result.
    pub result: Output,
    /// Exit statuses that mean success; `[0]` if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub success: Vec<u8>,
    /// Exit statuses that mean that the arguments make no sense.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid_args: Vec<u8>,
    /// Exit statuses that mean that what was named does not exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_found: Vec<u8>,
}

/// Why a program cannot be called as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A template that cannot be read.
    #[error("`{entry}`: {why}")]
    Template {
        /// What is written.
        entry: String,
        /// What is wrong with it.
        why: String,
    },
    /// A template with an argument that the tool does not have.
    #[error("`{entry}` names the argument `{argument}`, which the input schema does not have{}", did_you_mean(.nearest))]
    UnknownArgument {
        /// What is written.
        entry: String,
        /// The argument.
        argument: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// More entries than a command line needs.
    #[error("the command line has {0} entries; at most {MAX_ENTRIES} are allowed")]
    TooMany(usize),
    /// Longer templates than anybody writes.
    #[error("its command line, environment and standard input have {0} bytes; at most {MAX_WRITTEN} are allowed")]
    TooLong(usize),
    /// An option whose value may be missing.
    #[error(
        "`{entry}` may be left out, and then `{option}` would take the next entry for its value; write `{{{argument}:{option}}}`, or \
         make it a required text or number"
    )]
    Dangling {
        /// The entry that may be left out.
        entry: String,
        /// The option before it.
        option: String,
        /// The argument.
        argument: String,
    },
    /// A flag that stands alone or before a value, as the caller likes.
    #[error(
        "`{entry}` would stand alone or before a value as the caller likes; give the argument `{argument}` the type `boolean`, or another one"
    )]
    Either {
        /// What is written.
        entry: String,
        /// The argument.
        argument: String,
    },
    /// An exit status with two meanings.
    #[error("the exit status {0} has two meanings")]
    Status(u8),
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// A program that can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    argv: Vec<Line>,
    stdin: Option<Text>,
    env: BTreeMap<String, Text>,
    written: Written,
}

/// One call of a program: what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The command line. The first entry is the tool's name.
    pub argv: Vec<String>,
    /// What it reads on standard input.
    pub stdin: String,
    /// Environment variables beside those that are granted; these win.
    pub env: BTreeMap<String, String>,
}

impl Command {
    /// Checks what is written against the schema of the tool's arguments.
    ///
    /// # Errors
    ///
    /// [`Error`]: the first thing that is wrong.
    pub fn new(written: Written, input: &Value) -> Result<Self, Error> {
        if written.argv.len() > MAX_ENTRIES {
            return Err(Error::TooMany(written.argv.len()));
        }
        let texts = written.argv.iter().chain(written.stdin.iter()).chain(written.env.values());
        let bytes = texts.map(String::len).chain(written.env.keys().map(String::len)).sum();
        if bytes > MAX_WRITTEN {
            return Err(Error::TooLong(bytes));
        }
        one_meaning_each(&written)?;
        written.env.keys().try_for_each(|name| env_name(name))?;
        let arguments = input.get("properties").and_then(Value::as_object);
        let known =
            |entry: &str, names: Vec<&str>| names.into_iter().try_for_each(|name| known(arguments, entry, name));
        let mut argv = Vec::with_capacity(written.argv.len());
        for entry in &written.argv {
            let line = Line::parse(entry)?;
            known(entry, line.arguments())?;
            argv.push(line);
        }
        options_are_whole(&written.argv, &argv, input)?;
        let text = |entry: &String| {
            let text = Text::parse(entry)?;
            known(entry, text.arguments())?;
            Ok(text)
        };
        let stdin = written.stdin.as_ref().map(text).transpose()?;
        let env =
            written.env.iter().map(|(name, entry)| Ok((name.clone(), text(entry)?))).collect::<Result<_, Error>>()?;
        Ok(Self { argv, stdin, env, written })
    }

    /// As it is written.
    #[must_use]
    pub fn written(&self) -> &Written {
        &self.written
    }

    /// The schema of its results, where the form of the result says it.
    #[must_use]
    pub fn output_schema(&self) -> Option<Value> {
        self.written.result.schema()
    }

    /// The call of the tool `name` with `arguments`, which conform to its schema.
    ///
    /// # Errors
    ///
    /// A value that has no form on a command line, or would be read as something that it is not.
    pub fn invocation(&self, name: &str, arguments: &Map<String, Value>) -> Result<Invocation, Violations> {
        let mut filled = Filled::new(arguments, MAX_BYTES);
        let mut argv = vec![name.to_owned()];
        let mut options_may_follow = true;
        for line in &self.argv {
            let before = argv.len();
            filled.line(line, options_may_follow, &mut argv);
            options_may_follow &= !(line.is_separator() && argv.len() > before);
        }
        let stdin = self.stdin.as_ref().map(|text| filled.text(text, false)).unwrap_or_default().unwrap_or_default();
        let env = self.env.iter();
        let env: BTreeMap<_, _> =
            env.filter_map(|(name, text)| Some((name.clone(), filled.text(text, true)?))).collect();
        match Violations::collect(filled.wrong, |violation| violation) {
            Some(violations) => Err(violations),
            None => Ok(Invocation { argv, stdin, env }),
        }
    }

    /// The text of the JSON result of a program that ended.
    ///
    /// # Errors
    ///
    /// [`Fault`]: it did not do what it was asked.
    pub fn result(&self, status: u8, stdout: &[u8], stderr: &[u8]) -> Result<String, Fault> {
        result::read(&self.written, status, stdout, stderr)
    }
}

fn env_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Error::Template { entry: name.to_owned(), why: "this is not the name of a variable".to_owned() });
    }
    Ok(())
}

/// INVARIANT: what a caller gives or leaves out never changes what the entry before or after it is. An option is followed by
/// its value or, at the end of the line, by nothing.
fn options_are_whole(written: &[String], argv: &[Line], input: &Value) -> Result<(), Error> {
    for (entry, line) in written.iter().zip(argv) {
        if let Line::Flag { argument, .. } = line
            && !is_always(input, argument, &["boolean"])
            && !is_never_boolean(input, argument)
        {
            return Err(Error::Either { entry: entry.clone(), argument: argument.clone() });
        }
    }
    for (at, (entry, line)) in written.iter().zip(argv).enumerate() {
        let option = at.checked_sub(1).and_then(|before| written.get(before).zip(argv.get(before)));
        let Some((option, _)) = option.filter(|(_, line)| line.is_option()) else { continue };
        let is_last = at + 1 == written.len();
        let optional = line.arguments().into_iter().find(|argument| {
            !is_required(input, argument) || !is_always(input, argument, &["string", "number", "integer", "boolean"])
        });
        if let Some(argument) = optional.filter(|_| !is_last && !matches!(line, Line::Flag { .. })) {
            let (entry, option, argument) = (entry.clone(), option.clone(), argument.to_owned());
            return Err(Error::Dangling { entry, option, argument });
        }
    }
    Ok(())
}

fn property<'a>(input: &'a Value, argument: &str) -> Option<&'a Value> {
    input.get("properties")?.get(argument)
}

fn is_required(input: &Value, argument: &str) -> bool {
    let required = input.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|name| name == argument))
}

/// Whether each value of an argument is of one of these types, as far as its schema says so itself.
fn is_always(input: &Value, argument: &str, types: &[&str]) -> bool {
    let Some(schema) = property(input, argument) else { return false };
    let one_of = |found: &Value| found.as_str().is_some_and(|found| types.contains(&found));
    match (schema.get("type"), schema.get("enum").and_then(Value::as_array)) {
        (Some(Value::Array(found)), _) => found.iter().all(one_of),
        (Some(found), _) => one_of(found),
        (None, Some(values)) => values.iter().all(|value| types.contains(&type_of(value))),
        (None, None) => schema.get("const").is_some_and(|value| types.contains(&type_of(value))),
    }
}

fn is_never_boolean(input: &Value, argument: &str) -> bool {
    is_always(input, argument, &["string", "number", "integer", "array", "null"])
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn one_meaning_each(written: &Written) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    let all = written.success.iter().chain(&written.invalid_args).chain(&written.not_found);
    all.copied().find(|status| !seen.insert(*status)).map_or(Ok(()), |status| Err(Error::Status(status)))
}

fn known(arguments: Option<&Map<String, Value>>, entry: &str, name: &str) -> Result<(), Error> {
    let names = || arguments.into_iter().flat_map(|arguments| arguments.keys()).map(String::as_str);
    if names().any(|known| known == name) {
        return Ok(());
    }
    let nearest = nearest(name, names()).map(str::to_owned);
    Err(Error::UnknownArgument { entry: entry.to_owned(), argument: name.to_owned(), nearest })
}

/// The schema of a tool that takes nothing.
#[must_use]
pub fn no_arguments() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}
