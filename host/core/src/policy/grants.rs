//! What a tool may reach: what it declares to need ∩ what the operator grants ∩ what the run allows.

use std::sync::Arc;

use crate::describe::{EffectKind, Need};
use crate::grant::http::Origin;
use crate::grant::{DirectoryGrant, Grants, GuestPatterns, HttpGrant, Patterns, Symlinks};
use crate::id::LocalName;
use crate::manifest::{Component, Directory};

use super::scope::RunScope;

/// What a tool declares to need. A need whose target is neither a pattern over guest paths nor an origin allows nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ceiling {
    pub(crate) read: GuestPatterns,
    pub(crate) write: GuestPatterns,
    pub(crate) network: Vec<Origin>,
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
        let network = network(needs, &mut unusable);
        Self { read, write, network, unusable }
    }
}

fn network(needs: &[Need], unusable: &mut Vec<(String, String)>) -> Vec<Origin> {
    let targets = needs.iter().filter(|need| need.effect == EffectKind::Network).map(|need| &need.target);
    let mut usable = |target: &String| match Origin::parse(target) {
        Ok(origin) => Some(origin),
        Err(error) => {
            unusable.push((target.clone(), error.to_string()));
            None
        }
    };
    targets.filter_map(&mut usable).collect()
}

/// Declared ∩ granted.
pub(super) fn granted(component: &Component, local: &LocalName, ceiling: &Ceiling) -> Grants {
    Grants {
        directories: component.directories.iter().filter_map(|directory| grant(directory, ceiling)).collect(),
        http: component.http.iter().filter_map(|grant| requests(&grant.value, &ceiling.network)).collect(),
        env: Arc::clone(&component.env),
        clock: component.clock,
        random: component.random,
        server: component.server.as_ref().map(|server| Arc::new(server.grant(local))),
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
        labels: Arc::clone(&directory.labels),
    })
}

/// What is left of a grant of requests within `origins`.
fn requests(grant: &HttpGrant, origins: &[Origin]) -> Option<HttpGrant> {
    let mut within = grant.within.clone();
    if !origins.contains(&Origin::Any) {
        within.push(origins.to_vec());
    }
    (!origins.is_empty() && !grant.methods.is_empty()).then(|| HttpGrant { within, ..grant.clone() })
}

/// What is left of a grant of requests in a run.
fn requests_in(grant: &HttpGrant, scope: &RunScope) -> Option<HttpGrant> {
    let left = scope.origins().iter().try_fold(grant.clone(), |grant, origins| requests(&grant, origins))?;
    if scope.is_read_only() { safe(left) } else { Some(left) }
}

/// What a tool may request under a grant of its component, for explanations.
pub(crate) fn requests_left(grant: &HttpGrant, ceiling: &Ceiling, scope: &RunScope) -> Option<HttpGrant> {
    requests_in(&requests(grant, &ceiling.network)?, scope)
}

/// What is left of it in a run that changes nothing.
fn safe(grant: HttpGrant) -> Option<HttpGrant> {
    let methods: Vec<_> = grant.methods.iter().copied().filter(|method| method.is_safe()).collect();
    (!methods.is_empty()).then_some(HttpGrant { methods, ..grant })
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
    if scope.keeps_all_grants() {
        return grants.clone();
    }
    let narrow = |grant: &DirectoryGrant| {
        let within = |patterns: &Patterns, sides: &[GuestPatterns]| {
            sides.iter().fold(patterns.clone(), |patterns, side| patterns.narrowed_to(&grant.guest, side))
        };
        let write = if scope.is_read_only() { Patterns::none() } else { within(&grant.write, scope.paths()) };
        kept(DirectoryGrant { read: within(&grant.read, scope.paths()), write, ..grant.clone() })
    };
    Grants {
        directories: grants.directories.iter().filter_map(narrow).collect(),
        http: grants.http.iter().filter_map(|grant| requests_in(grant, scope)).collect(),
        server: grants.server.clone().filter(|server| server.is_within(scope.origins(), scope.is_read_only())),
        ..grants.clone()
    }
}
