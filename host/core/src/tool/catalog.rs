//! All tools of a host.

use std::collections::BTreeMap;

use super::Tool;
use crate::escape::short as shown;
use crate::id::{ComponentName, ToolName};
use crate::schema::nearest;

/// Most tools of one component. A model reads all of them in every turn; real servers have a few dozen.
pub const MAX_TOOLS_PER_COMPONENT: usize = 256;

/// Why a tool cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// A name that is taken.
    #[error("tool `{0}` is there twice: a component names each of its tools once")]
    Collision(ToolName),
    /// A name that models would see as one that is taken: `a-b` and `a_b` are one name to them.
    #[error("tool `{new}` and tool `{known}` are the same name to a model: rename one")]
    Lookalike {
        /// The one that came later.
        new: ToolName,
        /// The one that was there.
        known: ToolName,
    },
    /// More tools than what is read.
    #[error("component `{0}` has more than {MAX_TOOLS_PER_COMPONENT} tools")]
    Flood(ComponentName),
}

/// There is no tool with that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no tool `{}`{}", shown(.name, 100), .nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownTool {
    /// What was asked for.
    pub name: String,
    /// What was probably meant.
    pub nearest: Option<ToolName>,
}

/// The tools of a host, by name, in the order of their names.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    tools: BTreeMap<String, Tool>,
    wire_names: BTreeMap<String, ToolName>,
}

impl Catalog {
    /// Adds a tool.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]: the name is taken, or the component has too many.
    pub fn add(&mut self, tool: Tool) -> Result<(), CatalogError> {
        let name = tool.name().clone();
        if self.tools.contains_key(name.as_str()) {
            return Err(CatalogError::Collision(name));
        }
        if let Some(known) = self.wire_names.get(&wire_name(&name)) {
            return Err(CatalogError::Lookalike { new: name, known: known.clone() });
        }
        if self.iter().filter(|known| known.name().component() == name.component()).count() >= MAX_TOOLS_PER_COMPONENT {
            return Err(CatalogError::Flood(name.component().clone()));
        }
        self.wire_names.insert(wire_name(&name), name.clone());
        self.tools.insert(name.as_str().to_owned(), tool);
        Ok(())
    }

    /// The tool with this name, as a caller spelled it: `component.tool`.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`] with the nearest name.
    pub fn get(&self, name: &str) -> Result<&Tool, UnknownTool> {
        self.tools.get(name).ok_or_else(|| {
            let near = nearest(name, self.tools.keys().map(String::as_str)).and_then(|near| self.tools.get(near));
            UnknownTool { name: shown(name, 200).into_owned(), nearest: near.map(|tool| tool.name().clone()) }
        })
    }

    /// All tools, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tool> {
        self.tools.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }
}

/// What is left of a name where only letters, digits and `_` are allowed.
fn wire_name(name: &ToolName) -> String {
    name.as_str().replace(['.', '-'], "_")
}
