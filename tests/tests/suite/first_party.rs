//! First-party tools in the sandbox: what only it can show. That they do what they say is tested natively, beside each.

mod archive;
mod csv;
mod diff;
mod json;
mod memory;

use serde_json::Value;
use tempfile::TempDir;
use toolhold_tests::test_host::TestHost;

/// A component with one directory, all of which it may read and write as `/work`.
struct Bench {
    directory: TempDir,
    host: TestHost,
}

impl Bench {
    fn new(component: &str) -> Self {
        Self::limited(component, "")
    }

    /// With these lines on limits.
    fn limited(component: &str, limits: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let grants = format!(
            "{limits}\n[[tools.guest.directories]]\nhost = \"{}\"\nguest = \"/work\"\nread = [\"**\"]\nwrite = [\"**\"]\ndeny = [\"secret/**\"]\n",
            directory.path().display()
        );
        let host = TestHost::of(component, &grants).unwrap();
        Self { directory, host }
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    fn ok(&self, tool: &str, arguments: Value) -> Value {
        self.host.call(tool, arguments).unwrap().value().unwrap().clone()
    }

    /// Code and words of a call that must fail.
    fn fails(&self, tool: &str, arguments: Value) -> (String, String) {
        let reply = self.host.call(tool, arguments).unwrap();
        let failure = reply.failure().unwrap();
        (failure.code.to_string(), failure.message.to_string())
    }
}
