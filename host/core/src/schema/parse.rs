//! Text to JSON value, strictly: what two readers could understand differently is refused.
//!
//! A repeated key is the classic way to have one value checked and another one used. Depth is bounded while reading
//! (serde_json stops at 128), so no later step can be driven out of its stack.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::violation::{Violation, Violations};
use crate::escape::short as shown;

/// Longest text that is read: 4 MiB, the default limit of a result. A file's content as an argument fits.
pub const MAX_TEXT_BYTES: usize = 4 << 20;

/// Deepest nesting that is read: serde_json's own limit.
pub const MAX_DEPTH: usize = 128;

/// Most values in one text, about: a list or an object counts as four. Each takes some 70 bytes of memory when it is read, so that four bytes
/// such as `[0],` become hundreds: what is bounded by its bytes alone takes a hundred times as many.
pub const MAX_VALUES: usize = 1 << 19;

/// A text of no more bytes is not worth counting.
const LIGHT: usize = 64 << 10;

/// Text around an error that is quoted, in bytes to each side.
const EXCERPT: usize = 24;

/// Reads one JSON value. `what` names it in messages: `the arguments`.
///
/// # Errors
///
/// One violation with line and column, the text around it and how to repair it.
pub fn parse(text: &str, what: &str) -> Result<Value, Violations> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("{what} have {} bytes, at most {MAX_TEXT_BYTES} are read; send less at once", text.len());
        return Err(Violation::new("", "size", message).into());
    }
    if is_heavy(text.as_bytes()) {
        let message = format!("{what} have more than some {MAX_VALUES} values in lists and objects; send less at once");
        return Err(Violation::new("", "size", message).into());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict::default().deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| Violation::new("", "json", describe(text, what, &error)).into())
}

/// Whether a text has more than [`MAX_VALUES`], so that reading it would take far more memory than it has bytes. Nothing is allocated to find
/// out, and it need not be JSON.
#[must_use]
pub fn is_heavy(text: &[u8]) -> bool {
    if text.len() <= LIGHT {
        return false;
    }
    let (mut values, mut is_string, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' if !is_string => values += 4,
            b',' if !is_string => values += 1,
            _ => {}
        }
        if values > MAX_VALUES {
            return true;
        }
    }
    false
}

fn describe(text: &str, what: &str, error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let why = whole.strip_suffix(&position).unwrap_or(&whole);
    let near = excerpt(text, error.line(), error.column());
    format!(
        "{what} are not valid JSON: {} at line {}, column {}, near `{near}`; {}",
        shown(why, 200),
        error.line(),
        error.column(),
        hint(text, error)
    )
}

fn hint(text: &str, error: &serde_json::Error) -> &'static str {
    let trimmed = text.trim_start();
    if error.is_eof() {
        "the text ends too early: send all of it again, or ask for less at once"
    } else if error.is_data() {
        "name each field once"
    } else if trimmed.starts_with("```") {
        "send the JSON object alone, without a code fence"
    } else if trimmed.starts_with(['{', '[', '"']) {
        "quote keys and strings with `\"`, escape line breaks as `\\n`, leave no comma before a closing bracket and nothing after the last one"
    } else {
        "send one JSON object and nothing else"
    }
}

/// The text around a position that serde_json reports (lines from 1, columns in bytes).
fn excerpt(text: &str, line: usize, column: usize) -> String {
    let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let start = line.floor_char_boundary(column.saturating_sub(EXCERPT));
    let end = line.ceil_char_boundary((column + EXCERPT).min(line.len()));
    shown(line.get(start..end).unwrap_or_default(), 4 * EXCERPT).into_owned()
}

/// Objects with more fields than this are looked up by hash while they are read, not one field after the other.
const FEW: usize = 16;

/// Reads any value and refuses an object that names a key twice.
///
/// What of an object or a list is read so far is on a stack that all levels share, so that each is allocated once and as large
/// as it is: growing them piece by piece was most of what reading cost.
#[derive(Default)]
struct Strict {
    fields: Vec<(String, Value)>,
    items: Vec<Value>,
}

impl<'de> DeserializeSeed<'de> for &mut Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let begin = self.items.len();
        while let Some(item) = access.next_element_seed(&mut *self)? {
            self.items.push(item);
        }
        Ok(Value::Array(self.items.drain(begin..).collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let begin = self.fields.len();
        while let Some(key) = access.next_key::<String>()? {
            let few = self.fields.get(begin..).unwrap_or_default();
            if few.len() == FEW {
                let map = self.fields.drain(begin..).collect();
                return self.many(map, key, access);
            }
            if few.iter().any(|(there, _)| *there == key) {
                return Err(twice(&key));
            }
            let value = access.next_value_seed(&mut *self)?;
            self.fields.push((key, value));
        }
        Ok(Value::Object(self.fields.drain(begin..).collect()))
    }
}

impl Strict {
    /// Reads on an object that has many fields.
    fn many<'de, A: MapAccess<'de>>(
        &mut self,
        mut map: Map<String, Value>,
        first: String,
        mut access: A,
    ) -> Result<Value, A::Error> {
        let mut next = Some(first);
        while let Some(key) = next {
            match map.entry(key) {
                Entry::Occupied(there) => return Err(twice(there.key())),
                Entry::Vacant(place) => {
                    place.insert(access.next_value_seed(&mut *self)?);
                }
            }
            next = access.next_key()?;
        }
        Ok(Value::Object(map))
    }
}

fn twice<E: serde::de::Error>(key: &str) -> E {
    E::custom(format!("the field `{key}` is there twice"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure(text: &str) -> String {
        parse(text, "the arguments").unwrap_err().to_string()
    }

    #[test]
    fn a_text_that_was_cut_off_is_told_from_one_that_is_wrong() {
        assert!(failure(r#"{"a": 2, "b":"#).contains("ends too early"));
        assert!(failure(r#"{"a": 2,}"#).contains("no comma"));
        assert!(failure("```json\n{}\n```").contains("code fence"));
        assert!(failure("I will call the tool").contains("nothing else"));
        assert!(failure(r#"{"a":1}{"a":2}"#).contains("nothing after the last one"));
    }

    /// Four bytes become hundreds: what is written in few bytes is not to take all memory.
    #[test]
    fn a_text_of_very_many_values_is_refused_before_it_is_read() {
        let lists = |count: usize| format!("[{}]", vec!["[0]"; count].join(","));
        assert!(parse(&lists(100_000), "it").is_ok());
        assert!(failure(&lists(110_000)).contains("values in lists and objects"));
        assert!(failure(&format!("[{}]", "1,".repeat(MAX_VALUES + 2))).contains("values in lists and objects"));
        // A long text is one value, whatever is in it; and a quote in it does not end it.
        let text = serde_json::to_string(&format!("{}\\\"{}", "[,".repeat(1 << 20), "\"[".repeat(1 << 18))).unwrap();
        assert!(!is_heavy(text.as_bytes()));
        assert!(parse(&text, "it").is_ok());
    }

    #[test]
    fn a_key_is_there_once_at_any_depth_however_it_is_spelled() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"y":1,"y":1}}]"#] {
            assert!(failure(text).contains("is there twice"), "{text}");
        }
    }

    /// Few fields are compared, many are looked up: neither misses one, and neither forgets one or their order.
    #[test]
    fn objects_of_any_size_are_read_whole_and_each_key_once() {
        for size in [0, 1, FEW - 1, FEW, FEW + 1, 5 * FEW] {
            let fields: Vec<_> =
                (0..size).map(|number| format!(r#""k{number}":[{number},{{"in":{number}}}]"#)).collect();
            let text = format!("{{{}}}", fields.join(","));
            assert_eq!(parse(&text, "it").unwrap().to_string(), text);
            for again in fields {
                let again = format!("{},{again}}}", text.strip_suffix('}').unwrap());
                assert!(failure(&again).contains("is there twice"), "{again}");
            }
        }
    }

    #[test]
    fn nesting_of_any_depth_is_refused_without_using_up_the_stack() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            assert!(failure(&text).contains("recursion limit"), "{open}");
        }
    }

    #[test]
    fn numbers_that_no_double_holds_are_refused() {
        assert!(failure("[1e400]").contains("number out of range"));
    }

    #[test]
    fn the_quoted_text_is_short_and_cannot_forge_a_line() {
        let message = failure(&format!("{{\"a\": \u{202e}\u{1b}[2J {}", "x".repeat(10_000)));
        assert!(message.len() < 500 && !message.contains(['\n', '\u{1b}', '\u{202e}']), "{message}");
    }

    proptest! {
        #[test]
        fn any_text_gives_a_value_or_a_message(text in "\\PC*") {
            if let Err(violations) = parse(&text, "the arguments") {
                prop_assert!(!violations.to_string().is_empty());
            }
        }

        #[test]
        fn what_serde_json_reads_is_read_the_same(keys in proptest::collection::btree_map("[a-z\"\\\\]{0,3}", proptest::collection::vec(any::<i64>(), 0..3), 0..40)) {
            let text = serde_json::to_string(&keys).unwrap();
            prop_assert_eq!(parse(&text, "it").unwrap(), serde_json::from_str::<Value>(&text).unwrap());
        }
    }
}
