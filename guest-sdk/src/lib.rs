//! Write Toolhold tools in Rust: a function with a doc comment becomes a tool that runs in a sandbox.
//!
//! ```
//! use toolhold_sdk::prelude::*;
//!
//! /// Adds two numbers.
//! #[tool(hints(read_only, idempotent))]
//! fn add(
//!     /// First summand.
//!     left: i64,
//!     /// Second summand; 1 if left out.
//!     right: Option<i64>,
//! ) -> Result<i64> {
//!     left.checked_add(right.unwrap_or(1)).ok_or_else(|| Error::invalid_args("the sum does not fit 64 bits"))
//! }
//!
//! toolhold_sdk::component!(add);
//!
//! let call = toolhold_sdk::testing::call(&COMPONENT, "add", json!({"left": 41}));
//! assert_eq!(call.value(), json!(42));
//! ```
//!
//! Compiled for `wasm32-wasip2` the crate is a component of the world `toolhold:tool/described-tool`. Compiled for anything
//! else it is ordinary Rust: logging and progress go to a recorder, so tools are tested with `cargo test`.
//!
//! What this crate must not do: work before it is needed. A call pays for parsing its arguments, the function and
//! printing its result; schemas are built only by `describe`.

extern crate self as toolhold_sdk;

mod tool;

pub mod content;
pub mod context;
mod directories;
mod error;
mod error_context;
mod macros;
mod schema;

#[doc(hidden)]
pub mod __private;
#[doc(hidden)]
pub mod bindings;
pub mod prelude;
#[cfg(not(target_arch = "wasm32"))]
mod recorder;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use bindings::toolhold::tool::types::{Effect, Hints, Level, Need, ToolInfo};
pub use content::Content;
pub use context::{cancelled, check_cancelled, emit, progress};
pub use directories::directories;
pub use error::{Error, Result};
pub use error_context::ErrorContext;
pub use tool::{Component, Entry, Tool};
pub use toolhold_sdk_macros::{args, output, tool};

pub use schemars;
pub use serde;
pub use serde_json;
