//! JSON to component values and back, by the table in [`crate::component`]'s `typed::schema`.
//!
//! Arguments have passed their schema before; what a schema cannot say (whether base64 is base64) is an error here. Results are
//! bounded by what a guest may hand over at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, Type};

use super::failure::ToolError;

/// Why a value is not one of a type: where, and what is wrong there.
type Wrong = String;

/// The parameters of a function from an object of arguments.
pub(super) fn parameters(function: &ComponentFunc, arguments: &Value) -> Result<Vec<Val>, ToolError> {
    let of = |(name, ty): (&str, Type)| field(arguments, name, &ty);
    function.params().map(of).collect::<Result<_, _>>().map_err(ToolError::InvalidArguments)
}

/// The result of a function as JSON, or the error that it returned.
pub(super) fn returned(function: &ComponentFunc, value: Option<&Val>) -> Result<Value, ToolError> {
    match (value, function.results().next()) {
        (Some(Val::Result(Ok(value))), Some(Type::Result(result))) => Ok(side(value.as_deref(), result.ok())),
        (Some(Val::Result(Err(error))), Some(Type::Result(result))) => Err(failure(error.as_deref().zip(result.err()))),
        (Some(value), Some(ty)) => Ok(to_json(value, &ty)),
        _ => Ok(Value::Null),
    }
}

fn field(object: &Value, name: &str, ty: &Type) -> Result<Val, Wrong> {
    let value = object.get(name).unwrap_or(&Value::Null);
    to_val(value, ty).map_err(|wrong| format!("`{}`: {wrong}", toolhold_core::escape::short(name, 100)))
}

fn to_val(value: &Value, ty: &Type) -> Result<Val, Wrong> {
    match ty {
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
        Type::List(list) if list.ty() == Type::U8 => bytes(value),
        Type::List(list) => items(value, &list.ty()).map(Val::List),
        Type::FixedLengthList(list) => {
            let items = items(value, &list.ty())?;
            let fits = u32::try_from(items.len()).is_ok_and(|length| length == list.len());
            if fits { Ok(Val::FixedLengthList(items)) } else { Err(expected("another number of items")) }
        }
        Type::Record(record) => {
            let of = |name: &str, ty: &Type| Ok((name.to_owned(), field(value, name, ty)?));
            record.fields().map(|known| of(known.name, &known.ty)).collect::<Result<_, _>>().map(Val::Record)
        }
        Type::Tuple(tuple) => {
            let found = value.as_array().filter(|items| items.len() == tuple.types().len());
            let found = found.ok_or_else(|| expected("an array of that length"))?;
            tuple.types().zip(found).map(|(ty, item)| to_val(item, &ty)).collect::<Result<_, _>>().map(Val::Tuple)
        }
        Type::Variant(variant) => {
            let (name, payload) = case(value)?;
            let known = variant.cases().find(|case| case.name == name);
            match (known.map(|case| case.ty), payload) {
                (Some(None), None) => Ok(Val::Variant(name.to_owned(), None)),
                (Some(Some(ty)), Some(value)) => Ok(Val::Variant(name.to_owned(), Some(Box::new(to_val(value, &ty)?)))),
                _ => Err(expected("one of its cases")),
            }
        }
        Type::Enum(known) => {
            let name = text(value)?;
            known
                .names()
                .find(|known| *known == name)
                .map(|name| Val::Enum(name.to_owned()))
                .ok_or_else(|| expected("one of its names"))
        }
        Type::Option(_) if value.is_null() => Ok(Val::Option(None)),
        Type::Option(option) => {
            let inner = option.ty();
            let value = match inner {
                Type::Option(_) => value.get("some").ok_or_else(|| expected("`{\"some\": …}` or null"))?,
                _ => value,
            };
            Ok(Val::Option(Some(Box::new(to_val(value, &inner)?))))
        }
        Type::Result(result) => {
            let side = |ty: Option<Type>, value: &Value| ty.map(|ty| to_val(value, &ty).map(Box::new)).transpose();
            match case(value)? {
                ("ok", Some(value)) => Ok(Val::Result(Ok(side(result.ok(), value)?))),
                ("err", Some(value)) => Ok(Val::Result(Err(side(result.err(), value)?))),
                _ => Err(expected("`{\"ok\": …}` or `{\"err\": …}`")),
            }
        }
        Type::Flags(flags) => {
            let known = |value: &Value| {
                let name = text(value)?;
                flags
                    .names()
                    .find(|known| *known == name)
                    .map(str::to_owned)
                    .ok_or_else(|| expected("one of its names"))
            };
            let items = value.as_array().ok_or_else(|| expected("an array of names"))?;
            items.iter().map(known).collect::<Result<_, _>>().map(Val::Flags)
        }
        // A function with such a type is not offered as a tool.
        Type::Map(_) | Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            Err("a value of this type cannot be written".into())
        }
    }
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

fn bytes(value: &Value) -> Result<Val, Wrong> {
    let bytes = BASE64.decode(text(value)?).map_err(|error| format!("bytes in base64 are expected: {error}"))?;
    Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
}

fn items(value: &Value, ty: &Type) -> Result<Vec<Val>, Wrong> {
    let items = value.as_array().ok_or_else(|| expected("an array"))?;
    items.iter().map(|item| to_val(item, ty)).collect()
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

fn to_json(value: &Val, ty: &Type) -> Value {
    match (value, ty) {
        (Val::List(items), Type::List(list)) => {
            let ty = list.ty();
            if ty == Type::U8 { of_bytes(items) } else { items.iter().map(|item| to_json(item, &ty)).collect() }
        }
        (Val::FixedLengthList(items), Type::FixedLengthList(list)) => {
            let ty = list.ty();
            items.iter().map(|item| to_json(item, &ty)).collect()
        }
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            items.iter().zip(tuple.types()).map(|(item, ty)| to_json(item, &ty)).collect()
        }
        (Val::Record(fields), Type::Record(record)) => {
            let fields = fields.iter().zip(record.fields());
            fields.map(|((name, value), field)| (name.clone(), to_json(value, &field.ty))).collect::<Map<_, _>>().into()
        }
        (Val::Variant(name, Some(value)), Type::Variant(variant)) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            of_one(name, side(Some(value), ty))
        }
        (Val::Option(Some(value)), Type::Option(option)) => match option.ty() {
            inner @ Type::Option(_) => of_one("some", to_json(value, &inner)),
            inner => to_json(value, &inner),
        },
        (Val::Result(Ok(value)), Type::Result(result)) => of_one("ok", side(value.as_deref(), result.ok())),
        (Val::Result(Err(value)), Type::Result(result)) => of_one("err", side(value.as_deref(), result.err())),
        (scalar, _) => of_scalar(scalar),
    }
}

fn side(value: Option<&Val>, ty: Option<Type>) -> Value {
    value.zip(ty).map_or(Value::Null, |(value, ty)| to_json(value, &ty))
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
fn failure(error: Option<(&Val, Type)>) -> ToolError {
    let (case, message) = match error {
        None => return ToolError::Failed("the tool failed and does not say why".into()),
        Some((Val::Enum(name), _)) => (name, None),
        Some((Val::Variant(name, payload), Type::Variant(variant))) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            (name, payload.as_deref().zip(ty).map(|(value, ty)| words(value, &ty)))
        }
        Some((other, ty)) => return ToolError::Failed(words(other, &ty)),
    };
    let message = message.unwrap_or_else(|| case.replace('-', " "));
    match case.as_str() {
        "invalid-args" | "invalid-arguments" | "invalid-input" => ToolError::InvalidArguments(message),
        "denied" | "access-denied" | "permission-denied" => ToolError::Denied(message),
        "not-found" => ToolError::NotFound(message),
        "cancelled" => ToolError::Cancelled,
        code => ToolError::Other { code: code.to_owned(), message },
    }
}

/// A text as it is, a record's `message` if it has one, and any other value as JSON.
fn words(value: &Val, ty: &Type) -> String {
    let message = |fields: &[(String, Val)]| {
        fields.iter().find_map(|(name, value)| match value {
            Val::String(text) if name == "message" => Some(text.clone()),
            _ => None,
        })
    };
    let json = || to_json(value, ty).to_string();
    match value {
        Val::String(text) => text.clone(),
        Val::Record(fields) => message(fields).unwrap_or_else(json),
        _ => json(),
    }
}
