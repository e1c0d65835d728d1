//! The shape of a JSON value: which fields there are and of what type, whatever their values. Two answers of one server can be
//! compared by it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Places that are kept of one value: a flood of fields tells nothing more.
const MOST: usize = 1_000;

/// Each place of a value, as a JSON pointer with `*` for any element of a list, and the types that were seen there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape(BTreeMap<String, BTreeSet<&'static str>>);

impl Shape {
    /// The shape of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(value);
        shape
    }

    /// One more value of the same origin.
    pub fn add(&mut self, value: &Value) {
        let mut open = vec![(String::new(), value)];
        while let Some((place, value)) = open.pop() {
            if self.0.len() >= MOST && !self.0.contains_key(&place) {
                return;
            }
            match value {
                Value::Object(fields) => {
                    let field = |(name, value)| {
                        let name: &String = name;
                        (format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), value)
                    };
                    open.extend(fields.iter().map(field));
                }
                Value::Array(items) => open.extend(items.iter().map(|item| (format!("{place}/*"), item))),
                _ => {}
            }
            self.0.entry(place).or_default().insert(kind(value));
        }
    }

    /// What whoever reads `self` would miss in `later`: fields that are gone, and values of types that were not there. A field
    /// that is new, a list that is empty and a value that is `null` for once break nobody.
    #[must_use]
    pub fn missed_in(&self, later: &Self) -> Vec<String> {
        let mut missed = Vec::new();
        for (place, kinds) in &self.0 {
            let shown = if place.is_empty() { "/" } else { place };
            match later.0.get(place) {
                Some(now) => {
                    let new: Vec<&str> = now.difference(kinds).copied().filter(|kind| *kind != "null").collect();
                    if !new.is_empty() && !kinds.contains("null") {
                        let was: Vec<&str> = kinds.iter().copied().collect();
                        missed.push(format!("`{shown}` was {} and is {}", was.join(" or "), new.join(" or ")));
                    }
                }
                None if later.has_parent(place) => missed.push(format!("`{shown}` is gone")),
                None => {}
            }
        }
        missed
    }

    /// Whether the value around a place is there: what is gone with its surroundings is told once.
    fn has_parent(&self, place: &str) -> bool {
        let Some((parent, name)) = place.rsplit_once('/') else { return false };
        let kinds = self.0.get(parent);
        // An empty list has no elements to compare.
        name != "*" && kinds.is_some_and(|kinds| kinds.contains("an object"))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn missed(before: &Value, after: &Value) -> Vec<String> {
        Shape::of(before).missed_in(&Shape::of(after))
    }

    #[test]
    fn values_are_no_part_of_a_shape() {
        assert_eq!(missed(&json!({"a": 1, "b": ["x"]}), &json!({"a": 2, "b": ["y", "z"], "c": true})), [] as [&str; 0]);
    }

    #[test]
    fn what_is_gone_or_of_another_type_is_told_once() {
        let before = json!({"items": [{"price": 1, "at": {"x": 1, "y": 2}}]});
        assert_eq!(
            missed(&before, &json!({"items": [{"price": "1"}]})),
            ["`/items/*/at` is gone", "`/items/*/price` was a number and is a text"]
        );
        assert_eq!(missed(&before, &json!([1])), ["`/` was an object and is a list"]);
    }

    #[test]
    fn what_is_empty_or_null_for_once_is_no_other_shape() {
        assert_eq!(missed(&json!({"a": [1], "b": "x"}), &json!({"a": [], "b": null})), [] as [&str; 0]);
        assert_eq!(missed(&json!({"a": null}), &json!({"a": 1})), [] as [&str; 0]);
    }

    #[test]
    fn a_flood_of_fields_is_bounded() {
        let flood: serde_json::Map<String, Value> =
            (0..10 * MOST).map(|number| (format!("f{number}"), json!(1))).collect();
        assert!(Shape::of(&Value::Object(flood)).0.len() <= MOST);
    }
}
