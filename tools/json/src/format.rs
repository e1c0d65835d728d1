//! `format`: the same document laid out another way.

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde::Serialize as _;
use toolhold_sdk::serde_json::ser::{PrettyFormatter, Serializer};
use toolhold_sdk::serde_json::to_string;

use crate::document::{self, Document};

/// Spaces of a level unless asked otherwise.
const DEFAULT_INDENT: usize = 2;
/// Spaces of a level at most.
const MAX_INDENT: usize = 16;

/// The document as text.
#[output]
pub(crate) struct Formatted {
    /// Its text.
    text: String,
}

/// Lays a document out: indented, or compact in one line, with keys sorted if asked.
#[tool(title = "Format JSON", hints(read_only, idempotent), needs(read("/**", "reads the file it is asked to format")))]
pub(crate) fn format(
    /// Exactly one of `value`, `text` and `path`.
    document: Document,
    /// Spaces of a level, at most 16; 0 for one line; 2 if left out.
    #[schemars(range(max = 16))]
    indent: Option<usize>,
    /// Sort the keys of objects.
    #[serde(default)]
    sort_keys: bool,
) -> Result<Formatted> {
    let mut value = document.value()?;
    if sort_keys {
        value.sort_all_objects();
    }
    let indent = indent.unwrap_or(DEFAULT_INDENT).min(MAX_INDENT);
    let layout = Layout { indent: (indent > 0).then(|| " ".repeat(indent)), newline: false };
    Ok(Formatted { text: document::bounded_text(layout.print(&value)?)? })
}

/// How a text is laid out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What a level is indented with; nothing if all is in one line.
    indent: Option<String>,
    /// Whether a newline follows.
    newline: bool,
}

impl Layout {
    /// The layout of a text, as its first indented line tells.
    pub(crate) fn of(text: &str) -> Self {
        let indented = text.trim_end().lines().skip(1).find(|line| line.starts_with([' ', '\t']));
        let white = |line: &str| line.chars().take_while(|character| matches!(character, ' ' | '\t')).collect();
        let flat = (text.trim().contains('\n')).then(String::new);
        Self { indent: indented.map(white).or(flat), newline: text.ends_with('\n') }
    }

    /// A value in this layout.
    ///
    /// # Errors
    /// It cannot be printed.
    pub(crate) fn print(&self, value: &Value) -> Result<String> {
        let mut text = match &self.indent {
            None => to_string(value)?,
            Some(indent) => {
                let mut bytes = Vec::new();
                let formatter = PrettyFormatter::with_indent(indent.as_bytes());
                value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
                String::from_utf8(bytes)?
            }
        };
        if self.newline {
            text.push('\n');
        }
        Ok(text)
    }
}
