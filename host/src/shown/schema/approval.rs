//! Questions to a person, and their answers.

use serde_json::Value;
use utoipa::ToSchema;

use super::call::{Failure, Mode};
use super::effect::EffectReport;

/// The word of a person by which a call is made.
#[derive(ToSchema)]
pub(crate) struct Approved {
    /// The approval.
    approval: String,
    /// Who gave it.
    by: String,
    /// The arguments, where the person changed them.
    #[schema(required = false)]
    arguments: Value,
}

/// A call that a person decides on. Texts come from models, tools and people: escape them before showing.
#[derive(ToSchema)]
pub(crate) struct Approval {
    /// Its name.
    id: String,
    /// The call that asked first.
    call: String,
    /// Its run.
    run: String,
    /// Who made the call.
    client: String,
    /// The agent whose run it is, if it is one.
    #[schema(required = false)]
    agent: String,
    /// The tool.
    tool: String,
    /// Its bytes.
    digest: String,
    /// The manifest that asks.
    manifest: String,
    /// Whether effects would land.
    mode: Mode,
    /// The text of the arguments, without known secrets.
    arguments: String,
    /// The digest of the canonical arguments as they were asked for.
    arguments_digest: String,
    /// What the answer is bound to.
    binding: String,
    /// The rule that asks.
    rule: String,
    /// Why the rule exists.
    #[schema(required = false)]
    reason: String,
    /// `low`, `medium`, `high` or `critical`: how much the rule says is at stake.
    risk: String,
    /// The rule asks each time: only an answer for one call is one.
    every_time: bool,
    /// Names of the secrets that the host could add to its requests.
    #[schema(required = false)]
    secrets: Vec<String>,
    /// When it was asked, in microseconds since 1970.
    asked_at: u64,
    /// Until when the question waits, and the answer stands.
    expires_at: u64,
    /// `waiting`, `approved`, `rejected`, `modified`, `expired`, `used` or `withdrawn`.
    state: String,
    /// What a person said.
    #[schema(required = false)]
    answer: Answer,
    /// How many calls were made with it.
    uses: u64,
}

/// What a person said.
#[derive(ToSchema)]
pub(crate) struct Answer {
    /// Who, and where: `terminal:alice`, `api:ops`.
    by: String,
    /// When, in microseconds since 1970.
    at: u64,
    /// How far it reaches, if it is a yes.
    #[schema(required = false)]
    scope: String,
    /// Why not, if it is a no.
    #[schema(required = false)]
    reason: String,
    /// The arguments that the person wants instead: JSON text.
    #[schema(required = false)]
    arguments: String,
    /// What the answer is bound to where it is not what was asked.
    #[schema(required = false)]
    binding: String,
}

/// An approval, and what its call would do.
#[derive(ToSchema)]
pub(crate) struct ApprovalRecord {
    /// Its name.
    id: String,
    /// The call that asked first.
    call: String,
    /// Its run.
    run: String,
    /// Who made the call.
    client: String,
    /// The agent whose run it is, if it is one.
    #[schema(required = false)]
    agent: String,
    /// The tool.
    tool: String,
    /// Its bytes.
    digest: String,
    /// The manifest that asks.
    manifest: String,
    /// Whether effects would land.
    mode: Mode,
    /// The text of the arguments, without known secrets.
    arguments: String,
    /// The digest of the canonical arguments as they were asked for.
    arguments_digest: String,
    /// What the answer is bound to.
    binding: String,
    /// The rule that asks.
    rule: String,
    /// Why the rule exists.
    #[schema(required = false)]
    reason: String,
    /// `low`, `medium`, `high` or `critical`: how much the rule says is at stake.
    risk: String,
    /// The rule asks each time: only an answer for one call is one.
    every_time: bool,
    /// Names of the secrets that the host could add to its requests.
    #[schema(required = false)]
    secrets: Vec<String>,
    /// When it was asked, in microseconds since 1970.
    asked_at: u64,
    /// Until when the question waits, and the answer stands.
    expires_at: u64,
    /// `waiting`, `approved`, `rejected`, `modified`, `expired`, `used` or `withdrawn`.
    state: String,
    /// What a person said.
    #[schema(required = false)]
    answer: Answer,
    /// How many calls were made with it.
    uses: u64,
    /// What the call would do.
    foreseen: Foreseen,
    /// How many calls wait for the answer at this moment.
    callers: u64,
}

/// What a call would do, as far as that can be seen without sending anything.
#[derive(ToSchema)]
pub(crate) struct Foreseen {
    /// What it would change, and the first request that it wanted to send.
    effects: EffectReport,
    /// Why it got no further, if it did not end well.
    #[schema(required = false)]
    failure: Failure,
    /// Seen with the arguments that a person put in the place of those that were asked with.
    #[schema(required = false)]
    modified: bool,
}
