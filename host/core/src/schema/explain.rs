//! One validation error in words: where, what is asked for, what was there, and what to do.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::render::{alternatives, asked, counted, note, short, with_type};
use super::violation::Violation;
use crate::escape::short as shown;

/// Names of fields that are quoted, in bytes.
const MAX_NAME: usize = 80;

/// Longest fragment of a schema that goes with a violation.
const MAX_EXPECTED: usize = 400;

/// Deepest nesting of `anyOf` within `anyOf` that is put into words.
const MAX_NESTED: usize = 3;

/// Puts `error` into words. `source` is the whole schema, `what` the name of the whole value.
pub(super) fn explain(source: &Value, what: &str, error: &ValidationError<'_>) -> Violation {
    let words = Words { source, what };
    let keyword = error.kind().keyword();
    let mut violation = Violation::new(error.instance_path().to_string(), keyword, words.message(error, 0));
    violation.expected = words.expected(error);
    violation
}

struct Words<'a> {
    source: &'a Value,
    what: &'a str,
}

impl<'a> Words<'a> {
    fn message(&self, error: &ValidationError<'_>, nested: usize) -> String {
        let at = self.subject(error);
        let value = error.instance().as_ref();
        match error.kind() {
            Kind::Type { kind } => format!("{at} must be {}, got {}", types(kind), with_type(value)),
            Kind::Required { property } => self.missing(&at, error, property),
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                self.unknown(error, unexpected)
            }
            Kind::Enum { options } => self.not_among(&at, value, options),
            Kind::Constant { expected_value } => {
                format!("{at} must be {}, got {}", short(expected_value), with_type(value))
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => self.no_branch(&at, value, context, nested),
            Kind::OneOfMultipleValid { context } => {
                format!("{at} fits more than one of the {} forms of which exactly one is allowed", context.len())
            }
            Kind::PropertyNames { error } => {
                format!("a field name in {at} is not allowed: {}", self.message(error, nested))
            }
            Kind::FalseSchema => format!("{at} is not allowed here"),
            Kind::Not { schema } => format!("{at} must not be {}", asked(schema).unwrap_or_else(|| short(schema))),
            kind => bound(&at, value, kind)
                .unwrap_or_else(|| format!("{at}: {}", shown(&error.masked_with("the value").to_string(), 200))),
        }
    }

    /// `` `/count` ``, or the name of the whole.
    fn subject(&self, error: &ValidationError<'_>) -> String {
        let pointer = error.instance_path().to_string();
        if pointer.is_empty() { self.what.to_owned() } else { format!("`{}`", shown(&pointer, 200)) }
    }

    /// The schema that holds the keyword that failed, if it is in the same document.
    fn schema(&self, error: &ValidationError<'_>) -> Option<&'a Value> {
        let path = error.schema_path().to_string();
        let (parent, _) = path.rsplit_once('/')?;
        self.source.pointer(parent)
    }

    fn missing(&self, at: &str, error: &ValidationError<'_>, property: &Value) -> String {
        let name = property.as_str().unwrap_or_default();
        let field = self.schema(error).and_then(|schema| schema.get("properties")?.get(name));
        let inside = if error.instance_path().to_string().is_empty() { String::new() } else { format!(" in {at}") };
        format!("missing required field `{}`{inside}{}", shown(name, MAX_NAME), note(field))
    }

    fn unknown(&self, error: &ValidationError<'_>, unexpected: &[String]) -> String {
        let known = self.schema(error).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let names: Vec<&str> = known.into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect();
        let pointer = error.instance_path().to_string();
        let each = unexpected.iter().take(5).map(|name| {
            let place = shown(&format!("{pointer}/{name}"), MAX_NAME + pointer.len().min(MAX_NAME)).into_owned();
            match nearest(name, names.iter().copied()) {
                Some(near) => format!("`{place}` is not a known field (did you mean `{}`?)", shown(near, MAX_NAME)),
                None => format!("`{place}` is not a known field"),
            }
        });
        let mut message = each.collect::<Vec<_>>().join("; ");
        if unexpected.len() > 5 {
            message.push_str(&format!("; and {} more unknown fields", unexpected.len() - 5));
        }
        if !message.ends_with("?)") && !names.is_empty() {
            let list: Vec<_> = names.iter().take(12).map(|name| format!("`{}`", shown(name, MAX_NAME))).collect();
            message.push_str(&format!("; known fields: {}", list.join(", ")));
        }
        message
    }

    fn not_among(&self, at: &str, value: &Value, options: &Value) -> String {
        let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
        let near = value.as_str().and_then(|text| nearest(text, options.iter().filter_map(Value::as_str)));
        let hint = near.map(|near| format!(" (did you mean \"{}\"?)", shown(near, MAX_NAME))).unwrap_or_default();
        format!("{at} must be {}, got {}{hint}", alternatives(options.iter()), with_type(value))
    }

    /// Of several forms, the one that the value is closest to: the one whose errors lie deepest, then the one with fewest.
    fn no_branch(&self, at: &str, value: &Value, branches: &[Vec<ValidationError<'static>>], nested: usize) -> String {
        let head = format!("{at} fits none of the {} allowed forms, got {}", branches.len(), with_type(value));
        let depth = |errors: &[ValidationError<'_>]| {
            errors.iter().map(|error| error.instance_path().to_string().matches('/').count()).max()
        };
        let wrong_type =
            |errors: &[ValidationError<'_>]| errors.iter().any(|error| matches!(error.kind(), Kind::Type { .. }));
        let closest = branches
            .iter()
            .filter(|errors| !errors.is_empty())
            .min_by_key(|errors| (std::cmp::Reverse(depth(errors)), wrong_type(errors), errors.len()));
        match closest {
            Some(errors) if nested < MAX_NESTED => {
                let reasons: Vec<_> = errors.iter().take(3).map(|error| self.message(error, nested + 1)).collect();
                format!("{head}; for the closest form: {}", reasons.join(", "))
            }
            _ => head,
        }
    }

    /// The schema around the keyword that failed, if it is short enough to be read.
    fn expected(&self, error: &ValidationError<'_>) -> Option<Value> {
        let schema = match error.kind() {
            Kind::Required { property } => self.schema(error)?.get("properties")?.get(property.as_str()?)?,
            Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => return None,
            _ => self.schema(error)?,
        };
        (schema.is_object() && schema.to_string().len() <= MAX_EXPECTED).then(|| schema.clone())
    }
}

/// The keywords that compare a size with a number, and the few that are a word.
fn bound(at: &str, value: &Value, kind: &Kind) -> Option<String> {
    let got = with_type(value);
    let long = value.as_str().map_or(0, |text| text.chars().count() as u64);
    let items = value.as_array().map_or(0, |items| items.len() as u64);
    let fields = value.as_object().map_or(0, |fields| fields.len() as u64);
    let length =
        |limit: &u64, word: &str| format!("{at} must have {word} {}, got {long}", counted(*limit, "character"));
    Some(match kind {
        Kind::Minimum { limit } => format!("{at} must be at least {limit}, got {got}"),
        Kind::Maximum { limit } => format!("{at} must be at most {limit}, got {got}"),
        Kind::ExclusiveMinimum { limit } => format!("{at} must be more than {limit}, got {got}"),
        Kind::ExclusiveMaximum { limit } => format!("{at} must be less than {limit}, got {got}"),
        Kind::MultipleOf { multiple_of } => format!("{at} must be a multiple of {multiple_of}, got {got}"),
        Kind::MinLength { limit } => length(limit, "at least"),
        Kind::MaxLength { limit } => length(limit, "at most"),
        Kind::MinItems { limit } => format!("{at} must have at least {}, got {items}", counted(*limit, "item")),
        Kind::MaxItems { limit } => format!("{at} must have at most {}, got {items}", counted(*limit, "item")),
        Kind::AdditionalItems { limit } => {
            format!("{at} must have at most {}, got {items}", counted(*limit as u64, "item"))
        }
        Kind::UnevaluatedItems { unexpected } => {
            format!("{at} has {} that are not allowed", counted(unexpected.len() as u64, "item"))
        }
        Kind::MinProperties { limit } => format!("{at} must have at least {}, got {fields}", counted(*limit, "field")),
        Kind::MaxProperties { limit } => format!("{at} must have at most {}, got {fields}", counted(*limit, "field")),
        Kind::UniqueItems => format!("{at} must not have the same item twice"),
        Kind::Contains => format!("{at} lacks the items that it must contain"),
        Kind::Pattern { pattern } => {
            format!("{at} must match the regular expression `{}`, got {got}", shown(pattern, 120))
        }
        _ => return None,
    })
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => article(*one).to_owned(),
        TypeKind::Multiple(set) => set.iter().map(article).collect::<Vec<_>>().join(" or "),
    }
}

fn article(name: JsonType) -> &'static str {
    match name {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody misspells a name of a kilobyte, and the comparison is quadratic.
    if text.len() > 128 {
        return None;
    }
    let text = text.to_lowercase();
    // Of several that are as similar, the one with the fewest letters to change.
    let close = |name: &'a str| {
        let lower = name.to_lowercase();
        (strsim::jaro_winkler(&text, &lower), strsim::osa_distance(&text, &lower), name)
    };
    let closer =
        |left: &(f64, usize, &str), right: &(f64, usize, &str)| left.0.total_cmp(&right.0).then(right.1.cmp(&left.1));
    let best = names.filter(|name| name.len() <= 128).map(close).max_by(closer)?;
    (best.0 > 0.8).then_some(best.2)
}
