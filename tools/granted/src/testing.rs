//! A directory with files for tests of tools, deleted at the end.

use std::path::PathBuf;

/// The directory.
#[derive(Debug)]
pub struct Fixture(tempfile::TempDir);

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
impl Fixture {
    /// With these files.
    ///
    /// # Panics
    /// If the disk refuses.
    #[must_use]
    pub fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fixture.put(name, text.as_bytes());
        }
        fixture
    }

    /// Writes a file, with its directories.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        std::fs::write(self.at(name), bytes).unwrap();
    }

    /// Where `name` is.
    #[must_use]
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same, as an argument.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    /// The text of a file.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    /// The names of everything in the directory, sorted, directories with `/`.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut open = vec![self.0.path().to_owned()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                let name = entry.path().strip_prefix(self.0.path()).unwrap().display().to_string();
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                    names.push(format!("{name}/"));
                } else {
                    names.push(name);
                }
            }
        }
        names.sort();
        names
    }
}
