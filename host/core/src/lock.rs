//! `toolhold.lock`: which bytes each component had, and what its tools said of themselves, when a person accepted them.
//!
//! A component that changed is refused until it is locked again, and the change is told in words: a new description or a
//! new need is a reason to look. This module renders, reads and compares; files are the host's business.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::canonical;
use crate::describe::ToolInfo;
use crate::id::{ComponentName, Digest, LocalName, ToolDigest};
use crate::listing;
use crate::signature::{Bundle, Signature};
use crate::tool::Tool;

/// Longest lock file, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

const HEADER: &str = "\
# Which components this manifest runs, pinned by digest. Written by `toolhold lock`; commit it beside the manifest.
# A component that differs is refused until a person has looked at it and locked it again.

";

/// Why a text is not a lock file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than [`MAX_BYTES`].
    #[error("the lock file has more than {MAX_BYTES} bytes; write it again with `toolhold lock`")]
    TooLarge,
    /// Another version.
    #[error("lock file version {0} is not supported; this build reads 1: write it again with `toolhold lock`")]
    Version(i64),
    /// Anything else.
    #[error("the lock file cannot be read: {0}; write it again with `toolhold lock`")]
    Malformed(String),
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    #[serde(default)]
    components: BTreeMap<ComponentName, Pin>,
}

/// One component as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pin {
    /// Where it comes from, as the manifest names it.
    pub source: String,
    /// The digest of its bytes.
    pub digest: ToolDigest,
    /// How many bytes.
    pub size: u64,
    /// The world that it implements.
    pub world: String,
    /// The digest of the manifest that a registry had for it. For people; the bytes are found by their own digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// Of an MCP server, the digest of how it is reached: its command, or its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Digest>,
    /// Whether these bytes run although the component's file has others by now: after going back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Who vouched for it when it was accepted. Checked anew whenever it is loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// The sigstore bundle that came with it. Checked anew whenever it is loaded, and without a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
    /// Its tools.
    #[serde(default)]
    pub tools: BTreeMap<LocalName, ToolPin>,
}

/// What a tool said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ToolPin {
    /// The digest of title and description: what people and models read.
    pub description: Digest,
    /// The digest of hints and needs: what it claims to do.
    pub claims: Digest,
    /// The digest of the schema of its arguments.
    pub input: Digest,
    /// The digest of the schema of its results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Digest>,
}

/// How a loaded component stands to the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It is the one that was accepted.
    Pinned,
    /// The lock file does not have it.
    Missing,
    /// It is another one.
    Changed(Vec<Change>),
}

/// One way in which a component differs from what was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The manifest names another file.
    Source {
        /// The file that was accepted.
        locked: String,
        /// The file that is named now.
        found: String,
    },
    /// Its bytes.
    Bytes {
        /// Those that were accepted.
        locked: ToolDigest,
        /// Those that were loaded.
        found: ToolDigest,
    },
    /// It is an MCP server, and its command or its address is another one.
    Reached,
    /// The world that it implements.
    World {
        /// The world that was accepted.
        locked: String,
        /// The world that was loaded.
        found: String,
    },
    /// A tool that was not there.
    Added(LocalName),
    /// A tool that is gone.
    Removed(LocalName),
    /// A tool says something else of itself.
    Tool(LocalName, Aspect),
}

/// What of a tool changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// Title or description.
    Description,
    /// Hints or needs.
    Claims,
    /// The schema of its arguments.
    Input,
    /// The schema of its results.
    Output,
}

impl Default for Lock {
    /// Nothing is pinned.
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl Lock {
    /// A lock file with these components.
    #[must_use]
    pub fn new(components: BTreeMap<ComponentName, Pin>) -> Self {
        Self { version: 1, components }
    }

    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// [`Error`]: it is too large, of another version or not of this form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES {
            return Err(Error::TooLarge);
        }
        let malformed = |error: toml::de::Error| {
            let line =
                error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
            Error::Malformed(format!("line {line}: {}", error.message().lines().next().unwrap_or_default()))
        };
        let table: toml::Table = toml::from_str(text).map_err(malformed)?;
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(1) => toml::from_str(text).map_err(malformed),
            Some(other) => Err(Error::Version(other)),
            None => Err(Error::Malformed("it has no `version`".into())),
        }
    }

    /// The text of the file: the same components give the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if a size does not fit what TOML can say.
    pub fn render(&self) -> Result<String, Error> {
        let body = toml::to_string(self).map_err(|error| Error::Malformed(error.to_string()))?;
        Ok(format!("{HEADER}{body}"))
    }

    /// The components, by name.
    #[must_use]
    pub fn components(&self) -> &BTreeMap<ComponentName, Pin> {
        &self.components
    }

    /// The same components, wherever their bytes are taken from: two lock files with one of these run the same.
    #[must_use]
    pub fn released(&self) -> Self {
        let pins = self.components.iter().map(|(name, pin)| (name.clone(), Pin { held: false, ..pin.clone() }));
        Self::new(pins.collect())
    }

    /// How `loaded`, which the manifest calls `name`, stands to what was accepted.
    #[must_use]
    pub fn compare(&self, name: &ComponentName, loaded: &Pin) -> Comparison {
        let Some(locked) = self.components.get(name) else { return Comparison::Missing };
        let changes = changes(locked, loaded);
        if changes.is_empty() { Comparison::Pinned } else { Comparison::Changed(changes) }
    }
}

impl Pin {
    /// Pins a component as it was loaded.
    #[must_use]
    pub fn of<'a>(
        source: &str,
        digest: ToolDigest,
        size: u64,
        world: &str,
        tools: impl IntoIterator<Item = &'a Tool>,
    ) -> Self {
        let tools = tools.into_iter().map(|tool| (tool.name().local().clone(), ToolPin::of(tool))).collect();
        let (source, world) = (source.to_owned(), world.to_owned());
        let signatures = Vec::new();
        Self {
            source,
            digest,
            size,
            world,
            artifact: None,
            reached: None,
            held: false,
            signatures,
            bundle: None,
            tools,
        }
    }
}

impl Pin {
    /// This pin, with what was known of the same bytes when they were accepted.
    #[must_use]
    pub fn accepted_as(self, accepted: &Self) -> Self {
        Self {
            artifact: accepted.artifact,
            held: accepted.held,
            signatures: accepted.signatures.clone(),
            bundle: accepted.bundle.clone(),
            ..self
        }
    }
}

impl ToolPin {
    fn of(tool: &Tool) -> Self {
        let info = tool.info();
        let schema = |schema: &serde_json::Value| Digest::of(canonical(schema).as_bytes());
        Self {
            description: Digest::of_parts(&[info.title.as_bytes(), info.description.as_bytes()]),
            claims: schema(&claims(info)),
            input: schema(&info.input_schema),
            output: info.output_schema.as_ref().map(schema),
        }
    }
}

/// What a tool claims; of one of an MCP server also what the server says of it.
fn claims(info: &ToolInfo) -> serde_json::Value {
    match info.extra.get(listing::EXTRA) {
        None => json!({ "hints": info.hints, "needs": info.needs }),
        Some(said) => json!({ "hints": info.hints, "needs": info.needs, "said": said }),
    }
}

fn changes(locked: &Pin, found: &Pin) -> Vec<Change> {
    let mut changes = Vec::new();
    if locked.source != found.source {
        changes.push(Change::Source { locked: locked.source.clone(), found: found.source.clone() });
    }
    if locked.reached != found.reached {
        changes.push(Change::Reached);
    }
    if locked.digest != found.digest || locked.size != found.size {
        changes.push(Change::Bytes { locked: locked.digest, found: found.digest });
    }
    if locked.world != found.world {
        changes.push(Change::World { locked: locked.world.clone(), found: found.world.clone() });
    }
    changes.extend(locked.tools.keys().filter(|name| !found.tools.contains_key(*name)).cloned().map(Change::Removed));
    for (name, tool) in &found.tools {
        match locked.tools.get(name) {
            None => changes.push(Change::Added(name.clone())),
            Some(before) => changes.extend(aspects(before, tool).map(|aspect| Change::Tool(name.clone(), aspect))),
        }
    }
    changes
}

fn aspects(locked: &ToolPin, found: &ToolPin) -> impl Iterator<Item = Aspect> {
    let differs = [
        (locked.description != found.description, Aspect::Description),
        (locked.claims != found.claims, Aspect::Claims),
        (locked.input != found.input, Aspect::Input),
        (locked.output != found.output, Aspect::Output),
    ];
    differs.into_iter().filter_map(|(differs, aspect)| differs.then_some(aspect))
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { locked, found } => write!(out, "the manifest names `{found}`, locked is `{locked}`"),
            Self::Reached => out.write_str("its command or address is not the one that was accepted"),
            Self::Bytes { locked, found } => write!(out, "its bytes are {found}, locked are {locked}"),
            Self::World { locked, found } => write!(out, "it implements `{found}`, locked is `{locked}`"),
            Self::Added(tool) => write!(out, "tool `{tool}` is new"),
            Self::Removed(tool) => write!(out, "tool `{tool}` is gone"),
            Self::Tool(tool, aspect) => write!(out, "tool `{tool}` has {aspect}"),
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Description => "another title or description",
            Self::Claims => "other hints or needs",
            Self::Input => "another schema of its arguments",
            Self::Output => "another schema of its results",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::ToolInfo;

    fn tool(local: &str, change: impl Fn(&mut ToolInfo)) -> Tool {
        let info = json!({ "name": local, "title": "T", "description": "D", "input-schema": { "type": "object" } });
        let mut info = serde_json::from_value(info).unwrap();
        change(&mut info);
        Tool::new(&"files".parse().unwrap(), Digest::of(b"x"), info).unwrap()
    }

    fn pin(tools: &[Tool]) -> Pin {
        Pin::of("files.wasm", Digest::of(b"x"), 7, crate::describe::WORLD, tools)
    }

    fn lock(pin: Pin) -> Lock {
        Lock::new([("files".parse().unwrap(), pin)].into())
    }

    #[test]
    fn what_is_rendered_is_read_back_and_rendered_the_same() {
        let lock = lock(pin(&[
            tool("write", |_| ()),
            tool("read", |info| info.output_schema = Some(json!({ "type": "string" }))),
        ]));
        let text = lock.render().unwrap();
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        assert_eq!(Lock::parse(&text).unwrap().render().unwrap(), text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn each_change_is_told() {
        let name: ComponentName = "files".parse().unwrap();
        let locked = lock(pin(&[tool("read", |_| ()), tool("write", |_| ())]));
        let told = |found: &Pin| match locked.compare(&name, found) {
            Comparison::Changed(changes) => changes,
            other => panic!("{other:?}"),
        };
        let read = |change: fn(&mut ToolInfo)| told(&pin(&[tool("read", change), tool("write", |_| ())]));
        let of_read = |aspect| vec![Change::Tool("read".parse().unwrap(), aspect)];
        assert_eq!(read(|info| info.description = "Now reads mail".into()), of_read(Aspect::Description));
        assert_eq!(read(|info| info.hints.read_only = true), of_read(Aspect::Claims));
        assert_eq!(
            read(|info| info.input_schema = json!({ "type": "object", "required": [] })),
            of_read(Aspect::Input)
        );
        assert_eq!(read(|info| info.output_schema = Some(json!(true))), of_read(Aspect::Output));
        assert_eq!(told(&pin(&[tool("read", |_| ())])), [Change::Removed("write".parse().unwrap())]);
        let more = pin(&[tool("read", |_| ()), tool("write", |_| ()), tool("x", |_| ())]);
        assert_eq!(told(&more), [Change::Added("x".parse().unwrap())]);
        let same = pin(&[tool("read", |_| ()), tool("write", |_| ())]);
        assert!(matches!(told(&Pin { digest: Digest::of(b"y"), ..same.clone() })[..], [Change::Bytes { .. }]));
        let reached = Some(Digest::of(b"y"));
        assert!(matches!(told(&Pin { reached, ..same.clone() })[..], [Change::Reached]));
        assert!(matches!(told(&Pin { source: "y".into(), ..same.clone() })[..], [Change::Source { .. }]));
        assert!(matches!(told(&Pin { world: "y".into(), ..same.clone() })[..], [Change::World { .. }]));
        assert_eq!(locked.compare(&name, &same), Comparison::Pinned);
        assert_eq!(locked.compare(&"other".parse().unwrap(), &same), Comparison::Missing);
    }

    #[test]
    fn the_order_of_keys_in_a_schema_is_no_change() {
        let one = pin(&[tool("read", |info| info.input_schema = json!({ "type": "object", "required": [] }))]);
        let two = pin(&[tool("read", |info| info.input_schema = json!({ "required": [], "type": "object" }))]);
        assert_eq!(one, two);
    }

    #[test]
    fn anything_that_is_not_a_lock_file_is_refused() {
        assert_eq!(Lock::parse("version = 3\nother = 1"), Err(Error::Version(3)));
        for bad in [
            "",
            "version = \"1\"",
            "version = 1\nother = 2",
            "version = 1\n[components.A]",
            "version = 1\n[components.a]\nsource = \"x\"",
            "{",
        ] {
            assert!(matches!(Lock::parse(bad), Err(Error::Malformed(_))), "{bad}");
        }
        assert_eq!(Lock::parse(&" ".repeat(MAX_BYTES + 1)), Err(Error::TooLarge));
    }
}
