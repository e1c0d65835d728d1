//! Which glob patterns are understood, and how they are compiled.
//!
//! A pattern decides over access, so one that could be read in two ways is refused instead of interpreted: `**` stands
//! alone between slashes, no part is empty, `.` or `..`, and nothing in `[…]` or `{…}` reaches across a slash.
//! The matching itself is `globset`'s, which runs in linear time.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Longest pattern, in bytes. Paths end at 4,096; a pattern longer than this is a mistake.
pub const MAX_BYTES: usize = 1024;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No text.
    #[error("a pattern cannot be empty; `**` matches everything")]
    Empty,
    /// Longer than [`MAX_BYTES`].
    #[error("a pattern has at most {MAX_BYTES} bytes")]
    Long,
    /// A control character.
    #[error("a pattern cannot hold the control character `{}`", .0.escape_default())]
    Control(char),
    /// An absolute pattern where a relative one belongs.
    #[error("patterns are relative to the granted directory; leave out the leading `/`")]
    Absolute,
    /// A relative pattern where one over guest paths belongs.
    #[error("this pattern is over guest paths; begin it with `/`")]
    Relative,
    /// `a//b` or `a/`.
    #[error("a part between slashes is empty; `dir/**` is a directory and everything below")]
    EmptyPart,
    /// `.` or `..` as a part.
    #[error("`.` and `..` never occur in a checked path, so this would match nothing")]
    DotPart,
    /// `a**` and such.
    #[error("`**` must stand alone between slashes, as in `**/*.md`")]
    Stars,
    /// A slash or a range over it in `[…]` or `{…}`.
    #[error("`[…]` and `{{…}}` cannot reach across a `/`; write two patterns")]
    AcrossSlash,
    /// What the glob compiler says.
    #[error("{0}")]
    Syntax(String),
}

/// Compiles patterns over relative paths.
///
/// # Errors
///
/// The index of the first pattern that cannot be used, and why.
pub(super) fn relative<S: AsRef<str>>(patterns: &[S]) -> Result<GlobSet, (usize, Error)> {
    set(patterns, |pattern| if pattern.starts_with('/') { Err(Error::Absolute) } else { parts(pattern) })
}

/// Compiles patterns over absolute guest paths.
///
/// # Errors
///
/// The index of the first pattern that cannot be used, and why.
pub(super) fn guest<S: AsRef<str>>(patterns: &[S]) -> Result<GlobSet, (usize, Error)> {
    set(patterns, |pattern| match pattern.strip_prefix('/') {
        Some(rest) => parts(rest).map(|rest| format!("/{rest}")),
        None if pattern.is_empty() => Err(Error::Empty),
        None => Err(Error::Relative),
    })
}

fn set<S: AsRef<str>>(
    patterns: &[S],
    prepare: impl Fn(&str) -> Result<String, Error>,
) -> Result<GlobSet, (usize, Error)> {
    let mut builder = GlobSetBuilder::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let prepared = prepare(pattern.as_ref()).map_err(|error| (index, error))?;
        builder.add(compile(&prepared).map_err(|error| (index, error))?);
        // `dir/**` is the directory too: whoever may list what is below it may list it, and a denied tree hides its root.
        if let Some(root) = prepared.strip_suffix("/**").filter(|root| !root.is_empty()) {
            builder.add(compile(root).map_err(|error| (index, error))?);
        }
    }
    builder.build().map_err(|error| (0, Error::Syntax(error.kind().to_string())))
}

fn compile(pattern: &str) -> Result<Glob, Error> {
    let built = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
    built.map_err(|error| Error::Syntax(error.kind().to_string()))
}

/// Checks each part between slashes and returns the pattern as the compiler needs it.
fn parts(pattern: &str) -> Result<String, Error> {
    if pattern.is_empty() {
        return Err(Error::Empty);
    }
    if pattern.len() > MAX_BYTES {
        return Err(Error::Long);
    }
    if let Some(control) = pattern.chars().find(|char| char.is_control()) {
        return Err(Error::Control(control));
    }
    let checked: Result<Vec<String>, Error> = pattern.split('/').map(part).collect();
    Ok(checked?.join("/"))
}

fn part(part: &str) -> Result<String, Error> {
    match part {
        "" => return Err(Error::EmptyPart),
        "." | ".." => return Err(Error::DotPart),
        "**" => return Ok(part.to_owned()),
        _ if part.contains("**") => return Err(Error::Stars),
        _ => {}
    }
    closed(part)
}

/// Brackets and braces must close within their part. A negated class would match `/`, so it gets `/` as a member.
fn closed(part: &str) -> Result<String, Error> {
    let mut out = String::with_capacity(part.len() + 1);
    let mut braces = 0_usize;
    let mut chars = part.chars();
    while let Some(char) = chars.next() {
        out.push(char);
        match char {
            '\\' => out.push(chars.next().ok_or(Error::AcrossSlash)?),
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            '[' => class(&mut chars, &mut out)?,
            _ => {}
        }
    }
    if braces == 0 { Ok(out) } else { Err(Error::AcrossSlash) }
}

/// Copies a class from behind its `[` to its `]`.
fn class(chars: &mut std::str::Chars<'_>, out: &mut String) -> Result<(), Error> {
    let body = chars.as_str();
    let (negation, members) = match body.strip_prefix(['!', '^']) {
        Some(members) => ("!", members),
        None => ("", body),
    };
    // A `]` right at the beginning is a member; that spelling is refused below like every unclosed class.
    let (members, rest) =
        members.split_once(']').filter(|(members, _)| !members.is_empty()).ok_or(Error::AcrossSlash)?;
    if spans_slash(members) {
        return Err(Error::AcrossSlash);
    }
    let slash = if negation.is_empty() { "" } else { "/" };
    out.extend([negation, slash, members, "]"]);
    *chars = rest.chars();
    Ok(())
}

/// Whether a range such as `+-9` holds the slash.
fn spans_slash(members: &str) -> bool {
    let members: Vec<char> = members.chars().collect();
    members.windows(3).any(|window| matches!(window, [from, '-', to] if (*from..=*to).contains(&'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        relative(&[pattern]).unwrap().is_match(path)
    }

    #[test]
    fn a_star_stays_within_a_part_and_two_cross_them() {
        assert!(matches("*.md", "a.md") && !matches("*.md", "a/b.md"));
        assert!(matches("**/*.md", "a.md") && matches("**/*.md", "a/b/c.md"));
        assert!(matches("**", "") && matches("**", "a/b"));
    }

    #[test]
    fn a_tree_pattern_matches_its_root() {
        for (path, expected) in [("sorted", true), ("sorted/a", true), ("sorted-not", false), ("a/sorted", false)] {
            assert_eq!(matches("sorted/**", path), expected, "{path}");
        }
        assert!(matches("**/.git/**", "a/.git") && matches("**/.git/**", ".git/config"));
    }

    #[test]
    fn no_class_matches_a_slash() {
        assert!(matches("a[!b]c", "axc") && !matches("a[!b]c", "a/c") && !matches("a[!b]c", "abc"));
        assert!(matches("a[^b-d]", "ax") && !matches("a[^b-d]", "a/"));
        assert_eq!(relative(&["a[+-9]c"]).unwrap_err().1, Error::AcrossSlash);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (pattern, error) in [
            ("", Error::Empty),
            ("/a", Error::Absolute),
            ("a//b", Error::EmptyPart),
            ("a/", Error::EmptyPart),
            ("../a", Error::DotPart),
            ("a/./b", Error::DotPart),
            ("a**", Error::Stars),
            ("***", Error::Stars),
            ("{a/b,c}", Error::AcrossSlash),
            ("[a/b]", Error::AcrossSlash),
            ("[", Error::AcrossSlash),
            ("[]a]", Error::AcrossSlash),
            ("a\\", Error::AcrossSlash),
            ("a\nb", Error::Control('\n')),
        ] {
            assert_eq!(relative(&[pattern]).unwrap_err(), (0, error), "{pattern}");
        }
        assert_eq!(guest(&["a/**"]).unwrap_err().1, Error::Relative);
        assert_eq!(relative(&["a".repeat(MAX_BYTES + 1)]).unwrap_err().1, Error::Long);
    }

    #[test]
    fn a_line_break_in_a_name_does_not_hide_it_from_a_pattern() {
        assert!(matches("**/.env", "a\nb/.env") && matches("*", "a\nb"));
    }
}
