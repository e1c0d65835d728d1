//! MCP servers: what takes more than one key to know, and what would look like a bound and be none.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use crate::grant::http::{Scheme, Target};
use crate::grant::{SecretPlace, SecretUse};
use crate::id::{Label, SecretName};
use crate::manifest::problem::{Code, Problem, suggest};
use crate::manifest::{Located, Server, Transport, v1};
use crate::origin::{Origin, ServerAddress, WebAddress};

use super::http::Secrets;
use super::{Validator, parse_located};

/// What is said of answers of servers of which nothing is said.
const UNTRUSTED: &str = "untrusted";

impl Validator<'_> {
    /// The server that a component is. Takes out of `wire` what only a server has.
    pub(super) fn server(
        &mut self,
        wire: &mut v1::Component,
        name: &Spanned<String>,
        secrets: &Secrets,
    ) -> Option<Server> {
        let written = wire.server.take();
        let source = wire.source.as_ref()?;
        let (at, origin) = (source.span(), Origin::parse(source.get_ref()).ok()?);
        let Origin::Server(address) = origin else {
            if let Some(written) = written {
                let problem = Problem::new(Code::Server, &written.span(), "a component is no server");
                let help = "leave `server` out, or give a `source` that begins with `mcp:`";
                self.problems.push(problem.label("says nothing of it").also(&at, "its source").help(help));
            }
            return None;
        };
        self.only_a_server(wire, &address, &at);
        let span = written.as_ref().map_or_else(|| name.span(), Spanned::span);
        let written = written.map(Spanned::into_inner).unwrap_or_default();
        let v1::Server { command, directory, addresses, secrets: uses, labels, read_only, idempotent } = written;
        let transport = match address {
            ServerAddress::Stdio => {
                if let Some(addresses) = addresses {
                    self.not_of_this_kind("addresses", &addresses.span(), "a program has no address");
                }
                self.stdio((command, directory), uses, (&at, secrets))?
            }
            ServerAddress::Http(ref web) => {
                let started = [("command", command.first()), ("directory", directory.as_ref())];
                for (key, written) in started.into_iter().filter_map(|(key, written)| Some((key, written?))) {
                    self.not_of_this_kind(key, &written.span(), "a server on the web is not started from here");
                }
                let ranges = addresses.map(Spanned::into_inner).unwrap_or_default();
                let ranges = ranges.iter().filter_map(|text| text.parse().ok()).chain(address.named()).collect();
                let secrets = uses.into_iter().filter_map(|one| self.in_header(one, secrets)).collect();
                Transport::Http { target: self.target(web, &at)?, addresses: ranges, secrets }
            }
        };
        let labels = labels.map_or_else(untrusted, |written| super::labels(&written));
        let names = |written: Vec<Spanned<String>>| written.into_iter().filter_map(parse_located).collect();
        Some(Server { span, transport, labels, read_only: names(read_only), idempotent: names(idempotent) })
    }

    /// A grant that is nothing to a server would be taken for a bound of what it does.
    fn only_a_server(&mut self, wire: &v1::Component, address: &ServerAddress, at: &Range<usize>) {
        let is_process = *address == ServerAddress::Stdio;
        let there = [
            ("directories", !wire.directories.is_empty()),
            ("http", !wire.http.is_empty()),
            ("commands", !wire.commands.is_empty()),
            ("clock", wire.clock.is_some()),
            ("random", wire.random.is_some()),
            ("env", !wire.env.is_empty() && !is_process),
            ("signed-by", !wire.signed_by.is_empty()),
            ("signed-as", wire.signed_as.is_some()),
        ];
        for (key, _) in there.into_iter().filter(|(_, is_there)| *is_there) {
            let message = format!("`{key}` is nothing to an MCP server");
            let help = "leave it out: what a server does happens in another program, and no grant bounds it";
            self.problems.push(Problem::new(Code::Server, at, message).label("a server").help(help));
        }
    }

    fn not_of_this_kind(&mut self, key: &str, at: &Range<usize>, why: &str) {
        let problem = Problem::new(Code::Server, at, format!("`{key}` says nothing here: {why}"));
        self.problems.push(problem.label("this one").help("leave it out"));
    }

    fn stdio(
        &mut self,
        (command, directory): (Vec<Spanned<String>>, Option<Spanned<String>>),
        uses: Vec<Spanned<v1::ServerSecret>>,
        (at, secrets): (&Range<usize>, &Secrets),
    ) -> Option<Transport> {
        let secrets = uses.into_iter().filter_map(|one| self.in_environment(one, secrets)).collect();
        let mut words = command.into_iter();
        let Some(program) = words.next() else {
            let problem = Problem::new(Code::Server, at, "nothing says which program the server is");
            let help = "give the program: `server = { command = [\"/usr/bin/server\", \"--flag\"] }`";
            self.problems.push(problem.label("no `command`").help(help));
            return None;
        };
        if !program.get_ref().starts_with('/') {
            let message = format!("`{}` is not the absolute path of a program", program.get_ref());
            let help = "nothing is looked up in `PATH`: write all of it, as `command -v` prints it";
            self.problems.push(Problem::new(Code::Server, &program.span(), message).label("this one").help(help));
            return None;
        }
        let directory = directory.map(|folder| Located::new(self.join(folder.get_ref()), folder.span()));
        let arguments = words.map(Spanned::into_inner).collect();
        Some(Transport::Stdio { program: PathBuf::from(program.into_inner()), arguments, directory, secrets })
    }

    fn target(&mut self, address: &WebAddress, at: &Range<usize>) -> Option<Target> {
        let url = address.url();
        let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let authority = format!("{}{port}", url.host_str().unwrap_or_default());
        let target = Target::parse(scheme, &authority, url.path()).map_err(|error| {
            let problem = Problem::new(Code::Server, at, format!("no request can be sent there: {error}"));
            self.problems.push(problem.label("this address"));
        });
        target.ok()
    }

    fn in_header(&mut self, wire: Spanned<v1::ServerSecret>, secrets: &Secrets) -> Option<SecretUse> {
        let span = wire.span();
        let wire = wire.into_inner();
        let secret = self.known_secret(wire.secret?, secrets)?;
        let prefix = wire.prefix.map(Spanned::into_inner).unwrap_or_default();
        match (wire.header.and_then(|name| name.parse().ok()), wire.env) {
            (Some(name), None) => Some(SecretUse { secret, place: SecretPlace::Header { name, prefix } }),
            _ => {
                self.place_of_secret(&secret, &span, "`header`", "a server on the web gets secrets in headers");
                None
            }
        }
    }

    fn in_environment(&mut self, wire: Spanned<v1::ServerSecret>, secrets: &Secrets) -> Option<(String, SecretName)> {
        let span = wire.span();
        let wire = wire.into_inner();
        let secret = self.known_secret(wire.secret?, secrets)?;
        match (wire.env, wire.header.is_none() && wire.prefix.is_none()) {
            (Some(variable), true) => Some((variable, secret)),
            _ => {
                self.place_of_secret(&secret, &span, "`env`", "a program gets secrets in its environment");
                None
            }
        }
    }

    fn place_of_secret(&mut self, secret: &SecretName, at: &Range<usize>, key: &str, why: &str) {
        // What is there and cannot be read was reported, and the rest follows from it.
        if self.problems.iter().any(|problem| at.contains(&problem.span.start)) {
            return;
        }
        let message = format!("the secret `{secret}` has no place: {why}");
        self.problems.push(Problem::new(Code::Secret, at, message).label("this one").help(format!("give {key} alone")));
    }

    fn known_secret(&mut self, written: Spanned<String>, secrets: &Secrets) -> Option<SecretName> {
        let secret: SecretName = written.get_ref().parse().ok()?;
        if !secrets.contains_key(&secret) {
            let known: Vec<&str> = secrets.keys().map(SecretName::as_str).collect();
            let help = suggest(secret.as_str(), known, "the secrets are");
            let help = help.unwrap_or_else(|| format!("add `[secrets.{secret}]` with its source"));
            let problem = Problem::new(Code::UnknownSecret, &written.span(), format!("there is no secret `{secret}`"));
            self.problems.push(problem.label("no such secret").help(help));
        }
        Some(secret)
    }
}

fn untrusted() -> Arc<[Label]> {
    UNTRUSTED.parse().into_iter().collect()
}
