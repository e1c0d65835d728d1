//! What a path leads to, whatever it is called: one file has many names through hard links, `..`, links that are followed,
//! and directories that were granted twice.

use std::path::Path;

/// What tells a file or directory from all others, for as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(u64, u64);

/// What `path` leads to; `None` if there is nothing.
#[must_use]
pub fn identity(path: &Path) -> Option<Identity> {
    find(path)
}

/// Whether two paths lead to the same file or directory.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

/// Whether `path`, which need not be there, lies below the directory `ancestor` or is it, as the directories are and not as
/// the paths are written.
#[must_use]
pub fn is_within(path: &Path, ancestor: &Path) -> bool {
    let Some(wanted) = identity(ancestor) else { return false };
    let Some(nearest) = path.ancestors().find(|known| known.is_dir()) else { return false };
    let (mut here, mut known) = (nearest.to_owned(), identity(nearest));
    // Up to the root that was granted, beyond which is nothing, or to that of the system, which is its own parent.
    while let Some(directory) = known {
        if directory == wanted {
            return true;
        }
        here.push("..");
        known = identity(&here).filter(|above| *above != directory);
    }
    false
}

/// The standard library has no name for it on this target; the host makes it of the file's device and number.
#[cfg(target_arch = "wasm32")]
fn find(path: &Path) -> Option<Identity> {
    use wasip2::filesystem::{preopens, types::PathFlags};

    let below = |(directory, granted): (_, String)| {
        let rest = path.strip_prefix(&granted).ok()?.to_str()?.to_owned();
        Some((granted.len(), directory, rest))
    };
    let granted = preopens::get_directories().into_iter().filter_map(below);
    let (_, directory, rest) = granted.max_by_key(|(length, ..)| *length)?;
    let rest = if rest.is_empty() { "." } else { &rest };
    let hash = directory.metadata_hash_at(PathFlags::SYMLINK_FOLLOW, rest).ok()?;
    Some(Identity(hash.upper, hash.lower))
}

#[cfg(not(target_arch = "wasm32"))]
fn find(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).ok().map(|metadata| Identity(metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_under_all_of_its_names() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/one"), "1").unwrap();
        std::fs::write(at("a/other"), "1").unwrap();
        std::fs::hard_link(at("a/one"), at("hard")).unwrap();
        std::os::unix::fs::symlink(at("a/b"), at("soft")).unwrap();
        for name in ["hard", "a/b/../one", "soft/../one", "./a//one"] {
            assert!(is_same(&at("a/one"), &at(name)), "{name}");
        }
        assert!(!is_same(&at("a/one"), &at("a/other")) && !is_same(&at("none"), &at("none")));
        for (path, within) in [
            ("a/b/new", true),
            ("a/new/deep", true),
            ("soft/new", true),
            ("a/b/../x", true),
            ("a", true),
            ("c", false),
            ("a/b/../../c/d", false),
            ("ab", false),
        ] {
            assert_eq!(is_within(&at(path), &at("a")), within, "{path}");
        }
    }
}
