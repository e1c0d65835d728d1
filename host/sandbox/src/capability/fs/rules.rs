//! What a grant's patterns say about a path. Pure: no disk, no guest.
//!
//! Asked only about resolved paths ([`RelPath`]); everything else would be a check of one path and a use of another.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use toolhold_core::grant::{DirectoryGrant, Patterns};

use super::notes::Why;
use super::path::RelPath;
use super::protected::UNFINISHED;

/// The patterns of one grant, and what they imply.
#[derive(Debug)]
pub(super) struct Rules {
    read: Patterns,
    write: Patterns,
    deny: Patterns,
    on_the_way_to_read: OnTheWay,
    on_the_way_to_write: OnTheWay,
    /// What belongs to Toolhold, relative to the root; covers everything below.
    protected: Vec<RelPath>,
    /// The folders that hold it, in which what is to replace it is made.
    beside: Vec<RelPath>,
    whole: bool,
}

impl Rules {
    pub(super) fn new(grant: &DirectoryGrant, protected: Vec<RelPath>) -> Self {
        Self {
            read: grant.read.clone(),
            write: grant.write.clone(),
            deny: grant.deny.clone(),
            on_the_way_to_read: OnTheWay::to(&grant.read),
            on_the_way_to_write: OnTheWay::to(&grant.write),
            whole: grant.deny.is_empty()
                && protected.is_empty()
                && (grant.read.is_everything() || grant.read.is_empty())
                && (grant.write.is_everything() || grant.write.is_empty()),
            beside: protected.iter().filter_map(|path| RelPath::try_from(path.split()?.0.to_owned()).ok()).collect(),
            protected,
        }
    }

    /// No path is treated differently from another one.
    pub(super) fn same_for_all_paths(&self) -> bool {
        self.whole
    }

    /// Nothing can be changed.
    pub(super) fn read_only(&self) -> bool {
        self.write.is_empty()
    }

    /// The contents and properties of `path` may be had.
    pub(super) fn may_read(&self, path: &RelPath) -> bool {
        self.read.matches(path.as_str()) && self.forbidden(path).is_none()
    }

    /// `path` may be created, changed, removed.
    pub(super) fn may_write(&self, path: &RelPath) -> bool {
        self.write.matches(path.as_str()) && self.forbidden(path).is_none()
    }

    /// [`may_write`](Self::may_write), or why not.
    pub(super) fn require_write(&self, path: &RelPath) -> Result<(), Why> {
        if self.may_write(path) { Ok(()) } else { Err(self.why_not(path, true)) }
    }

    /// If `path` is a directory, its listing may be had, reduced to what is readable or listable itself.
    pub(super) fn may_list(&self, path: &RelPath) -> bool {
        (self.read.matches(path.as_str()) || self.on_the_way_to_read.matches(path.as_str()))
            && self.forbidden(path).is_none()
    }

    /// If `path` is a directory, it may be opened, asked about and passed through.
    pub(super) fn may_enter(&self, path: &RelPath) -> bool {
        let text = path.as_str();
        (self.read.matches(text)
            || self.write.matches(text)
            || self.on_the_way_to_read.matches(text)
            || self.on_the_way_to_write.matches(text))
            && self.forbidden(path).is_none()
    }

    /// Why `path` may not be touched in any way, if it may not.
    pub(super) fn forbidden(&self, path: &RelPath) -> Option<Why> {
        let unfinished =
            || self.beside.iter().any(|folder| folder.rest(path).is_some_and(|rest| rest.starts_with(UNFINISHED)));
        if self.protected.iter().any(|protected| protected.rest(path).is_some()) || unfinished() {
            return Some(Why::Protected);
        }
        if self.deny.is_empty() {
            return None;
        }
        let text = path.as_str();
        let above = std::iter::once(0).chain(text.match_indices('/').map(|(index, _)| index));
        let denied = above.filter_map(|end| text.get(..end)).chain([text]).any(|prefix| self.deny.matches(prefix));
        denied.then_some(Why::Denied)
    }

    /// The best word for the operator on why `path` may not be read or, if so asked, written.
    pub(super) fn why_not(&self, path: &RelPath, writing: bool) -> Why {
        self.forbidden(path).unwrap_or(match writing {
            true if self.read_only() => Why::ReadOnly,
            true if !self.write.matches(path.as_str()) => Why::NotWritable,
            _ => Why::NotReadable,
        })
    }
}

/// The directories that lie above something that patterns can match: on every side of them, so that what a tool needs
/// or a run leaves of a grant narrows these too.
#[derive(Debug)]
struct OnTheWay(Vec<(GlobSet, String)>);

impl OnTheWay {
    fn to(patterns: &Patterns) -> Self {
        // Absolute patterns and what they look at both lose their first slash.
        let relative = |text: &str| text.strip_prefix('/').unwrap_or(text).to_owned();
        Self(
            patterns
                .sides()
                .map(|side| (above(side.patterns.iter().map(|text| relative(text))), relative(side.before)))
                .collect(),
        )
    }

    fn matches(&self, path: &str) -> bool {
        let on_side = |(set, before): &(GlobSet, String)| match (before.is_empty(), path.is_empty()) {
            (true, _) => set.is_match(path),
            (false, true) => set.is_match(before),
            (false, false) => set.is_match(format!("{before}/{path}")),
        };
        !self.0.is_empty() && self.0.iter().all(on_side)
    }
}

/// Matches the directories above what any of these relative patterns can match.
fn above(patterns: impl Iterator<Item = String>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for prefix in patterns.flat_map(|pattern| prefixes(&pattern)) {
        // A prefix of a pattern that compiles, cut between its parts, compiles too; one that did not would match nothing.
        if let Ok(glob) = GlobBuilder::new(&prefix).literal_separator(true).backslash_escape(true).build() {
            builder.add(glob);
        }
    }
    builder.build().unwrap_or_default()
}

/// How many patterns one pattern with braces may stand for before directories are no longer told apart by it.
const MOST_ALTERNATIVES: usize = 256;

/// Patterns for the directories above what `pattern` matches: `a/*/c` gives the root, `a` and `a/*`.
fn prefixes(pattern: &str) -> Vec<String> {
    let mut alternatives = vec![pattern.to_owned()];
    while let Some((index, expanded)) =
        alternatives.iter().enumerate().find_map(|(index, one)| Some((index, expand(one)?)))
    {
        alternatives.swap_remove(index);
        alternatives.extend(expanded);
        if alternatives.len() > MOST_ALTERNATIVES {
            return vec!["**".to_owned()];
        }
    }
    alternatives.iter().flat_map(|pattern| prefixes_without_braces(pattern)).collect()
}

/// The patterns that the first braces of `pattern` stand for; `None` if it has none.
fn expand(pattern: &str) -> Option<Vec<String>> {
    let (mut depth, mut open, mut cuts) = (0_usize, 0, Vec::new());
    for (index, letter) in plain_letters(pattern) {
        match letter {
            '{' => {
                depth += 1;
                if depth == 1 {
                    open = index;
                    cuts.push(index);
                }
            }
            ',' if depth == 1 => cuts.push(index),
            '}' if depth == 1 => {
                cuts.push(index);
                let (before, after) = (pattern.get(..open)?, pattern.get(index + 1..)?);
                let parts = cuts.iter().zip(cuts.iter().skip(1));
                return parts
                    .map(|(from, to)| Some(format!("{before}{}{after}", pattern.get(from + 1..*to)?)))
                    .collect();
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn prefixes_without_braces(pattern: &str) -> Vec<String> {
    let (mut prefixes, mut start) = (vec![String::new()], 0);
    let ends = plain_letters(pattern).filter(|(_, letter)| *letter == '/').map(|(index, _)| index);
    for end in ends.chain([pattern.len()]) {
        if pattern.get(start..end) == Some("**") {
            prefixes.push(format!("{}**", pattern.get(..start).unwrap_or_default()));
            return prefixes;
        }
        if end < pattern.len() {
            prefixes.extend(pattern.get(..end).map(str::to_owned));
        }
        start = end + 1;
    }
    prefixes
}

/// The letters of a pattern that are neither escaped nor in a class, with their places.
fn plain_letters(pattern: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut escaped, mut class) = (false, None);
    pattern.char_indices().filter(move |(index, letter)| {
        match (letter, class) {
            _ if escaped => escaped = false,
            ('\\', None) => escaped = true,
            // `]` right after the opening, or after its negation, is a letter of the class.
            (']', Some(open)) if *index > open + 1 => class = None,
            ('!' | '^', Some(open)) if *index == open + 1 => class = Some(open + 1),
            (_, Some(_)) => {}
            ('[', None) => class = Some(*index),
            _ => return true,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use toolhold_core::grant::{GuestPatterns, Symlinks};

    use super::*;

    fn path(text: &str) -> RelPath {
        let mut path = RelPath::default();
        text.split('/').filter(|part| !part.is_empty()).for_each(|part| path.push(part));
        path
    }

    fn rules(read: &[&str], write: &[&str], deny: &[&str]) -> Rules {
        let patterns = |list: &[&str]| Patterns::new(list.iter().copied()).unwrap();
        let grant = DirectoryGrant {
            host: PathBuf::from("/nowhere"),
            guest: "/work".to_owned(),
            read: patterns(read),
            write: patterns(write),
            deny: patterns(deny),
            symlinks: Symlinks::Deny,
            atomic: true,
            labels: std::sync::Arc::default(),
        };
        Rules::new(&grant, vec![path(".toolhold")])
    }

    #[test]
    fn deny_wins_and_covers_what_is_below() {
        let rules = rules(&["**"], &["**"], &["secret", "**/*.key", "a/b"]);
        for denied in ["secret", "secret/x", "secret/x/y", "x.key", "a/x.key", "a/b", "a/b/c", "x.key/inside"] {
            assert!(
                !rules.may_read(&path(denied)) && !rules.may_write(&path(denied)) && !rules.may_enter(&path(denied)),
                "{denied}"
            );
        }
        for allowed in ["", "secrets", "a", "a/c", "x.keys"] {
            assert!(rules.may_read(&path(allowed)) && rules.may_write(&path(allowed)), "{allowed}");
        }
    }

    #[test]
    fn what_belongs_to_toolhold_is_forbidden_with_all_below() {
        let rules = rules(&["**"], &["**"], &[]);
        assert_eq!(rules.forbidden(&path(".toolhold/journal.db")), Some(Why::Protected));
        assert_eq!(rules.forbidden(&path(".toolhold-not")), None);
        assert_eq!(rules.forbidden(&path(".toolhold-new-x1y2z3")), Some(Why::Protected), "it is about to be ours");
        assert_eq!(rules.forbidden(&path("elsewhere/.toolhold-new-x1y2z3")), None);
    }

    #[test]
    fn directories_on_the_way_can_be_entered_and_nothing_else_can() {
        let rules = rules(&["src/**/*.rs", "docs/*.md", "x/y/w", "z/w"], &["out/**"], &[]);
        for way in ["", "src", "src/a", "src/a/b", "docs", "x", "x/y", "z", "out", "out/a"] {
            assert!(rules.may_enter(&path(way)), "{way}");
        }
        for other in ["etc", "y", "docs/a", "z/w/x", "x/z"] {
            assert!(!rules.may_enter(&path(other)), "{other}");
        }
        assert!(!rules.may_list(&path("out")), "only written below");
        assert!(rules.may_list(&path("src/a")));
        assert!(!rules.may_read(&path("src/a")));
    }

    #[test]
    fn what_narrows_a_grant_narrows_the_way_too() {
        let all = Patterns::new(["**"]).unwrap();
        let ceiling = GuestPatterns::new(["/work/sub/deep/**", "/other/**"]).unwrap();
        let grant = DirectoryGrant {
            host: PathBuf::from("/nowhere"),
            guest: "/work".to_owned(),
            read: all.narrowed_to("/work", &ceiling),
            write: Patterns::none(),
            deny: Patterns::none(),
            symlinks: Symlinks::Deny,
            atomic: true,
            labels: std::sync::Arc::default(),
        };
        let rules = Rules::new(&grant, Vec::new());
        for way in ["", "sub", "sub/deep", "sub/deep/er"] {
            assert!(rules.may_list(&path(way)) && rules.may_enter(&path(way)), "{way}");
        }
        for other in ["private", "sub/other", "other", "sub/deeper"] {
            assert!(!rules.may_list(&path(other)) && !rules.may_enter(&path(other)), "{other}");
        }
        assert!(!rules.same_for_all_paths());
    }

    #[test]
    fn the_way_is_found_whatever_the_pattern_is_made_of() {
        for (pattern, expected) in [
            ("a/*/c", vec!["", "a", "a/*"]),
            ("a/**", vec!["", "a", "a/**"]),
            ("**", vec!["", "**"]),
            ("*.md", vec![""]),
            ("a/**/c/d", vec!["", "a", "a/**"]),
            ("a[/]b/c", vec!["", "a[/]b"]),
            ("[]/x]/c", vec!["", "[]/x]"]),
            ("[!]/]/c", vec!["", "[!]/]"]),
            ("\\{a/b", vec!["", "\\{a"]),
            ("{a/b,c}/d", vec!["", "", "a", "a/b", "c"]),
            ("{a,{b,c}/d}/e", vec!["", "", "", "a", "b", "b/d", "c", "c/d"]),
        ] {
            let mut found = prefixes(pattern);
            found.sort();
            assert_eq!(found, expected, "{pattern}");
        }
        assert_eq!(prefixes(&"{a,b}".repeat(20)), ["**"]);
    }

    #[test]
    fn reading_and_writing_are_kept_apart() {
        let rules = rules(&["in/**"], &["out/**"], &[]);
        assert!(rules.may_read(&path("in/a")) && !rules.may_write(&path("in/a")));
        assert!(!rules.may_read(&path("out/a")) && rules.may_write(&path("out/a")));
        assert!(rules.may_write(&path("out")) && !rules.may_write(&path("outer")), "`dir/**` is the directory too");
    }
}
