//! JSON without secrets, and JSON still: text that is replaced within JSON as written could break it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::search::Findings;
use super::{REDACTED, Redactor};

impl Redactor {
    /// Takes known secrets out of every string, key and number of `value`. Says whether there was one.
    pub fn redact_value(&self, value: &mut Value) -> bool {
        !self.search_value(value).is_empty()
    }

    /// JSON text without known secrets; still JSON if it was. Not rewritten where nothing is found.
    #[must_use]
    pub fn redact_json<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.finds(text) {
            return Cow::Borrowed(text);
        }
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                self.search_value(&mut value);
                Cow::Owned(value.to_string())
            }
            Err(_) => self.redact(text),
        }
    }

    /// [`Redactor::redact_value`], with what was found.
    pub(super) fn search_value(&self, value: &mut Value) -> Findings {
        let mut found = Findings::default();
        if self.is_empty() {
            return found;
        }
        self.walk(value, &mut found);
        // A secret with quotes and commas can be spread over what is not one string.
        let spread = self.search(value.to_string().as_bytes());
        if !spread.is_empty() {
            *value = Value::from(REDACTED);
            add(&mut found, spread);
        }
        found
    }

    fn walk(&self, value: &mut Value, found: &mut Findings) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let here = self.search(number.to_string().as_bytes());
                if !here.is_empty() {
                    *value = Value::from(REDACTED);
                    add(found, here);
                }
            }
            Value::String(text) => self.string(text, found),
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, found)),
            Value::Object(map) => {
                map.values_mut().for_each(|item| self.walk(item, found));
                self.keys(map, found);
            }
        }
    }

    fn string(&self, text: &mut String, found: &mut Findings) {
        let here = self.search(text.as_bytes());
        if !here.is_empty() {
            *text = super::cut(text, &here);
            add(found, here);
        }
    }

    fn keys(&self, map: &mut Map<String, Value>, found: &mut Findings) {
        if !map.keys().any(|key| self.finds(key)) {
            return;
        }
        for (mut key, value) in std::mem::take(map) {
            self.string(&mut key, found);
            // Two keys that are the same now are still two.
            while map.contains_key(&key) {
                key.push('\'');
            }
            map.insert(key, value);
        }
    }
}

fn add(all: &mut Findings, here: Findings) {
    all.ranges.extend(here.ranges);
    all.secrets.extend(here.secrets);
}
