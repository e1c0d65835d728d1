//! Attacks on bundles: a good one, and what becomes of it when one thing about it is false.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use toolhold_core::id::Digest;
use toolhold_core::signature::{Bound, Evidence, Untrusted, message, trusted};
use toolhold_tests::sigstore::{Instance, NOON, PROVENANCE, Who};

use super::*;

const WORKFLOW: &str = "https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1.2";
const BYTES: &[u8] = b"\0asm the component";

/// A sigstore instance whose root is in a file, and somebody of it who is trusted.
struct Ground {
    instance: Instance,
    folder: tempfile::TempDir,
    manifest: Manifest,
    roots: Roots,
}

impl Ground {
    fn new(unnamed: &str) -> Self {
        let (instance, folder) = (Instance::new(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("root.json"), instance.root().to_string()).unwrap();
        let manifest = manifest(folder.path(), unnamed);
        let roots = Roots::of(&manifest).unwrap();
        Self { instance, folder, manifest, roots }
    }

    fn seen(&self, bundle: &Value) -> Result<Result<Seen, Error>, Error> {
        let bundle = Bundle::parse(&bundle.to_string()).unwrap();
        self.roots.seen(&bundle, Digest::of(BYTES), &name(), self.manifest.signers())
    }

    /// Who vouches for [`BYTES`] as `files`, or why nobody does.
    fn judged(&self, bundle: &Value) -> Result<String, String> {
        let seen = self.seen(bundle).map_err(|error| error.to_string())?.map_err(|error| error.to_string());
        let silent = seen.as_ref().err().map(String::as_str);
        let evidence = Evidence { signatures: &[], seen: seen.as_ref().ok(), silent };
        let judged = trusted(evidence, Digest::of(BYTES), &name(), self.manifest.signers());
        judged.map(|signer| signer.to_string()).map_err(|error: Untrusted| error.to_string())
    }

    #[track_caller]
    fn refused(&self, bundle: &Value, words: &str) {
        let told = self.judged(bundle).unwrap_err();
        assert!(told.contains(words), "{told}");
        assert!(!told.contains('\n') && told.len() < 1_000, "one line: {told}");
    }

    fn good(&self) -> Value {
        self.instance.states(&Who::new(WORKFLOW), PROVENANCE, "files.wasm", BYTES)
    }
}

fn manifest(folder: &Path, unnamed: &str) -> Manifest {
    let text = format!(
        "version = 1\n[signers.ci]\nidentity = \"{}*\"\nissuer = \"https://token.actions.githubusercontent.com\"\n\
         trusted-root = \"root.json\"\nunnamed = \"{unnamed}\"\n",
        WORKFLOW.trim_end_matches("1.2")
    );
    Manifest::parse(&text, "toolhold.toml", folder).unwrap()
}

fn name() -> ComponentName {
    "files".parse().unwrap()
}

/// The first log entry.
fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

#[test]
fn a_statement_names_the_component_and_a_text_does_and_bytes_alone_do_not() {
    let ground = Ground::new("refuse");
    let who = Who::new(WORKFLOW);
    assert_eq!(ground.judged(&ground.good()).as_deref(), Ok("ci"));
    let text = ground.instance.signs(&who, message(&name(), Digest::of(BYTES)).as_bytes());
    assert_eq!(ground.judged(&text).as_deref(), Ok("ci"));
    let bytes = ground.instance.signs(&who, BYTES);
    assert_eq!(ground.seen(&bytes).unwrap().unwrap().claim.bound, Bound::Bytes);
    ground.refused(&bytes, "signed these bytes and no name");
    let nameless = ground.instance.states(&who, PROVENANCE, "the file.wasm", BYTES);
    ground.refused(&nameless, "signed these bytes and no name");
    let lenient = Ground::new("allow");
    let bytes = lenient.instance.signs(&who, BYTES);
    assert_eq!(lenient.judged(&bytes).as_deref(), Ok("ci"));
}

#[test]
fn what_is_for_another_component_is_refused() {
    for unnamed in ["refuse", "allow"] {
        let ground = Ground::new(unnamed);
        let who = Who::new(WORKFLOW);
        let changed = b"\0asm the Component";
        ground.refused(&ground.instance.states(&who, PROVENANCE, "files.wasm", changed), "is not about sha256:");
        ground.refused(&ground.instance.signs(&who, changed), "which is neither the component");
        let other = ground.instance.states(&who, PROVENANCE, "mail.wasm", BYTES);
        ground.refused(&other, "signed it as `mail`, not as `files`");
        let other = message(&"mail".parse().unwrap(), Digest::of(BYTES));
        ground.refused(&ground.instance.signs(&who, other.as_bytes()), "which is neither the component");
        let other = message(&name(), Digest::of(changed));
        ground.refused(&ground.instance.signs(&who, other.as_bytes()), "which is neither the component");
    }
}

/// What says that a file was looked at says nothing for it.
#[test]
fn a_statement_that_does_not_vouch_is_refused() {
    let ground = Ground::new("allow");
    for predicate in ["https://cosign.sigstore.dev/attestation/vuln/v1", "https://spdx.dev/Document/v2.3", ""] {
        let report = ground.instance.states(&Who::new(WORKFLOW), predicate, "files.wasm", BYTES);
        ground.refused(&report, "does not say that its subject was made or released");
    }
}

#[test]
fn whoever_is_not_the_one_is_nobody_however_alike() {
    let ground = Ground::new("allow");
    for subject in [
        "https://github.com/evil/repo/.github/workflows/release.yml@refs/tags/v1.2".to_owned(),
        "https://evil.example/https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1.2".to_owned(),
        WORKFLOW.replace("tags", "heads"),
        WORKFLOW.replace("v1.2", "1.2"),
        format!("{WORKFLOW}/x"),
        format!("{WORKFLOW}@evil.example"),
        "alice@example.com".to_owned(),
    ] {
        let bundle = ground.instance.states(&Who::new(&subject), PROVENANCE, "files.wasm", BYTES);
        ground.refused(&bundle, "it is not signed by `ci`, who is");
    }
    for issuer in ["https://token.actions.githubusercontent.com.evil.example", "https://accounts.google.com"] {
        let who = Who { issuer: issuer.to_owned(), ..Who::new(WORKFLOW) };
        ground.refused(&ground.instance.states(&who, PROVENANCE, "files.wasm", BYTES), issuer);
    }
    let who = Who { issuer: String::new(), ..Who::new(WORKFLOW) };
    ground.refused(&ground.instance.states(&who, PROVENANCE, "files.wasm", BYTES), "names no identity with an issuer");
}

#[test]
fn another_instance_with_the_same_names_is_not_believed() {
    let ground = Ground::new("allow");
    let foreign = Instance::new();
    let bundle = foreign.states(&Who::new(WORKFLOW), PROVENANCE, "files.wasm", BYTES);
    ground.refused(&bundle, "the bundle that `ci` is said to have made does not hold: ");
    // Its log says when it was signed, so that is looked at first; with the log of the real one it is the certificate's turn.
    let mut mixed = bundle;
    *entry(&mut mixed) = entry(&mut ground.good()).clone();
    ground.refused(&mixed, "is not by an authority of the trusted root");
}

#[test]
fn a_certificate_counts_only_on_its_day_for_code_and_with_its_log() {
    let ground = Ground::new("allow");
    let refused = |who: Who, words: &str| {
        ground.refused(&ground.instance.states(&who, PROVENANCE, "files.wasm", BYTES), words);
    };
    let day = 24 * 60 * 60;
    refused(Who { at: NOON + day, ..Who::new(WORKFLOW) }, "authority of the trusted root");
    refused(Who { at: NOON - day, ..Who::new(WORKFLOW) }, "authority of the trusted root");
    refused(Who { at: 4_102_444_800, ..Who::new(WORKFLOW) }, "is in the future");
    refused(Who { logged: false, ..Who::new(WORKFLOW) }, "no log of certificates has the certificate");
    refused(Who { signs_code: false, ..Who::new(WORKFLOW) }, "authority of the trusted root");
}

#[test]
fn a_root_whose_time_is_over_or_whose_log_is_another_proves_nothing() {
    let ground = Ground::new("allow");
    let with = |change: &dyn Fn(&mut Value), words: &str| {
        let mut root = ground.instance.root();
        change(&mut root);
        std::fs::write(ground.folder.path().join("root.json"), root.to_string()).unwrap();
        let roots = Roots::of(&ground.manifest).unwrap();
        let bundle = Bundle::parse(&ground.good().to_string()).unwrap();
        let seen = roots.seen(&bundle, Digest::of(BYTES), &name(), ground.manifest.signers()).unwrap();
        let held = seen.unwrap().held.into_values().next().unwrap();
        assert!(held.clone().is_err_and(|why| why.contains(words)), "{held:?}");
    };
    let over = json!({ "start": "2020-01-01T00:00:00Z", "end": "2023-12-31T00:00:00Z" });
    with(
        &|root| root["certificateAuthorities"][0]["validFor"] = over.clone(),
        "no authority of the trusted root was valid",
    );
    with(&|root| root["tlogs"][0]["publicKey"]["validFor"] = over.clone(), "its log entry does not hold");
    with(
        &|root| root["ctlogs"][0]["publicKey"]["validFor"] = over.clone(),
        "no log of certificates has the certificate",
    );
    let foreign = Instance::new().root();
    with(&|root| root["tlogs"] = foreign["tlogs"].clone(), "its log entry does not hold");
    with(&|root| root["ctlogs"] = foreign["ctlogs"].clone(), "no log of certificates has the certificate");
}

#[test]
fn without_a_log_entry_that_holds_and_is_its_own_nothing_counts() {
    let ground = Ground::new("allow");
    let with = |change: &dyn Fn(&mut Value), words: &str| {
        let mut bundle = ground.good();
        change(&mut bundle);
        ground.refused(&bundle, words);
    };
    with(&|bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]), "has no log entry");
    with(&|bundle| drop(entry(bundle).as_object_mut().unwrap().remove("inclusionProof")), "without an inclusion proof");
    let also = |bundle: &mut Value| {
        let mut second = entry(bundle).clone();
        second.as_object_mut().unwrap().remove("inclusionProof");
        bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(second);
    };
    with(&also, "without an inclusion proof");
    with(&|bundle| drop(entry(bundle).as_object_mut().unwrap().remove("inclusionPromise")), "nothing proves when");
    with(&|bundle| entry(bundle)["integratedTime"] = json!((NOON + 1).to_string()), "its log entry does not hold");
    with(&|bundle| entry(bundle)["logIndex"] = json!("8"), "its log entry does not hold");
    with(&|bundle| entry(bundle)["inclusionProof"]["hashes"] = json!([]), "its log entry does not hold");
    let foreign = Instance::new();
    let theirs = foreign.states(&Who::new(WORKFLOW), PROVENANCE, "files.wasm", BYTES);
    let checkpoint = &theirs["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"];
    with(&|bundle| entry(bundle)["inclusionProof"]["checkpoint"] = checkpoint.clone(), "it is not whole");
    // Of the same log, by the same identity, for the same bytes: but of another signature.
    let again = ground.good();
    let second = again["verificationMaterial"]["tlogEntries"][0].clone();
    with(&|bundle| *entry(bundle) = second.clone(), "its log entry is that of another signature");
    with(&|bundle| bundle["verificationMaterial"]["tlogEntries"] = json!(vec![second.clone(); 5]), "has more than 4");
}

#[test]
fn a_signature_by_another_key_than_the_certificates_is_refused_although_a_log_has_it() {
    let ground = Ground::new("allow");
    ground.refused(&ground.instance.forges(&Who::new(WORKFLOW), BYTES), "the signature does not hold");
    let mut bundle = ground.good();
    let other = ground.good()["dsseEnvelope"]["signatures"].clone();
    bundle["dsseEnvelope"]["signatures"] = other;
    ground.refused(&bundle, "does not hold");
    let mut two = ground.good();
    let signature = two["dsseEnvelope"]["signatures"][0].clone();
    two["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(signature);
    ground.refused(&two, "exactly one signature");
}

#[test]
fn without_a_certificate_or_a_digest_it_is_nobodys_word_on_nothing() {
    let ground = Ground::new("allow");
    let mut bundle = ground.good();
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("publicKey".into(), json!({ "hint": "x" }));
    ground.refused(&bundle, "has no certificate");
    let mut bundle = ground.instance.signs(&Who::new(WORKFLOW), BYTES);
    drop(bundle["messageSignature"].as_object_mut().unwrap().remove("messageDigest"));
    ground.refused(&bundle, "does not say which SHA-256 digest");
    let mut bundle = ground.instance.signs(&Who::new(WORKFLOW), b"other bytes");
    bundle["messageSignature"]["messageDigest"]["digest"] = json!(STANDARD.encode(Digest::of(BYTES).as_bytes()));
    ground.refused(&bundle, "does not hold");
}

#[test]
fn whose_repository_it_is_counts_where_the_workflow_is_everybodys() {
    let (instance, folder) = (Instance::new(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("root.json"), instance.root().to_string()).unwrap();
    let text = format!(
        "version = 1\n[signers.ci]\nidentity = \"{WORKFLOW}\"\nissuer = \"https://token.actions.githubusercontent.com\"\n\
         trusted-root = \"root.json\"\nrepository = \"https://github.com/me/mine\"\n"
    );
    let manifest = Manifest::parse(&text, "toolhold.toml", folder.path()).unwrap();
    let roots = Roots::of(&manifest).unwrap();
    let ground = Ground { instance, folder, manifest, roots };
    let from = |repository: Option<&str>| {
        let who = Who { repository: repository.map(str::to_owned), ..Who::new(WORKFLOW) };
        ground.instance.states(&who, PROVENANCE, "files.wasm", BYTES)
    };
    assert_eq!(ground.judged(&from(Some("https://github.com/me/mine"))).as_deref(), Ok("ci"));
    for other in [None, Some("https://github.com/evil/theirs"), Some("https://github.com/me/mine2")] {
        ground.refused(&from(other), "it is not signed by `ci`");
    }
}

/// Each signer's root counts for that signer: the instance of one cannot speak for another.
#[test]
fn a_root_counts_only_for_whoever_names_it() {
    let (ours, theirs, folder) = (Instance::new(), Instance::new(), tempfile::tempdir().unwrap());
    for (file, instance) in [("ours.json", &ours), ("theirs.json", &theirs)] {
        std::fs::write(folder.path().join(file), instance.root().to_string()).unwrap();
    }
    let signer = |name: &str, root: &str| {
        format!(
            "[signers.{name}]\nidentity = \"{name}@example.com\"\nissuer = \"https://login.example.com\"\ntrusted-root = \"{root}\"\n"
        )
    };
    let text = format!("version = 1\n{}{}", signer("alice", "ours.json"), signer("bob", "theirs.json"));
    let manifest = Manifest::parse(&text, "toolhold.toml", folder.path()).unwrap();
    let roots = Roots::of(&manifest).unwrap();
    let ground = Ground { instance: Instance::new(), folder, manifest, roots };
    let judged = |instance: &Instance, name: &str| {
        let who = Who { issuer: "https://login.example.com".into(), ..Who::new(&format!("{name}@example.com")) };
        ground.judged(&instance.states(&who, PROVENANCE, "files.wasm", BYTES))
    };
    assert_eq!(judged(&ours, "alice").as_deref(), Ok("alice"));
    assert_eq!(judged(&theirs, "bob").as_deref(), Ok("bob"));
    for (instance, name) in [(&theirs, "alice"), (&ours, "bob")] {
        assert!(judged(instance, name).unwrap_err().contains("does not hold"), "{name}");
    }
}

/// Every place of a bundle that means something, changed by one character: none panics, and none is believed.
#[test]
fn no_changed_character_of_a_bundle_is_believed_and_none_is_a_panic() {
    let ground = Ground::new("allow");
    let good = ground.good();
    let text = good.to_string();
    let mut survived = Vec::new();
    for at in (0..text.len()).step_by(7) {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let Ok(changed) = String::from_utf8(changed) else { continue };
        let Ok(bundle) = Bundle::parse(&changed) else { continue };
        let value: Value = serde_json::from_str(bundle.as_str()).unwrap();
        if ground.judged(&value).is_ok() {
            survived.push(value);
        }
    }
    // What is not covered by any signature may change: it says nothing. All that counts must be as it was.
    for value in survived {
        assert_eq!(value["dsseEnvelope"]["payload"], good["dsseEnvelope"]["payload"]);
        assert_eq!(value["dsseEnvelope"]["signatures"][0]["sig"], good["dsseEnvelope"]["signatures"][0]["sig"]);
        let (mut changed, mut good) = (value.clone(), good.clone());
        assert_eq!(changed["verificationMaterial"]["certificate"], good["verificationMaterial"]["certificate"]);
        for part in ["canonicalizedBody", "integratedTime", "inclusionPromise", "logIndex"] {
            assert_eq!(entry(&mut changed)[part], entry(&mut good)[part], "{part}");
        }
    }
}

#[test]
fn a_root_that_is_none_is_told_before_any_bundle_comes() {
    let ground = Ground::new("allow");
    let file = ground.folder.path().join("root.json");
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let told = Roots::of(&ground.manifest).unwrap_err().to_string();
        assert!(told.contains("root.json` cannot be used") && !told.contains('\n'), "{told}");
        told
    };
    told("");
    told("{}");
    told(&ground.good().to_string());
    told(&" ".repeat((1 << 20) + 1));
    for part in ["certificateAuthorities", "tlogs", "ctlogs"] {
        let mut root = ground.instance.root();
        root[part] = json!([]);
        assert!(told(&root.to_string()).contains("without which nothing can be checked"));
    }
    let mut root = ground.instance.root();
    root["mediaType"] = json!("application/json");
    assert!(told(&root.to_string()).contains("not that of a trusted root"));
    let mut root = ground.instance.root();
    root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] = json!("AAAA");
    told(&root.to_string());
    std::fs::remove_file(&file).unwrap();
    assert!(Roots::of(&ground.manifest).unwrap_err().to_string().contains("cannot be read"));
    std::fs::create_dir(&file).unwrap();
    assert!(Roots::of(&ground.manifest).unwrap_err().to_string().contains("not a regular file"));
}
