//! What a script makes beside its result: lines of the console, and things to show. Bounded, and it says when it was cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toolhold_sdk::prelude::*;

/// Bytes of the console.
const MAX_CONSOLE: usize = 256 * 1024;
/// Bytes of everything that is shown.
const MAX_OUTPUTS: usize = 2 * 1024 * 1024;
/// Things that are shown.
const MAX_COUNT: usize = 100;

/// Something that a script showed: a text, or bytes as base64.
#[output]
#[derive(Debug)]
pub(crate) struct Output {
    /// Its media type, such as `image/svg+xml`.
    media_type: String,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its bytes as base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Contents of an output.
pub(crate) enum Contents {
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// All that a script made.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) console: Vec<String>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) truncated: bool,
    console_bytes: usize,
    output_bytes: usize,
}

impl Made {
    /// Writes a line to the console.
    pub(crate) fn log(&mut self, line: String) {
        self.console_bytes += line.len() + 1;
        if self.console_bytes > MAX_CONSOLE {
            self.truncated = true;
        } else {
            self.console.push(line);
        }
    }

    /// Shows something.
    ///
    /// # Errors
    /// It is no media type, or there is no room.
    pub(crate) fn show(&mut self, media_type: String, contents: Contents) -> std::result::Result<(), String> {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        if !media_type.split_once('/').is_some_and(|(one, other)| is_part(one) && is_part(other)) {
            return Err("show(mediaType, data): the media type is one such as `image/svg+xml`".to_owned());
        }
        let output = match contents {
            Contents::Text(text) => Output { media_type, text: Some(text), base64: None },
            Contents::Bytes(bytes) => Output { media_type, text: None, base64: Some(STANDARD.encode(bytes)) },
        };
        self.output_bytes += output.text.as_ref().or(output.base64.as_ref()).map_or(0, String::len);
        if self.output_bytes > MAX_OUTPUTS || self.outputs.len() >= MAX_COUNT {
            return Err(format!("show: more than {MAX_COUNT} outputs or {MAX_OUTPUTS} bytes; write files instead"));
        }
        self.outputs.push(output);
        Ok(())
    }
}
