//! Entries of a command line with places for arguments, and how the places are filled.

use serde_json::{Map, Value};

use super::Error;
use crate::escape::short;
use crate::schema::{MAX_VIOLATIONS, Violation};

/// One entry of a command line as it is written. It becomes none, one or many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Text with places for scalars. Left out where an argument in it is not given.
    Text(Text),
    /// `{argument}` and nothing else: a scalar is one entry, a list one for each of its items.
    Spread(String),
    /// `{argument:--flag}`: the flag alone for `true`; the flag and a value for others, joined where it ends with `=`.
    Flag {
        /// The argument.
        argument: String,
        /// The flag.
        flag: String,
    },
}

/// Text with places for arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// An argument; of all of them, as JSON, if it is empty.
    Argument(String),
}

impl Line {
    pub(super) fn parse(entry: &str) -> Result<Self, Error> {
        let whole = entry.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some((argument, flag)) = whole.and_then(|whole| whole.split_once(':'))
            && !whole.is_some_and(|whole| whole.contains(['{', '}']))
        {
            if argument.is_empty() || !flag.starts_with('-') {
                return Err(wrong(entry, "write `{argument:--flag}`, with a flag that begins with `-`"));
            }
            if flag.contains('\0') {
                return Err(wrong(entry, "a zero byte ends a text for programs"));
            }
            return Ok(Self::Flag { argument: argument.to_owned(), flag: flag.to_owned() });
        }
        let text = Text::parse(entry)?;
        Ok(match text.0.as_slice() {
            [Part::Argument(name)] if !name.is_empty() => Self::Spread(name.clone()),
            _ => Self::Text(text),
        })
    }

    /// Whether it is always there and a program would read it as an option that may take the next entry for its value.
    pub(super) fn is_option(&self) -> bool {
        let begins = |text: &str| text.len() > 1 && text.starts_with('-') && text != "--" && !text.ends_with('=');
        matches!(self, Self::Text(Text(parts)) if matches!(parts.as_slice(), [Part::Literal(text)] if begins(text)))
    }

    pub(super) fn arguments(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => text.arguments(),
            Self::Spread(argument) | Self::Flag { argument, .. } => vec![argument],
        }
    }

    /// Whether it is `--`, after which programs look for no options.
    pub(super) fn is_separator(&self) -> bool {
        matches!(self, Self::Text(Text(parts)) if matches!(parts.as_slice(), [Part::Literal(text)] if text == "--"))
    }
}

impl Text {
    /// `{name}` is an argument, `{}` all of them as JSON, `{{` and `}}` are braces.
    pub(super) fn parse(entry: &str) -> Result<Self, Error> {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut rest = entry.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '{' if rest.next_if_eq(&'{').is_some() => literal.push('{'),
                '}' if rest.next_if_eq(&'}').is_some() => literal.push('}'),
                '}' => return Err(wrong(entry, "a `}` that closes nothing; write `}}` for the character")),
                '{' => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Argument(name(entry, &mut rest)?));
                }
                other => literal.push(other),
            }
        }
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        if parts.iter().any(|part| matches!(part, Part::Literal(text) if text.contains('\0'))) {
            return Err(wrong(entry, "a zero byte ends a text for programs"));
        }
        Ok(Self(parts))
    }

    pub(super) fn arguments(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for part in &self.0 {
            if let Part::Argument(name) = part
                && !name.is_empty()
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// The argument that it begins with.
    fn first(&self) -> Option<&str> {
        match self.0.first() {
            Some(Part::Argument(name)) => Some(name),
            _ => None,
        }
    }
}

fn name(entry: &str, rest: &mut impl Iterator<Item = char>) -> Result<String, Error> {
    let mut name = String::new();
    for next in rest {
        match next {
            '}' => return Ok(name),
            '{' | ':' => break,
            other => name.push(other),
        }
    }
    Err(wrong(entry, "a `{` without its `}`; write `{{` for the character"))
}

fn wrong(entry: &str, why: &str) -> Error {
    Error::Template { entry: entry.to_owned(), why: why.to_owned() }
}

/// Fills places, and collects what cannot be filled in.
pub(super) struct Filled<'a> {
    arguments: &'a Map<String, Value>,
    /// Bytes that may still be filled in.
    left: usize,
    pub(super) wrong: Vec<Violation>,
}

/// What an entry costs beside its text.
const ENTRY: usize = 64;

impl<'a> Filled<'a> {
    /// At most `most` bytes are filled in.
    pub(super) fn new(arguments: &'a Map<String, Value>, most: usize) -> Self {
        Self { arguments, left: most, wrong: Vec::new() }
    }

    /// Whether there is nothing more to do: too much is wrong already, or what is filled in is too large.
    fn is_over(&self) -> bool {
        self.wrong.len() >= MAX_VIOLATIONS
    }

    /// Counts `bytes` before they are filled in.
    fn spend(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes.saturating_add(ENTRY)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                let message = "the arguments make a command line that is too long; ask for less at once";
                let told = self.wrong.iter().any(|wrong| wrong.keyword == "size");
                self.wrong.extend((!told).then(|| Violation::new("", "size", message)));
                false
            }
        }
    }

    /// What `line` becomes. `guarded`: the program may still read an entry as an option.
    pub(super) fn line(&mut self, line: &Line, guarded: bool, argv: &mut Vec<String>) {
        match line {
            Line::Text(text) => {
                let Some(filled) = self.text(text, true) else { return };
                let by_caller = text.first().filter(|_| guarded);
                argv.extend(by_caller.map_or(Some(filled.clone()), |argument| self.guarded(argument, filled)));
            }
            Line::Spread(argument) => {
                for value in self.values(argument) {
                    if self.is_over() {
                        return;
                    }
                    let entry = if guarded { self.guarded(argument, value) } else { Some(value) };
                    argv.extend(entry);
                }
            }
            Line::Flag { argument, flag } => match self.arguments.get(argument) {
                Some(Value::Bool(true)) => argv.push(flag.clone()),
                Some(Value::Bool(false)) => {}
                _ => {
                    for value in self.values(argument) {
                        if flag.ends_with('=') {
                            argv.push(format!("{flag}{value}"));
                        } else if let Some(value) = self.guarded(argument, value) {
                            argv.extend([flag.clone(), value]);
                        }
                    }
                }
            },
        }
    }

    /// `None` where an argument is not given.
    pub(super) fn text(&mut self, text: &Text, ends_at_zero: bool) -> Option<String> {
        let mut filled = String::new();
        for part in &text.0 {
            match part {
                Part::Literal(literal) => {
                    self.spend(literal.len()).then(|| filled.push_str(literal))?;
                }
                Part::Argument(name) if name.is_empty() => {
                    let all = serde_json::to_string(self.arguments).unwrap_or_default();
                    self.spend(all.len()).then(|| filled.push_str(&all))?;
                }
                Part::Argument(name) => {
                    let value = self.arguments.get(name).filter(|value| !value.is_null())?;
                    filled.push_str(&self.scalar(name, value, ends_at_zero)?);
                }
            }
        }
        Some(filled)
    }

    /// The values of an argument: those of a list, one of anything else, none where it is not given.
    fn values(&mut self, argument: &str) -> Vec<String> {
        match self.arguments.get(argument) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                let mut values = Vec::new();
                for item in items {
                    if self.is_over() || self.wrong.iter().any(|wrong| wrong.keyword == "size") {
                        break;
                    }
                    values.extend(self.scalar(argument, item, true));
                }
                values
            }
            Some(value) => self.scalar(argument, value, true).into_iter().collect(),
        }
    }

    fn scalar(&mut self, argument: &str, value: &Value, ends_at_zero: bool) -> Option<String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return self.refused(
                    argument,
                    "type",
                    "must be a text, a number or a boolean: a program is given nothing else",
                );
            }
        };
        if !self.spend(text.len()) {
            return None;
        }
        if ends_at_zero && text.contains('\0') {
            return self.refused(argument, "pattern", "holds a zero byte, which ends a text for programs");
        }
        Some(text)
    }

    /// `value`, unless a program would take it for an option.
    fn guarded(&mut self, argument: &str, value: String) -> Option<String> {
        if value.len() > 1 && value.starts_with('-') {
            return self.refused(argument, "pattern", "begins with `-`, which the program would take for an option");
        }
        Some(value)
    }

    fn refused(&mut self, argument: &str, keyword: &str, why: &str) -> Option<String> {
        let (keyword, text) = (keyword.to_owned(), format!("`{}` {why}", short(argument, 100)));
        if self.wrong.iter().any(|wrong| wrong.message == text) {
            return None;
        }
        let pointer = format!("/{}", argument.replace('~', "~0").replace('/', "~1"));
        self.wrong.push(Violation::new(pointer, keyword, text));
        None
    }
}
