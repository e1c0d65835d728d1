//! Paths: what a guest wrote, and what it means below a grant's root.
//!
//! Both are values without any access to the disk. A [`RelPath`] is what rules are asked about and what the view acts on;
//! a [`GuestPath`] is only a request.

use super::bindings::types::ErrorCode;

/// The longest path that is looked at: Linux's own bound.
const LONGEST_PATH: usize = 4096;
/// The longest name: that of every file system we know. Checked here so that patterns never see longer ones.
const LONGEST_NAME: usize = 255;

/// A path below a grant's root without links, `.` or `..` in it; empty for the root itself.
///
/// INVARIANT: parts are separated by one `/`, none is empty, `.` or `..`, none holds a NUL.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RelPath(String);

impl TryFrom<String> for RelPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        if text.is_empty() || text.split('/').all(is_part) { Ok(Self(text)) } else { Err("not a path below a root") }
    }
}

impl RelPath {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the operating system would refuse it for its length. Directories that are moved into each other make such paths.
    pub(super) fn is_too_long(&self) -> bool {
        self.0.len() >= LONGEST_PATH
    }

    /// How many bytes it has.
    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Its names, from the root down.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The path of what `below` is below `self`.
    pub(super) fn append(&self, below: &str) -> Self {
        match (self.is_root(), below.is_empty()) {
            (true, _) => Self(below.to_owned()),
            (_, true) => self.clone(),
            _ => Self(format!("{}/{below}", self.0)),
        }
    }

    /// How many parts it has.
    pub(super) fn depth(&self) -> usize {
        if self.is_root() { 0 } else { self.0.matches('/').count() + 1 }
    }

    /// The directory that holds it and its name there; `None` for the root.
    pub(super) fn split(&self) -> Option<(&str, &str)> {
        if self.is_root() {
            return None;
        }
        Some(self.0.rsplit_once('/').unwrap_or(("", &self.0)))
    }

    /// Goes down. `name` is one part of a [`GuestPath`] or of a listing.
    pub(super) fn push(&mut self, name: &str) {
        debug_assert!(!name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']));
        if !self.is_root() {
            self.0.push('/');
        }
        self.0.push_str(name);
    }

    /// [`push`](Self::push) on a copy.
    pub(super) fn join(&self, name: &str) -> Self {
        let mut path = Self(String::with_capacity(self.0.len() + 1 + name.len()));
        path.0.push_str(&self.0);
        path.push(name);
        path
    }

    /// Goes up; stays at the root.
    pub(super) fn pop(&mut self) {
        let length = self.split().map_or(0, |(parent, _)| parent.len());
        self.0.truncate(length);
    }

    /// The path of what `self` calls `below`, if that is `self` or lies below it.
    pub(super) fn rest<'a>(&self, below: &'a Self) -> Option<&'a str> {
        if self.is_root() {
            return Some(&below.0);
        }
        let rest = below.0.strip_prefix(&self.0)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }
}

/// A path as a guest wrote it, known to be relative and of bearable size.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuestPath<'a> {
    text: &'a str,
    /// Ends in `/`, `.` or `..`: whatever it names must be a directory.
    pub(super) must_be_directory: bool,
    /// Ends in `.` or `..`: there is no last name to create, remove or move.
    pub(super) ends_in_dots: bool,
    climbs: bool,
}

impl<'a> GuestPath<'a> {
    /// # Errors
    ///
    /// POSIX's codes for an empty, absolute or overlong path or one with a NUL.
    pub(super) fn parse(text: &'a str) -> Result<Self, ErrorCode> {
        if text.is_empty() {
            return Err(ErrorCode::NoEntry);
        }
        if text.starts_with('/') {
            return Err(ErrorCode::NotPermitted);
        }
        if text.len() > LONGEST_PATH || text.split('/').any(|name| name.len() > LONGEST_NAME) {
            return Err(ErrorCode::NameTooLong);
        }
        if text.contains('\0') {
            return Err(ErrorCode::Invalid);
        }
        let last = text.rsplit('/').next().unwrap_or_default();
        let real_last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        Ok(Self {
            text,
            must_be_directory: matches!(last, "" | "." | ".."),
            ends_in_dots: matches!(real_last, "." | ".."),
            climbs: text.split('/').any(|name| name == ".."),
        })
    }

    /// Its parts, without empty ones and `.`.
    pub(super) fn parts(self) -> impl DoubleEndedIterator<Item = &'a str> {
        self.text.split('/').filter(|part| !matches!(*part, "" | "."))
    }

    /// Where it leads from `base` if no part of it is a link; `None` if it has a `..`, whose meaning needs a look.
    pub(super) fn lexical(self, base: &RelPath) -> Option<RelPath> {
        if self.climbs {
            return None;
        }
        let mut path = RelPath(String::with_capacity(base.0.len() + 1 + self.text.len()));
        path.0.push_str(&base.0);
        self.parts().for_each(|part| path.push(part));
        Some(path)
    }
}

/// Whether a link with this target, `depth` directories below the root, can only lead to places below the root.
///
/// `..` is allowed at the start only: there the directories that it leaves are known to be no links. After a name it
/// could leave a directory that the name, being a link itself, leads to.
pub(super) fn link_stays_inside(target: &str, depth: usize) -> bool {
    if target.is_empty() || target.starts_with('/') {
        return false;
    }
    let mut parts = target.split('/').filter(|part| !matches!(*part, "" | ".")).peekable();
    let mut ups = 0;
    while parts.next_if_eq(&"..").is_some() {
        ups += 1;
    }
    ups <= depth && parts.all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_are_refused_with_posix_codes() {
        for (text, code) in [
            ("", ErrorCode::NoEntry),
            ("/etc/passwd", ErrorCode::NotPermitted),
            ("//etc", ErrorCode::NotPermitted),
            ("a\0b", ErrorCode::Invalid),
            (&"x".repeat(256), ErrorCode::NameTooLong),
            (&"x/".repeat(4096), ErrorCode::NameTooLong),
        ] {
            assert_eq!(GuestPath::parse(text).unwrap_err(), code, "{text:?}");
        }
    }

    #[test]
    fn a_path_without_climbing_means_what_it_says() {
        let base = RelPath("base".to_owned());
        for (text, path, directory) in [
            ("a", "base/a", false),
            ("./a//b/", "base/a/b", true),
            (".", "base", true),
            ("a/.", "base/a", true),
            ("a\\b", "base/a\\b", false),
        ] {
            let parsed = GuestPath::parse(text).unwrap();
            assert_eq!(parsed.lexical(&base).unwrap().as_str(), path, "{text}");
            assert_eq!(parsed.must_be_directory, directory, "{text}");
        }
        assert!(GuestPath::parse("a/../b").unwrap().lexical(&base).is_none());
        assert!(GuestPath::parse("..").unwrap().ends_in_dots);
        assert!(GuestPath::parse("a/./").unwrap().ends_in_dots);
        assert!(!GuestPath::parse("a..").unwrap().ends_in_dots);
    }

    #[test]
    fn what_lies_below_is_told_by_parts_and_not_by_letters() {
        let path = |text: &str| RelPath(text.to_owned());
        assert_eq!(path("ws").rest(&path("ws/a")), Some("a"));
        assert_eq!(path("ws").rest(&path("ws")), Some(""));
        assert_eq!(path("ws").rest(&path("ws-secret")), None);
        assert_eq!(path("").rest(&path("x")), Some("x"));
    }

    #[test]
    fn a_link_stays_inside_only_if_no_step_up_can_leave() {
        for (target, depth, inside) in [
            ("a", 0, true),
            ("a/b", 0, true),
            ("../a", 1, true),
            ("../a", 0, false),
            ("../../a", 1, false),
            ("/etc", 3, false),
            ("a/../b", 3, false),
            ("./../a", 1, true),
            ("", 1, false),
        ] {
            assert_eq!(link_stays_inside(target, depth), inside, "{target} at {depth}");
        }
    }
}
