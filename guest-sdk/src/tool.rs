//! A tool, a component of tools, and the dispatch between them: the same on the target and in native tests.

use crate::{Error, Result, ToolInfo};

/// One tool. `#[tool]` implements it; write it by hand only where JSON in and out must not be parsed.
pub trait Tool {
    /// Name within the component: lower-case words joined by `-` or `_`.
    const NAME: &'static str;

    /// Everything that `describe` says of the tool. Runs once per tool version, never in a call.
    fn info() -> ToolInfo;

    /// Runs the tool: the text of a JSON object in, the text of a JSON value out.
    ///
    /// # Errors
    /// Whatever the tool could not do, in words for a model.
    fn invoke(arguments: String) -> Result<String>;
}

/// A tool as a row of the component's table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    name: &'static str,
    info: fn() -> ToolInfo,
    invoke: fn(String) -> Result<String>,
}

impl Entry {
    /// The row of the tool `T`.
    #[must_use]
    pub const fn of<T: Tool>() -> Self {
        Entry { name: T::NAME, info: T::info, invoke: T::invoke }
    }
}

/// The tools of one component. `component!` defines it as `COMPONENT`.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    entries: &'static [Entry],
}

impl Component {
    /// A component of these tools. Evaluated by the compiler, which thus refuses two tools of one name.
    ///
    /// # Panics
    /// If two tools share a name: at compile time in `component!`.
    #[must_use]
    #[expect(
        clippy::panic,
        clippy::indexing_slicing,
        reason = "runs in the compiler: a panic is a compile error, and const code has no iterators"
    )]
    pub const fn new(entries: &'static [Entry]) -> Self {
        let mut later = 1;
        while later < entries.len() {
            let mut earlier = 0;
            while earlier < later {
                if same(entries[earlier].name, entries[later].name) {
                    panic!(
                        "two tools of this component have the same name; set `#[tool(name = \"…\")]` on one of them"
                    );
                }
                earlier += 1;
            }
            later += 1;
        }
        Component { entries }
    }

    /// What the component offers, in the order of `component!`.
    #[must_use]
    pub fn describe(&self) -> Vec<ToolInfo> {
        self.entries.iter().map(|entry| (entry.info)()).collect()
    }

    /// Runs the tool `name`.
    ///
    /// # Errors
    /// The tool's own, or `not-found` if the component has no such tool.
    pub fn invoke(&self, name: &str, arguments: String) -> Result<String> {
        match self.entries.iter().find(|entry| entry.name == name) {
            Some(entry) => (entry.invoke)(arguments),
            None => Err(Error::not_found(format!("no tool `{name}`; this component has {}", self.names()))),
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.entries.iter().map(|entry| format!("`{}`", entry.name)).collect();
        names.join(", ")
    }
}

#[expect(clippy::indexing_slicing, reason = "const code has no iterators; both lengths are checked")]
const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}
