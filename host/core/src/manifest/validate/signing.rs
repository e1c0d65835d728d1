//! Signers: what takes more than one key to know.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::id::{ComponentName, SignerName};
use crate::manifest::problem::{Code, Problem, suggest};
use crate::manifest::{Component, Unsigned, v1};
use crate::signature::PublicKey;

use super::Validator;

/// The checker has taken out what cannot be read.
pub(super) fn signers(written: &BTreeMap<Spanned<String>, v1::Signer>) -> BTreeMap<SignerName, PublicKey> {
    let signer = |(name, signer): (&Spanned<String>, &v1::Signer)| {
        Some((name.get_ref().parse().ok()?, signer.key.as_ref()?.parse().ok()?))
    };
    written.iter().filter_map(signer).collect()
}

pub(super) fn unsigned(written: Option<v1::Unsigned>) -> Unsigned {
    match written {
        None | Some(v1::Unsigned::Allow) => Unsigned::Allow,
        Some(v1::Unsigned::Refuse) => Unsigned::Refuse,
    }
}

impl Validator<'_> {
    pub(super) fn signers_are_known(
        &mut self,
        components: &BTreeMap<ComponentName, Component>,
        signers: &BTreeMap<SignerName, PublicKey>,
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
