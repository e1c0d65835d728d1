//! What the benchmarks work on.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use toolhold_core::id::Digest;
use toolhold_core::manifest::Manifest;
use toolhold_core::policy::Policy;
use toolhold_core::tool::{Catalog, Tool};

/// About 4 KiB of JSON in so many objects.
pub(crate) fn arguments(rows: usize) -> String {
    let width = 3_800 / rows;
    let items: Vec<Value> = (0..rows).map(|id| json!({ "id": id, "name": "x".repeat(width) })).collect();
    json!({ "items": items }).to_string()
}

/// One that takes them.
pub(crate) fn tool() -> Tool {
    let row = json!({ "type": "object", "properties": { "id": { "type": "integer" }, "name": { "type": "string" } } });
    let schema = json!({ "type": "object", "properties": { "items": { "type": "array", "items": row } } });
    let info = json!({ "name": "echo", "title": "", "description": "", "needs": [], "input-schema": schema });
    Tool::new(&"probes".parse().unwrap(), Digest::of(b"probes"), serde_json::from_value(info).unwrap()).unwrap()
}

/// One that allows the tool by its last rule.
pub(crate) fn policy(rules: usize, tool: &Tool) -> Policy {
    let others = (1..rules).map(|number| {
        // Looks at the arguments, and does not match.
        let when = format!("when = {{ properties = {{ items = {{ type = \"integer\", maximum = {number} }} }}, required = [\"items\"] }}");
        format!("[[rules]]\nname = \"r{number}\"\ndecision = \"deny\"\ntools = [\"probes.*\"]\n{when}\n")
    });
    resolved(&others.collect::<String>(), tool)
}

/// The last one allows.
pub(crate) fn resolved(rules: &str, tool: &Tool) -> Policy {
    let text = format!(
        "version = 1\n[tools.probes]\nsource = \"p.wasm\"\n{rules}[[rules]]\nname = \"last\"\ndecision = \"allow\"\ntools = [\"*\"]\n"
    );
    let mut catalog = Catalog::default();
    catalog.add(tool.clone()).unwrap();
    let manifest = Manifest::parse(&text, "toolhold.toml", Path::new("/base"))
        .unwrap_or_else(|errors| panic!("{:#?}", errors.problems()));
    Policy::resolve(Arc::new(manifest), &catalog).unwrap()
}
