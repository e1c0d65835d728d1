//! Whatever the patterns, and whatever a guest does: nothing outside of `write` without `deny` changes, and nothing from
//! outside of `read` without `deny` comes back.
//!
//! Every file holds the name it had at first, so that what is read tells where it came from, however it was moved.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use toolhold_core::grant::{DirectoryGrant, Patterns, Symlinks};

use super::super::bindings::types::{DescriptorType, NewTimestamp};
use super::oracle::snapshot;
use super::support::*;

const PATTERNS: [&str; 14] =
    ["**", "a", "a/**", "a/b", "a/b/**", "*", "*/b", "**/c", "{a,b}/c", "b/**/c", "?/b/*", "[ab]/**", "**/b/**", "c"];

fn chosen(most: usize) -> impl Strategy<Value = Patterns> {
    prop::collection::vec(prop::sample::select(PATTERNS.to_vec()), 0..most).prop_map(|list| patterns(&list))
}

fn path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "c", "a", "b", "c", "link", "up", "..", "."]);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

#[derive(Debug, Clone)]
enum Try {
    Read(String),
    Write(String, bool, bool),
    Mkdir(String),
    Rmdir(String),
    Unlink(String),
    Rename(String, String),
    Link(String, String),
    Symlink(String, String),
    List(String),
    Stat(String, bool),
    SetTimes(String),
}

fn attempt() -> impl Strategy<Value = Try> {
    prop_oneof![
        path().prop_map(Try::Read),
        (path(), any::<bool>(), any::<bool>()).prop_map(|(path, create, truncate)| Try::Write(path, create, truncate)),
        path().prop_map(Try::Mkdir),
        path().prop_map(Try::Rmdir),
        path().prop_map(Try::Unlink),
        (path(), path()).prop_map(|(from, to)| Try::Rename(from, to)),
        (path(), path()).prop_map(|(from, to)| Try::Link(from, to)),
        (path(), path()).prop_map(|(target, path)| Try::Symlink(target, path)),
        path().prop_map(Try::List),
        (path(), any::<bool>()).prop_map(|(path, follow)| Try::Stat(path, follow)),
        path().prop_map(Try::SetTimes),
    ]
}

/// Three levels of `a`, `b`, `c`: directories above, files named after their path at the bottom; links here and there.
fn plant(root: &Path) {
    for one in ["a", "b"] {
        for two in ["a", "b"] {
            fs::create_dir_all(root.join(one).join(two)).unwrap();
            for three in ["b", "c"] {
                fs::write(root.join(one).join(two).join(three), format!("{one}/{two}/{three}")).unwrap();
            }
        }
        fs::write(root.join(one).join("c"), format!("{one}/c")).unwrap();
    }
    fs::write(root.join("c"), "c").unwrap();
    symlink("b", root.join("a/link")).unwrap();
    symlink("../b", root.join("a/up")).unwrap();
    symlink("a/b/c", root.join("link")).unwrap();
    symlink("..", root.join("up")).unwrap();
}

/// The rule of the manual, written once more and plainly.
fn allowed(allow: &Patterns, deny: &Patterns, path: &str) -> bool {
    let mut above = String::new();
    let mut denied = deny.matches("");
    for part in path.split('/') {
        above = if above.is_empty() { part.to_owned() } else { format!("{above}/{part}") };
        denied |= deny.matches(&above);
    }
    allow.matches(path) && !denied
}

/// What came back: contents, or names with their kinds.
fn attempt_by(guest: &mut Guest, attempt: &Try) -> (Option<String>, Vec<(String, DescriptorType)>) {
    let (mut content, mut names) = (None, Vec::new());
    match attempt {
        Try::Read(path) => content = guest.read_file(path).ok().map(|bytes| String::from_utf8(bytes).unwrap()),
        Try::Write(path, create, truncate) => {
            let open = if *create { CREATE } else { plain() } | if *truncate { TRUNCATE } else { plain() };
            let _ = guest.write_file(path, open, b"guest");
        }
        Try::Mkdir(path) => drop(guest.mkdir(path)),
        Try::Rmdir(path) => drop(guest.rmdir(path)),
        Try::Unlink(path) => drop(guest.unlink(path)),
        Try::Rename(from, to) => drop(guest.rename(from, to)),
        Try::Link(from, to) => drop(guest.link(from, to)),
        Try::Symlink(target, path) => drop(guest.symlink(target, path)),
        Try::List(path) => names = guest.list(path).unwrap_or_default(),
        Try::Stat(path, follow) => drop(guest.stat(if *follow { FOLLOW } else { keep() }, path)),
        Try::SetTimes(path) => drop(guest.set_times(FOLLOW, path, NewTimestamp::Now)),
    }
    (content, names)
}

/// Names that a listing of `path` gave, where no part of `path` is a link or dots: then they can be told from outside.
fn listed_outside(
    attempt: &Try,
    names: &[(String, DescriptorType)],
    read: &Patterns,
    deny: &Patterns,
) -> Option<String> {
    let Try::List(path) = attempt else { return None };
    if path.split('/').any(|part| !matches!(part, "a" | "b" | "c")) {
        return None;
    }
    names.iter().map(|(name, kind)| (format!("{path}/{name}"), kind)).find_map(|(path, kind)| {
        let shown = match kind {
            DescriptorType::Directory => allowed(&patterns(&["**"]), deny, &path),
            _ => allowed(read, deny, &path),
        };
        (!shown).then_some(path)
    })
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let paths = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path));
    paths.cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changes_or_comes_back_that_is_not_granted(
        read in chosen(4),
        write in chosen(4),
        deny in chosen(3),
        symlinks in prop::sample::select(vec![Symlinks::Deny, Symlinks::Follow, Symlinks::Create]),
        attempts in prop::collection::vec(attempt(), 1..40),
    ) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("ws");
        fs::create_dir(&root).unwrap();
        plant(&root);
        let grant = DirectoryGrant { read: read.clone(), write: write.clone(), deny: deny.clone(), ..with_links(&root, symlinks) };
        let mut guest = Guest::new(&[grant]);
        let mut before = snapshot(&root);
        for attempt in &attempts {
            let (content, names) = attempt_by(&mut guest, attempt);
            if let Some(origin) = content.filter(|content| !content.is_empty() && !content.starts_with("guest")) {
                prop_assert!(allowed(&read, &deny, &origin), "{attempt:?} gave what was at {origin}");
            }
            prop_assert_eq!(listed_outside(attempt, &names, &read, &deny), None, "{:?}", attempt);
            let after = snapshot(&root);
            for path in changed(&before, &after) {
                prop_assert!(allowed(&write, &deny, &path), "{attempt:?} changed {path}");
            }
            before = after;
        }
        prop_assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }
}
