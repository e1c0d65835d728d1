//! All effects of one call, in the form in which people and programs get them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::change::Change;
use super::request::{Request, RequestState};
use crate::id::Label;

/// What a call did to the world outside of its sandbox; of a preview, what it would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectReport {
    /// How far it was observed.
    pub basis: Basis,
    /// What is different of files and directories, in the order of their paths.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<Change>,
    /// How many further changes there are.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub changes_left_out: u64,
    /// What was requested over the network, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub requests: Vec<Request>,
    /// How many further requests there are.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub requests_left_out: u64,
    /// What is said of the data that was read, by the grants under which it was: each label once, in order.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub labels: BTreeSet<Label>,
    /// What could not be known.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown: Vec<Unknown>,
}

/// How far effects were observed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// From the begin of the call to its end.
    #[default]
    Observed,
    /// Up to a request that a preview may not send: what the tool would have done with the answer is not known.
    UntilWithheld,
    /// Up to the failure that ended the call. Staged changes of a call that fails are thrown away.
    UntilFailure,
}

/// What is said wherever a call of a tool of another server is shown, before it is made and after.
pub const NOT_OBSERVED: &str = "effects of this call happen in another program and are not observed";

/// Something that could not be known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Unknown {
    /// What the tool would have done with the answer to a request that was withheld.
    AfterWithheld,
    /// What the directory at this guest path held before: it is written in place (`atomic = false`), so nothing was staged.
    Direct {
        /// The guest path of the grant.
        grant: String,
    },
    /// What the tools of another server did: their effects do not cross this host's boundary.
    Remote {
        /// Which server.
        server: String,
    },
}

impl EffectReport {
    /// Whether another program acted, so that no changes does not mean that nothing changed.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.unknown.iter().any(|unknown| matches!(unknown, Unknown::Remote { .. }))
    }

    /// Whether nothing changed, nothing left, and nothing is unknown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.requests.is_empty() && self.unknown.is_empty()
    }

    /// Whether bytes may have left the host.
    #[must_use]
    pub fn left_the_host(&self) -> bool {
        self.requests_left_out > 0
            || self
                .requests
                .iter()
                .any(|request| matches!(request.state, RequestState::Sent { .. } | RequestState::Answered { .. }))
    }

    /// Names of the secrets that were used, or would be, each once.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.requests.iter().flat_map(|request| request.secrets.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::super::change::{ChangeKind, Content};
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = EffectReport {
            changes: vec![Change {
                path: "/work/b".into(),
                kind: ChangeKind::Moved { from: "/work/a".into() },
                before: None,
                after: None,
                content: Content::Text { diff: "@@ -1 +1 @@".into(), added: 1, removed: 1, cut: 0 },
            }],
            requests: vec![Request {
                received_bytes: 5,
                secrets: vec!["token".into()],
                returned: vec!["token".into()],
                ..Request::new("GET", "https://example.com/", RequestState::Answered { status: 200 })
            }],
            labels: ["untrusted".parse().unwrap()].into(),
            unknown: vec![Unknown::Direct { grant: "/big".into() }],
            ..EffectReport::default()
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<EffectReport>(&text).unwrap(), report);
        assert!(report.left_the_host() && !report.is_empty());
        assert_eq!(report.secrets(), ["token"]);
    }
}
