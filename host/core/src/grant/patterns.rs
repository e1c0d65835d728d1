//! Sets of patterns over paths, and their intersection.
//!
//! What an operator grants is written relative to a directory, what a tool needs and what a run allows as guest paths.
//! Two globs have no glob as their intersection, so [`Patterns`] keeps each side and a path must match every one.

use std::sync::Arc;

use globset::GlobSet;

use super::glob;

/// Paths up to this many bytes are joined on the stack; longer ones cost an allocation.
const JOINED_ON_STACK: usize = 512;

/// Glob patterns over paths relative to a grant's root, `/` between parts, `**` across them.
///
/// The root itself is the empty path: it matches a set that has `**`. `dir/**` matches `dir` too.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    /// The operator's patterns as written.
    source: Arc<[String]>,
    /// INVARIANT: a path is matched if every clause matches it, and never if there is no clause.
    clauses: Arc<[Clause]>,
}

/// One side of an intersection.
#[derive(Debug, Clone)]
struct Clause {
    set: Arc<GlobSet>,
    /// The patterns of [`Clause::set`].
    source: Arc<[String]>,
    /// What stands before a path when this side looks at it: empty, or the guest path of the grant.
    before: Arc<str>,
}

/// One of the sets of patterns that all must match.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The patterns: relative ones, or absolute ones over guest paths.
    pub patterns: &'a [String],
    /// What stands before a path when these patterns look at it: empty, or the guest path of the grant.
    pub before: &'a str,
}

/// Glob patterns over absolute guest paths: what a tool needs, what a run allows.
#[derive(Debug, Clone, Default)]
pub struct GuestPatterns {
    source: Arc<[String]>,
    set: Arc<GlobSet>,
}

impl Patterns {
    /// Nothing matches.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Compiles patterns.
    ///
    /// # Errors
    ///
    /// The index of the pattern that cannot be used, and why.
    pub fn new(patterns: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, (usize, glob::Error)> {
        let source: Arc<[String]> = patterns.into_iter().map(Into::into).collect();
        let clause = Clause { set: Arc::new(glob::relative(&source)?), source: Arc::clone(&source), before: "".into() };
        let clauses = if source.is_empty() { Arc::default() } else { [clause].into() };
        Ok(Self { source, clauses })
    }

    /// Whether `path` (relative, no leading slash, no `.` or `..`) matches on every side.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        !self.clauses.is_empty() && self.clauses.iter().all(|clause| clause.matches(path))
    }

    /// Whether it is known that nothing matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The operator's patterns as written, without what narrows them.
    #[must_use]
    pub fn source(&self) -> &[String] {
        &self.source
    }

    /// Whether it is known that every path matches: there is a `**`, and nothing narrows it.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.clauses.len() == 1 && self.source.iter().any(|pattern| pattern == "**")
    }

    /// What a path must match, every one of it. Nothing matches if there is none.
    pub fn sides(&self) -> impl Iterator<Item = Side<'_>> {
        self.clauses.iter().map(|clause| Side { patterns: &clause.source, before: &clause.before })
    }

    /// Whether both are the same patterns, narrowed by the same ones. Two that happen to match the same paths may not be.
    ///
    /// What is kept for one set of grants must be found with this: [`Patterns::source`] is equal for a grant and for what a
    /// tool's needs or a run leave of it.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Clause, &Clause)| Arc::ptr_eq(&one.set, &other.set) && one.before == other.before;
        self.source == other.source
            && self.clauses.len() == other.clauses.len()
            && self.clauses.iter().zip(other.clauses.iter()).all(same)
    }

    /// The paths that match here and, seen below the guest path `guest`, in `ceiling`.
    #[must_use]
    pub fn narrowed_to(&self, guest: &str, ceiling: &GuestPatterns) -> Self {
        if self.is_empty() || ceiling.is_empty() {
            return Self::none();
        }
        if ceiling.covers(guest) {
            return self.clone();
        }
        let clause =
            Clause { set: Arc::clone(&ceiling.set), source: Arc::clone(&ceiling.source), before: guest.into() };
        let clauses = self.clauses.iter().cloned().chain([clause]).collect();
        Self { source: Arc::clone(&self.source), clauses }
    }
}

impl Clause {
    fn matches(&self, path: &str) -> bool {
        if self.before.is_empty() {
            return self.set.is_match(path);
        }
        if path.is_empty() {
            return self.set.is_match(&*self.before);
        }
        let mut stack = [0_u8; JOINED_ON_STACK];
        match join(&mut stack, &self.before, path) {
            Some(joined) => self.set.is_match(joined),
            None => self.set.is_match(format!("{}/{path}", self.before)),
        }
    }
}

/// `before/path`, written into `buffer` if it fits.
fn join<'a>(buffer: &'a mut [u8], before: &str, path: &str) -> Option<&'a str> {
    let (head, rest) = buffer.split_at_mut_checked(before.len())?;
    let (slash, tail) = rest.split_first_mut()?;
    head.copy_from_slice(before.as_bytes());
    *slash = b'/';
    tail.get_mut(..path.len())?.copy_from_slice(path.as_bytes());
    std::str::from_utf8(buffer.get(..=before.len() + path.len())?).ok()
}

impl GuestPatterns {
    /// Nothing matches.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Compiles patterns that each begin with `/`.
    ///
    /// # Errors
    ///
    /// The index of the pattern that cannot be used, and why.
    pub fn new(patterns: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, (usize, glob::Error)> {
        let source: Arc<[String]> = patterns.into_iter().map(Into::into).collect();
        let set = Arc::new(glob::guest(&source)?);
        Ok(Self { source, set })
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// The patterns as written.
    #[must_use]
    pub fn source(&self) -> &[String] {
        &self.source
    }

    /// Whether the absolute guest path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// Whether one pattern is plainly `directory` or one above it and everything below. Saves a look at every path.
    fn covers(&self, directory: &str) -> bool {
        let trees = self.source.iter().filter_map(|pattern| pattern.strip_suffix("/**"));
        let plain = |root: &str| !root.contains(['*', '?', '[', '{', '\\']);
        trees.filter(|root| plain(root)).any(|root| root.is_empty() || super::is_within(directory, root))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(list: &[&str]) -> Patterns {
        Patterns::new(list.iter().copied()).unwrap()
    }

    fn guest(list: &[&str]) -> GuestPatterns {
        GuestPatterns::new(list.iter().copied()).unwrap()
    }

    #[test]
    fn no_pattern_matches_nothing() {
        assert!(!Patterns::none().matches("") && !Patterns::none().matches("a"));
        assert!(!patterns(&[]).matches("a") && patterns(&[]).is_empty());
        assert!(patterns(&["**"]).narrowed_to("/work", &GuestPatterns::none()).is_empty());
        assert!(Patterns::none().narrowed_to("/work", &guest(&["/**"])).is_empty());
    }

    #[test]
    fn what_narrows_patterns_makes_them_others_although_they_are_written_the_same() {
        let (all, ceiling, other) = (patterns(&["**"]), guest(&["/work/notes/**"]), guest(&["/work/mail/**"]));
        let narrowed = all.narrowed_to("/work", &ceiling);
        assert_eq!(narrowed.source(), all.source());
        assert!(!narrowed.is_same_as(&all) && !all.is_same_as(&narrowed));
        assert!(!narrowed.is_same_as(&all.narrowed_to("/work", &other)));
        assert!(all.is_everything() && !narrowed.is_everything());
        assert_eq!(narrowed.sides().map(|side| side.before).collect::<Vec<_>>(), ["", "/work"]);
        assert!(narrowed.is_same_as(&all.clone().narrowed_to("/work", &ceiling.clone())));
    }

    #[test]
    fn a_ceiling_is_seen_below_the_guest_path() {
        let both = patterns(&["**"]).narrowed_to("/work", &guest(&["/work/notes/**", "/*/*.md", "/other/**"]));
        for (path, expected) in
            [("notes", true), ("notes/a/b", true), ("x.md", true), ("x/y.md", false), ("", false), ("other/a", false)]
        {
            assert_eq!(both.matches(path), expected, "{path}");
        }
        assert!(patterns(&["**"]).narrowed_to("/work", &guest(&["/work"])).matches(""));
    }

    #[test]
    fn a_sibling_with_the_same_beginning_is_not_covered() {
        let both = patterns(&["**"]).narrowed_to("/work-secret", &guest(&["/work/**"]));
        assert!(!both.matches("a") && !both.matches(""));
        assert!(patterns(&["**"]).narrowed_to("/work/deep", &guest(&["/work/**"])).matches("a"));
    }

    #[test]
    fn a_path_longer_than_the_stack_buffer_is_matched_the_same() {
        let both = patterns(&["**"]).narrowed_to("/work", &guest(&["/work/*/x"]));
        for length in [1, JOINED_ON_STACK - 9, JOINED_ON_STACK - 8, JOINED_ON_STACK - 7, 4000] {
            assert!(both.matches(&format!("{}/x", "a".repeat(length))), "{length}");
            assert!(!both.matches(&format!("{}/y", "a".repeat(length))), "{length}");
        }
    }

    proptest! {
        #[test]
        fn narrowing_never_widens(
            granted in prop::collection::vec("(\\*\\*/)?[ab*?]{1,3}(/[ab*]{1,2})?(/\\*\\*)?", 0..3),
            ceiling in prop::collection::vec("/(\\*\\*/)?[ab*?]{1,3}(/[ab*]{1,2})?(/\\*\\*)?", 0..3),
            path in "([ab]{1,2}(/[ab]{1,2}){0,3})?",
        ) {
            prop_assume!(granted.iter().chain(&ceiling).all(|pattern| !pattern.contains("***") && Patterns::new([pattern.trim_start_matches('/')]).is_ok()));
            let granted = Patterns::new(granted).unwrap();
            let ceiling = GuestPatterns::new(ceiling).unwrap();
            let both = granted.narrowed_to("/a", &ceiling);
            let whole = if path.is_empty() { "/a".to_owned() } else { format!("/a/{path}") };
            prop_assert_eq!(both.matches(&path), granted.matches(&path) && ceiling.matches(&whole));
        }

        #[test]
        fn no_text_makes_a_pattern_panic(pattern in "[a{},\\[\\]!^*?/\\\\.\\-]{0,12}", path in "[a/.]{0,6}") {
            if let Ok(patterns) = Patterns::new([pattern]) {
                let _either = patterns.matches(&path);
            }
        }
    }
}
