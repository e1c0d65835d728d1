//! The JSON Schema of a rule's `when`.
//!
//! JSON Schema ignores what it does not know: a misspelt keyword would make a rule match every call. So only keywords
//! that restrict are taken, and any other is an error. Regular expressions run in linear time; one that could give up on
//! a hostile argument, and so let a `deny` rule not match, does not compile here.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::schema::{self, CompiledSchema, Cost, Extent, Violation, nearest};

use super::problem::{Code, Problem, suggest};

/// A compiled `when`.
#[derive(Debug, Clone)]
pub struct Condition {
    compiled: CompiledSchema,
}

/// What stands at a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// A plain value.
    Value,
    /// A schema.
    Schema,
    /// Schemas by a name of the author's choice.
    Schemas,
    /// An array of schemas.
    List,
}

const KEYWORDS: [(&str, Holds); 42] = [
    ("type", Holds::Value),
    ("enum", Holds::Value),
    ("const", Holds::Value),
    ("properties", Holds::Schemas),
    ("patternProperties", Holds::Schemas),
    ("additionalProperties", Holds::Schema),
    ("propertyNames", Holds::Schema),
    ("required", Holds::Value),
    ("minProperties", Holds::Value),
    ("maxProperties", Holds::Value),
    ("dependentRequired", Holds::Value),
    ("dependentSchemas", Holds::Schemas),
    ("unevaluatedProperties", Holds::Schema),
    ("items", Holds::Schema),
    ("prefixItems", Holds::List),
    ("contains", Holds::Schema),
    ("minContains", Holds::Value),
    ("maxContains", Holds::Value),
    ("minItems", Holds::Value),
    ("maxItems", Holds::Value),
    ("uniqueItems", Holds::Value),
    ("unevaluatedItems", Holds::Schema),
    ("pattern", Holds::Value),
    ("minLength", Holds::Value),
    ("maxLength", Holds::Value),
    ("minimum", Holds::Value),
    ("maximum", Holds::Value),
    ("exclusiveMinimum", Holds::Value),
    ("exclusiveMaximum", Holds::Value),
    ("multipleOf", Holds::Value),
    ("allOf", Holds::List),
    ("anyOf", Holds::List),
    ("oneOf", Holds::List),
    ("not", Holds::Schema),
    ("if", Holds::Schema),
    ("then", Holds::Schema),
    ("else", Holds::Schema),
    ("$defs", Holds::Schemas),
    ("$ref", Holds::Value),
    ("$comment", Holds::Value),
    ("title", Holds::Value),
    ("description", Holds::Value),
];

/// Reports keywords that are unknown or do not restrict, and values that JSON does not have.
pub(super) fn check(schema: &DeTable<'_>, problems: &mut Vec<Problem>) -> bool {
    let before = problems.len();
    schema_table(schema, problems);
    problems.len() == before
}

fn schema_table(schema: &DeTable<'_>, problems: &mut Vec<Problem>) {
    for (key, value) in schema {
        match KEYWORDS.iter().find(|(name, _)| *name == key.get_ref().as_ref()) {
            None => problems.push(unknown_keyword(key, value)),
            Some((_, Holds::Value)) => {
                json_value(value, problems);
                keyword_value(key.get_ref(), value, problems);
            }
            Some((_, Holds::Schema)) => schema_value(value, problems),
            Some((keyword, Holds::Schemas)) => match value.get_ref() {
                DeValue::Table(named) if *keyword == "patternProperties" => {
                    named.iter().for_each(|(pattern, schema)| {
                        regular_expression(pattern.get_ref(), &pattern.span(), problems);
                        schema_value(schema, problems);
                    })
                }
                DeValue::Table(named) => named.values().for_each(|schema| schema_value(schema, problems)),
                _ => problems.push(malformed(value, &format!("`{}` takes a table of schemas", key.get_ref()))),
            },
            Some((_, Holds::List)) => match value.get_ref() {
                DeValue::Array(list) => list.iter().for_each(|schema| schema_value(schema, problems)),
                _ => problems.push(malformed(value, &format!("`{}` takes an array of schemas", key.get_ref()))),
            },
        }
    }
}

fn schema_value(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) {
    match value.get_ref() {
        DeValue::Table(schema) => schema_table(schema, problems),
        DeValue::Boolean(_) => {}
        _ => problems.push(malformed(value, "a schema is a table, `true` or `false`")),
    }
}

fn json_value(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) {
    match value.get_ref() {
        DeValue::Datetime(_) => problems.push(malformed(value, "JSON has no date-times; write it as a string")),
        DeValue::Float(float) if !float.as_str().parse::<f64>().is_ok_and(f64::is_finite) => {
            problems.push(malformed(value, "JSON has no such number"));
        }
        DeValue::Integer(number) if i64::from_str_radix(number.as_str(), number.radix()).is_err() => {
            problems.push(malformed(value, "this number has more than 64 bits"));
        }
        DeValue::Array(items) => items.iter().for_each(|item| json_value(item, problems)),
        DeValue::Table(entries) => entries.values().for_each(|entry| json_value(entry, problems)),
        _ => {}
    }
}

/// The values that are got wrong most, told at their place and in plain words.
fn keyword_value(keyword: &str, value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) {
    match (keyword, value.get_ref()) {
        ("pattern", DeValue::String(pattern)) => regular_expression(pattern, &value.span(), problems),
        ("type", DeValue::String(name)) if !TYPES.contains(&name.as_ref()) => {
            let help = suggest(name, TYPES, "types are");
            problems.push(malformed(value, &format!("`{name}` is not a type of JSON")).maybe_help(help));
        }
        ("required", found) if !matches!(found, DeValue::Array(_)) => {
            problems.push(malformed(value, "`required` takes an array of names").help("write `required = [\"…\"]`"));
        }
        _ => {}
    }
}

const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

fn regular_expression(pattern: &str, span: &Range<usize>, problems: &mut Vec<Problem>) {
    let schema = serde_json::json!({ "pattern": pattern });
    if CompiledSchema::compile(&schema).is_err() {
        let pattern: String = pattern.chars().take(100).collect();
        let problem = Problem::new(Code::Condition, span, format!("`{pattern}` is not a usable regular expression"))
            .label("not usable");
        problems.push(problem.help("is each bracket closed? Look-around and back-references do not exist here, and counted repetition is bounded"));
    }
}

fn unknown_keyword(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Problem {
    let name: String = key.get_ref().chars().take(60).collect();
    let fail =
        |message: String| Problem::new(Code::Condition, &key.span(), message).label("does not restrict anything");
    if NOTES.contains(&name.as_str()) {
        return fail(format!("`{name}` is a note in JSON Schema, not a check"))
            .help("use `pattern`, `enum`, `minimum` or another keyword that checks");
    }
    // A table at an unknown key is an argument at the wrong level, unless it looks like a keyword that takes a table.
    let is_table = matches!(value.get_ref(), DeValue::Table(_));
    let fitting = KEYWORDS.iter().filter(|(_, holds)| !is_table || matches!(holds, Holds::Schema | Holds::Schemas));
    let help = match nearest(&name, fitting.map(|(keyword, _)| *keyword)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "an argument belongs below `properties`: `{{ properties = {{ {name} = … }}, required = [\"{name}\"] }}`"
        ),
    };
    fail(format!("`{name}` is not a keyword of JSON Schema")).help(help)
}

/// Keywords that say something of a value and check nothing.
const NOTES: [&str; 6] = ["format", "contentEncoding", "contentMediaType", "contentSchema", "default", "examples"];

fn malformed(value: &Spanned<DeValue<'_>>, message: &str) -> Problem {
    Problem::new(Code::Condition, &value.span(), message).label("not usable")
}

impl Condition {
    /// Compiles a schema that [`check`] has passed.
    pub(super) fn compile(schema: &Value) -> Result<Self, schema::Error> {
        Ok(Self { compiled: CompiledSchema::compile(schema)? })
    }

    /// Whether the arguments, which are so large, satisfy it; `None` if they are too deep or too large to tell.
    pub(crate) fn holds(&self, arguments: &Value, extent: Extent) -> Option<bool> {
        self.compiled.holds(arguments, extent)
    }

    /// What it costs at most to tell.
    pub(crate) fn cost(&self) -> &Cost {
        self.compiled.cost()
    }

    /// Where and why the arguments do not satisfy it, for the operator.
    #[must_use]
    pub fn first_violation(&self, arguments: &Value) -> Option<Violation> {
        self.compiled.validate(arguments).err().and_then(|violations| violations.as_slice().first().cloned())
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Value {
        self.compiled.source()
    }

    /// The names of arguments that it looks at in any branch.
    #[must_use]
    pub fn arguments(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        collect(self.schema(), &mut names);
        names
    }

    /// The names of arguments that it restricts if they are there, and does not require: at the top or in `allOf`.
    #[must_use]
    pub fn optional(&self) -> BTreeSet<&str> {
        let members = || self.schema().get("allOf").and_then(Value::as_array).into_iter().flatten();
        let schemas = || std::iter::once(self.schema()).chain(members());
        let required: BTreeSet<&str> = schemas().flat_map(required).collect();
        schemas().flat_map(properties).filter(|name| !required.contains(name)).collect()
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str())
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Names of arguments in a schema and in all schemas that look at the same value.
fn collect<'a>(schema: &'a Value, names: &mut BTreeSet<&'a str>) {
    names.extend(properties(schema).chain(required(schema)));
    for list in ["allOf", "anyOf", "oneOf"] {
        schema.get(list).and_then(Value::as_array).into_iter().flatten().for_each(|member| collect(member, names));
    }
    for single in ["not", "if", "then", "else"] {
        schema.get(single).into_iter().for_each(|member| collect(member, names));
    }
}
