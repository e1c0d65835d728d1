//! One call on its way: asked for → [`ValidatedCall`] → [`AuthorizedCall`].
//!
//! Each stage can only be built by the one before it, in this crate. The sandbox takes an [`AuthorizedCall`], so no
//! other crate can run a tool that was not validated and decided: it does not compile.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::{Command, Invocation};
use crate::grant::Grants;
use crate::id::{ApprovalId, Digest, ToolDigest, ToolName};
use crate::limit::Limits;

/// Whether effects land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They do.
    Live,
    /// They are observed and thrown away.
    Preview,
}

/// A call as a front hands it in: nothing of it has been looked at.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// Which run it belongs to.
    pub run: crate::id::RunId,
    /// Which tool, as the caller spelled it.
    pub tool: String,
    /// The arguments, as the caller spelled them: the text of a JSON object.
    pub arguments: String,
    /// Two calls with the same key are the same call. Without one, each call is its own.
    pub key: Option<crate::id::IdempotencyKey>,
    /// Whether effects land.
    pub mode: Mode,
}

impl ToolCall {
    /// A live call without a key, in no run of anyone's: each call of such a caller stands for itself.
    #[must_use]
    pub fn new(tool: impl Into<String>, arguments: impl Into<String>) -> Self {
        let run = crate::id::RunId::none();
        Self { run, tool: tool.into(), arguments: arguments.into(), key: None, mode: Mode::Live }
    }
}

/// A call whose arguments conform to the tool's schema. Only [`crate::schema`] makes one.
#[derive(Debug, Clone)]
pub struct ValidatedCall {
    tool: ToolName,
    digest: ToolDigest,
    arguments: Arc<Value>,
    text: Arc<str>,
    command: Option<Arc<CommandCall>>,
}

/// A call of a program: what it is given, and how what it leaves is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandCall {
    /// What it is given.
    pub invocation: Invocation,
    /// How its output is read.
    pub command: Arc<Command>,
}

impl ValidatedCall {
    pub(crate) fn new(tool: ToolName, digest: ToolDigest, arguments: Arc<Value>) -> Self {
        let text = written(|text| write_json(&*arguments, text)).into();
        Self { tool, digest, arguments, text, command: None }
    }

    pub(crate) fn of_command(self, call: CommandCall) -> Self {
        Self { command: Some(Arc::new(call)), ..self }
    }

    /// Which tool.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Which bytes are that tool.
    #[must_use]
    pub fn digest(&self) -> ToolDigest {
        self.digest
    }

    /// The arguments: a JSON object.
    #[must_use]
    pub fn arguments(&self) -> &Arc<Value> {
        &self.arguments
    }

    /// What a program is given, if the tool is one.
    #[must_use]
    pub fn command(&self) -> Option<&Arc<CommandCall>> {
        self.command.as_ref()
    }

    /// The arguments as the guest gets them.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The digest of the canonical arguments: keys sorted, so that the order in which a model wrote them does not count.
    #[must_use]
    pub fn arguments_digest(&self) -> Digest {
        Digest::of(canonical(&self.arguments).as_bytes())
    }
}

/// The text of `value` with the keys of every object sorted.
#[must_use]
pub fn canonical(value: &Value) -> String {
    written(|text| write_canonical(value, text))
}

/// What is written into one buffer, without the detour over a formatter that `to_string` takes.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut text = Vec::new();
    write(&mut text);
    // What serde_json writes is UTF-8; if it ever were not, the digest would still be of what was written.
    String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Into one buffer: this runs in every call, and an allocation per value would cost more than the call.
fn write_canonical(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(map) if map.keys().is_sorted() => write_fields(map.iter(), text),
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            write_fields(fields.into_iter(), text);
        }
        Value::Array(items) => {
            text.push(b'[');
            for (index, item) in items.iter().enumerate() {
                text.extend_from_slice(if index == 0 { b"" } else { b"," });
                write_canonical(item, text);
            }
            text.push(b']');
        }
        scalar => write_json(scalar, text),
    }
}

fn write_fields<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>, text: &mut Vec<u8>) {
    text.push(b'{');
    for (index, (key, value)) in fields.enumerate() {
        text.extend_from_slice(if index == 0 { b"" } else { b"," });
        write_json(key, text);
        text.push(b':');
        write_canonical(value, text);
    }
    text.push(b'}');
}

/// The JSON text of a value, or of a key.
fn write_json(value: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    // Writing JSON values to memory cannot fail.
    let _infallible = serde_json::to_writer(text, value);
}

/// A call that policy allows, with what it may reach. Only [`crate::policy`] makes one.
///
/// Neither `Clone` nor `Serialize`: authority is used once and never stored.
#[derive(Debug)]
pub struct AuthorizedCall {
    call: ValidatedCall,
    mode: Mode,
    grants: Grants,
    limits: Limits,
    sends: Sends,
    approval: Option<Approved>,
}

/// Which requests may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// Those that the grants cover; of a preview, those that change nothing.
    AsGranted,
    /// None at all: the first one that is granted ends the call.
    Nothing,
}

/// The word of a person by which a call is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    /// The approval, which is used up, or counted, as the call is admitted.
    pub approval: ApprovalId,
    /// Who gave it.
    pub by: String,
    /// The arguments, where the person changed them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
}

impl Approved {
    /// What a model and a person are told beside the result, where it is that of another call than was asked for.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        let arguments = self.arguments.as_ref()?;
        Some(format!("a person changed the arguments of this call before it was made; it was made with: {arguments}"))
    }
}

impl AuthorizedCall {
    pub(crate) fn new(call: ValidatedCall, mode: Mode, grants: Grants, limits: Limits) -> Self {
        Self { call, mode, grants, limits, sends: Sends::AsGranted, approval: None }
    }

    /// The same without a request.
    pub(crate) fn sending_nothing(self) -> Self {
        Self { sends: Sends::Nothing, ..self }
    }

    /// The same by the word of a person.
    pub(crate) fn approved(self, approval: Approved) -> Self {
        Self { approval: Some(approval), ..self }
    }

    /// Which requests may leave.
    #[must_use]
    pub fn sends(&self) -> Sends {
        self.sends
    }

    /// The word of a person by which it is made, if it takes one.
    #[must_use]
    pub fn approval(&self) -> Option<&Approved> {
        self.approval.as_ref()
    }

    /// What was asked for.
    #[must_use]
    pub fn call(&self) -> &ValidatedCall {
        &self.call
    }

    /// Whether effects land.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What it may reach.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// What it may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_change_the_canonical_text() {
        let one: Value = serde_json::from_str(r#"{"b":[{"y":1,"x":"é\n"}],"a":null}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"a":null,"b":[{"x":"é\n","y":1}]}"#).unwrap();
        assert_eq!(canonical(&one), r#"{"a":null,"b":[{"x":"é\n","y":1}]}"#);
        assert_eq!(canonical(&one), canonical(&two));
        assert_eq!(serde_json::from_str::<Value>(&canonical(&one)).unwrap(), one);
    }
}
