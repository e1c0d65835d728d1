//! That an MCP server may be asked to make a call, and what the operator says of the tool.

use std::sync::Arc;

use super::http::{Origin, Target};
use crate::id::{Label, SecretName};

/// A call may go to the MCP server of its component. What the server does with it is not observed.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerGrant {
    /// Where the server is; `None` for a process of this machine.
    pub target: Option<Target>,
    /// The tool changes nothing: the operator says so, not the server.
    pub reads_only: bool,
    /// A second call has no further effect: the operator says so, not the server.
    pub idempotent: bool,
    /// Names of the secrets that the server gets, each once.
    pub secrets: Vec<SecretName>,
    /// What is said of its answers.
    pub labels: Arc<[Label]>,
}

impl ServerGrant {
    /// Whether a run may make such a call that is narrowed to these lists of origins, or to calls that change nothing.
    ///
    /// Where a process sends what it is given, nobody knows: a run that is narrowed to origins calls none.
    #[must_use]
    pub fn is_within(&self, origins: &[Vec<Origin>], read_only: bool) -> bool {
        let covered = |origins: &Vec<Origin>| {
            let of = |origin: &Origin| match &self.target {
                Some(target) => origin.covers(target),
                None => *origin == Origin::Any,
            };
            origins.iter().any(of)
        };
        (self.reads_only || !read_only) && origins.iter().all(covered)
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::Scheme;
    use super::*;

    fn grant(target: Option<Target>, reads_only: bool) -> ServerGrant {
        ServerGrant { target, reads_only, idempotent: reads_only, secrets: Vec::new(), labels: Arc::default() }
    }

    #[test]
    fn a_narrowed_run_reaches_no_server_outside_of_what_it_is_narrowed_to() {
        let target = Target::parse(Scheme::Https, "mcp.example", "/mcp").unwrap();
        let (remote, process) = (grant(Some(target), false), grant(None, false));
        let only = |text: &str| vec![vec![Origin::parse(text).unwrap()]];
        assert!(remote.is_within(&[], false) && process.is_within(&[], false));
        assert!(remote.is_within(&only("https://mcp.example"), false));
        assert!(!remote.is_within(&only("https://other.example"), false));
        assert!(!process.is_within(&only("https://mcp.example"), false), "nobody knows where it sends");
        assert!(!process.is_within(&[Vec::new()], false));
        assert!(process.is_within(&only("*"), false));
        assert!(!remote.is_within(&[], true) && !process.is_within(&[], true));
        assert!(grant(None, true).is_within(&[], true));
    }
}
