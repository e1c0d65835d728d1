//! A project in a directory of its own, and what the program says there.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const MANIFEST: &str = r#"
version = 1

[tools.files]
source = "files.wasm"

[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]
deny = ["secret/**"]
symlinks = "follow"

[[rules]]
name = "all but deleting"
decision = "allow"
tools = ["files.read", "files.list", "files.write", "files.stat"]

[[rules]]
name = "ask before moving"
decision = "ask"
tools = ["files.move"]

[[rules]]
name = "only look at copies"
decision = "preview"
tools = ["files.copy"]
"#;

/// What may be called where a test is about what calls do.
const ALL_RULES: &str = r#"
[[rules]]
name = "everything but copies"
decision = "allow"
tools = ["files.read", "files.write", "files.edit", "files.move", "files.delete", "files.mkdir"]

[[rules]]
name = "only look at copies"
decision = "preview"
tools = ["files.copy"]
"#;

/// A project in a directory of its own, with its own state and cache.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new(manifest: &str) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(project.path().join("work/secret")).unwrap();
        project.write("toolhold.toml", manifest);
        project.write("work/notes.md", "# Notes\n");
        project.write("work/secret/key", "CANARY");
        std::fs::write(project.path().join("files.wasm"), files()).unwrap();
        project
    }

    /// With its tools pinned.
    pub(crate) fn locked() -> Self {
        let project = Self::new(MANIFEST);
        assert_eq!(project.run(&["lock"]).code(), 0);
        project
    }

    /// One in which files may be changed in every way, and `a.txt` and `old.txt` are there.
    pub(crate) fn free() -> Self {
        let grants = MANIFEST.split("[[rules]]").next().unwrap();
        let project = Self::new(&format!("{grants}{ALL_RULES}"));
        project.write("work/a.txt", "one\ntwo\nthree\n");
        project.write("work/old.txt", "old\n");
        assert_eq!(project.run(&["lock"]).code(), 0);
        project
    }

    /// Everything in the granted directory.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        look(&self.path().join("work"), &mut tree);
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Done {
        self.run_with(&[], words)
    }

    /// With these variables and no others.
    pub(crate) fn run_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Done {
        Done(self.command(words).envs(variables.iter().copied()).output().unwrap())
    }

    /// At a terminal, with somebody who types `answer`. What is said and printed comes out as one text.
    pub(crate) fn run_at_a_terminal(&self, words: &[&str], answer: &str) -> Done {
        let mut child = self.at_a_terminal(words);
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        Done(child.wait_with_output().unwrap())
    }

    /// The same, with something that happens between the question and the answer `y`.
    pub(crate) fn run_at_a_terminal_while(&self, words: &[&str], meanwhile: impl FnOnce()) -> Done {
        let mut child = self.at_a_terminal(words);
        let (mut output, mut said) = (child.stdout.take().unwrap(), Vec::new());
        while !said.ends_with(b"[y/N] ") {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "no question: {}", String::from_utf8_lossy(&said));
            said.extend(byte);
        }
        meanwhile();
        child.stdin.take().unwrap().write_all(b"y\n").unwrap();
        output.read_to_end(&mut said).unwrap();
        let ended = child.wait_with_output().unwrap();
        Done(Output { stdout: said, ..ended })
    }

    fn at_a_terminal(&self, words: &[&str]) -> Child {
        let line = [&[env!("CARGO_BIN_EXE_toolhold")], words].concat().join(" ");
        let mut command = Command::new("script");
        command.current_dir(self.path()).env_clear().env("TOOLHOLD_CACHE", cache()).env("PATH", "/usr/bin:/bin");
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts it and does not wait.
    pub(crate) fn start(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts it with both of its outputs into a file, and does not wait.
    pub(crate) fn start_into(&self, words: &[&str], output: &Path) -> Child {
        let output = std::fs::File::create(output).unwrap();
        self.command(words).stderr(output.try_clone().unwrap()).stdout(output).spawn().unwrap()
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolhold"));
        command.current_dir(self.path()).env_clear().env("TOOLHOLD_CACHE", cache()).args(words);
        command
    }

    /// A call that must succeed, as JSON.
    pub(crate) fn call(&self, words: &[&str]) -> Value {
        let done = self.run(&[&["call", "--json"], words].concat());
        assert_eq!(done.code(), 0, "{}", done.said());
        serde_json::from_str(&done.printed()).unwrap()
    }
}

/// One compile cache for all tests: what is compiled does not depend on the project.
pub(crate) fn cache() -> PathBuf {
    std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")))
}

/// What is on the disk: for each path its content (nothing for a directory), mode and time of change.
pub(crate) type Tree = BTreeMap<PathBuf, (Option<Vec<u8>>, u32, SystemTime)>;

fn look(path: &Path, tree: &mut Tree) {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    let content = metadata.is_file().then(|| std::fs::read(path).unwrap());
    tree.insert(path.to_owned(), (content, metadata.permissions().mode(), metadata.modified().unwrap()));
    if metadata.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| look(&entry.unwrap().path(), tree));
    }
}

pub(crate) struct Done(Output);

impl Done {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn printed(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn said(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// It worked, and standard output has each of `words`.
    pub(crate) fn worked(&self, words: &[&str]) {
        assert_eq!(self.code(), 0, "{}{}", self.printed(), self.said());
        for word in words {
            assert!(self.printed().contains(word), "`{word}` is not in:\n{}", self.printed());
        }
    }

    /// The call that `toolhold COMMAND CALL` in the talk names.
    pub(crate) fn named(&self, command: &str) -> String {
        let said = self.said();
        let line = said.lines().find_map(|line| line.split_once(&format!("toolhold {command} ")));
        assert!(line.is_some(), "no `{command}` in:\n{said}");
        line.unwrap().1.trim().to_owned()
    }

    /// It failed with `code`, and standard error has each of `words`.
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code(), code, "{}{}", self.printed(), self.said());
        for word in words {
            assert!(self.said().contains(word), "`{word}` is not in:\n{}", self.said());
        }
    }
}

/// The files tool with its description section.
pub(crate) fn files() -> &'static [u8] {
    static FILES: OnceLock<Vec<u8>> = OnceLock::new();
    FILES.get_or_init(|| packed("files"))
}

/// A guest with its description section.
pub(crate) fn packed(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("packed.wasm");
    let source = toolhold_tests::guests::path(name).unwrap();
    let words = ["pack", source.to_str().unwrap(), "--output", packed.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_toolhold")).args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(packed).unwrap()
}

/// A guest as its compiler made it.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    toolhold_tests::guests::component(name).unwrap()
}
