//! What one run is narrowed to. There is no way to say "more" with these types.

use std::collections::BTreeMap;

use crate::grant::http::Origin;
use crate::grant::{GuestPatterns, glob};
use crate::id::ToolName;
use crate::limit::{Limit, Limits};
use crate::manifest::ToolPattern;

/// What one run may use of what the manifest grants. The default is all of it; each method takes something away.
#[derive(Debug, Clone, Default)]
pub struct RunScope {
    /// A tool must match a pattern of each list.
    tools: Vec<Vec<ToolPattern>>,
    /// A path must match each of these.
    paths: Vec<GuestPatterns>,
    /// A request must go to one origin of each list.
    origins: Vec<Vec<Origin>>,
    read_only: bool,
    limits: BTreeMap<Limit, u64>,
}

impl RunScope {
    /// Only tools that match one of these.
    #[must_use]
    pub fn only_tools(mut self, patterns: Vec<ToolPattern>) -> Self {
        self.tools.push(patterns);
        self
    }

    /// Only guest paths that match one of these patterns, such as `/work/notes/**`.
    ///
    /// # Errors
    ///
    /// The index of the pattern that cannot be used, and why.
    pub fn only_paths(
        mut self,
        patterns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, (usize, glob::Error)> {
        self.paths.push(GuestPatterns::new(patterns)?);
        Ok(self)
    }

    /// Only requests to one of these origins.
    #[must_use]
    pub fn only_origins(mut self, origins: Vec<Origin>) -> Self {
        self.origins.push(origins);
        self
    }

    /// No call of this run writes files or sends requests that ask for a change.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// At most this much in each call. A larger number than the manifest's changes nothing.
    #[must_use]
    pub fn at_most(mut self, limit: Limit, bound: u64) -> Self {
        let lowest = self.limits.get(&limit).map_or(bound, |known| bound.min(*known));
        self.limits.insert(limit, lowest);
        self
    }

    /// Whether the run may use this tool.
    #[must_use]
    pub fn has_tool(&self, tool: &ToolName) -> bool {
        self.tools.iter().all(|patterns| patterns.iter().any(|pattern| pattern.matches(tool)))
    }

    /// Whether the run may not write.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// What is left of `limits`.
    #[must_use]
    pub fn narrow_limits(&self, limits: &Limits) -> Limits {
        let mut narrowed = limits.clone();
        self.limits.iter().for_each(|(limit, bound)| narrowed.set(*limit, limits.get(*limit).min(*bound)));
        narrowed
    }

    pub(super) fn paths(&self) -> &[GuestPatterns] {
        &self.paths
    }

    pub(super) fn origins(&self) -> &[Vec<Origin>] {
        &self.origins
    }

    pub(super) fn keeps_all_grants(&self) -> bool {
        self.paths.is_empty() && self.origins.is_empty() && !self.read_only
    }

    /// Whether the run may touch the guest path, as far as the run is concerned.
    pub(crate) fn has_path(&self, path: &str) -> bool {
        self.paths.iter().all(|patterns| patterns.matches(path))
    }
}
