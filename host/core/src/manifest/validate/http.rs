//! Grants of requests and secrets: what takes more than one key to know.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use crate::grant::http::{HostPattern, HttpGrant, Method, PathPatterns, Ports, Scheme};
use crate::grant::{SecretPlace, SecretUse};
use crate::id::SecretName;
use crate::manifest::problem::{Code, Problem, suggest};
use crate::manifest::{Located, SecretSource, text, v1};

use super::Validator;

/// What a grant says of methods if it says nothing.
const METHODS: [Method; 2] = [Method::Get, Method::Head];

/// The secrets of a manifest.
pub(super) type Secrets = BTreeMap<SecretName, SecretSource>;

impl Validator<'_> {
    pub(super) fn secrets(&mut self, written: BTreeMap<Spanned<String>, Spanned<v1::Secret>>) -> Secrets {
        written.into_iter().filter_map(|(name, secret)| self.secret(&name, secret)).collect()
    }

    fn secret(&mut self, name: &Spanned<String>, wire: Spanned<v1::Secret>) -> Option<(SecretName, SecretSource)> {
        let parsed: SecretName = name.get_ref().parse().ok()?;
        let at = name.span().start..wire.span().end.max(name.span().end);
        let wire = wire.into_inner();
        let keyring = |entry: String| {
            let (service, user) = entry.split_once('/')?;
            Some(SecretSource::Keyring { service: service.into(), user: user.into() })
        };
        let sources = [
            wire.env.map(SecretSource::Env),
            wire.file.map(|file| SecretSource::File(self.join(&file))),
            wire.command.map(SecretSource::Command),
            wire.keyring.and_then(keyring),
        ];
        let what = format!("the secret `{parsed}`");
        let choice = "one of `env`, `file`, `command` and `keyring`";
        let source = self.exactly_one(sources, &what, choice, &at)?;
        Some((parsed, source))
    }

    /// The one that is there.
    fn exactly_one<T, const N: usize>(
        &mut self,
        choices: [Option<T>; N],
        what: &str,
        choice: &str,
        at: &Range<usize>,
    ) -> Option<T> {
        let mut there = choices.into_iter().flatten();
        let (first, second) = (there.next(), there.next());
        if first.is_some() && second.is_none() {
            return first;
        }
        // What is there and cannot be read was reported, and the rest follows from it.
        let is_told = |problem: &Problem| at.contains(&problem.span.start);
        if first.is_none() && self.problems.iter().any(is_told) {
            return None;
        }
        let message = match first {
            Some(_) => format!("{what} has more than {choice}"),
            None => format!("{what} has none of {}", choice.trim_start_matches("one of ")),
        };
        let help = format!("give exactly {choice}");
        self.problems.push(Problem::new(Code::Secret, at, message).label("this one").help(help));
        None
    }

    pub(super) fn http(&mut self, wire: Spanned<v1::Http>, secrets: &Secrets) -> Option<Located<HttpGrant>> {
        let span = wire.span();
        let wire = wire.into_inner();
        let host = wire.host?;
        let uses: Vec<_> = wire.secrets.into_iter().filter_map(|secret| self.secret_use(secret, secrets)).collect();
        let grant = HttpGrant {
            schemes: wire.schemes.map_or_else(|| vec![Scheme::Https], |written| parsed(&written, text::http::scheme)),
            host: HostPattern::parse(host.get_ref()).ok()?,
            ports: wire.ports.map_or(Ports::OfScheme, Ports::These),
            methods: wire
                .methods
                .map_or_else(|| METHODS.to_vec(), |written| parsed(&written, |text| text.parse().ok())),
            paths: self.url_paths(wire.paths)?,
            addresses: parsed(&wire.addresses, |text| text.parse().ok()),
            secrets: uses.iter().map(|secret| secret.value.clone()).collect(),
            idempotency_header: wire.idempotency_header.and_then(|name| name.parse().ok()),
            within: Vec::new(),
            labels: super::labels(&wire.labels),
        };
        self.secrets_stay_secret(&grant, &host.span(), &uses);
        self.places_are_apart(&grant, &uses);
        Some(Located::new(grant, span))
    }

    /// Each pattern compiles, the checker has seen to that; all of them together may still be too large.
    fn url_paths(&mut self, written: Option<Vec<Spanned<String>>>) -> Option<PathPatterns> {
        let Some(written) = written else { return Some(PathPatterns::everything()) };
        let compiled = PathPatterns::new(written.iter().map(|path| path.get_ref().as_str()));
        let told = compiled.map_err(|(index, error)| {
            let span = written.get(index).map(Spanned::span).unwrap_or_default();
            let message = format!("these patterns cannot be used together: {error}");
            self.problems.push(Problem::new(Code::Glob, &span, message));
        });
        told.ok()
    }

    fn secret_use(&mut self, wire: Spanned<v1::SecretUse>, secrets: &Secrets) -> Option<Located<SecretUse>> {
        let span = wire.span();
        let wire = wire.into_inner();
        let written = wire.secret?;
        let secret: SecretName = written.get_ref().parse().ok()?;
        if !secrets.contains_key(&secret) {
            let known: Vec<&str> = secrets.keys().map(SecretName::as_str).collect();
            let help = suggest(secret.as_str(), known, "the secrets are");
            let help = help.unwrap_or_else(|| format!("add `[secrets.{secret}]` with its source"));
            let problem = Problem::new(Code::UnknownSecret, &written.span(), format!("there is no secret `{secret}`"));
            self.problems.push(problem.label("no such secret").help(help));
        }
        if let Some(prefix) = wire.prefix.as_ref().filter(|_| wire.header.is_none()) {
            let problem = Problem::new(Code::Secret, &prefix.span(), "a prefix stands in a header only");
            self.problems.push(problem.label("no header").help("leave it out, or give `header`"));
        }
        let prefix = wire.prefix.map(Spanned::into_inner).unwrap_or_default();
        let header = |name: String| Some(SecretPlace::Header { name: name.parse().ok()?, prefix });
        let places = [
            wire.header.and_then(header),
            wire.query.map(|name| SecretPlace::Query { name }),
            wire.basic_user.map(|user| SecretPlace::Basic { user }),
        ];
        let what = format!("the use of `{secret}`");
        let place = self.exactly_one(places, &what, "one of `header`, `query` and `basic-user`", &span)?;
        Some(Located::new(SecretUse { secret, place }, span))
    }

    /// A secret goes to a host that the operator named, and nobody on the way reads it.
    fn secrets_stay_secret(&mut self, grant: &HttpGrant, host: &Range<usize>, uses: &[Located<SecretUse>]) {
        let Some(first) = uses.first() else { return };
        if grant.host == HostPattern::Any {
            let problem = Problem::new(Code::Secret, host, "a secret would go to whatever host the tool chooses");
            self.problems.push(
                problem.label("any host").also(&first.span, "the secret").help("name the hosts that may have it"),
            );
        }
        if grant.schemes.contains(&Scheme::Http) && !grant.host.is_loopback() {
            let problem = Problem::new(Code::Secret, &first.span, "a secret would be sent without TLS");
            self.problems.push(problem.label("the secret").also(host, "to this host").help(
                "leave `http` out of `schemes`; without TLS, secrets go to `localhost` and loopback addresses only",
            ));
        }
    }

    fn places_are_apart(&mut self, grant: &HttpGrant, uses: &[Located<SecretUse>]) {
        let idempotency = grant.idempotency_header.iter().map(|name| format!("header {name}"));
        let mut taken: BTreeSet<String> = idempotency.collect();
        for place in uses {
            let name = match &place.value.place {
                SecretPlace::Header { name, .. } => format!("header {name}"),
                SecretPlace::Basic { .. } => "header authorization".to_owned(),
                SecretPlace::Query { name } => format!("query {name}"),
            };
            if !taken.insert(name.clone()) {
                let problem = Problem::new(Code::Secret, &place.span, format!("two values for the {name}"));
                self.problems.push(problem.label("the second").help("leave one of them out"));
            }
        }
    }
}

/// The checker has taken out what cannot be read.
fn parsed<T>(written: &[String], read: impl Fn(&str) -> Option<T>) -> Vec<T> {
    written.iter().filter_map(|text| read(text)).collect()
}
