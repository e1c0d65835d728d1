//! Components that describe themselves falsely, as a hostile author would write them: names, texts and schemas that no SDK
//! lets through, laid out in memory by the component model's own rules.

use std::fmt::Write as _;

use anyhow::Result;

use crate::wat_guest;

/// Where the first tool is.
const LIST: usize = 4096;

/// Bytes of one tool: eight pairs of address and length, one of them optional, and four flags.
const TOOL_BYTES: usize = 64;

/// What a component says of one tool, unchecked.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its name.
    pub name: Vec<u8>,
    /// Its title.
    pub title: Vec<u8>,
    /// What the model reads.
    pub description: Vec<u8>,
    /// Text of the schema of its arguments.
    pub input_schema: Vec<u8>,
    /// Text of the schema of its result.
    pub output_schema: Option<Vec<u8>>,
    /// Text of further facts.
    pub extra: Vec<u8>,
    /// How many needs it declares, each the same.
    pub needs: u32,
}

impl Claim {
    /// An honest tool called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            title: "T".into(),
            description: "D".into(),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            extra: "{}".into(),
            needs: 0,
        }
    }
}

/// A component whose `describe` says this, without a description section.
///
/// # Errors
///
/// If the claims do not fit 32 bits.
pub fn component(claims: &[Claim]) -> Result<Vec<u8>> {
    wat_guest::from_text(&module(claims)?, "")
}

fn module(claims: &[Claim]) -> Result<String> {
    let mut image = Image { tools: Vec::new(), texts: Vec::new(), text_base: LIST + TOOL_BYTES * claims.len() };
    for claim in claims {
        image.tool(claim)?;
    }
    let pages = (image.text_base + image.texts.len()) / 65_536 + 2;
    let root = [u32::try_from(LIST)?.to_le_bytes(), u32::try_from(claims.len())?.to_le_bytes()].concat();
    Ok(format!(
        r#";; pages: {pages}
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 1024) "{}") (data (i32.const {LIST}) "{}{}")
  (func (export "describe") (result i32) (i32.const 1024)))"#,
        escaped(&root),
        escaped(&image.tools),
        escaped(&image.texts),
    ))
}

struct Image {
    tools: Vec<u8>,
    texts: Vec<u8>,
    text_base: usize,
}

impl Image {
    fn tool(&mut self, claim: &Claim) -> Result<()> {
        for text in [&claim.name, &claim.title, &claim.description, &claim.input_schema] {
            self.text(text)?;
        }
        self.tools.extend(u32::from(claim.output_schema.is_some()).to_le_bytes());
        self.text(claim.output_schema.as_deref().unwrap_or_default())?;
        // read-only, destructive, idempotent, open-world
        self.tools.extend([1, 0, 1, 0]);
        self.needs(claim.needs)?;
        self.text(&claim.extra)
    }

    fn text(&mut self, text: &[u8]) -> Result<()> {
        self.tools.extend(u32::try_from(self.text_base + self.texts.len())?.to_le_bytes());
        self.tools.extend(u32::try_from(text.len())?.to_le_bytes());
        self.texts.extend(text);
        Ok(())
    }

    /// A list of `count` needs: a byte for the effect, then two texts, both empty.
    fn needs(&mut self, count: u32) -> Result<()> {
        self.texts.resize(self.texts.len().next_multiple_of(4), 0);
        // The list must begin at a multiple of four, wherever the texts do.
        while !(self.text_base + self.texts.len()).is_multiple_of(4) {
            self.texts.push(0);
        }
        self.tools.extend(u32::try_from(self.text_base + self.texts.len())?.to_le_bytes());
        self.tools.extend(count.to_le_bytes());
        self.texts.extend(std::iter::repeat_n(0, 20 * usize::try_from(count)?));
        Ok(())
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(3 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "\\{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_has_the_size_that_the_component_model_says() {
        let mut image = Image { tools: Vec::new(), texts: Vec::new(), text_base: LIST };
        image.tool(&Claim { needs: 2, ..Claim::new("abc") }).unwrap();
        assert_eq!(image.tools.len(), TOOL_BYTES);
    }
}
