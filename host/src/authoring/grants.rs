//! The manifest of one case: what the tools declare to need, narrowed to what the case has.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use toolhold_core::describe::{Description, EffectKind};
use toolhold_core::grant::http::Origin;
use toolhold_core::manifest::cases::World;

use super::world::Roots;

/// What the component of a case is called in its manifest.
pub(super) const COMPONENT: &str = "tool";

/// The text of the manifest.
pub(super) fn manifest(
    component: &Path,
    description: &Description,
    world: &World,
    roots: &Roots,
) -> Result<String, toml::ser::Error> {
    let write: &[&str] = if world.read_only { &[] } else { &["**"] };
    let directory = |(guest, host): (&String, &std::path::PathBuf)| json!({"host": host, "guest": guest, "read": ["**"], "write": write});
    let mut tool = json!({
        "source": component,
        "directories": roots.iter().map(directory).collect::<Vec<_>>(),
        "http": requests(description),
        "env": world.env,
        "clock": world.clock.as_deref().unwrap_or("host"),
        "random": world.random.as_deref().unwrap_or("host"),
    });
    if !world.limits.is_empty()
        && let Some(keys) = tool.as_object_mut()
    {
        keys.insert("limits".to_owned(), json!(world.limits));
    }
    toml::to_string(&json!({
        "version": 1,
        // What fails in a case fails at once: there is nothing to wait for.
        "retry": {"attempts": 1},
        "tools": {COMPONENT: tool},
        "rules": [{"name": "the case", "decision": "allow", "tools": [format!("{COMPONENT}.*")]}],
    }))
}

/// Every request to an origin that a tool declares to need; the answers decide what comes of it.
fn requests(description: &Description) -> Vec<Value> {
    let needs = description.tools.iter().flat_map(|tool| &tool.needs);
    let origins = needs.filter(|need| need.effect == EffectKind::Network).map(|need| Origin::parse(&need.target));
    let mut grants = BTreeMap::new();
    for origin in origins.flatten() {
        grants.insert(origin.to_string(), grant(&origin));
    }
    grants.into_values().collect()
}

fn grant(origin: &Origin) -> Value {
    let methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
    match origin {
        Origin::Any => json!({"host": "*", "schemes": ["https", "http"], "methods": methods}),
        Origin::Of { scheme, host, port } => {
            let mut grant = json!({"host": host.to_string(), "schemes": [scheme.as_str()], "methods": methods});
            if let (Some(port), Some(keys)) = (port, grant.as_object_mut()) {
                keys.insert("ports".to_owned(), json!([port]));
            }
            grant
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tool_does_not_declare_to_need_is_not_granted() {
        let tools = |needs: Value| -> Description {
            let tool = json!({"name": "t", "title": "t", "description": "t", "input-schema": {}, "needs": needs});
            serde_json::from_value(json!({"format": 1, "tools": [tool]})).unwrap()
        };
        let need = |effect: &str, target: &str| json!({"effect": effect, "target": target, "reason": "r"});
        assert!(requests(&tools(json!([need("read", "/**")]))).is_empty());
        let some = tools(json!([
            need("network", "https://a.example:8443"),
            need("network", "nonsense"),
            need("network", "*")
        ]));
        let grants = requests(&some);
        assert_eq!(grants.len(), 2);
        assert_eq!((&grants[1]["host"], &grants[1]["ports"]), (&json!("a.example"), &json!([8443])));
    }
}
