//! What a manifest says about asking people.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::id::SecretName;
use crate::limit::Unit;

use super::settings::Setting;

/// How much a rule says is at stake. Shown to the person who decides; changes no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Little.
    Low,
    /// Something.
    #[default]
    Medium,
    /// Much.
    High,
    /// What cannot be made good again.
    Critical,
}

impl Risk {
    /// The word of the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// `[approvals]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approvals {
    /// How long, how many, how often.
    pub limits: ApprovalLimits,
    /// Who is told that somebody waits.
    pub webhook: Option<Webhook>,
    /// Names of MCP clients that are trusted to reach a person.
    pub clients: Vec<String>,
}

/// The numbers of `[approvals]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ApprovalLimits {
    /// Microseconds for which a question waits and an answer stands.
    pub lifetime: u64,
    /// Questions that wait at once.
    pub max_waiting: u64,
    /// New questions in a minute.
    pub prompts_per_minute: u64,
}

/// Where notifications go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The address.
    pub url: Url,
    /// What they are signed with.
    pub secret: SecretName,
}

/// The numbers, by key.
pub const APPROVALS: [Setting<ApprovalLimits>; 3] = [
    Setting {
        key: "lifetime",
        unit: Unit::Micros,
        default: 15 * 60 * 1_000_000,
        least: 1_000_000,
        doc: "how long a question waits and an answer stands; what expires is denied",
        field: |limits| &mut limits.lifetime,
    },
    Setting {
        key: "max-waiting",
        unit: Unit::Count,
        default: 100,
        least: 1,
        doc: "questions that wait at once; a call that would ask one more is refused",
        field: |limits| &mut limits.max_waiting,
    },
    Setting {
        key: "prompts-per-minute",
        unit: Unit::Count,
        default: 10,
        least: 1,
        doc: "new questions in a minute; a call that would ask one more is refused",
        field: |limits| &mut limits.prompts_per_minute,
    },
];

impl Default for ApprovalLimits {
    /// The documented defaults: every bound is on.
    fn default() -> Self {
        let mut limits = Self { lifetime: 0, max_waiting: 0, prompts_per_minute: 0 };
        APPROVALS.iter().for_each(|row| *(row.field)(&mut limits) = row.default);
        limits
    }
}

/// An address that notifications may be sent to.
///
/// # Errors
///
/// Why it is none.
pub(super) fn webhook_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no URL")?;
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err("it holds a user name or password"),
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err("it is neither `https://` nor on this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_holds_the_field_that_its_key_names() {
        let mut limits = ApprovalLimits::default();
        APPROVALS.iter().enumerate().for_each(|(index, row)| *(row.field)(&mut limits) = index as u64);
        let limits = serde_json::to_value(&limits).unwrap();
        APPROVALS.iter().enumerate().for_each(|(index, row)| assert_eq!(limits[row.key], index, "{}", row.key));
    }

    #[test]
    fn what_others_could_read_on_the_way_is_no_webhook() {
        for good in ["https://a.example/x?y=1", "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:9/"] {
            assert!(webhook_url(good).is_ok(), "{good}");
        }
        for bad in
            ["http://a.example/", "https://me:pw@a.example/", "file:///etc/passwd", "a.example", "ftp://localhost/"]
        {
            assert!(webhook_url(bad).is_err(), "{bad}");
        }
    }
}
