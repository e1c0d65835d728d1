//! What a program left behind, as a result or as a failure.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Written;

/// Bytes of what a program says of its failure that are handed on: the end, where programs say what is wrong.
const TAIL: usize = 2 << 10;

/// Lines of a result that is a list of them: each is a value of its own.
const MAX_LINES: usize = 100_000;

/// What of a program's output is the result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Standard output as a text, without the newline at its end.
    #[default]
    Text,
    /// Standard output as a list of lines.
    Lines,
    /// Standard output is the text of a JSON value.
    Json,
    /// Standard output as bytes, in base64.
    Base64,
    /// Exit status, standard output and standard error.
    All,
}

/// A program did not do what it was asked. The text is the program's own: escape before showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The arguments make no sense.
    InvalidArguments(String),
    /// What was named does not exist.
    NotFound(String),
    /// Any other failure.
    Failed(String),
}

impl Output {
    /// The schema of such results, where there is one.
    pub(super) fn schema(self) -> Option<Value> {
        match self {
            Self::Text => Some(json!({ "type": "string" })),
            Self::Lines => Some(json!({ "type": "array", "items": { "type": "string" } })),
            Self::Json => None,
            Self::Base64 => Some(json!({ "type": "string", "contentEncoding": "base64" })),
            Self::All => Some(json!({
                "type": "object",
                "properties": {
                    "status": { "type": "integer", "minimum": 0, "maximum": 255 },
                    "stdout": { "type": "string" },
                    "stderr": { "type": "string" },
                },
                "required": ["status", "stdout", "stderr"],
                "additionalProperties": false,
            })),
        }
    }
}

pub(super) fn read(written: &Written, status: u8, stdout: &[u8], stderr: &[u8]) -> Result<String, Fault> {
    let succeeded = if written.success.is_empty() { status == 0 } else { written.success.contains(&status) };
    if !succeeded {
        let said = format!("the program exited with status {status}{}", said(stdout, stderr));
        return Err(if written.invalid_args.contains(&status) {
            Fault::InvalidArguments(said)
        } else if written.not_found.contains(&status) {
            Fault::NotFound(said)
        } else {
            Fault::Failed(said)
        });
    }
    let text = || std::str::from_utf8(stdout).map_err(|_| Fault::Failed(NOT_TEXT.to_owned()));
    let value = match written.result {
        Output::Json => return text().map(str::to_owned),
        Output::Text => Value::from(without_newline(text()?)),
        Output::Lines if text()?.lines().nth(MAX_LINES).is_some() => {
            let why = format!("the program wrote more than {MAX_LINES} lines; ask for less at once");
            return Err(Fault::Failed(why));
        }
        Output::Lines => text()?.lines().map(Value::from).collect(),
        Output::Base64 => Value::from(base64::engine::general_purpose::STANDARD.encode(stdout)),
        Output::All => json!({ "status": status, "stdout": text()?, "stderr": String::from_utf8_lossy(stderr) }),
    };
    Ok(value.to_string())
}

const NOT_TEXT: &str = "the program's output is not UTF-8 text; the manifest can ask for it with `result = \"base64\"`";

fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The end of what it said: on standard error, or where programs say it that know only one stream.
fn said(stdout: &[u8], stderr: &[u8]) -> String {
    let stream = if stderr.trim_ascii().is_empty() { stdout } else { stderr };
    let text = String::from_utf8_lossy(stream);
    let text = text.trim();
    let start = text.ceil_char_boundary(text.len().saturating_sub(TAIL));
    match text.get(start..).unwrap_or_default() {
        "" => " and said nothing".to_owned(),
        tail if start > 0 => format!(": …{tail}"),
        whole => format!(": {whole}"),
    }
}
