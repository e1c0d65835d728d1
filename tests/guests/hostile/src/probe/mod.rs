//! The probes, one per file.

pub(crate) mod aborts;
pub(crate) mod acts_then_grows;
pub(crate) mod acts_then_traps;
pub(crate) mod allocations;
pub(crate) mod bulk_fill;
pub(crate) mod deep_result;
pub(crate) mod deep_tree;
pub(crate) mod directory_handles;
pub(crate) mod emit_flood;
pub(crate) mod endless_loop;
pub(crate) mod environment;
pub(crate) mod exits;
pub(crate) mod files_flood;
pub(crate) mod forged_protocol;
pub(crate) mod giant_error;
pub(crate) mod giant_random;
pub(crate) mod giant_requests;
pub(crate) mod giant_result;
pub(crate) mod handle_leak;
pub(crate) mod host_calls;
pub(crate) mod hostile_text;
pub(crate) mod huge_listing;
pub(crate) mod links;
pub(crate) mod log_flood;
pub(crate) mod memory_growth;
pub(crate) mod not_json;
pub(crate) mod odd_writes;
pub(crate) mod panics;
pub(crate) mod path_escapes;
pub(crate) mod polite_loop;
pub(crate) mod progress_flood;
pub(crate) mod read_flood;
pub(crate) mod read_only;
pub(crate) mod recursion;
pub(crate) mod repeats;
pub(crate) mod sly_word_count;
pub(crate) mod sparse_growth;
pub(crate) mod special_files;
pub(crate) mod state_leak;
pub(crate) mod stderr_flood;
pub(crate) mod stdout_flood;
pub(crate) mod stream_handles;
pub(crate) mod trailing_garbage;
pub(crate) mod write_flood;
pub(crate) mod wrong_shape;

use toolhold_sdk::{Hints, ToolInfo};

/// The description of a tool that writes its JSON by hand.
fn untyped(name: &str, output_schema: Option<&str>, hints: Hints) -> ToolInfo {
    ToolInfo {
        name: name.to_owned(),
        title: name.to_owned(),
        description: "Hostile.".to_owned(),
        input_schema: r#"{"type":"object"}"#.to_owned(),
        output_schema: output_schema.map(str::to_owned),
        hints,
        needs: Vec::new(),
        extra: "{}".to_owned(),
    }
}
