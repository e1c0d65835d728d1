//! What a revision names: `HEAD`, a branch, a tag, a name or its beginning, and ancestors by `~` and `^`.

use toolhold_sdk::prelude::*;

use crate::object::{self, Kind};
use crate::oid::Oid;
use crate::repository::Repository;

/// Steps of one `~`.
const MAX_STEPS: usize = 100_000;
/// Tags of tags.
const MAX_TAGS: usize = 10;
/// Where a short name is looked for, in this order.
const PLACES: [&str; 5] = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];

/// The commit that a revision names.
///
/// # Errors
/// `not-found` or `invalid-args` with what there is instead.
pub(crate) fn commit(repository: &Repository, revision: &str) -> Result<Oid> {
    let end = revision.find(['~', '^']).unwrap_or(revision.len());
    let (base, mut steps) = revision.split_at(end);
    let mut oid = peel(repository, named(repository, if base == "@" { "HEAD" } else { base })?, revision)?;
    while let Some(sign) = steps.chars().next() {
        let rest = steps.get(1..).unwrap_or_default();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let number: usize = if number.is_empty() { 1 } else { number.parse().unwrap_or(usize::MAX) };
        oid = match sign {
            '~' => ancestor(repository, oid, number, revision)?,
            '^' => parent(repository, oid, number, revision)?,
            _ => {
                return Err(Error::invalid_args(format!(
                    "`{revision}`: behind `~` and `^` stands a number, or another of them"
                )));
            }
        };
        steps = after;
    }
    Ok(oid)
}

fn named(repository: &Repository, name: &str) -> Result<Oid> {
    for place in PLACES {
        // Without a prefix only names such as HEAD and FETCH_HEAD are references.
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if (!place.is_empty() || plain || name.starts_with("refs/"))
            && let Some(oid) = repository.refs.get(&format!("{place}{name}"))?
        {
            return Ok(oid);
        }
    }
    if let Some(oid) = Oid::parse(name) {
        return Ok(oid);
    }
    match repository.store.beginning(name)?.as_slice() {
        [oid] => Ok(*oid),
        [] if name == "HEAD" => Err(Error::not_found("the repository has no commit yet")),
        [] => Err(Error::not_found(format!("there is no revision `{name}`; `refs` shows branches and tags"))),
        several => {
            let shown: Vec<String> = several.iter().take(5).map(Oid::to_string).collect();
            Err(Error::invalid_args(format!("`{name}` is the beginning of several objects: {}", shown.join(", "))))
        }
    }
}

/// The commit behind tags.
///
/// # Errors
/// There is none.
pub(crate) fn peel(repository: &Repository, mut oid: Oid, revision: &str) -> Result<Oid> {
    for _ in 0..MAX_TAGS {
        let found = repository.store.get(oid)?;
        oid = match found.kind {
            Kind::Commit => return Ok(oid),
            Kind::Tag => {
                object::tag_target(&found.bytes).ok_or_else(|| Error::failed(format!("tag {oid} is damaged")))?
            }
            Kind::Tree | Kind::Blob => break,
        };
    }
    Err(Error::invalid_args(format!("`{revision}` is no commit")))
}

fn ancestor(repository: &Repository, mut oid: Oid, steps: usize, revision: &str) -> Result<Oid> {
    for _ in 0..steps.min(MAX_STEPS) {
        oid = parent(repository, oid, 1, revision)?;
    }
    Ok(oid)
}

fn parent(repository: &Repository, oid: Oid, number: usize, revision: &str) -> Result<Oid> {
    let Some(index) = number.checked_sub(1) else { return Ok(oid) };
    let parents = repository.commit(oid)?.parents;
    let count = parents.len();
    parents.get(index).copied().ok_or_else(|| Error::not_found(format!("`{revision}`: {oid} has {count} parents")))
}
