//! What people who write tools use: projects in many languages, and their test cases, run in the real sandbox.

mod canned;
mod case;
mod compile;
mod componentize;
mod grants;
mod language;
mod nim;
mod ruby;
mod sdk;
mod template;
mod tool_project;
mod world;

pub(crate) use self::case::{CaseError, Ran, Workshop};
pub(crate) use self::compile::compile;
pub(crate) use self::language::{Language, Registry};
pub(crate) use self::template::files as template;
pub(crate) use self::tool_project::{NotATool, ToolProject};
