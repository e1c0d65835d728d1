//! JSON to component values and back, by the table in [`crate::component`]'s `typed::schema`.
//!
//! Arguments have passed their schema before; what a schema cannot say (whether base64 is base64) is an error here. Both
//! ways are bounded in bytes of values, counted before they are made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, Type};

use super::failure::ToolError;

/// Why a value is not one of a type: where, and what is wrong there.
type Wrong = String;

/// Bytes that the arguments or the result of a call may take as values on their way. A small text can name many values: a record has
/// a value for each option that it leaves out.
const MOST_BYTES: usize = 32 << 20;

/// A result that takes more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// What may still be made.
struct Budget(usize);

impl Budget {
    /// Counts a value with `more` bytes beside it, before it is made.
    fn spend(&mut self, more: usize) -> Result<(), TooLarge> {
        self.0 = self.0.checked_sub(size_of::<Val>().saturating_add(more)).ok_or(TooLarge)?;
        Ok(())
    }
}

impl From<TooLarge> for Wrong {
    fn from(_: TooLarge) -> Self {
        "as values of the component, the arguments take more than 32 MiB; ask for less at once".to_owned()
    }
}

/// The parameters of a function from an object of arguments.
pub(super) fn parameters(function: &ComponentFunc, arguments: &Value) -> Result<Vec<Val>, ToolError> {
    let mut budget = Budget(MOST_BYTES);
    let of = |(name, ty): (&str, Type)| field(arguments, name, &ty, &mut budget);
    function.params().map(of).collect::<Result<_, _>>().map_err(ToolError::InvalidArguments)
}

/// The result of a function as JSON, or the error that it returned.
///
/// # Errors
///
/// [`TooLarge`] if it takes too much memory on the way.
pub(super) fn returned(function: &ComponentFunc, value: Option<&Val>) -> Result<Result<Value, ToolError>, TooLarge> {
    let budget = &mut Budget(MOST_BYTES);
    match (value, function.results().next()) {
        (Some(Val::Result(Ok(value))), Some(Type::Result(result))) => {
            side(value.as_deref(), result.ok(), budget).map(Ok)
        }
        (Some(Val::Result(Err(error))), Some(Type::Result(result))) => {
            failure(error.as_deref().zip(result.err()), budget).map(Err)
        }
        (Some(value), Some(ty)) => to_json(value, &ty, budget).map(Ok),
        _ => Ok(Ok(Value::Null)),
    }
}

fn field(object: &Value, name: &str, ty: &Type, budget: &mut Budget) -> Result<Val, Wrong> {
    let value = object.get(name).unwrap_or(&Value::Null);
    to_val(value, ty, budget).map_err(|wrong| format!("`{}`: {wrong}", toolhold_core::escape::short(name, 100)))
}

fn to_val(value: &Value, ty: &Type, budget: &mut Budget) -> Result<Val, Wrong> {
    budget.spend(value.as_str().map_or(0, str::len))?;
    if let Some(scalar) = to_scalar(value, ty) {
        return scalar;
    }
    match ty {
        Type::List(list) if list.ty() == Type::U8 => bytes(value, budget),
        Type::List(list) => items(value, &list.ty(), budget).map(Val::List),
        Type::FixedLengthList(list) => {
            let items = items(value, &list.ty(), budget)?;
            let fits = u32::try_from(items.len()).is_ok_and(|length| length == list.len());
            if fits { Ok(Val::FixedLengthList(items)) } else { Err(expected("another number of items")) }
        }
        Type::Record(record) => {
            let mut of = |name: &str, ty: &Type| {
                budget.spend(name.len())?;
                Ok((name.to_owned(), field(value, name, ty, budget)?))
            };
            record.fields().map(|known| of(known.name, &known.ty)).collect::<Result<_, _>>().map(Val::Record)
        }
        Type::Tuple(tuple) => {
            let found = value.as_array().filter(|items| items.len() == tuple.types().len());
            let found = found.ok_or_else(|| expected("an array of that length"))?;
            tuple
                .types()
                .zip(found)
                .map(|(ty, item)| to_val(item, &ty, budget))
                .collect::<Result<_, _>>()
                .map(Val::Tuple)
        }
        Type::Option(_) if value.is_null() => Ok(Val::Option(None)),
        Type::Option(option) => {
            let inner = option.ty();
            let value = match inner {
                Type::Option(_) => value.get("some").ok_or_else(|| expected("`{\"some\": …}` or null"))?,
                _ => value,
            };
            Ok(Val::Option(Some(Box::new(to_val(value, &inner, budget)?))))
        }
        Type::Variant(_) | Type::Result(_) => to_case(value, ty, budget),
        // A function with any other type is not offered as a tool.
        _ => Err("a value of this type cannot be written".into()),
    }
}

/// A value that is one of several cases.
fn to_case(value: &Value, ty: &Type, budget: &mut Budget) -> Result<Val, Wrong> {
    match ty {
        Type::Variant(variant) => {
            let (name, payload) = case(value)?;
            let known = variant.cases().find(|case| case.name == name);
            match (known.map(|case| case.ty), payload) {
                (Some(None), None) => Ok(Val::Variant(name.to_owned(), None)),
                (Some(Some(ty)), Some(value)) => {
                    Ok(Val::Variant(name.to_owned(), Some(Box::new(to_val(value, &ty, budget)?))))
                }
                _ => Err(expected("one of its cases")),
            }
        }
        Type::Result(result) => {
            let mut side =
                |ty: Option<Type>, value: &Value| ty.map(|ty| to_val(value, &ty, budget).map(Box::new)).transpose();
            match case(value)? {
                ("ok", Some(value)) => Ok(Val::Result(Ok(side(result.ok(), value)?))),
                ("err", Some(value)) => Ok(Val::Result(Err(side(result.err(), value)?))),
                _ => Err(expected("`{\"ok\": …}` or `{\"err\": …}`")),
            }
        }
        _ => Err(expected("one of several cases")),
    }
}

/// `None` for types whose values hold others.
fn to_scalar(value: &Value, ty: &Type) -> Option<Result<Val, Wrong>> {
    Some(match ty {
        Type::Bool => value.as_bool().map(Val::Bool).ok_or_else(|| expected("a boolean")),
        Type::S8 => integer(value).map(Val::S8),
        Type::U8 => integer(value).map(Val::U8),
        Type::S16 => integer(value).map(Val::S16),
        Type::U16 => integer(value).map(Val::U16),
        Type::S32 => integer(value).map(Val::S32),
        Type::U32 => integer(value).map(Val::U32),
        Type::S64 => integer(value).map(Val::S64),
        Type::U64 => integer(value).map(Val::U64),
        #[expect(clippy::cast_possible_truncation, reason = "the nearest 32-bit number is what is meant")]
        Type::Float32 => float(value).map(|number| Val::Float32(number as f32)),
        Type::Float64 => float(value).map(Val::Float64),
        Type::Char => character(value).map(Val::Char),
        Type::String => text(value).map(|text| Val::String(text.to_owned())),
        Type::Enum(known) => text(value).and_then(|text| one_of(known.names(), text)).map(Val::Enum),
        Type::Flags(flags) => {
            let items = value.as_array().ok_or_else(|| expected("an array of names"));
            let known = |value: &Value| one_of(flags.names(), text(value)?);
            items.and_then(|items| items.iter().map(known).collect::<Result<_, _>>()).map(Val::Flags)
        }
        _ => return None,
    })
}

fn one_of<'a>(mut names: impl Iterator<Item = &'a str>, name: &str) -> Result<String, Wrong> {
    names.find(|known| *known == name).map(str::to_owned).ok_or_else(|| expected("one of its names"))
}

fn expected(what: &str) -> Wrong {
    format!("{what} is expected")
}

/// Also one that is written with a fraction of zero, which is an integer to JSON Schema.
fn integer<T: TryFrom<i128>>(value: &Value) -> Result<T, Wrong> {
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)).or_else(|| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float without a fraction; what does not fit is refused below"
        )]
        value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i128)
    });
    whole.and_then(|whole| T::try_from(whole).ok()).ok_or_else(|| expected("an integer within its range"))
}

fn float(value: &Value) -> Result<f64, Wrong> {
    match value.as_str() {
        Some("NaN") => Ok(f64::NAN),
        Some("Infinity") => Ok(f64::INFINITY),
        Some("-Infinity") => Ok(f64::NEG_INFINITY),
        _ => value.as_f64().ok_or_else(|| expected("a number")),
    }
}

fn text(value: &Value) -> Result<&str, Wrong> {
    value.as_str().ok_or_else(|| expected("a text"))
}

fn character(value: &Value) -> Result<char, Wrong> {
    let mut chars = text(value)?.chars();
    chars.next().filter(|_| chars.next().is_none()).ok_or_else(|| expected("one character"))
}

fn bytes(value: &Value, budget: &mut Budget) -> Result<Val, Wrong> {
    // Each byte becomes a value.
    let text = text(value)?;
    budget.spend((text.len() / 4 * 3).saturating_mul(size_of::<Val>()))?;
    let bytes = BASE64.decode(text).map_err(|error| format!("bytes in base64 are expected: {error}"))?;
    Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
}

fn items(value: &Value, ty: &Type, budget: &mut Budget) -> Result<Vec<Val>, Wrong> {
    let items = value.as_array().ok_or_else(|| expected("an array"))?;
    items.iter().map(|item| to_val(item, ty, budget)).collect()
}

/// The name of a case and its value: `"name"` or `{"name": value}`.
fn case(value: &Value) -> Result<(&str, Option<&Value>), Wrong> {
    match value {
        Value::String(name) => Ok((name, None)),
        Value::Object(object) if object.len() == 1 => {
            object.iter().next().map(|(name, value)| (name.as_str(), Some(value))).ok_or_else(|| expected("a case"))
        }
        _ => Err(expected("one of its cases")),
    }
}

fn to_json(value: &Val, ty: &Type, budget: &mut Budget) -> Result<Value, TooLarge> {
    budget.spend(0)?;
    Ok(match (value, ty) {
        (Val::List(items), Type::List(list)) => {
            let ty = list.ty();
            if ty == Type::U8 { of_bytes(items) } else { of_items(items, &ty, budget)? }
        }
        (Val::FixedLengthList(items), Type::FixedLengthList(list)) => of_items(items, &list.ty(), budget)?,
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            items.iter().zip(tuple.types()).map(|(item, ty)| to_json(item, &ty, budget)).collect::<Result<_, _>>()?
        }
        (Val::Record(fields), Type::Record(record)) => {
            let mut of = |((name, value), field): (&(String, Val), wasmtime::component::types::Field<'_>)| {
                budget.spend(name.len())?;
                Ok((name.clone(), to_json(value, &field.ty, budget)?))
            };
            let fields = fields.iter().zip(record.fields()).map(&mut of);
            fields.collect::<Result<Map<_, _>, _>>()?.into()
        }
        (Val::Variant(name, Some(value)), Type::Variant(variant)) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            of_one(name, side(Some(value), ty, budget)?)
        }
        (Val::Option(Some(value)), Type::Option(option)) => match option.ty() {
            inner @ Type::Option(_) => of_one("some", to_json(value, &inner, budget)?),
            inner => to_json(value, &inner, budget)?,
        },
        (Val::Result(Ok(value)), Type::Result(result)) => of_one("ok", side(value.as_deref(), result.ok(), budget)?),
        (Val::Result(Err(value)), Type::Result(result)) => of_one("err", side(value.as_deref(), result.err(), budget)?),
        (Val::Flags(names), _) => {
            budget.spend(names.len().saturating_mul(2 * size_of::<Value>()))?;
            of_scalar(value)
        }
        (Val::String(text), _) => {
            budget.spend(text.len())?;
            of_scalar(value)
        }
        (scalar, _) => of_scalar(scalar),
    })
}

fn of_items(items: &[Val], ty: &Type, budget: &mut Budget) -> Result<Value, TooLarge> {
    items.iter().map(|item| to_json(item, ty, budget)).collect()
}

fn side(value: Option<&Val>, ty: Option<Type>, budget: &mut Budget) -> Result<Value, TooLarge> {
    value.zip(ty).map_or(Ok(Value::Null), |(value, ty)| to_json(value, &ty, budget))
}

fn of_scalar(value: &Val) -> Value {
    match value {
        Val::Bool(value) => Value::Bool(*value),
        Val::S8(number) => Value::from(*number),
        Val::U8(number) => Value::from(*number),
        Val::S16(number) => Value::from(*number),
        Val::U16(number) => Value::from(*number),
        Val::S32(number) => Value::from(*number),
        Val::U32(number) => Value::from(*number),
        Val::S64(number) => Value::from(*number),
        Val::U64(number) => Value::from(*number),
        // By way of its shortest text: 0.1 is to stay 0.1.
        Val::Float32(number) => number.to_string().parse().map_or(Value::Null, of_float),
        Val::Float64(number) => of_float(*number),
        Val::Char(value) => Value::String(value.to_string()),
        Val::String(text) => Value::String(text.clone()),
        Val::Enum(name) | Val::Variant(name, _) => Value::String(name.clone()),
        Val::Flags(names) => names.iter().cloned().map(Value::String).collect(),
        // No option that is there comes here, and a function with any other type is not offered as a tool.
        _ => Value::Null,
    }
}

fn of_float(number: f64) -> Value {
    let named = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Number::from_f64(number).map_or_else(|| Value::from(named), Value::Number)
}

fn of_bytes(items: &[Val]) -> Value {
    let byte = |item: &Val| if let Val::U8(byte) = item { *byte } else { 0 };
    Value::String(BASE64.encode(items.iter().map(byte).collect::<Vec<_>>()))
}

fn of_one(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

/// What a function returned as its error, as a tool's error. Cases that are named like those of the tool world mean the same.
fn failure(error: Option<(&Val, Type)>, budget: &mut Budget) -> Result<ToolError, TooLarge> {
    let (case, message) = match error {
        None => return Ok(ToolError::Failed("the tool failed and does not say why".into())),
        Some((Val::Enum(name), _)) => (name, None),
        Some((Val::Variant(name, payload), Type::Variant(variant))) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            (name, payload.as_deref().zip(ty).map(|(value, ty)| words(value, &ty, budget)).transpose()?)
        }
        Some((other, ty)) => return words(other, &ty, budget).map(ToolError::Failed),
    };
    let message = message.unwrap_or_else(|| case.replace('-', " "));
    Ok(match case.as_str() {
        "invalid-args" | "invalid-arguments" | "invalid-input" => ToolError::InvalidArguments(message),
        "denied" | "access-denied" | "permission-denied" => ToolError::Denied(message),
        "not-found" => ToolError::NotFound(message),
        "cancelled" => ToolError::Cancelled,
        code => ToolError::Other { code: code.to_owned(), message },
    })
}

/// A text as it is, a record's `message` if it has one, and any other value as JSON.
fn words(value: &Val, ty: &Type, budget: &mut Budget) -> Result<String, TooLarge> {
    let message = |fields: &[(String, Val)]| {
        fields.iter().find_map(|(name, value)| match value {
            Val::String(text) if name == "message" => Some(text.clone()),
            _ => None,
        })
    };
    match value {
        Val::String(text) => Ok(text.clone()),
        Val::Record(fields) => match message(fields) {
            Some(text) => Ok(text),
            None => to_json(value, ty, budget).map(|value| value.to_string()),
        },
        _ => to_json(value, ty, budget).map(|value| value.to_string()),
    }
}
