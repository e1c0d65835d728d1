//! Which world a component is built for, and on which lane it runs. Names only; versions match as semantic versions do.

use wasmtime::Engine;
use wasmtime::component::types::{Component, ComponentFunc, ComponentItem, Type};

/// What this host can run, for error messages.
pub(crate) const SUPPORTED: &str = "toolhold:tool/described@0.1.x";

/// The start of the export that makes a component a described one. While the package is 0.1, any patch fits.
const DESCRIBED: &str = "toolhold:tool/described@0.1.";

/// How a component's tools are called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// It exports `toolhold:tool/described`: tools by name, JSON in, JSON out.
    Described {
        /// The export's whole name.
        export: String,
    },
    /// It exports functions of its own: each would be a tool. Recognised, not run.
    Typed {
        /// The exports that would be tools.
        exports: Vec<String>,
    },
    /// A program: JSON on standard input and output. Recognised, not run.
    Command,
}

/// Why a component cannot be run although it is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another version of the world.
    #[error("the component is built for `{found}`; this host supports `{SUPPORTED}`")]
    Version {
        /// What it exports.
        found: String,
    },
    /// A kind of tool that this host recognises and does not run.
    #[error("the component is built for {found}; this host supports `{SUPPORTED}`")]
    Kind {
        /// What it is, in words.
        found: String,
    },
    /// It exports nothing that could be called.
    #[error("the component exports no tool; this host supports `{SUPPORTED}`: export `toolhold:tool/described`")]
    Nothing,
}

/// The kind of a component with these exports.
///
/// # Errors
///
/// [`Error::Version`] for another version of the described interface, [`Error::Nothing`] without any export to call.
pub(crate) fn kind_of(exports: &[String]) -> Result<Kind, Error> {
    if let Some(export) = exports.iter().find(|name| name.starts_with(DESCRIBED)) {
        return Ok(Kind::Described { export: export.clone() });
    }
    if let Some(found) = exports.iter().find(|name| name.starts_with("toolhold:tool/")) {
        return Err(Error::Version { found: found.clone() });
    }
    if exports.iter().any(|name| name.starts_with("wasi:cli/run@0.2")) {
        return Ok(Kind::Command);
    }
    // Two language toolchains add these to every component.
    let own = |name: &&String| !name.starts_with("wasi:") && !matches!(name.as_str(), "init" | "exports");
    let exports: Vec<_> = exports.iter().filter(own).cloned().collect();
    if exports.is_empty() { Err(Error::Nothing) } else { Ok(Kind::Typed { exports }) }
}

impl Kind {
    /// The export of the described interface.
    ///
    /// # Errors
    ///
    /// [`Error::Kind`] for the kinds that this host does not run.
    pub(crate) fn described(&self) -> Result<&str, Error> {
        let found = match self {
            Self::Described { export } => return Ok(export),
            Self::Typed { exports } => format!("typed tools (`{}`)", exports.join("`, `")),
            Self::Command => "a command (`wasi:cli/run`)".into(),
        };
        Err(Error::Kind { found })
    }
}

/// Whether a function is `invoke`: two strings, and a string or an error with the cases that this host knows.
pub(crate) fn is_invoke(function: &ComponentFunc) -> bool {
    const CASES: [&str; 6] = ["invalid-args", "denied", "not-found", "failed", "cancelled", "other"];
    let strings = function.params().filter(|(_, ty)| matches!(ty, Type::String)).count();
    let results: Vec<_> = function.results().collect();
    let [Type::Result(result)] = &results[..] else { return false };
    let (Some(Type::String), Some(Type::Variant(error))) = (result.ok(), result.err()) else { return false };
    strings == 2 && function.params().count() == 2 && error.cases().map(|case| case.name).eq(CASES)
}

/// Whether a function is `describe`: nothing, and a list of records.
pub(crate) fn is_describe(function: &ComponentFunc) -> bool {
    let results: Vec<_> = function.results().collect();
    let [Type::List(list)] = &results[..] else { return false };
    function.params().count() == 0 && matches!(list.ty(), Type::Record(_))
}

/// How a component's calls are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// It only computes and touches files: its calls run to the end where they start, each in an engine of its own.
    Compute,
    /// It may sleep or wait for the network: its calls are fibers that share one engine.
    Wait,
}

/// The lane for a component of this type.
///
/// Compilers import only the functions that the program can reach, so a function that makes a guest wait is imported by
/// those guests that may call it. `wasi:io/poll` says nothing: nearly every guest imports it, to wait for streams that
/// are always ready here. Sockets say nothing as long as none can be made.
pub(crate) fn lane_of(component: &Component, engine: &Engine) -> Lane {
    let waits = |name: &str, item: &ComponentItem| match item {
        ComponentItem::ComponentInstance(_) if name.starts_with("wasi:http/outgoing-handler@") => true,
        ComponentItem::ComponentInstance(instance) if name.starts_with("wasi:clocks/monotonic-clock@") => {
            instance.exports(engine).any(|(function, _)| function.starts_with("subscribe-"))
        }
        _ => false,
    };
    if component.imports(engine).any(|(name, item)| waits(name, &item.ty)) { Lane::Wait } else { Lane::Compute }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(exports: &[&str]) -> Result<Kind, Error> {
        kind_of(&exports.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn any_patch_of_the_described_interface_fits_and_another_version_is_named() {
        assert!(kind(&["exports", "toolhold:tool/described@0.1.7"]).unwrap().described().is_ok());
        let error = kind(&["toolhold:tool/described@0.2.0"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the component is built for `toolhold:tool/described@0.2.0`; this host supports `toolhold:tool/described@0.1.x`"
        );
    }

    #[test]
    fn other_kinds_are_recognised_and_refused_in_words() {
        let typed = kind(&["init", "my:pkg/maths"]).unwrap().described().unwrap_err();
        assert!(typed.to_string().contains("typed tools (`my:pkg/maths`)"), "{typed}");
        let command = kind(&["wasi:cli/run@0.2.6"]).unwrap().described().unwrap_err();
        assert!(command.to_string().contains("a command (`wasi:cli/run`)"), "{command}");
        assert_eq!(kind(&["init", "exports", "wasi:http/incoming-handler@0.2.0"]), Err(Error::Nothing));
    }
}
