//! JSON Schemas of WIT types. How values of them are read and written is in [`crate::call`]'s `value`; both follow one table:
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string` | the same |
//! | `u8` to `u64`, `s8` to `s64` | a number within the range of the type |
//! | `f32`, `f64` | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char` | a string of one character |
//! | `list<u8>` | a string in base64 |
//! | `list<t>`, `list<t, n>` | an array |
//! | `record` | an object; a field that is an option may be left out |
//! | `tuple` | an array of that length |
//! | `enum` | a string |
//! | `variant` | a string for a case without a value; `{"case": value}` for others |
//! | `option<t>` | `t` or null; within an option `{"some": t}` or null |
//! | `result<t, e>` | `{"ok": t}` or `{"err": e}`; of a whole function `t`, and `e` is the failure |
//! | `flags` | an array of names, each once |

use serde_json::{Map, Value, json};
use wasmtime::component::types::Type;

/// Types that are looked at for one schema. Types may name each other, so a small component can describe a very large one.
const MAX_TYPES: usize = 4_096;

/// The same for all functions of a component.
const MAX_TYPES_IN_ALL: usize = 32_768;

/// Flags of which there may be many: each name that is set is a text of its own on its way to the host.
const MAX_FLAGS_IN_LISTS: usize = 8;

/// Derives schemas, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    looked_at: usize,
    in_all: usize,
    lists: usize,
}

impl Schemas {
    /// Begins with another function.
    pub(super) fn begin(&mut self) {
        (self.looked_at, self.lists) = (0, 0);
    }

    /// The schema of values of `ty`.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    pub(super) fn of(&mut self, ty: &Type) -> Result<Value, String> {
        self.looked_at += 1;
        self.in_all += 1;
        if self.looked_at > MAX_TYPES {
            return Err(format!("its types are made of more than {MAX_TYPES} types"));
        }
        if self.in_all > MAX_TYPES_IN_ALL {
            return Err(format!("the types of all functions are made of more than {MAX_TYPES_IN_ALL} types"));
        }
        if let Some(schema) = of_scalar(ty) {
            return Ok(schema);
        }
        Ok(match ty {
            Type::List(list) if list.ty() == Type::U8 => json!({ "type": "string", "contentEncoding": "base64" }),
            Type::List(list) => json!({ "type": "array", "items": self.item(&list.ty())? }),
            Type::FixedLengthList(list) => {
                let length = list.len();
                json!({ "type": "array", "items": self.item(&list.ty())?, "minItems": length, "maxItems": length })
            }
            Type::Record(record) => {
                let fields: Vec<_> = record.fields().map(|field| (field.name.to_owned(), field.ty)).collect();
                self.record(fields.iter().map(|(name, ty)| (name.as_str(), ty.clone())))?
            }
            Type::Tuple(tuple) => {
                let items = tuple.types().map(|ty| self.of(&ty)).collect::<Result<Vec<_>, _>>()?;
                let length = items.len();
                json!({ "type": "array", "prefixItems": items, "items": false, "minItems": length })
            }
            Type::Variant(variant) => {
                let cases: Vec<_> = variant.cases().map(|case| (case.name.to_owned(), case.ty)).collect();
                let cases = cases.into_iter().map(|(name, ty)| self.case(&name, ty));
                json!({ "anyOf": cases.collect::<Result<Vec<_>, _>>()? })
            }
            Type::Enum(names) => json!({ "type": "string", "enum": names.names().collect::<Vec<_>>() }),
            Type::Option(option) if matches!(option.ty(), Type::Option(_)) => {
                json!({ "anyOf": [self.case("some", Some(option.ty()))?, { "type": "null" }] })
            }
            Type::Option(option) => json!({ "anyOf": [self.of(&option.ty())?, { "type": "null" }] }),
            Type::Result(result) => {
                json!({ "anyOf": [self.outcome("ok", result.ok())?, self.outcome("err", result.err())?] })
            }
            Type::Flags(flags) => {
                let names = flags.names().collect::<Vec<_>>();
                if self.lists > 0 && names.len() > MAX_FLAGS_IN_LISTS {
                    return Err(format!("it has lists of flags with more than {MAX_FLAGS_IN_LISTS} names"));
                }
                json!({ "type": "array", "items": { "type": "string", "enum": names }, "uniqueItems": true })
            }
            Type::Own(_) | Type::Borrow(_) => {
                return Err("it takes or returns a resource, which does not outlive a call".into());
            }
            _ => return Err("it takes or returns a type that is not of WASI 0.2".into()),
        })
    }

    fn item(&mut self, ty: &Type) -> Result<Value, String> {
        self.lists += 1;
        let item = self.of(ty);
        self.lists -= 1;
        item
    }

    /// An object with these fields.
    pub(super) fn record<'a>(&mut self, fields: impl Iterator<Item = (&'a str, Type)>) -> Result<Value, String> {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, ty) in fields {
            properties.insert(name.to_owned(), self.of(&ty)?);
            if !matches!(ty, Type::Option(_)) {
                required.push(name.to_owned());
            }
        }
        Ok(json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false }))
    }

    fn case(&mut self, name: &str, ty: Option<Type>) -> Result<Value, String> {
        let Some(ty) = ty else { return Ok(json!({ "const": name })) };
        Ok(object_of_one(name, self.of(&ty)?))
    }

    /// A side of a result: an object even where it has no value, so that `ok` and `err` always look the same.
    fn outcome(&mut self, name: &str, ty: Option<Type>) -> Result<Value, String> {
        let value = ty.map_or_else(|| Ok(json!({ "type": "null" })), |ty| self.of(&ty))?;
        Ok(object_of_one(name, value))
    }
}

/// `None` for types that are made of others.
fn of_scalar(ty: &Type) -> Option<Value> {
    Some(match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::S8 => integer(i64::from(i8::MIN), i8::MAX as u64),
        Type::U8 => integer(0, u64::from(u8::MAX)),
        Type::S16 => integer(i64::from(i16::MIN), i16::MAX as u64),
        Type::U16 => integer(0, u64::from(u16::MAX)),
        Type::S32 => integer(i64::from(i32::MIN), i32::MAX as u64),
        Type::U32 => integer(0, u64::from(u32::MAX)),
        Type::S64 => integer(i64::MIN, i64::MAX as u64),
        Type::U64 => integer(0, u64::MAX),
        Type::Float32 | Type::Float64 => {
            json!({ "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }] })
        }
        Type::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        Type::String => json!({ "type": "string" }),
        _ => return None,
    })
}

fn object_of_one(name: &str, value: Value) -> Value {
    let properties = Map::from_iter([(name.to_owned(), value)]);
    json!({ "type": "object", "properties": properties, "required": [name], "additionalProperties": false })
}

fn integer(least: i64, most: u64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}
