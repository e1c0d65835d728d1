//! Signatures: who must have signed what, from the key to the call.

use std::os::unix::fs::PermissionsExt as _;

use toolhold_core::id::Digest;
use toolhold_core::signature::Attached;

use crate::project::{Project, files};
use crate::web::{Web, modest, retitled};

/// A project in which a component must be signed, the public key of its signer, and a server.
fn project(unsigned: &str) -> (Project, Web) {
    let project = Project::new("version = 1\n");
    let key = project.run(&["keys", "new", "alice.key"]);
    key.worked(&["key = \"ed25519:"]);
    project.write(
        "toolhold.toml",
        &format!("version = 1\nunsigned = \"{unsigned}\"\n\n[signers.alice]\n{}", key.printed()),
    );
    (project, Web::start())
}

/// `bytes` at `/files.wasm`, with what `alice` signs of them as `name`.
fn signed(project: &Project, web: &Web, bytes: &[u8], name: &str) -> String {
    std::fs::write(project.path().join("build.wasm"), bytes).unwrap();
    let words = ["sign", "build.wasm", "--key", "alice.key", "--name", name];
    project.run(&words).worked(&[&format!("signed as `{name}`")]);
    web.put("/files.wasm", bytes);
    let signature = project.read("build.wasm.sig");
    web.put("/files.wasm.sig", signature.as_bytes());
    signature
}

#[test]
fn a_key_is_for_its_owner_alone() {
    let (project, _web) = project("allow");
    let mode = std::fs::metadata(project.path().join("alice.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = project.run(&["keys", "show", "alice.key"]);
    assert!(project.read("toolhold.toml").contains(&shown.printed()));
    assert!(!shown.printed().contains(project.read("alice.key").trim().rsplit(':').next().unwrap()));
    let before = project.read("alice.key");
    project.run(&["keys", "new", "alice.key"]).failed(3, &["cannot be written"]);
    assert_eq!(project.read("alice.key"), before);
    std::fs::set_permissions(project.path().join("alice.key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::write(project.path().join("a.wasm"), files()).unwrap();
    project.run(&["sign", "a.wasm", "--key", "alice.key"]).failed(3, &["chmod 600"]);
    assert!(!project.path().join("a.wasm.sig").exists());
}

#[test]
fn what_alice_signed_is_added_and_named_as_hers() {
    let (project, web) = project("refuse");
    signed(&project, &web, &modest(), "files");
    let done = project.run(&["add", &web.url("/files.wasm"), "--as", "mine", "--yes"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.said().contains("signed by `alice`"), "{}", done.said());
    assert!(project.read("toolhold.toml").contains("signed-by = [\"alice\"]\nsigned-as = \"files\"\n"));
    project.run(&["tools"]).worked(&["mine.read"]);
}

#[test]
fn without_the_right_signature_nothing_is_added() {
    let (project, web) = project("refuse");
    let before = project.read("toolhold.toml");
    let refused = |words: &[&str]| {
        project.run(&["add", &web.url("/files.wasm"), "--yes"]).failed(16, words);
        assert_eq!(project.read("toolhold.toml"), before);
        assert!(!project.path().join("toolhold.lock").exists());
    };
    web.put("/files.wasm", &modest());
    refused(&["not signed by `alice`"]);
    let signature = signed(&project, &web, &modest(), "files");
    web.put("/files.wasm", &retitled());
    refused(&["they are for sha256:"]);
    let digest = |text: &str| text.split("\"digest\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let other = signed(&project, &web, &retitled(), "files");
    web.put("/files.wasm.sig", signature.replace(&digest(&signature), &digest(&other)).as_bytes());
    refused(&["does not hold for these bytes"]);
    signed(&project, &web, &modest(), "cleaner");
    refused(&["`alice` signed it as `cleaner`, not as `files`"]);
    project.run(&["keys", "new", "mallory.key"]).worked(&["key"]);
    std::fs::remove_file(project.path().join("build.wasm.sig")).unwrap();
    project.run(&["sign", "build.wasm", "--key", "mallory.key", "--name", "files"]).worked(&["signed"]);
    web.put("/files.wasm.sig", project.read("build.wasm.sig").as_bytes());
    refused(&["not signed by `alice`"]);
}

#[test]
fn a_signature_of_a_known_signer_that_does_not_hold_is_refused_even_where_none_is_needed() {
    let (project, web) = project("allow");
    let forged = flipped(&signed(&project, &web, &modest(), "files"));
    let words = ["does not hold for these bytes"];
    web.put("/files.wasm.sig", forged.as_bytes());
    project.run(&["add", &web.url("/files.wasm"), "--yes"]).failed(16, &words);
    let named = Attached::new(Digest::of(&modest())).render().unwrap();
    web.put("/files.wasm.sig", named.as_bytes());
    assert_eq!(project.run(&["add", &web.url("/files.wasm"), "--yes"]).code(), 0);
    web.put("/files.wasm.sig", forged.as_bytes());
    project.run(&["update", "--yes", "--accept-needs"]).failed(16, &words);
}

#[test]
fn nor_does_such_a_file_get_locked_or_run() {
    let (project, _web) = project("allow");
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &format!("{manifest}\n[tools.files]\nsource = \"files.wasm\"\n"));
    project.run(&["sign", "files.wasm", "--key", "alice.key"]).worked(&["signed as `files`"]);
    let good = project.read("files.wasm.sig");
    project.write("files.wasm.sig", &flipped(&good));
    let words = ["does not hold for these bytes"];
    project.run(&["lock"]).failed(16, &words);
    project.run(&["manifest", "check"]).failed(16, &words);
    project.run(&["tools"]).failed(16, &words);
    project.write("files.wasm.sig", &good);
    assert_eq!(project.run(&["lock"]).code(), 0);
    let call = ["call", "files.read", "path=/work/notes.md"];
    project.run(&call).failed(5, &["denied"]);
    let lock = project.read("toolhold.lock");
    project.write("toolhold.lock", &lock.replace("name = \"files\"", "name = \"cleaner\""));
    project.run(&call).failed(16, &words);
}

/// With another first character of the signature.
fn flipped(signature: &str) -> String {
    let at = signature.find("\"signature\": \"").unwrap() + 14;
    let flipped = if signature[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{flipped}{}", &signature[..at], &signature[at + 1..])
}

#[test]
fn signatures_are_checked_at_every_update_and_every_start() {
    let (project, web) = project("refuse");
    signed(&project, &web, &modest(), "files");
    assert_eq!(project.run(&["add", &web.url("/files.wasm"), "--yes"]).code(), 0);
    web.put("/files.wasm", &retitled());
    web.put("/files.wasm.sig", b"");
    project.run(&["update", "--yes"]).failed(16, &["signatures"]);
    signed(&project, &web, &retitled(), "cleaner");
    project.run(&["update", "--yes"]).failed(16, &["signed it as `cleaner`"]);
    let call = ["call", "files.read", "path=/work/notes.md"];
    project.run(&call).failed(5, &["denied"]);
    let lock = project.read("toolhold.lock");
    let start = lock.find("[[components.files.signatures]]").unwrap();
    let end = lock[start..].find("\n[components.files.tools").unwrap() + start;
    project.write("toolhold.lock", &format!("{}{}", &lock[..start], &lock[end..]));
    project.run(&call).failed(16, &["not signed by `alice`"]);
    project.run(&["lock"]).failed(16, &["not signed by `alice`"]);
    project.write("toolhold.lock", &lock.replace("name = \"files\"", "name = \"cleaner\""));
    project.run(&call).failed(16, &["does not hold for these bytes"]);
    project.write("toolhold.lock", &lock);
    let manifest = project.read("toolhold.toml");
    project.run(&["keys", "new", "bob.key"]).worked(&["key"]);
    let (alice, bob) =
        (project.run(&["keys", "show", "alice.key"]).printed(), project.run(&["keys", "show", "bob.key"]).printed());
    project.write("toolhold.toml", &manifest.replace(alice.trim(), bob.trim()));
    project.run(&call).failed(16, &["not signed by `alice`"]);
}

#[test]
fn a_file_is_signed_by_what_lies_beside_it() {
    let (project, _web) = project("refuse");
    let manifest = project.read("toolhold.toml");
    project.write(
        "toolhold.toml",
        &format!("{manifest}\n[tools.files]\nsource = \"files.wasm\"\nsigned-by = [\"alice\"]\n"),
    );
    project.run(&["lock"]).failed(16, &["not signed by `alice`"]);
    project.run(&["sign", "files.wasm", "--key", "alice.key"]).worked(&["signed as `files`"]);
    assert_eq!(project.run(&["lock"]).code(), 0);
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(5, &["denied"]);
    std::fs::write(project.path().join("files.wasm"), modest()).unwrap();
    for words in [&["lock"][..], &["tools"], &["manifest", "check"]] {
        project.run(words).failed(16, &["they are for sha256:"]);
    }
}

#[test]
fn what_is_not_signed_or_not_pinned_is_not_even_compiled() {
    let (project, _web) = project("refuse");
    let manifest = project.read("toolhold.toml");
    project.write(
        "toolhold.toml",
        &format!("{manifest}\n[tools.files]\nsource = \"files.wasm\"\nsigned-by = [\"alice\"]\n"),
    );
    project.run(&["sign", "files.wasm", "--key", "alice.key"]).worked(&["signed as `files`"]);
    assert_eq!(project.run(&["lock"]).code(), 0);
    // Compiling this would fail, with another code.
    std::fs::write(project.path().join("files.wasm"), b"\0asm nonsense").unwrap();
    let call = ["call", "files.read", "path=/work/notes.md"];
    project.run(&call).failed(9, &["is not what the lock file pins", "its bytes are sha256:"]);
    let lock = project.read("toolhold.lock");
    let start = lock.find("[[components.files.signatures]]").unwrap();
    let end = lock[start..].find("\n[components.files.tools").unwrap() + start;
    project.write("toolhold.lock", &format!("{}{}", &lock[..start], &lock[end..]));
    project.run(&call).failed(16, &["not signed by `alice`"]);
    std::fs::remove_file(project.path().join("files.wasm.sig")).unwrap();
    project.run(&["tools"]).failed(16, &["not signed by `alice`"]);
    project.write("toolhold.lock", "version = 1\n");
    project.run(&call).failed(9, &["is not in the file"]);
}

#[test]
fn signatures_of_others_are_kept_or_nothing_is_signed() {
    let (project, _web) = project("allow");
    project.run(&["keys", "new", "bob.key"]).worked(&["key"]);
    let sign = |key: &str| project.run(&["sign", "files.wasm", "--key", key]);
    sign("alice.key").worked(&["signed as `files`"]);
    sign("bob.key").worked(&["signed as `files`"]);
    assert_eq!(project.read("files.wasm.sig").matches("\"key\"").count(), 2);
    let cut_off = project.read("files.wasm.sig").replace("\"format\": 1", "\"format\": 2");
    project.write("files.wasm.sig", &cut_off);
    sign("bob.key").failed(16, &["their format is 2"]);
    assert_eq!(project.read("files.wasm.sig"), cut_off);
    std::fs::write(project.path().join("files.wasm"), modest()).unwrap();
    std::fs::remove_file(project.path().join("files.wasm.sig")).unwrap();
    sign("alice.key").worked(&["signed as `files`"]);
    std::fs::write(project.path().join("files.wasm"), retitled()).unwrap();
    sign("bob.key").worked(&["signed as `files`"]);
    assert_eq!(project.read("files.wasm.sig").matches("\"key\"").count(), 1, "alice's was for what is gone");
}
