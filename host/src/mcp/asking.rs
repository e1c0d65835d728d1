//! Asking a person through the client that they use, where the manifest says that this client reaches one.
//!
//! A client may show its user a form, and bring back what they said. It could as well make it up, so it is believed only if the
//! manifest's `[approvals] clients` names it: by what it calls itself where the user started it, and over HTTP together with the
//! token, because anybody can call themselves anything. Every other client is told that a person decides elsewhere.
//!
//! What is asked is always the host's question, made of the record of the approval. Whether the same call is made after that is
//! decided by the record, not by what a client says: a client that changes the call asks anew.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest,
    InputRequests, InputRequiredResult, InputResponses, JsonObject, RequestStateCodec, SealOptions,
};
use serde_json::{Value, json};
use toolhold_core::escape;
use toolhold_core::id::ApprovalId;

use super::asked::Asked;
use super::client::Client;
use crate::Host;
use crate::approvals::{ApprovalRecord, ApprovalScope, Decider, Verdict};

/// The name of our question among what a client is asked.
const QUESTION: &str = "approval";

/// Bytes of arguments, and of each change, that are shown. More is pointed at.
const SHOWN: usize = 4 << 10;
const CHANGE_SHOWN: usize = 300;

/// Changes that are listed.
const MOST_CHANGES: usize = 20;

/// How people are asked through clients.
pub(super) struct Asks {
    /// Seals which approval a question was about, so that no answer is taken for another's.
    codec: RequestStateCodec,
}

/// A client of which the manifest says that it reaches a person.
pub(super) struct Person {
    decider: Decider,
}

impl Asks {
    /// With a key of this process: a question of another one is asked again.
    pub(super) fn new() -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        Some(Self { codec: RequestStateCodec::try_new(key).ok()? })
    }

    /// The question about an approval, for a client that brings the answer with its next request.
    pub(super) async fn question(
        &self,
        host: &Host,
        client: &Client,
        id: &ApprovalId,
    ) -> Result<InputRequiredResult, ErrorData> {
        let record = host.approvals().get(id).await.map_err(|error| failed(&error))?;
        let params = form(&record)?;
        let request = InputRequest::Elicitation(ElicitRequest::new(params));
        let options = SealOptions::new().associated_data(client.run.as_str().as_bytes()).ttl(lasts(host));
        let state = self.codec.seal_with(id.as_str().as_bytes(), &options);
        Ok(InputRequiredResult::new(Some(InputRequests::from([(QUESTION.to_owned(), request)])), Some(state)))
    }

    /// Takes an answer that came with a request, if it has one. What it says is then on record, and the call is made like any other.
    pub(super) async fn answered(
        &self,
        host: &Host,
        (client, person): (&Client, Option<&Person>),
        (state, responses): (Option<&str>, Option<&InputResponses>),
    ) -> Result<(), ErrorData> {
        let Some(state) = state else { return Ok(()) };
        let opened = self.codec.open_with(state, client.run.as_str().as_bytes());
        let opened = opened.map_err(|error| ErrorData::invalid_params(format!("`requestState`: {error}"), None))?;
        let id = String::from_utf8(opened).ok().and_then(|id| id.parse::<ApprovalId>().ok());
        let id = id.ok_or_else(|| ErrorData::invalid_params("`requestState` is about nothing", None))?;
        let response = responses.and_then(|all| all.get(QUESTION));
        match (person, response) {
            (Some(person), Some(response)) => {
                let answer = serde_json::from_value::<ElicitResult>(response.clone());
                let answer = answer.map_err(|error| {
                    let why = format!("`inputResponses.{QUESTION}`: {error}");
                    ErrorData::invalid_params(escape::short(&why, 300).into_owned(), None)
                })?;
                decide(host, (client, person), &id, &answer).await
            }
            // Nothing was said, so the question waits, and is asked again.
            _ => Ok(()),
        }
    }
}

impl Person {
    /// The person whom this client reaches, if the manifest says that it does and the client can show a form.
    pub(super) fn behind(host: &Host, client: &Client, asked: &Asked) -> Option<Self> {
        let can = asked.can.as_ref()?.elicitation.as_ref()?;
        // One that names no form has all of them, as before there were two.
        let shows_forms = can.form.is_some() || can.url.is_none();
        let itself = &asked.itself.as_ref()?.name;
        let listed = &host.policy().manifest().approvals().clients;
        let trusted = shows_forms && is_listed(listed, client.token.as_deref(), itself);
        let whole = client.token.as_deref().map_or_else(|| itself.clone(), |token| format!("{token}/{itself}"));
        trusted.then(|| Self { decider: Decider::new("mcp", &whole) })
    }

    /// Asks while the call waits: how it was done until 2025-11-25. Returns when it is decided or is not going to be.
    pub(super) async fn ask(
        &self,
        host: &Host,
        (client, id): (&Client, &ApprovalId),
        asked: &Asked,
    ) -> Result<(), ErrorData> {
        let Some(peer) = &asked.peer else { return Ok(()) };
        let record = host.approvals().get(id).await.map_err(|error| failed(&error))?;
        let params = form(&record)?;
        let answer = tokio::select! {
            answer = peer.create_elicitation_with_timeout(params, Some(lasts(host))) => answer,
            // Decided elsewhere, or over: the form holds nobody any more. What holds is on record.
            _ = host.decision(id) => return Ok(()),
            // Nobody can approve any more what was asked under the manifest before.
            () = host.replaced().cancelled() => return Ok(()),
            () = asked.given_up.cancelled() => return Ok(()),
        };
        match answer {
            Ok(answer) => decide(host, (client, self), id, &answer).await,
            // It waits, and can be decided elsewhere.
            Err(_) => {
                client.dismiss(id);
                Ok(())
            }
        }
    }
}

/// Whether the manifest names this client. A token's name has no slash, so nobody else's name begins with it and one.
fn is_listed(listed: &[String], token: Option<&str>, itself: &str) -> bool {
    match token {
        None => !itself.contains('/') && listed.iter().any(|name| name == itself),
        Some(token) => listed.iter().any(|name| name.split_once('/') == Some((token, itself))),
    }
}

/// Puts on record what a person said. Whoever dismissed the question has said nothing, and does not see it again.
async fn decide(
    host: &Host,
    (client, person): (&Client, &Person),
    id: &ApprovalId,
    answer: &ElicitResult,
) -> Result<(), ErrorData> {
    let Some(verdict) = verdict(answer) else {
        client.dismiss(id);
        return Ok(());
    };
    match host.approvals().decide(id, &person.decider, verdict).await {
        Ok(_) => Ok(()),
        // Somebody was faster, or its time is over: the record says what holds.
        Err(error) => {
            tracing::info!(%error, approval = id.as_str(), "an answer of a client decides nothing");
            Ok(())
        }
    }
}

/// Only a plain yes is one.
fn verdict(answer: &ElicitResult) -> Option<Verdict> {
    let said = |name: &str| answer.content.as_ref().and_then(|content| content.get(name)).and_then(Value::as_str);
    let reason = || said("reason").unwrap_or_default().to_owned();
    match answer.action {
        ElicitationAction::Accept if said("decision") == Some("approve") => Some(Verdict::Approve(ApprovalScope::Once)),
        ElicitationAction::Accept if said("decision") == Some("reject") => Some(Verdict::Reject(reason())),
        ElicitationAction::Decline => Some(Verdict::Reject(reason())),
        _ => None,
    }
}

fn form(record: &ApprovalRecord) -> Result<ElicitRequestParams, ErrorData> {
    let schema = json!({
        "type": "object",
        "properties": {
            "decision": { "type": "string", "title": "Decision", "enum": ["reject", "approve"] },
            "reason": { "type": "string", "title": "Why not", "description": "The model is told.", "maxLength": 500 },
        },
        "required": ["decision"],
    });
    let schema: JsonObject = serde_json::from_value(schema).unwrap_or_default();
    let requested_schema = ElicitationSchema::from_json_schema(schema).map_err(|error| failed(&error))?;
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message: words(record), requested_schema })
}

/// The question, for a person. Every word of a tool, a model or a client is escaped, and on a line of its own kind.
fn words(record: &ApprovalRecord) -> String {
    let approval = &record.approval;
    let mut lines = vec![format!("May `{}` be called? Risk: {}.", approval.tool, approval.risk.as_str())];
    let reason = approval.reason.as_deref().map(|reason| format!(": {}", escape::line(reason))).unwrap_or_default();
    lines.push(format!("Rule: {}{reason}", escape::line(&approval.rule)));
    lines.push(format!("Arguments: {}", escape::short(&approval.arguments, SHOWN)));
    lines.extend(escape::odd_hosts(&approval.arguments).iter().map(|note| format!("Look twice: {note}")));
    if !approval.secrets.is_empty() {
        lines.push(format!("Secrets that its requests may carry: {}", escape::line(&approval.secrets.join(", "))));
    }
    let effects = &record.foreseen.effects;
    let changes = effects.changes.iter().map(|change| json!(change).to_string());
    let requests = effects.requests.iter().map(|request| json!(request).to_string());
    let all: Vec<String> = changes.chain(requests).collect();
    lines.push(if all.is_empty() {
        "It would change nothing that can be foreseen.".into()
    } else {
        "It would:".to_owned()
    });
    lines.extend(all.iter().take(MOST_CHANGES).map(|one| format!("- {}", escape::short(one, CHANGE_SHOWN))));
    if all.len() > MOST_CHANGES {
        lines.push(format!("… and {} more", all.len() - MOST_CHANGES));
    }
    if let Some(failure) = &record.foreseen.failure {
        lines.push(format!("Tried out, it got no further: {}", escape::short(&failure.message, CHANGE_SHOWN)));
    }
    lines.push(format!("All of it: toolhold approvals show {}", approval.id));
    lines.join("\n")
}

fn lasts(host: &Host) -> Duration {
    Duration::from_micros(host.policy().manifest().approvals().limits.lifetime)
}

fn failed(error: &dyn std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(format!("a person cannot be asked: {}", escape::short(&error.to_string(), 300)), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_trusted_by_its_name_only_with_the_token_that_goes_with_it() {
        let listed = ["editor".to_owned(), "ann/console".to_owned()];
        for (token, itself, trusted) in [
            (None, "editor", true),
            (None, "console", false),
            // On standard streams nobody has a token, whatever a client calls itself.
            (None, "ann/console", false),
            (Some("ann"), "console", true),
            (Some("ann"), "editor", false),
            (Some("bob"), "console", false),
            (Some("ann"), "console/x", false),
            (Some("bob"), "editor", false),
        ] {
            assert_eq!(is_listed(&listed, token, itself), trusted, "{token:?} {itself}");
        }
    }

    #[test]
    fn only_a_plain_yes_is_a_yes() {
        let said = |answer: Value| verdict(&serde_json::from_value(answer).unwrap());
        let yes = Some(Verdict::Approve(ApprovalScope::Once));
        assert_eq!(said(json!({ "action": "accept", "content": { "decision": "approve" } })), yes);
        let no = json!({ "action": "accept", "content": { "decision": "reject", "reason": "not now" } });
        assert_eq!(said(no), Some(Verdict::Reject("not now".into())));
        assert_eq!(said(json!({ "action": "decline" })), Some(Verdict::Reject(String::new())));
        for nothing in [
            json!({ "action": "cancel", "content": { "decision": "approve" } }),
            json!({ "action": "accept" }),
            json!({ "action": "accept", "content": { "decision": "Approve" } }),
            json!({ "action": "accept", "content": { "decision": true } }),
            json!({ "action": "accept", "content": "approve" }),
        ] {
            assert_eq!(said(nothing), None);
        }
    }
}
