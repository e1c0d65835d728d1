//! A real registry on loopback: Debian's `docker-registry`. Where it is not installed these tests say so, and fail in CI.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::project::Project;
use crate::web::{greedy, modest};

/// `me` and `secret-of-registry`, as the registry keeps them.
const LOGIN: &str = "me:$2b$05$abcdefghijklmnopqrstuuuXvf4v2wey9i9rSHIeDyaXwX7pMwcV6\n";

/// `me:secret-of-registry` in base64.
const AUTH: &str = "bWU6c2VjcmV0LW9mLXJlZ2lzdHJ5";

/// A registry. It ends with this value.
pub(crate) struct Registry {
    address: String,
    process: Child,
    _folder: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}

impl Registry {
    /// Starts one, if it is installed.
    pub(crate) fn start(asks_who: bool) -> Option<Self> {
        let program = ["/usr/bin/docker-registry", "/usr/local/bin/docker-registry"];
        let named = std::env::var_os("TOOLHOLD_TEST_REGISTRY").map(std::path::PathBuf::from);
        let program = named.or_else(|| program.iter().map(Into::into).find(|path: &std::path::PathBuf| path.exists()));
        let Some(program) = program else {
            assert!(std::env::var_os("CI").is_none(), "CI installs `docker-registry`, and it is not there");
            eprintln!("SKIPPED: `docker-registry` is not installed: `apt-get install docker-registry`");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n",
            folder.path().join("store").display()
        );
        if asks_who {
            let users = folder.path().join("htpasswd");
            std::fs::write(&users, LOGIN).unwrap();
            config.push_str(&format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", users.display()));
        }
        let path = folder.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(program);
        command.arg("serve").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let registry = Self { address, process, _folder: folder };
        for _ in 0..400 {
            if std::net::TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("the registry did not start in ten seconds");
    }

    pub(crate) fn reference(&self, version: &str) -> String {
        format!("oci://{}/tools/files{version}", self.address)
    }
}

pub(crate) fn publish(project: &Project, bytes: &[u8], reference: &str, more: &[&str]) -> String {
    std::fs::write(project.path().join("build.wasm"), bytes).unwrap();
    let done = project.run(&[&["publish", "build.wasm", reference][..], more].concat());
    assert_eq!(done.code(), 0, "{}", done.said());
    done.printed().trim().to_owned()
}

const GRANTS: &str = r#"
[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]

[[rules]]
name = "look around"
decision = "allow"
tools = ["files.read"]
"#;

#[test]
fn a_tool_is_published_signed_added_by_digest_and_runs_when_the_registry_is_gone() {
    let Some(registry) = Registry::start(false) else { return };
    let project = Project::new("version = 1\n");
    let key = project.run(&["keys", "new", "alice.key"]).printed();
    project.write("toolhold.toml", &format!("version = 1\nunsigned = \"refuse\"\n[signers.alice]\n{key}"));
    let first = publish(&project, &modest(), &registry.reference(":1"), &["--key", "alice.key"]);
    assert!(first.starts_with(&registry.reference("@sha256:")), "{first}");
    assert_eq!(publish(&project, &modest(), &registry.reference(":other"), &["--key", "alice.key"]).len(), first.len());
    let done = project.run(&["add", &registry.reference(":1"), "--yes"]);
    done.worked(&[&format!("the tag leads to {first} now")]);
    assert!(done.said().contains("signed by `alice`"), "{}", done.said());
    let artifact = first.rsplit('@').next().unwrap();
    assert!(project.read("toolhold.lock").contains(&format!("artifact = \"{artifact}\"")));
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &format!("{manifest}{GRANTS}"));
    let pinned = Project::new("version = 1\n");
    pinned.run(&["add", &first, "--yes"]).worked(&["files added"]);
    drop(registry);
    project.run(&["call", "files.read", "path=/work/notes.md"]).worked(&["# Notes"]);
}

#[test]
fn a_tag_that_moves_changes_nothing_until_what_it_leads_to_is_accepted() {
    let Some(registry) = Registry::start(false) else { return };
    let project = Project::new("version = 1\n");
    publish(&project, &modest(), &registry.reference(":1"), &[]);
    assert_eq!(project.run(&["add", &registry.reference(":1"), "--yes"]).code(), 0);
    let (lock, manifest) = (project.read("toolhold.lock"), project.read("toolhold.toml"));
    project.write("toolhold.toml", &format!("{manifest}{GRANTS}"));
    publish(&project, &greedy(), &registry.reference(":1"), &[]);
    project.run(&["call", "files.read", "path=/work/notes.md"]).worked(&["# Notes"]);
    project.run(&["lock"]).worked(&["nothing changed"]);
    project.run(&["update", "--yes"]).failed(16, &["`read` writes \"/work/**\"", "nothing of it is granted"]);
    assert_eq!(project.read("toolhold.lock"), lock);
    std::fs::remove_dir_all(project.path().join(".toolhold")).unwrap();
    project.run(&["fetch"]).worked(&["1 fetched"]);
    assert_eq!(project.read("toolhold.lock"), lock);
    project.run(&["call", "files.read", "path=/work/notes.md"]).worked(&["# Notes"]);
}

#[test]
fn a_registry_is_told_who_asks_and_nobody_else_is() {
    let Some(registry) = Registry::start(true) else { return };
    let project = Project::new("version = 1\n");
    std::fs::write(project.path().join("build.wasm"), modest()).unwrap();
    let reference = registry.reference(":1");
    project.run(&["publish", "build.wasm", &reference]).failed(1, &["wants to know who asks", "docker login"]);
    let config = |auth: &str| format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.address);
    let wrong = config("bWU6d3JvbmctcGFzc3dvcmQ=");
    let wrong = project.run_with(&[("DOCKER_AUTH_CONFIG", &wrong)], &["publish", "build.wasm", &reference]);
    wrong.failed(1, &["401"]);
    let right = config(AUTH);
    let variables = [("DOCKER_AUTH_CONFIG", right.as_str())];
    let done = project.run_with(&variables, &["publish", "build.wasm", &reference, "-vv"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    let added = project.run_with(&variables, &["add", &reference, "--yes", "-vv"]);
    assert_eq!(added.code(), 0, "{}", added.said());
    for text in
        [wrong.said(), done.said(), done.printed(), added.said(), added.printed(), project.read("toolhold.lock")]
    {
        for secret in [AUTH, "secret-of-registry", "bWU6d3JvbmctcGFzc3dvcmQ", "wrong-password"] {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }
}
