//! Models: what takes more than one key to know.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use crate::base_url::BaseUrl;
use crate::cost::Prices;
use crate::id::{ModelName, SecretName};
use crate::limit::Unit;
use crate::manifest::model::{Model, ModelTimeouts, TIMEOUTS};
use crate::manifest::problem::{Code, Problem, suggest};
use crate::manifest::{Located, v1};

use super::http::Secrets;
use super::{Validator, settings, value};

/// The models of a manifest.
type Models = BTreeMap<ModelName, Model>;

impl Validator<'_> {
    pub(super) fn models(
        &mut self,
        written: BTreeMap<Spanned<String>, Spanned<v1::Model>>,
        secrets: &Secrets,
    ) -> Models {
        let mut starts: Vec<usize> = written.keys().map(|name| name.span().start).collect();
        starts.sort_unstable();
        let table = |name: &Spanned<String>| {
            let start = name.span().start;
            start..starts.iter().copied().find(|next| *next > start).unwrap_or(usize::MAX)
        };
        let model = |(name, model): (Spanned<String>, _)| self.model(&name, &table(&name), model, secrets);
        written.into_iter().filter_map(model).collect()
    }

    fn model(
        &mut self,
        name: &Spanned<String>,
        table: &Range<usize>,
        wire: Spanned<v1::Model>,
        secrets: &Secrets,
    ) -> Option<(ModelName, Model)> {
        let parsed: ModelName = name.get_ref().parse().ok()?;
        let wire = wire.into_inner();
        self.key_is_known(wire.key.as_ref(), secrets);
        self.key_fits_the_address(&wire, &name.span(), table);
        self.authorities_fit_the_address(&wire);
        let mut timeouts = ModelTimeouts::default();
        settings(&TIMEOUTS, wire.timeouts, &mut timeouts);
        let model = Model {
            name: Located::new(parsed.clone(), name.span()),
            api: wire.api?,
            model: wire.model?,
            url: wire.url.and_then(|url| url.get_ref().parse().ok()),
            key: wire.key.and_then(|key| key.get_ref().parse().ok()),
            ca: wire.ca.map(|path| self.join(path.get_ref())),
            max_output_tokens: wire.max_output_tokens.and_then(|written| value(&written, Unit::Count)),
            system: wire.system,
            timeouts,
            prices: wire.prices.and_then(|written| prices(&written)),
            rate: wire.rate.and_then(|rate| rate.parse().ok()),
        };
        Some((parsed, model))
    }

    fn key_is_known(&mut self, key: Option<&Spanned<String>>, secrets: &Secrets) {
        let Some((key, name)) = key.and_then(|key| Some((key, key.get_ref().parse::<SecretName>().ok()?))) else {
            return;
        };
        if !secrets.contains_key(&name) {
            let message = format!("there is no secret `{name}`");
            let help = suggest(name.as_str(), secrets.keys().map(SecretName::as_str), "the secrets are");
            let help = help.unwrap_or_else(|| format!("add it: `[secrets.{name}]` with `env = \"…\"`"));
            self.problems.push(Problem::new(Code::UnknownSecret, &key.span(), message).label("not there").help(help));
        }
    }

    /// A provider's own address takes a key, and a key does not cross a network in the clear.
    fn key_fits_the_address(&mut self, wire: &v1::Model, name: &Range<usize>, table: &Range<usize>) {
        // An address that cannot be read was reported, and is not here any more.
        let is_told = |problem: &Problem| problem.code == Code::Model && table.contains(&problem.span.start);
        match (&wire.key, &wire.url) {
            (None, None) if !self.problems.iter().any(is_told) => {
                let message = "this model is at its provider's own address, which takes a key";
                let problem = Problem::new(Code::Model, name, message).label("this model");
                self.problems
                    .push(problem.help(
                        "name a secret with `key = \"…\"`, or the address of your own server with `url = \"…\"`",
                    ));
            }
            (Some(key), Some(url)) if parsed(url).is_some_and(|base| !base.may_get_a_key()) => {
                let message = "this key would be sent in the clear, where everybody on the way can read it";
                let problem = Problem::new(Code::Secret, &key.span(), message).label("the key");
                self.problems
                    .push(problem.also(&url.span(), "to this address").help("use `https://`, or leave the key out"));
            }
            _ => {}
        }
    }

    fn authorities_fit_the_address(&mut self, wire: &v1::Model) {
        let (Some(ca), Some(url)) = (&wire.ca, &wire.url) else { return };
        if parsed(url).is_some_and(|base| base.is_in_the_clear()) {
            let message = "`ca` is for `https://`, and this address is not";
            let problem = Problem::new(Code::Model, &ca.span(), message).label("vouches for nothing");
            self.problems.push(problem.also(&url.span(), "the address").help("leave `ca` out, or use `https://`"));
        }
    }

    /// `models` are the names of all that are written, so that one that is wrong is not also said to be missing.
    pub(super) fn chain(&mut self, written: &[Spanned<String>], models: &BTreeSet<ModelName>) -> Vec<ModelName> {
        let mut chain: Vec<ModelName> = Vec::new();
        for name in written {
            let Ok(parsed) = name.get_ref().parse::<ModelName>() else { continue };
            let problem = |message: String| Problem::new(Code::UnknownModel, &name.span(), message);
            if chain.contains(&parsed) {
                let again = problem(format!("`{parsed}` is in the chain twice")).label("again");
                self.problems.push(again.help("a model that failed is not a way out of its own failure: name it once"));
            } else if models.contains(&parsed) {
                chain.push(parsed);
            } else {
                let help = suggest(parsed.as_str(), models.iter().map(ModelName::as_str), "the models are");
                let help = help.unwrap_or_else(|| format!("add it: `[models.{parsed}]` with `api` and `model`"));
                self.problems.push(problem(format!("there is no model `{parsed}`")).label("not there").help(help));
            }
        }
        chain
    }
}

fn parsed(url: &Spanned<String>) -> Option<BaseUrl> {
    url.get_ref().parse().ok()
}

/// The checker has read them before.
fn prices(written: &v1::Prices) -> Option<Prices> {
    let input = written.input.as_ref()?.parse().ok()?;
    let output = written.output.as_ref()?.parse().ok()?;
    let cached_input = written.cached_input.as_ref().map_or(Some(input), |price| price.parse().ok())?;
    Some(Prices { input, output, cached_input })
}
