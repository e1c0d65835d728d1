//! An MCP server: how it is reached, and what the operator says of its tools.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use super::Located;
use crate::grant::http::Target;
use crate::grant::{SecretUse, ServerGrant};
use crate::id::{Label, LocalName, SecretName};

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
