//! Requests that a call could send.

use serde::Serialize;

use crate::grant::http::{HttpGrant, Method, Origin, Ports, Scheme};
use crate::manifest::Line;
use crate::policy::{Entry, Facts, Policy, requests_left};

/// Requests that a call could send under one grant, with what needs and run leave of it.
#[derive(Debug, Clone, Serialize)]
pub struct RequestLine {
    /// To which hosts.
    pub host: String,
    /// With which schemes.
    pub schemes: Vec<&'static str>,
    /// To which ports, if not to those of the schemes.
    pub ports: Vec<String>,
    /// With which methods.
    pub methods: Vec<&'static str>,
    /// For which paths.
    pub paths: Vec<String>,
    /// To which addresses beside the public ones.
    pub addresses: Vec<String>,
    /// Names of the secrets that the host adds.
    pub secrets: Vec<String>,
    /// Origins that the tool declares to need and that the run allows, as far as they are a bound.
    pub within: Vec<String>,
    /// What is said of every answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where it is granted.
    pub at: Option<Line>,
}

impl Policy {
    pub(super) fn request_lines(&self, entry: &Entry, facts: &Facts<'_>) -> Vec<RequestLine> {
        let component = self.manifest().components().get(entry.tool.name().component());
        let written = component.into_iter().flat_map(|component| &component.http);
        let line = |written: &crate::manifest::Located<HttpGrant>| {
            let left = requests_left(&written.value, &entry.ceiling, facts.scope)?;
            Some(request_line(&left, self.manifest().source().line(&written.span)))
        };
        written.filter_map(line).collect()
    }
}

fn request_line(grant: &HttpGrant, at: Line) -> RequestLine {
    RequestLine {
        host: grant.host.to_string(),
        schemes: grant.schemes.iter().map(|scheme| Scheme::as_str(*scheme)).collect(),
        ports: match &grant.ports {
            Ports::OfScheme => Vec::new(),
            Ports::These(ports) => ports.iter().map(u16::to_string).collect(),
        },
        methods: grant.methods.iter().map(|method| Method::as_str(*method)).collect(),
        paths: grant.paths.source().map(str::to_owned).collect(),
        addresses: grant.addresses.iter().map(ToString::to_string).collect(),
        secrets: grant.secrets.iter().map(|secret| secret.secret.to_string()).collect(),
        within: grant.within.iter().flatten().map(Origin::to_string).collect(),
        labels: grant.labels.iter().map(ToString::to_string).collect(),
        at: Some(at),
    }
}
