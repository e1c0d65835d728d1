//! Globs over paths below a start directory, and what a search leaves out unless told otherwise.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use toolhold_sdk::prelude::*;

/// Directories that are large, generated and hardly ever what a model looks for.
pub(crate) const DEFAULT: [&str; 6] = [".git", "node_modules", "target", "__pycache__", ".venv", "dist"];

/// A set of globs with the meaning of `.gitignore`: one without a slash matches a name at any depth.
#[derive(Debug)]
pub(crate) struct Globs(GlobSet);

impl Globs {
    /// Compiles globs.
    ///
    /// # Errors
    /// `invalid-args` with the first that is none.
    pub(crate) fn new<S: AsRef<str>>(globs: &[S]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let glob = glob.as_ref();
            let anchored = match glob.trim_end_matches('/') {
                name if !name.contains('/') => format!("**/{name}"),
                path => path.trim_start_matches("./").trim_start_matches('/').to_owned(),
            };
            let built = GlobBuilder::new(&anchored).literal_separator(true).build();
            set.add(built.map_err(|problem| Error::invalid_args(format!("`{glob}` is no glob: {}", problem.kind())))?);
        }
        let set =
            set.build().map_err(|problem| Error::invalid_args(format!("too complex globs: {}", problem.kind())))?;
        Ok(Globs(set))
    }

    /// The globs to ignore: what was asked for, or [`DEFAULT`].
    ///
    /// # Errors
    /// As [`Globs::new`].
    pub(crate) fn ignored(asked: Option<&[String]>) -> Result<Self> {
        match asked {
            Some(globs) => Globs::new(globs),
            None => Globs::new(&DEFAULT),
        }
    }

    /// Whether a path relative to the start directory matches any glob.
    pub(crate) fn matches(&self, relative: &Path) -> bool {
        self.0.is_match(relative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_without_a_slash_matches_at_any_depth() {
        let globs = Globs::new(&["*.md", "src/**/*.rs", "build/", "{a,b}.txt"]).unwrap();
        for path in ["x.md", "deep/down/x.md", "src/a.rs", "src/a/b.rs", "build", "x/build", "b.txt"] {
            assert!(globs.matches(Path::new(path)), "{path}");
        }
        for path in ["x.mdx", "a.rs", "other/src/a.rs", "builds"] {
            assert!(!globs.matches(Path::new(path)), "{path}");
        }
        assert!(Globs::new(&["a{b"]).unwrap_err().message().starts_with("`a{b` is no glob"));
    }
}
