//! What is in `deploy/` fits the program: metrics that exist, flags that exist, files that can be read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toolhold::telemetry::names;

use super::metrics::read_by;

fn file(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    text.split(|sign| !is_part(sign)).filter(|word| word.starts_with("toolhold_")).map(str::to_owned).collect()
}

fn exists(name: &str) -> bool {
    names::ALL.iter().any(|spec| {
        let parts = ["_bucket", "_sum", "_count"].iter().any(|part| name.strip_suffix(part) == Some(spec.name));
        name == spec.name || (spec.kind == names::Kind::Histogram && parts)
    })
}

#[test]
fn every_metric_of_the_alerts_exists() {
    let text = file("prometheus/alerts.yml");
    let of_rules: BTreeSet<String> = named(&text);
    assert!(of_rules.len() >= 8, "{of_rules:?}");
    let unknown: Vec<&String> = of_rules.iter().filter(|name| !exists(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let Some(documents) = read_by("yaml_as_json.py", "", &text) else { return };
    for rule in documents[0]["groups"][0]["rules"].as_array().unwrap() {
        let has = |key: &str| rule["annotations"][key].as_str().is_some_and(|text| !text.is_empty());
        assert!(rule["expr"].is_string() && has("summary") && has("description"), "{rule}");
        assert!(["info", "warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{rule}");
    }
}

#[test]
fn the_pod_has_no_more_rights_than_it_needs_and_is_probed() {
    let Some(documents) = read_by("yaml_as_json.py", "", &file("kubernetes/toolhold.yaml")) else { return };
    let of = |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap();
    for kind in ["Secret", "ConfigMap", "PersistentVolumeClaim", "Service", "NetworkPolicy", "ServiceAccount"] {
        assert_eq!(of(kind)["metadata"]["namespace"], "toolhold", "{kind}");
    }
    assert_eq!(of("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    let set = &of("StatefulSet")["spec"];
    assert_eq!(set["replicas"], 1, "the journal has one writer");
    let pod = &set["template"]["spec"];
    assert_eq!(
        (&pod["securityContext"]["runAsNonRoot"], &pod["automountServiceAccountToken"]),
        (&true.into(), &false.into())
    );
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    let context = &container["securityContext"];
    assert_eq!(
        (&context["allowPrivilegeEscalation"], &context["readOnlyRootFilesystem"], &context["capabilities"]["drop"][0]),
        (&false.into(), &true.into(), &"ALL".into())
    );
    assert!(container["resources"]["limits"]["memory"].is_string());
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
    }
    let volumes: BTreeSet<&str> =
        pod["volumes"].as_array().unwrap().iter().filter_map(|volume| volume["name"].as_str()).collect();
    for mount in container["volumeMounts"].as_array().unwrap() {
        assert!(volumes.contains(mount["name"].as_str().unwrap()), "{mount}");
    }
}

/// What the unit takes from the process, by the words that systemd has for it.
#[test]
fn the_unit_takes_what_the_process_does_not_need_and_leaves_what_it_does() {
    let unit = file("systemd/toolhold.service");
    for line in ["NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "UMask=0077", "LimitCORE=0"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    for word in ["\nMemoryDenyWriteExecute=", "\nLimitAS=", "\nPrivateNetwork=yes"] {
        assert!(!unit.contains(word), "{word} keeps Toolhold from working");
    }
}

#[test]
fn every_metric_of_the_dashboard_exists_and_every_metric_is_on_it() {
    let dashboard: Value = serde_json::from_str(&file("grafana/toolhold.json")).unwrap();
    let mut expressions = vec![dashboard["templating"]["list"][1]["query"]["query"].as_str().unwrap().to_owned()];
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    let found: BTreeSet<String> = expressions.iter().flat_map(|text| named(text)).collect();
    let unknown: Vec<&String> = found.iter().filter(|name| !exists(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let missing: Vec<&str> = names::ALL
        .iter()
        .map(|spec| spec.name)
        .filter(|name| !found.iter().any(|used| used.starts_with(name)))
        .collect();
    assert!(missing.is_empty(), "on no panel: {missing:?}");
}

/// Two panels in one place hide each other.
#[test]
fn no_panel_of_the_dashboard_lies_on_another() {
    let dashboard: Value = serde_json::from_str(&file("grafana/toolhold.json")).unwrap();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{}", panel["title"]);
            }
        }
    }
}
