//! An MCP server: how it is reached, and what the operator says of its tools.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use serde_json::json;

use super::Located;
use crate::call::canonical;
use crate::grant::http::Target;
use crate::grant::{SecretUse, ServerGrant};
use crate::id::{Digest, Label, LocalName, SecretName};

/// An MCP server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it is written.
    pub span: Range<usize>,
    /// How it is reached.
    pub transport: Transport,
    /// What is said of its answers.
    pub labels: Arc<[Label]>,
    /// Tools that change nothing, in the operator's words.
    pub read_only: Vec<Located<LocalName>>,
    /// Tools of which a second call has no further effect, in the operator's words.
    pub idempotent: Vec<Located<LocalName>>,
}

/// How an MCP server is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    /// It is a process, spoken to over its standard streams.
    Stdio {
        /// The absolute path of the program.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
        /// Where it runs; `/` if `None`.
        directory: Option<Located<PathBuf>>,
        /// Variables of its environment whose values are secrets.
        secrets: Vec<(String, SecretName)>,
    },
    /// It is a server on the web that speaks streamable HTTP.
    Http {
        /// Where.
        target: Target,
        /// Ranges of addresses beside the public ones that it may be at.
        addresses: Vec<IpNet>,
        /// What every request to it has.
        secrets: Vec<SecretUse>,
    },
}

impl Server {
    /// Names of the secrets that it gets, each once.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretName> {
        let mut names: Vec<SecretName> = match &self.transport {
            Transport::Stdio { secrets, .. } => secrets.iter().map(|(_, secret)| secret.clone()).collect(),
            Transport::Http { secrets, .. } => secrets.iter().map(|usage| usage.secret.clone()).collect(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The digest of how it is reached: the words of its command and its variables, or its address, and the secrets that go there. The
    /// directory is left out: it is another one on each machine.
    #[must_use]
    pub fn reached(&self, env: &BTreeMap<String, String>) -> Digest {
        let words = match &self.transport {
            Transport::Stdio { program, arguments, secrets, .. } => {
                let secrets: Vec<_> = secrets.iter().map(|(name, secret)| json!([name, secret.as_str()])).collect();
                json!({ "program": program.to_string_lossy(), "arguments": arguments, "env": env, "secrets": secrets })
            }
            Transport::Http { target, addresses, secrets } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let secrets: Vec<_> = secrets.iter().map(|usage| usage.secret.as_str()).collect();
                json!({ "address": target.to_string(), "addresses": addresses, "secrets": secrets })
            }
        };
        Digest::of(canonical(&words).as_bytes())
    }

    /// What a call of its tool `local` is granted.
    #[must_use]
    pub fn grant(&self, local: &LocalName) -> ServerGrant {
        let says = |names: &[Located<LocalName>]| names.iter().any(|name| name.value == *local);
        let target = match &self.transport {
            Transport::Stdio { .. } => None,
            Transport::Http { target, .. } => Some(target.clone()),
        };
        let reads_only = says(&self.read_only);
        ServerGrant {
            target,
            reads_only,
            idempotent: reads_only || says(&self.idempotent),
            secrets: self.secrets(),
            labels: Arc::clone(&self.labels),
        }
    }
}
