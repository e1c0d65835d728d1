//! What a tool may reach: what it declares to need ∩ what the operator grants ∩ what the run allows.

use std::sync::Arc;

use crate::describe::{EffectKind, Need};
use crate::grant::{DirectoryGrant, Grants, GuestPatterns, Patterns, Symlinks};
use crate::manifest::{Component, Directory};

use super::scope::RunScope;

/// What a tool declares to need of files. A need whose target is not a pattern over guest paths allows nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ceiling {
    pub(crate) read: GuestPatterns,
    pub(crate) write: GuestPatterns,
    /// Targets that cannot be used, and why.
    pub(crate) unusable: Vec<(String, String)>,
}

impl Ceiling {
    pub(crate) fn of(needs: &[Need]) -> Self {
        let mut unusable = Vec::new();
        let mut usable = |effect: EffectKind| {
            let targets = needs.iter().filter(|need| need.effect == effect).map(|need| need.target.as_str());
            let checked = targets.filter(|target| match GuestPatterns::new([*target]) {
                Ok(_) => true,
                Err((_, error)) => {
                    unusable.push(((*target).to_owned(), error.to_string()));
                    false
                }
            });
            GuestPatterns::new(checked).unwrap_or_default()
        };
        let (read, write) = (usable(EffectKind::Read), usable(EffectKind::Write));
        Self { read, write, unusable }
    }
}

/// Declared ∩ granted.
pub(super) fn granted(component: &Component, ceiling: &Ceiling) -> Grants {
    Grants {
        directories: component.directories.iter().filter_map(|directory| grant(directory, ceiling)).collect(),
        env: Arc::clone(&component.env),
        clock: component.clock,
        random: component.random,
    }
}

fn grant(directory: &Directory, ceiling: &Ceiling) -> Option<DirectoryGrant> {
    let guest = &directory.guest.value;
    kept(DirectoryGrant {
        host: directory.host.value.clone(),
        guest: guest.clone(),
        read: directory.read.patterns.narrowed_to(guest, &ceiling.read),
        write: directory.write.patterns.narrowed_to(guest, &ceiling.write),
        deny: directory.deny.patterns.clone(),
        symlinks: directory.symlinks,
        atomic: directory.atomic,
    })
}

/// A directory of which nothing can be read or written is no directory; where nothing can be written, no link is created.
fn kept(grant: DirectoryGrant) -> Option<DirectoryGrant> {
    let symlinks = match grant.symlinks {
        Symlinks::Create if grant.write.is_empty() => Symlinks::Follow,
        as_granted => as_granted,
    };
    (!grant.read.is_empty() || !grant.write.is_empty()).then_some(DirectoryGrant { symlinks, ..grant })
}

/// What is left of `grants` in a run.
pub(crate) fn narrowed(grants: &Grants, scope: &RunScope) -> Grants {
    if scope.keeps_all_paths() {
        return grants.clone();
    }
    let narrow = |grant: &DirectoryGrant| {
        let within = |patterns: &Patterns, sides: &[GuestPatterns]| {
            sides.iter().fold(patterns.clone(), |patterns, side| patterns.narrowed_to(&grant.guest, side))
        };
        let write = if scope.is_read_only() { Patterns::none() } else { within(&grant.write, scope.paths()) };
        kept(DirectoryGrant { read: within(&grant.read, scope.paths()), write, ..grant.clone() })
    };
    Grants { directories: grants.directories.iter().filter_map(narrow).collect(), ..grants.clone() }
}
