//! Which world a component is built for, and on which lane it runs. Names only; versions match as semantic versions do.

use wasmtime::Engine;
use wasmtime::component::types::{Component, ComponentFunc, ComponentItem, Type};

use super::typed::Refused;
use toolhold_core::escape::short;

/// What this host can run, for error messages.
pub(crate) const SUPPORTED: &str = "toolhold:tool/described@0.1.x";

/// The start of the export that makes a component a described one. While the package is 0.1, any patch fits.
const DESCRIBED: &str = "toolhold:tool/described@0.1.";

/// The start of the export that makes a component a program.
const RUN: &str = "wasi:cli/run@0.2.";

/// How a component's tools are called.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Kind {
    /// It exports `toolhold:tool/described`: tools by name, JSON in, JSON out.
    Described {
        /// The export's whole name.
        export: String,
    },
    /// It exports functions of its own: each is a tool.
    Typed {
        /// The exports that have them.
        exports: Vec<String>,
    },
    /// A program: a command line and standard input, standard output and an exit status.
    Command {
        /// The export's whole name.
        export: String,
    },
}

/// Why a component cannot be run although it is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another version of the world.
    #[error("the component is built for `{}`; this host supports `{SUPPORTED}`", short(.found, 200))]
    Version {
        /// What it exports.
        found: String,
    },
    /// A world that takes more than WASI 0.2.
    #[error(
        "the component is built for `{}`, which needs asynchronous functions and streams of the component model; \
         this host runs WASI 0.2, which has none: export plain functions, or `toolhold:tool/described`",
        short(.found, 200)
    )]
    Asynchronous {
        /// What it exports.
        found: String,
    },
    /// None of its functions can be a tool.
    #[error("the component exports no function that can be a tool: {}", list(.0))]
    Unusable(Vec<Refused>),
    /// It exports nothing that could be called.
    #[error(
        "the component exports no tool: export `toolhold:tool/described`, functions of your own, or `wasi:cli/run`"
    )]
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
    if let Some(found) = exports.iter().find(|name| name.starts_with("act:tools/")) {
        return Err(Error::Asynchronous { found: found.clone() });
    }
    if let Some(export) = exports.iter().find(|name| name.starts_with(RUN)) {
        return Ok(Kind::Command { export: export.clone() });
    }
    // Two language toolchains add these to every component.
    let own = |name: &&String| !name.starts_with("wasi:") && !matches!(name.as_str(), "init" | "exports");
    let exports: Vec<_> = exports.iter().filter(own).cloned().collect();
    if exports.is_empty() { Err(Error::Nothing) } else { Ok(Kind::Typed { exports }) }
}

impl Kind {
    /// The world that a lock file has for such a component.
    #[must_use]
    pub fn world(&self) -> String {
        match self {
            Self::Described { export } | Self::Command { export } => export.clone(),
            Self::Typed { exports } => exports.join(", "),
        }
    }
}

fn list(refused: &[Refused]) -> String {
    let say = |refused: &Refused| format!("`{}`: {}", short(&refused.function, 200), refused.why);
    let mut text: Vec<_> = refused.iter().take(5).map(say).collect();
    if refused.len() > 5 {
        text.push(format!("and {} more", refused.len() - 5));
    }
    text.join("; ")
}

/// Whether a function is `run` of a program: nothing in, success or failure out.
pub(crate) fn is_run(function: &ComponentFunc) -> bool {
    let results: Vec<_> = function.results().collect();
    let [Type::Result(result)] = &results[..] else { return false };
    function.params().count() == 0 && result.ok().is_none() && result.err().is_none()
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
        assert!(matches!(kind(&["exports", "toolhold:tool/described@0.1.7"]), Ok(Kind::Described { .. })));
        let error = kind(&["toolhold:tool/described@0.2.0"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the component is built for `toolhold:tool/described@0.2.0`; this host supports `toolhold:tool/described@0.1.x`"
        );
    }

    #[test]
    fn other_kinds_are_recognised() {
        assert_eq!(kind(&["init", "my:pkg/maths"]), Ok(Kind::Typed { exports: vec!["my:pkg/maths".into()] }));
        assert_eq!(kind(&["wasi:cli/run@0.2.6"]), Ok(Kind::Command { export: "wasi:cli/run@0.2.6".into() }));
        assert_eq!(kind(&["init", "exports", "wasi:http/incoming-handler@0.2.0"]), Err(Error::Nothing));
        let error = kind(&["act:tools/tool-provider@0.1.0"]).unwrap_err();
        assert!(error.to_string().contains("needs asynchronous functions"), "{error}");
    }
}
