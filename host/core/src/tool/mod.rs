//! One tool as the host knows it: its name, which bytes it is, what it says of itself, and its compiled schemas.
//!
//! [`Tool::new`] is where a component's claims are bounded; what passes can be listed, shown and checked against. It grants
//! nothing: what a tool may reach is the policy's business.

mod catalog;
mod text;

use std::sync::Arc;

use serde_json::Value;

pub use catalog::{Catalog, CatalogError, MAX_TOOLS_PER_COMPONENT, UnknownTool};
pub use text::HiddenCharacter;

use crate::call::{CommandCall, ValidatedCall};
use crate::command::{self, Command};
use crate::content;
use crate::describe::ToolInfo;
use crate::id::{ComponentName, ToolDigest, ToolName};
use crate::schema::{self, CompiledSchema, Violation, Violations, parse};

/// Longest title, in bytes: a line of a terminal.
pub const MAX_TITLE_BYTES: usize = 200;

/// Longest description, in bytes. A model reads all of them in every turn.
pub const MAX_DESCRIPTION_BYTES: usize = 4 << 10;

/// Longest list of needs, and the longest target and reason of one.
const MAX_NEEDS: usize = 64;
const MAX_NEED_BYTES: usize = 1 << 10;

/// Longest further facts, as compact text.
const MAX_EXTRA_BYTES: usize = 16 << 10;

/// Why a tool cannot be used. Read by its author and its operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// A text that is longer than what is read.
    #[error("tool `{tool}`: {field} has {bytes} bytes, at most {limit} are read")]
    TooLong {
        /// Which tool.
        tool: ToolName,
        /// Which of its texts.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// More needs than what is read.
    #[error("tool `{tool}` declares {found} needs, at most {MAX_NEEDS} are read")]
    TooManyNeeds {
        /// Which tool.
        tool: ToolName,
        /// How many.
        found: usize,
    },
    /// A text with a character that can hide or forge what a person sees.
    #[error("tool `{tool}`: {hidden}")]
    Hidden {
        /// Which tool.
        tool: ToolName,
        /// Where.
        hidden: HiddenCharacter,
    },
    /// An input schema that does not describe an object.
    #[error("tool `{tool}`: the input schema must have `\"type\": \"object\"`")]
    NotAnObject {
        /// Which tool.
        tool: ToolName,
    },
    /// A kind of result that nobody knows.
    #[error("tool `{tool}`: `{}` in `extra` can only be `\"{}\"`", content::EXTRA, content::CONTENT)]
    Result {
        /// Which tool.
        tool: ToolName,
    },
    /// A command that does not say how it is called, or not usably.
    #[error("tool `{tool}`: {why}")]
    Command {
        /// Which tool.
        tool: ToolName,
        /// What is wrong.
        why: String,
    },
    /// A schema that cannot be used.
    #[error("tool `{tool}`: {which} schema: {source}")]
    Schema {
        /// Which tool.
        tool: ToolName,
        /// `input` or `output`.
        which: &'static str,
        /// Why.
        source: schema::Error,
    },
}

/// A tool whose description was checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: ToolName,
    digest: ToolDigest,
    info: ToolInfo,
    input: CompiledSchema,
    output: Option<CompiledSchema>,
    command: Option<Arc<Command>>,
    /// Its result is a list of blocks.
    gives_content: bool,
}

impl Tool {
    /// Checks and compiles what `component`, whose bytes are `digest`, says of one tool.
    ///
    /// # Errors
    ///
    /// [`ToolError`]: which claim crosses which bound.
    pub fn new(component: &ComponentName, digest: ToolDigest, info: ToolInfo) -> Result<Self, ToolError> {
        Self::checked(component, digest, info, CompiledSchema::compile, |_, _| Ok(None))
    }

    /// [`Tool::new`] for a tool whose schemas are known to compile: each is compiled again when it is first needed. All else is checked now.
    ///
    /// A schema that does not compile after all refuses every call, or every result.
    ///
    /// # Errors
    ///
    /// [`ToolError`]: which claim crosses which bound.
    pub fn known(component: &ComponentName, digest: ToolDigest, info: ToolInfo) -> Result<Self, ToolError> {
        Self::checked(component, digest, info, CompiledSchema::known, |_, _| Ok(None))
    }

    /// [`Tool::new`] for a component that is a program: its tools say in `extra` how it is called.
    ///
    /// # Errors
    ///
    /// [`ToolError`]: which claim crosses which bound, or what is wrong with the way in which it is called.
    pub fn of_command(component: &ComponentName, digest: ToolDigest, mut info: ToolInfo) -> Result<Self, ToolError> {
        let written = info.extra.remove(command::EXTRA);
        Self::checked(component, digest, info, CompiledSchema::compile, |name, info| {
            let fail = |why: String| ToolError::Command { tool: name.clone(), why };
            let written = written.ok_or_else(|| fail("it does not say how the program is called".into()))?;
            let written = serde_json::from_value(written).map_err(|error| fail(error.to_string()))?;
            let command = Command::new(written, &info.input_schema).map_err(|error| fail(error.to_string()))?;
            info.output_schema = info.output_schema.take().or_else(|| command.output_schema());
            Ok(Some(Arc::new(command)))
        })
    }

    fn checked(
        component: &ComponentName,
        digest: ToolDigest,
        mut info: ToolInfo,
        compiled: fn(&Value) -> Result<CompiledSchema, schema::Error>,
        command: impl FnOnce(&ToolName, &mut ToolInfo) -> Result<Option<Arc<Command>>, ToolError>,
    ) -> Result<Self, ToolError> {
        let name = ToolName::new(component.clone(), info.name.clone());
        let command = command(&name, &mut info)?;
        check_lengths(&name, &info)?;
        let compile = |which, schema: &Value| {
            compiled(schema).map_err(|source| ToolError::Schema { tool: name.clone(), which, source })
        };
        let input = compile("input", &info.input_schema)?;
        let output = info.output_schema.as_ref().map(|schema| compile("output", schema)).transpose()?;
        if info.input_schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(ToolError::NotAnObject { tool: name });
        }
        let gives_content = match info.extra.get(content::EXTRA) {
            None => false,
            Some(kind) if kind == content::CONTENT => true,
            Some(_) => return Err(ToolError::Result { tool: name }),
        };
        // Last: it recurses over schemas, whose depth is known by now.
        text::check(&info).map_err(|hidden| ToolError::Hidden { tool: name.clone(), hidden })?;
        Ok(Self { inner: Arc::new(Inner { name, digest, info, input, output, command, gives_content }) })
    }

    /// `component.tool`.
    #[must_use]
    pub fn name(&self) -> &ToolName {
        &self.inner.name
    }

    /// Which bytes.
    #[must_use]
    pub fn digest(&self) -> ToolDigest {
        self.inner.digest
    }

    /// What it says of itself. Bounded and free of hidden characters, not true.
    #[must_use]
    pub fn info(&self) -> &ToolInfo {
        &self.inner.info
    }

    /// Whether its result is a list of [`content::Block`]s.
    #[must_use]
    pub fn gives_content(&self) -> bool {
        self.inner.gives_content
    }

    /// The compiled schema of its arguments.
    #[must_use]
    pub fn input(&self) -> &CompiledSchema {
        &self.inner.input
    }

    /// Checks arguments as a model or a person wrote them: the text of a JSON object.
    ///
    /// An empty or blank text stands for `{}`: that is how models call a tool that takes nothing.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, in words that the writer can act on.
    pub fn validate(&self, arguments: &str) -> Result<ValidatedCall, Violations> {
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        self.validate_value(parse(text, "the arguments")?)
    }

    /// [`Tool::validate`] for arguments that are a value already.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn validate_value(&self, arguments: Value) -> Result<ValidatedCall, Violations> {
        if !arguments.is_object() {
            return Err(not_an_object(&arguments).into());
        }
        self.inner.input.check(&arguments, "the arguments")?;
        let arguments = Arc::new(arguments);
        let call = ValidatedCall::new(self.inner.name.clone(), self.inner.digest, Arc::clone(&arguments));
        match (&self.inner.command, arguments.as_object()) {
            (Some(command), Some(arguments)) => {
                let invocation = command.invocation(self.inner.name.local().as_str(), arguments)?;
                Ok(call.of_command(CommandCall { invocation, command: Arc::clone(command) }))
            }
            _ => Ok(call),
        }
    }

    /// Checks a result: the text of any JSON value, conforming to the output schema if there is one, and
    /// made of blocks if the tool said so.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it. For the tool's author: the model cannot repair a result.
    pub fn check_output(&self, text: &str) -> Result<Value, Violations> {
        let value = parse(text, "the result")?;
        if let Some(output) = &self.inner.output {
            output.check(&value, "the result")?;
        }
        if self.inner.gives_content {
            content::blocks(&value).map_err(|violation| *violation)?;
        }
        Ok(value)
    }
}

fn not_an_object(arguments: &Value) -> Violation {
    let hint = match arguments {
        Value::String(text) if text.trim_start().starts_with('{') => "; do not put the object into quotes",
        Value::Array(_) => "; name each argument",
        _ => "",
    };
    let found = match arguments {
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Null => "null",
        _ => "a scalar",
    };
    Violation::new("", "type", format!("the arguments must be a JSON object, got {found}{hint}"))
}

fn check_lengths(tool: &ToolName, info: &ToolInfo) -> Result<(), ToolError> {
    let within = |field, bytes, limit| {
        if bytes > limit { Err(ToolError::TooLong { tool: tool.clone(), field, bytes, limit }) } else { Ok(()) }
    };
    within("title", info.title.len(), MAX_TITLE_BYTES)?;
    within("description", info.description.len(), MAX_DESCRIPTION_BYTES)?;
    if info.needs.len() > MAX_NEEDS {
        return Err(ToolError::TooManyNeeds { tool: tool.clone(), found: info.needs.len() });
    }
    for need in &info.needs {
        within("target of a need", need.target.len(), MAX_NEED_BYTES)?;
        within("reason of a need", need.reason.len(), MAX_NEED_BYTES)?;
    }
    let extra = serde_json::to_string(&info.extra).map_or(usize::MAX, |text| text.len());
    within("extra", extra, MAX_EXTRA_BYTES)
}

#[cfg(test)]
mod tests;
