//! Signers: what takes more than one key to know.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use crate::id::{ComponentName, SignerName};
use crate::manifest::problem::{Code, Problem, suggest};
use crate::manifest::{Component, Unsigned, v1};
use crate::signature::{Identity, Signer, SubjectPattern, Unnamed};

use super::Validator;

/// What only somebody with an identity has.
const OF_IDENTITIES: [&str; 4] = ["issuer", "trusted-root", "repository", "unnamed"];

/// Where a signer is written.
struct Place {
    name: Range<usize>,
    /// Where the next one begins.
    next: usize,
}

pub(super) fn unsigned(written: Option<v1::Unsigned>) -> Unsigned {
    match written {
        None | Some(v1::Unsigned::Allow) => Unsigned::Allow,
        Some(v1::Unsigned::Refuse) => Unsigned::Refuse,
    }
}

impl Validator<'_> {
    pub(super) fn signers(&mut self, written: BTreeMap<Spanned<String>, v1::Signer>) -> BTreeMap<SignerName, Signer> {
        let starts: Vec<usize> = written.keys().map(|name| name.span().start).collect();
        let signer = |(name, signer): (Spanned<String>, v1::Signer)| {
            let next = starts.iter().copied().filter(|start| *start > name.span().start).min();
            self.signer(&name, &signer, next.unwrap_or(usize::MAX))
        };
        written.into_iter().filter_map(signer).collect()
    }

    /// `next` is where the next signer begins.
    fn signer(&mut self, name: &Spanned<String>, wire: &v1::Signer, next: usize) -> Option<(SignerName, Signer)> {
        let parsed: SignerName = name.get_ref().parse().ok()?;
        let at = Place { name: name.span(), next };
        let signer = match (&wire.key, &wire.identity) {
            (Some(key), None) => {
                let there = [
                    wire.issuer.is_some(),
                    wire.trusted_root.is_some(),
                    wire.repository.is_some(),
                    wire.unnamed.is_some(),
                ];
                if let Some((odd, _)) = OF_IDENTITIES.iter().zip(there).find(|(_, there)| *there) {
                    let message = format!("the signer `{parsed}` has a `key`, to which `{odd}` does not apply");
                    return self.refuse(&at, message, "leave it out, or write `identity` instead of `key`");
                }
                Signer::Key(key.parse().ok()?)
            }
            (None, Some(subject)) => Signer::Identity(self.identity(&parsed, subject, wire, &at)?),
            (Some(_), Some(_)) => {
                let message = format!("the signer `{parsed}` has a `key` and an `identity`");
                return self.refuse(&at, message, "give exactly one; two signers are two tables");
            }
            (None, None) => {
                let message = format!("the signer `{parsed}` has neither a `key` nor an `identity`");
                return self.refuse(&at, message, "give `key`, or `identity` with `issuer` and `trusted-root`");
            }
        };
        Some((parsed, signer))
    }

    fn identity(&mut self, name: &SignerName, subject: &str, wire: &v1::Signer, at: &Place) -> Option<Identity> {
        let (Some(issuer), Some(root)) = (&wire.issuer, &wire.trusted_root) else {
            let missing = if wire.issuer.is_none() { "issuer" } else { "trusted-root" };
            let help = match missing {
                "issuer" => "the same name of two issuers is two people: `issuer = \"https://…\"`",
                _ => "nothing is fetched and none is built in: `trusted-root = \"trusted_root.json\"`",
            };
            return self.refuse(at, format!("the signer `{name}` has an `identity` and no `{missing}`"), help);
        };
        Some(Identity {
            subject: SubjectPattern::parse(subject).ok()?,
            issuer: issuer.clone(),
            repository: wire.repository.clone(),
            root: self.join(root),
            unnamed: match wire.unnamed {
                Some(v1::Unnamed::Allow) => Unnamed::Allow,
                None | Some(v1::Unnamed::Refuse) => Unnamed::Refuse,
            },
        })
    }

    /// Complains of a signer, unless something in it was reported already, from which the rest follows.
    fn refuse<T>(&mut self, at: &Place, message: String, help: &str) -> Option<T> {
        let is_of_it = |problem: &Problem| matches!(problem.code, Code::Signer | Code::HostPath | Code::WrongType);
        let is_told = |problem: &Problem| is_of_it(problem) && (at.name.start..at.next).contains(&problem.span.start);
        if !self.problems.iter().any(is_told) {
            self.problems.push(Problem::new(Code::Signer, &at.name, message).label("this signer").help(help));
        }
        None
    }

    pub(super) fn signers_are_known(
        &mut self,
        components: &BTreeMap<ComponentName, Component>,
        signers: &BTreeMap<SignerName, Signer>,
        unsigned: Unsigned,
    ) {
        for component in components.values() {
            let name = &component.name;
            if component.signed_by.is_empty() && unsigned == Unsigned::Refuse {
                let message = format!("nobody has to sign the component `{}`, and `unsigned` is `refuse`", name.value);
                let problem = Problem::new(Code::Signer, &name.span, message).label("no `signed-by`");
                self.problems.push(problem.help("add `signed-by = [\"…\"]` with one of the `[signers]`"));
            }
            for signer in component.signed_by.iter().filter(|signer| !signers.contains_key(&signer.value)) {
                let wanted = signer.value.as_str();
                let help = suggest(wanted, signers.keys().map(SignerName::as_str), "the signers are");
                let help = help.unwrap_or_else(|| format!("add it: `[signers.{wanted}]` with `key = \"ed25519:…\"`"));
                let problem = Problem::new(Code::Signer, &signer.span, format!("there is no signer `{wanted}`"));
                self.problems.push(problem.label("not there").help(help));
            }
        }
    }
}
