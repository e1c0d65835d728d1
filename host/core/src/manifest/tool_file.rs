//! `tool.toml`, in the folder of a tool's source: what the tool is called, what it is written in, and, if that makes programs, how these
//! are called.
//!
//! It is checked as strictly as a manifest, by the same checker. A program says nothing of its tools, so this file does, in the words
//! of the manifest's `[tools.NAME.commands.TOOL]`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::describe::ToolInfo;
use crate::id::{ComponentName, LocalName};

use super::check::Checker;
use super::keys::{COMMAND, Otherwise, Shape, Table, key};
use super::validate::Validator;
use super::{Code, Errors, Problem, Source, document, syntax, text, v1};

/// What a tool's folder says of it.
#[derive(Debug, Clone)]
pub struct ToolFile {
    /// What its component is called.
    pub name: ComponentName,
    /// What it is written in: one of [`LANGUAGES`].
    pub language: String,
    /// Its tools, if it is a program.
    pub commands: BTreeMap<LocalName, ToolInfo>,
}

/// The languages of tools, and what each makes.
pub const LANGUAGES: [(&str, &str); 11] = [
    ("rust", DESCRIBED),
    ("c", DESCRIBED),
    ("cpp", DESCRIBED),
    ("zig", DESCRIBED),
    ("go", DESCRIBED),
    ("python", DESCRIBED),
    ("javascript", DESCRIBED),
    ("typescript", DESCRIBED),
    ("assemblyscript", DESCRIBED),
    ("nim", PROGRAM),
    ("ruby", PROGRAM),
];

const DESCRIBED: &str = "a component that describes itself";
const PROGRAM: &str = "a program";

/// The whole file.
static TOOL_FILE: Table = Table {
    name: "the tool file",
    doc: "The whole file.",
    keys: &[
        key("name", Shape::Text(&text::COMPONENT), Otherwise::Required, "what the component is called"),
        key("language", Shape::Choice(&LANGUAGES), Otherwise::Required, "what it is written in"),
        key(
            "commands",
            Shape::Map { key: &text::LOCAL, of: &Shape::Table(&COMMAND) },
            Otherwise::Is("as the component says"),
            "for a program: its tools, and how each is called",
        ),
    ],
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wire {
    name: Option<String>,
    language: Option<Spanned<String>>,
    commands: BTreeMap<Spanned<String>, Spanned<v1::Command>>,
}

impl ToolFile {
    /// Reads `text`, which came from the file that messages call `name`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    ///
    /// # Examples
    ///
    /// ```
    /// let text = "name = \"weather\"\nlanguage = \"zig\"";
    /// let file = toolhold_core::manifest::tool_file::ToolFile::parse(text, "tool.toml")?;
    /// assert_eq!((file.name.as_str(), file.language.as_str()), ("weather", "zig"));
    /// # Ok::<(), toolhold_core::manifest::Errors>(())
    /// ```
    pub fn parse(text: &str, name: &str) -> Result<Self, Errors> {
        let source = Source::of_form("tool file", name, text);
        if text.len() > super::MAX_BYTES {
            let message = format!("a tool file has at most {} bytes, this one has {}", super::MAX_BYTES, text.len());
            return Err(Errors::of(&source, vec![Problem::new(Code::TooLarge, &(0..0), message)]));
        }
        let mut document = document(&source, text)?;
        let mut checker = Checker::default();
        checker.document(&mut document, text, &TOOL_FILE);
        let mut validator = Validator { base: Path::new(""), problems: checker.problems };
        let wire = Wire::deserialize(toml::de::Deserializer::from(document))
            .map_err(|error| Errors::of(&source, vec![syntax(&error)]))?;
        let told = validator.problems.len();
        let is_written = !wire.commands.is_empty();
        let commands = validator.commands(wire.commands);
        if let Some(language) = &wire.language
            && told == validator.problems.len()
        {
            validator.problems.extend(only_programs_are_called(language, is_written));
        }
        Errors::check(&source, validator.problems)?;
        let name = wire.name.as_deref().unwrap_or_default().parse::<ComponentName>();
        let (Ok(name), Some(language)) = (name, wire.language) else {
            // The checker has seen that both are there and well formed.
            return Err(Errors::of(
                &source,
                vec![Problem::new(Code::MissingKey, &(0..0), "it has no name or language")],
            ));
        };
        let commands = commands.into_iter().map(|(name, info)| (name, info.value)).collect();
        Ok(Self { name, language: language.into_inner(), commands })
    }
}

/// Whether what a language makes is a program.
#[must_use]
pub fn makes_programs(language: &str) -> bool {
    LANGUAGES.iter().any(|(name, makes)| *name == language && *makes == PROGRAM)
}

fn only_programs_are_called(language: &Spanned<String>, is_written: bool) -> Option<Problem> {
    let name = language.get_ref();
    let (message, help) = match (makes_programs(name), is_written) {
        (true, false) => (
            format!("`{name}` makes a program, and nothing here says how it is called"),
            "add `[commands.TOOL]` with `description`, `input`, `stdin = \"{}\"` and `result = \"json\"`",
        ),
        (false, true) => (
            format!("`{name}` makes a component that says itself what its tools are"),
            "leave out `[commands]`: it is for programs",
        ),
        _ => return None,
    };
    Some(Problem::new(Code::Command, &language.span(), message).label("this language").help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<Code> {
        ToolFile::parse(text, "tool.toml").unwrap_err().problems().iter().map(|problem| problem.code).collect()
    }

    const PROGRAM: &str = "name = \"weather\"\nlanguage = \"nim\"\n[commands.word_count]\ndescription = \"Counts.\"\n\
        stdin = \"{}\"\nresult = \"json\"\ninput = { properties.path.type = \"string\", required = [\"path\"] }\n";

    #[test]
    fn a_program_is_described_as_in_a_manifest() {
        let file = ToolFile::parse(PROGRAM, "tool.toml").unwrap();
        assert_eq!((file.name.as_str(), file.language.as_str()), ("weather", "nim"));
        let info = &file.commands[&"word_count".parse::<LocalName>().unwrap()];
        assert_eq!(info.description, "Counts.");
        assert_eq!(info.input_schema["additionalProperties"], false);
        assert_eq!(info.extra["command"]["stdin"], "{}");
    }

    #[test]
    fn a_program_that_nobody_says_how_to_call_and_a_component_that_is_none_are_errors() {
        assert_eq!(codes("name = \"a\"\nlanguage = \"ruby\""), [Code::Command]);
        assert_eq!(codes(&PROGRAM.replace("nim", "zig")), [Code::Command]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_once() {
        assert_eq!(codes("nam = \"a\"\nlanguage = \"cobol\""), [Code::UnknownKey, Code::UnknownWord]);
        assert_eq!(codes("name = \"Bad Name\"\nlanguage = \"c\"\ncompiler = \"gcc\""), [Code::Name, Code::UnknownKey]);
        assert_eq!(codes(""), [Code::MissingKey, Code::MissingKey]);
        assert_eq!(codes(&PROGRAM.replace("{}", "{pth}")), [Code::Command]);
        assert_eq!(codes(&PROGRAM.replace("description", "descripton")), [Code::UnknownKey]);
    }

    #[test]
    fn each_key_is_a_key_of_the_wire_form_and_no_other() {
        let error = toml::from_str::<Wire>("zz = 1").unwrap_err().message().to_owned();
        let listed: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(listed, TOOL_FILE.keys.iter().map(|key| key.name).collect::<Vec<_>>());
    }
}
