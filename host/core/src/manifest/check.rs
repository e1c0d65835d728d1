//! Walks a parsed document along the table of keys, reports everything that does not fit and takes it out.
//!
//! What is left can be read as the wire form without a further error, so that the checks across keys see the rest and
//! one run finds everything. A document out of which something was taken never becomes a manifest.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeString, DeTable, DeValue};

use crate::limit::Unit;
use crate::schema::nearest;

use super::amount;
use super::condition;
use super::keys::{Key, Otherwise, Shape, Table};
use super::problem::{Code, Problem, suggest};
use super::text::Text;

/// The version that this build reads.
pub(super) const VERSION: &str = "1";

/// What was found so far, and where the walk is.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) problems: Vec<Problem>,
    path: Vec<String>,
}

/// Whether a value may stay.
type Keep = bool;

impl Checker {
    /// Checks the whole document, of which `whole` is the outermost table.
    pub(super) fn document(&mut self, document: &mut Spanned<DeTable<'_>>, text: &str, whole: &'static Table) {
        if let Some(version) = document.get_ref().get("version").filter(|version| is_other_version(version)) {
            // Another version has other keys: whatever else could be said here would be noise.
            let message = format!(
                "{} version {} is not supported; this build reads {VERSION}",
                form(whole),
                shown(version.get_ref())
            );
            self.problems.push(Problem::new(Code::Version, &version.span(), message).label("this version"));
            return;
        }
        let first_line = 0..text.lines().next().map_or(0, str::len);
        self.table(document.get_mut(), whole, whole.name, &first_line);
    }

    fn table(&mut self, table: &mut DeTable<'_>, known: &'static Table, place: &str, at: &Range<usize>) -> Keep {
        let unknown: Vec<_> = table.keys().filter(|key| known.key(key.get_ref()).is_none()).cloned().collect();
        for key in unknown {
            self.problems.push(self.unknown_key(&key, known, place));
            let Some(value) = table.remove(key.get_ref().as_ref()) else { continue };
            // It is told once: the rest is checked as if the key were written right.
            match meant(key.get_ref(), value.get_ref(), known) {
                Some(meant) if table.contains_key(meant) => add(table.get_mut(meant), value),
                Some(meant) => drop(table.insert(Spanned::new(key.span(), meant.into()), value)),
                None => {}
            }
        }
        for key in known.keys {
            match table.get_mut(key.name) {
                Some(value) => {
                    self.path.push(key.name.to_owned());
                    if !self.value(value, &key.shape) {
                        table.remove(key.name);
                    }
                    self.path.pop();
                }
                None if matches!(key.otherwise, Otherwise::Required) => {
                    let message = format!("{place} has no `{}`", key.name);
                    let problem = Problem::new(Code::MissingKey, at, message).label("in here");
                    self.problems.push(problem.help(format!("add {}: {}", example(&key.shape, key.name), key.doc)));
                }
                None => {}
            }
        }
        true
    }

    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, shape: &'static Shape) -> Keep {
        let span = value.span();
        match (shape, value.get_mut()) {
            (Shape::Version, DeValue::Integer(_)) => true,
            (Shape::Text(kind), DeValue::String(text)) => self.text(text, kind, &span),
            (Shape::Flag, DeValue::Boolean(_)) => true,
            (Shape::Choice(words), DeValue::String(text)) => self.choice(text, words, &span),
            (Shape::Amount { unit, least }, DeValue::Integer(number)) => {
                self.amount(integer(number).ok_or(()), *unit, *least, &span)
            }
            (Shape::Amount { unit, least }, DeValue::String(text)) => {
                self.amount(Ok(text.to_string()), *unit, *least, &span)
            }
            (Shape::List { of, may_be_empty }, DeValue::Array(items)) => {
                if items.is_empty() && !may_be_empty {
                    return self.empty(&span);
                }
                retain(items, |item| self.entry(item, of));
                true
            }
            (Shape::Numbers { what, least, most }, DeValue::Array(items)) => {
                self.numbers(items, what, *least..=*most, &span)
            }
            (Shape::Map { key, of }, DeValue::Table(entries)) => self.map(entries, key, of),
            (Shape::Table(known), DeValue::Table(table)) => {
                let place = format!("`[{}]`", self.path.join("."));
                self.table(table, known, &place, &span)
            }
            (Shape::Tables(known), DeValue::Array(items)) => {
                let place = format!("`[[{}]]`", self.path.join("."));
                retain(items, |item| self.member(item, known, &place));
                true
            }
            (Shape::Condition, DeValue::Table(schema)) => condition::check(schema, &mut self.problems),
            (Shape::Json, found) if is_json(found) => true,
            (shape, found) => self.wrong_type(shape, found, &span),
        }
    }

    fn entry(&mut self, item: &Spanned<DeValue<'_>>, kind: &Text) -> Keep {
        if let DeValue::String(text) = item.get_ref() {
            return self.text(text, kind, &item.span());
        }
        let found = type_of(item.get_ref());
        let message = format!("`{}` takes strings, each {}, not {found}", self.key(), kind.what);
        self.problems.push(Problem::new(Code::WrongType, &item.span(), message).label(found));
        false
    }

    fn numbers(
        &mut self,
        items: &mut DeArray<'_>,
        what: &str,
        range: RangeInclusive<u64>,
        span: &Range<usize>,
    ) -> Keep {
        if items.is_empty() {
            return self.empty(span);
        }
        retain(items, |item| {
            let number = match item.get_ref() {
                DeValue::Integer(number) => integer(number).and_then(|digits| digits.parse().ok()),
                _ => None,
            };
            if number.is_some_and(|number| range.contains(&number)) {
                return true;
            }
            let message = format!(
                "`{}` takes integers, each {what} from {} to {}, not {}",
                self.key(),
                range.start(),
                range.end(),
                shown(item.get_ref())
            );
            self.problems.push(Problem::new(Code::WrongType, &item.span(), message).label(format!("not {what}")));
            false
        });
        true
    }

    fn empty(&mut self, span: &Range<usize>) -> Keep {
        let problem = Problem::new(Code::Empty, span, format!("`{}` is empty", self.key())).label("no entry");
        self.problems.push(problem.help(format!("name at least one, or leave out {}", self.enclosing())));
        false
    }

    fn member(&mut self, item: &mut Spanned<DeValue<'_>>, known: &'static Table, place: &str) -> Keep {
        let span = item.span();
        match item.get_mut() {
            DeValue::Table(table) => self.table(table, known, place, &span),
            other => {
                let problem =
                    Problem::new(Code::WrongType, &span, format!("{place} takes tables, not {}", type_of(other)));
                self.problems.push(problem.label("not a table"));
                false
            }
        }
    }

    fn map(&mut self, entries: &mut DeTable<'_>, kind: &'static Text, of: &'static Shape) -> Keep {
        let names: Vec<_> = entries.keys().cloned().collect();
        for name in names {
            let name_is_good = self.text(name.get_ref(), kind, &name.span());
            self.path.push(name.get_ref().to_string());
            let keep = match entries.get_mut(name.get_ref().as_ref()) {
                Some(value) => self.value(value, of) && name_is_good,
                None => true,
            };
            self.path.pop();
            if !keep {
                entries.remove(name.get_ref().as_ref());
            }
        }
        true
    }

    fn text(&mut self, text: &str, kind: &Text, span: &Range<usize>) -> Keep {
        let complaint = match (kind.check)(text) {
            Ok(()) => return true,
            Err(complaint) => complaint,
        };
        let problem = Problem::new(complaint.code, span, complaint.message).label(format!("not {}", kind.what));
        self.problems.push(problem.maybe_help(complaint.help));
        false
    }

    fn choice(&mut self, text: &str, words: &[(&str, &str)], span: &Range<usize>) -> Keep {
        if words.iter().any(|(word, _)| *word == text) {
            return true;
        }
        let message = format!("`{}` is not a word that `{}` takes", short(text), self.key());
        let help = suggest(text, words.iter().map(|(word, _)| *word), "it is one of");
        self.problems.push(Problem::new(Code::UnknownWord, span, message).label("unknown").maybe_help(help));
        false
    }

    /// `Err` is an integer that is negative or has more than 63 bits.
    fn amount(&mut self, text: Result<String, ()>, unit: Unit, least: u64, span: &Range<usize>) -> Keep {
        let fail = |message: String| Problem::new(Code::Amount, span, message).label("not usable");
        let problem = match text.map(|text| amount::parse(&text, unit)) {
            Ok(Ok(number)) if number >= least => return true,
            Ok(Ok(_)) => fail(format!("`{}` must be at least {}", self.key(), amount::show(least, unit))),
            Err(()) => {
                fail(format!("`{}` takes a whole number that is not negative and has at most 63 bits", self.key()))
            }
            Ok(Err(error)) => fail(error.to_string()).help(spelling(&error, unit)),
        };
        self.problems.push(problem);
        false
    }

    fn wrong_type(&mut self, shape: &Shape, found: &DeValue<'_>, span: &Range<usize>) -> Keep {
        let message = format!("`{}` takes {}, not {}", self.key(), expected(shape), type_of(found));
        let whole = self.path.join(".");
        let is_table = matches!(shape, Shape::Map { .. } | Shape::Table(_) | Shape::Tables(_));
        let help = format!("write {}", example(shape, if is_table { &whole } else { self.key() }));
        self.problems.push(Problem::new(Code::WrongType, span, message).label(type_of(found)).help(help));
        false
    }

    fn unknown_key(&self, key: &Spanned<DeString<'_>>, known: &Table, place: &str) -> Problem {
        let message = format!("unknown key `{}` in {place}", short(key.get_ref()));
        let help = match one_level_too_high(key.get_ref(), known) {
            Some(outer) => {
                let path: Vec<&str> = self.path.iter().map(String::as_str).chain([outer.name]).collect();
                Some(format!("it belongs into `[{}]`", path.join(".")))
            }
            None => suggest(key.get_ref(), known.keys.iter().map(|key| key.name), "its keys are"),
        };
        Problem::new(Code::UnknownKey, &key.span(), message).label("unknown key").maybe_help(help)
    }

    /// The key at which the walk is.
    fn key(&self) -> &str {
        self.path.last().map_or("the manifest", String::as_str)
    }

    /// What to leave out instead of an empty list.
    fn enclosing(&self) -> &'static str {
        if self.path.first().is_some_and(|first| first == "rules") { "the rule" } else { "the key" }
    }
}

/// What a file is called whose outermost table is `whole`.
fn form(whole: &Table) -> &'static str {
    whole.name.strip_prefix("the ").unwrap_or(whole.name)
}

/// The table within `known` that has this key: it stands one level too high.
fn one_level_too_high(key: &str, known: &Table) -> Option<&'static Key> {
    known.keys.iter().find(|outer| matches!(outer.shape, Shape::Table(inner) if inner.key(key).is_some()))
}

/// The key that is certainly meant by one that does not exist: the nearest, if other checks would miss it. Such are a key that must
/// be there, and one that holds what is named elsewhere.
fn meant(key: &str, value: &DeValue<'_>, known: &Table) -> Option<&'static str> {
    if one_level_too_high(key, known).is_some() {
        return None;
    }
    let near = known.key(nearest(key, known.keys.iter().map(|key| key.name))?)?;
    let fits = match near.shape {
        Shape::Map { .. } | Shape::Table(_) | Shape::Condition => matches!(value, DeValue::Table(_)),
        Shape::Tables(_) => matches!(value, DeValue::Array(_)),
        _ => matches!(near.otherwise, Otherwise::Required),
    };
    fits.then_some(near.name)
}

/// Adds what a table or an array under a misspelled name holds to the one under the right name.
fn add<'i>(to: Option<&mut Spanned<DeValue<'i>>>, more: Spanned<DeValue<'i>>) {
    match (to.map(Spanned::get_mut), more.into_inner()) {
        (Some(DeValue::Table(to)), DeValue::Table(more)) => {
            more.into_iter().for_each(|(key, value)| _ = to.entry(key).or_insert(value));
        }
        (Some(DeValue::Array(to)), DeValue::Array(more)) => more.into_iter().for_each(|item| to.push(item)),
        _ => {}
    }
}

/// JSON has no date-times, and no numbers that are infinite or none.
fn is_json(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(_) | DeValue::Boolean(_) => true,
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).is_ok(),
        DeValue::Float(number) => number.as_str().parse().is_ok_and(f64::is_finite),
        DeValue::Datetime(_) => false,
        DeValue::Array(items) => items.iter().all(|item| is_json(item.get_ref())),
        DeValue::Table(table) => table.values().all(|item| is_json(item.get_ref())),
    }
}

fn is_other_version(version: &Spanned<DeValue<'_>>) -> bool {
    matches!(version.get_ref(), DeValue::Integer(number) if integer(number).as_deref() != Some(VERSION))
}

/// `Vec::retain_mut` for the array of the parser, which only grows. Copies only where something is taken out.
fn retain<'i>(items: &mut DeArray<'i>, mut keep: impl FnMut(&mut Spanned<DeValue<'i>>) -> Keep) {
    let kept: Vec<Keep> = items.iter_mut().map(&mut keep).collect();
    if kept.iter().all(|keep| *keep) {
        return;
    }
    let mut rest = DeArray::new();
    items.iter().zip(kept).filter(|(_, keep)| *keep).for_each(|(item, _)| rest.push(item.clone()));
    *items = rest;
}

/// The number in decimal digits, if it is not negative and has at most 63 bits.
fn integer(number: &DeInteger<'_>) -> Option<String> {
    let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
    u64::try_from(parsed).ok().map(|number| number.to_string())
}

/// How an amount is written. The nearest unit is not offered, because one letter is a factor of a thousand: only the same
/// letters in another case are.
fn spelling(error: &amount::Error, unit: Unit) -> String {
    let names = || amount::suffixes(unit).iter().map(|(name, _)| *name);
    if let amount::Error::Unit(found) = error
        && let Some(same) = names().find(|name| name.eq_ignore_ascii_case(found))
    {
        return format!("did you mean `{same}`?");
    }
    let units: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    format!("write it like `\"{}\"`; its units are {}", example_amount(unit), units.join(", "))
}

fn example_amount(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "10k",
        Unit::Bytes => "64MiB",
        Unit::Micros => "5s",
        Unit::MicroDollars => "50ct",
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => short(number.as_str()),
        other => type_of(other).to_owned(),
    }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date-time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Version => "the number 1".into(),
        Shape::Text(kind) => format!("{} as a string", kind.what),
        Shape::Flag => "`true` or `false`".into(),
        Shape::Choice(_) => "a word as a string".into(),
        Shape::Amount { .. } => "an integer or a string with a unit".into(),
        Shape::List { of, .. } => format!("an array of strings, each {}", of.what),
        Shape::Numbers { what, .. } => format!("an array of integers, each {what}"),
        Shape::Map { .. } | Shape::Table(_) => "a table".into(),
        Shape::Tables(_) => "an array of tables".into(),
        Shape::Condition => "a JSON Schema as a table".into(),
        Shape::Json => "a value that JSON has too".into(),
    }
}

/// A line that would be right, in words of TOML.
fn example(shape: &Shape, key: &str) -> String {
    match shape {
        Shape::Version => format!("`{key} = {VERSION}`"),
        Shape::Text(_) => format!("`{key} = \"…\"`"),
        Shape::Flag => format!("`{key} = false`"),
        Shape::Choice(words) => format!("`{key} = \"{}\"`", words.first().map_or("", |(word, _)| word)),
        Shape::Amount { unit, .. } => format!("`{key} = \"{}\"`", example_amount(*unit)),
        Shape::List { .. } => format!("`{key} = [\"…\"]`"),
        Shape::Numbers { least, .. } => format!("`{key} = [{least}]`"),
        Shape::Map { .. } | Shape::Table(_) => format!("`[{key}]` with its keys below"),
        Shape::Tables(_) => format!("`[[{key}]]` for each"),
        Shape::Json => format!("`{key} = \"…\"`"),
        Shape::Condition => format!("`{key} = {{ properties = {{ … }}, required = [\"…\"] }}`"),
    }
}
