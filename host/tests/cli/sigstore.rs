//! Sigstore bundles: who is known by an identity instead of a key, from the bundle to the call, without a network to any instance.

use serde_json::Value;
use toolhold_core::id::Digest;
use toolhold_core::signature::message;
use toolhold_tests::sigstore::{ISSUER, Instance, PROVENANCE, Who};

use crate::project::{Project, files};
use crate::registry::{Registry, publish};
use crate::web::{Web, modest, retitled};

const WORKFLOW: &str = "https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1";

const CALL: [&str; 3] = ["call", "files.read", "path=/work/notes.md"];

/// A project in which components are signed by a workflow of an instance of its own.
fn project(more: &str) -> (Project, Instance) {
    let instance = Instance::new();
    let project = Project::new(&format!(
        "version = 1\nunsigned = \"refuse\"\n\n[signers.ci]\nidentity = \"{WORKFLOW}\"\nissuer = \"{ISSUER}\"\ntrusted-root = \"root.json\"\n{more}"
    ));
    project.write("root.json", &instance.root().to_string());
    (project, instance)
}

const FILE: &str = "
[tools.files]
source = \"files.wasm\"
signed-by = [\"ci\"]

[[tools.files.directories]]
host = \".\"
guest = \"/work\"
read = [\"**\"]
write = [\"**\"]

[[rules]]
name = \"everything\"
decision = \"allow\"
tools = [\"files.*\"]
";

fn provenance(instance: &Instance, bytes: &[u8]) -> Value {
    instance.states(&Who::new(WORKFLOW), PROVENANCE, "files.wasm", bytes)
}

#[test]
fn a_file_is_vouched_for_by_the_bundle_beside_it_when_locked_and_whenever_a_host_opens() {
    let (project, instance) = project(FILE);
    project.run(&["lock"]).failed(16, &["it is not signed by `ci`"]);
    project.write("files.wasm.sigstore.json", &provenance(&instance, &modest()).to_string());
    project.run(&["lock"]).failed(16, &["is not about sha256:", "another version"]);
    project.write("files.wasm.sigstore.json", &provenance(&instance, files()).to_string());
    assert_eq!(project.run(&["lock"]).code(), 0);
    // The lock file has the bundle: what lies beside the file is not asked for any more.
    std::fs::remove_file(project.path().join("files.wasm.sigstore.json")).unwrap();
    let call = ["call", "files.read", "path=/work/work/notes.md"];
    project.run(&call).worked(&["# Notes"]);
    project.run(&["lock"]).failed(16, &["it is not signed by `ci`"]);
    let lock = project.read("toolhold.lock");
    let without = lock.lines().filter(|line| !line.starts_with("bundle = ")).collect::<Vec<_>>().join("\n");
    assert_ne!(without, lock);
    project.write("toolhold.lock", &without);
    project.run(&call).failed(16, &["it is not signed by `ci`"]);
    let other = provenance(&instance, &modest()).to_string();
    let exchanged = lock.lines().map(|line| match line.starts_with("bundle = ") {
        true => format!("bundle = '{other}'"),
        false => line.to_owned(),
    });
    project.write("toolhold.lock", &exchanged.collect::<Vec<_>>().join("\n"));
    project.run(&call).failed(16, &["is not about sha256:"]);
    project.write("toolhold.lock", &lock);
    // Whoever is not trusted any more is not trusted for what is there either.
    project.write("root.json", &Instance::new().root().to_string());
    project.run(&call).failed(16, &["the bundle that `ci` is said to have made does not hold"]);
    project.write("root.json", "{}");
    project.run(&call).failed(16, &["the trusted root", "root.json` cannot be used"]);
    project.write("root.json", &instance.root().to_string());
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &manifest.replace("tags/v1", "tags/v2"));
    project.run(&call).failed(16, &["it is not signed by `ci`, who is", "tags/v1` as"]);
    let dora = manifest.replace("signed-by = [\"ci\"]", "signed-by = [\"dora\"]").replace("[tools.files]", &format!(
        "[signers.dora]\nidentity = \"dora@example.com\"\nissuer = \"{ISSUER}\"\ntrusted-root = \"root.json\"\n\n[tools.files]"
    ));
    project.write("toolhold.toml", &dora);
    project.run(&call).failed(16, &["it is not signed by `dora`, who is", "tags/v1` as"]);
    project.write("toolhold.toml", &manifest.replace(ISSUER, "https://accounts.google.com"));
    project.run(&call).failed(16, &["it is not signed by `ci`, who is", ISSUER]);
    project.write("toolhold.toml", &manifest);
    project.run(&call).worked(&["# Notes"]);
}

/// A tool that could write a root could sign everything from then on.
#[test]
fn no_grant_reaches_a_trusted_root() {
    let (project, instance) = project(FILE);
    project.write("files.wasm.sigstore.json", &provenance(&instance, files()).to_string());
    assert_eq!(project.run(&["lock"]).code(), 0);
    project.run(&["call", "files.write", "path=/work/other.json", "content={}"]).worked(&[]);
    let before = project.read("root.json");
    let foreign = format!("content={}", Instance::new().root());
    for call in [
        &["files.write", "path=/work/root.json", &foreign][..],
        &["files.read", "path=/work/root.json"],
        &["files.move", "from=/work/other.json", "to=/work/root.json"],
        &["files.move", "from=/work/root.json", "to=/work/mine.json"],
        &["files.delete", "path=/work/root.json"],
    ] {
        let done = project.run(&[&["call"], call].concat());
        assert!(done.code() != 0 && done.said().contains("it belongs to Toolhold"), "{call:?}: {}", done.said());
    }
    project.run(&["call", "files.move", "from=/work/other.json", "to=/work/mine.json"]).worked(&[]);
    assert_eq!(project.read("root.json"), before);
}

#[test]
fn what_is_fetched_is_vouched_for_by_what_lies_beside_it_or_is_named() {
    let (project, instance) = project("");
    let web = Web::start();
    let before = project.read("toolhold.toml");
    let (wasm, bundle) = (web.url("/files.wasm"), "/files.wasm.sigstore.json");
    let refused = |words: &[&str], more: &[&str]| {
        project.run(&[&["add", &wasm, "--yes"][..], more].concat()).failed(16, words);
        assert_eq!(project.read("toolhold.toml"), before);
        assert!(!project.path().join("toolhold.lock").exists());
    };
    web.put("/files.wasm", &modest());
    refused(&["it is not signed by `ci`"], &[]);
    for (text, words) in [
        ("{", "it is not JSON"),
        ("{}", "it has no `mediaType`"),
        ("<html>", "it is not JSON"),
        (r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#, "the sigstore bundle cannot be read"),
    ] {
        web.put(bundle, text.as_bytes());
        refused(&[words], &[]);
    }
    web.put(bundle, provenance(&instance, &retitled()).to_string().as_bytes());
    refused(&["is not about sha256:"], &[]);
    web.put(bundle, provenance(&Instance::new(), &modest()).to_string().as_bytes());
    refused(&["does not hold"], &[]);
    web.put(
        bundle,
        instance
            .states(&Who::new(&WORKFLOW.replace("v1", "v10")), PROVENANCE, "files.wasm", &modest())
            .to_string()
            .as_bytes(),
    );
    refused(&["it is not signed by `ci`, who is", "tags/v10` as"], &[]);
    web.put(bundle, instance.states(&Who::new(WORKFLOW), PROVENANCE, "mail.wasm", &modest()).to_string().as_bytes());
    refused(&["`ci` signed it as `mail`, not as `files`"], &[]);
    web.put(bundle, instance.signs(&Who::new(WORKFLOW), &modest()).to_string().as_bytes());
    refused(&["signed these bytes and no name", "unnamed = \"allow\""], &[]);
    project.write("large.json", &format!("{}{}", provenance(&instance, &modest()), " ".repeat(64 << 10)));
    refused(&["it is longer than 65536 bytes"], &["--bundle", "large.json"]);
    // The one that is named counts, and not the one that lies there.
    project.write("good.json", &provenance(&instance, &modest()).to_string());
    let done = project.run(&["add", &wasm, "--yes", "--bundle", "good.json"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.said().contains(&format!("signed by `ci` as {WORKFLOW}")), "{}", done.said());
    assert!(project.read("toolhold.toml").contains("signed-by = [\"ci\"]"));
    project.run(&CALL).failed(5, &["denied"]);
    let lock = project.read("toolhold.lock");
    project.run(&["lock"]).worked(&["nothing changed"]);
    assert_eq!(project.read("toolhold.lock"), lock);
    std::fs::remove_dir_all(project.path().join(".toolhold")).unwrap();
    project.run(&["fetch"]).worked(&["1 fetched"]);
    project.run(&CALL).failed(5, &["denied"]);
    web.put("/files.wasm", &retitled());
    let update = ["update", "files", "--yes", "--accept-needs"];
    project.run(&update).failed(16, &["which is neither the component"]);
    project.run(&[&update[..], &["--bundle", "good.json"]].concat()).failed(16, &["is not about sha256:"]);
    project.write("newer.json", &provenance(&instance, &retitled()).to_string());
    project.run(&[&update[..], &["--bundle", "newer.json"]].concat()).worked(&["1 component pinned anew"]);
    project.run(&CALL).failed(5, &["denied"]);
    project.run(&["lock", "--back", "--yes"]).worked(&[]);
    project.run(&CALL).failed(5, &["denied"]);
    project.run(&["update", "--bundle", "newer.json"]).failed(2, &["a bundle is of one component"]);
    project
        .run(&["add", "files.wasm", "--as", "mine", "--bundle", "good.json"])
        .failed(2, &["put the bundle beside it"]);
}

#[test]
fn the_text_that_names_a_component_is_what_a_program_signs_with_an_identity() {
    let (project, instance) = project(FILE);
    let text = project.run(&["sign", "files.wasm", "--text"]).printed();
    assert_eq!(text, message(&"files".parse().unwrap(), Digest::of(files())));
    project.run(&["sign", "files.wasm"]).failed(2, &["--key"]);
    let who = Who::new(WORKFLOW);
    let other = project.run(&["sign", "files.wasm", "--text", "--name", "mail"]).printed();
    project.write("files.wasm.sigstore.json", &instance.signs(&who, other.as_bytes()).to_string());
    project.run(&["lock"]).failed(16, &["nor its text as `files`"]);
    project.write("files.wasm.sigstore.json", &instance.signs(&who, text.as_bytes()).to_string());
    assert_eq!(project.run(&["lock"]).code(), 0);
    project.run(&["call", "files.read", "path=/work/work/notes.md"]).worked(&["# Notes"]);
}

/// As a signature by a key that nobody knows: no reason to refuse what nobody has to sign, and none to take what somebody must.
#[test]
fn a_bundle_that_speaks_for_nobody_is_in_nobodys_way() {
    let (project, instance) = project("");
    let web = Web::start();
    web.put("/files.wasm", &modest());
    let report = instance.states(&Who::new(WORKFLOW), "https://spdx.dev/Document/v2.3", "files.wasm", &modest());
    let mut by_key = provenance(&instance, &modest());
    let material = by_key["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("publicKey".into(), serde_json::json!({ "hint": "x" }));
    let manifest = project.read("toolhold.toml");
    for (bundle, words) in [(report, "is a `https://spdx.dev/Document/v2.3`"), (by_key, "has no certificate")] {
        web.put("/files.wasm.sigstore.json", bundle.to_string().as_bytes());
        project.write("toolhold.toml", &manifest);
        project.run(&["add", &web.url("/files.wasm"), "--yes"]).failed(16, &["it is not signed by `ci`; ", words]);
        project.write("toolhold.toml", &manifest.replace("refuse", "allow"));
        let done = project.run(&["add", &web.url("/files.wasm"), "--yes"]);
        assert_eq!(done.code(), 0, "{}", done.said());
        assert!(done.said().contains("signed by 1 that the manifest does not know"), "{}", done.said());
        project.run(&CALL).failed(5, &["denied"]);
    }
}

#[test]
fn a_bundle_goes_into_a_registry_and_comes_out_of_it() {
    let Some(registry) = Registry::start(false) else { return };
    let (project, instance) = project("");
    project.write("other.json", &provenance(&instance, &retitled()).to_string());
    std::fs::write(project.path().join("build.wasm"), modest()).unwrap();
    let words = ["publish", "build.wasm", &registry.reference(":1"), "--bundle", "other.json"];
    project.run(&words).failed(16, &["is not about sha256:"]);
    project.run(&[&words[..3], &["--name", "files"]].concat()).failed(2, &["give `--key` or `--bundle` too"]);
    project.write("good.json", &provenance(&instance, &modest()).to_string());
    publish(&project, &modest(), &registry.reference(":1"), &["--bundle", "good.json"]);
    let done = project.run(&["add", &registry.reference(":1"), "--yes"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.said().contains("signed by `ci`"), "{}", done.said());
    publish(&project, &retitled(), &registry.reference(":1"), &[]);
    project.run(&["update", "--yes", "--accept-needs"]).failed(16, &["it is not signed by `ci`"]);
    // What lies beside the file goes along without being named.
    project.write("build.wasm.sigstore.json", &provenance(&instance, &retitled()).to_string());
    publish(&project, &retitled(), &registry.reference(":1"), &[]);
    project.run(&["update", "--yes", "--accept-needs"]).worked(&["1 component pinned anew"]);
    drop(registry);
    project.run(&CALL).failed(5, &["denied"]);
}
