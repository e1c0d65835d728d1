//! What the API's document says of records that are shown as they are stored. Nothing makes a value of these types.
#![expect(dead_code, reason = "only their schemas are used; tests compare those with what is really shown")]

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Whether effects land.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// They land.
    Live,
    /// They are observed and thrown away, or kept to be applied.
    Preview,
}

/// Where a run is. The last six are ends.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunState {
    Initializing,
    Processing,
    AwaitingModel,
    AwaitingTool,
    AwaitingApproval,
    Validating,
    Retrying,
    Reflecting,
    Completed,
    Partial,
    Failed,
    TimedOut,
    Cancelled,
    DeadLettered,
}

/// The kinds of failure.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailureClass {
    UnknownTool,
    InvalidArguments,
    Denied,
    Tool,
    Limit,
    Trap,
    InvalidOutput,
    Conflict,
    Withheld,
    Cancelled,
    Busy,
    Unavailable,
    AwaitingApproval,
    Host,
}

/// Why a call did not succeed.
#[derive(ToSchema)]
pub(crate) struct Failure {
    /// What kind.
    class: FailureClass,
    /// The stable code.
    code: String,
    /// For the model: what went wrong and what to do next. Any text: escape before showing.
    message: String,
    /// For the operator: everything known. Never to be shown to a model or a tool.
    #[schema(required = false)]
    detail: String,
    /// The limit that was crossed, if that is why.
    #[schema(required = false)]
    exceeded: Exceeded,
    /// What is wrong with the arguments, if that is why: places and words.
    #[schema(required = false)]
    violations: Value,
    /// In how many seconds it may be tried again, where that is known.
    #[schema(required = false)]
    retry_after: u64,
    /// What the call depends on is at fault, not what was asked for.
    #[schema(required = false)]
    dependency: bool,
    /// It changed something before it failed, or may have.
    #[schema(required = false)]
    acted: bool,
    /// The approval that it waits for, or that was refused.
    #[schema(required = false)]
    approval: String,
}

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

/// A limit that was crossed.
#[derive(ToSchema)]
pub(crate) struct Exceeded {
    /// Its key in the manifest.
    limit: String,
    /// The bound.
    allowed: u64,
    /// What was asked for.
    used: u64,
}

/// What stood in for a tool that failed.
#[derive(ToSchema)]
pub(crate) struct ServedBy {
    /// `tool` or `value`.
    kind: String,
    /// Which tool, if one did.
    #[schema(required = false)]
    tool: String,
}

/// What a guest said beside its result. Any bytes: escape before showing.
#[derive(ToSchema)]
pub(crate) struct SideOutput {
    /// Log lines, oldest first.
    log: Vec<LogLine>,
    /// Parts of the result ahead of the result.
    emitted: Vec<String>,
    /// Standard output.
    stdout: String,
    /// Standard error.
    stderr: String,
}

/// One log line of a guest.
#[derive(ToSchema)]
pub(crate) struct LogLine {
    /// `debug`, `info`, `warn` or `error`.
    level: String,
    /// What it says.
    message: String,
}

/// What crossed the boundary between a guest and the world.
#[derive(ToSchema)]
pub(crate) struct EffectReport {
    /// How far it was observed: `observed`, `until-withheld` or `until-failure`.
    basis: String,
    /// What is different of files.
    #[schema(required = false)]
    changes: Vec<Change>,
    /// How many more there are.
    #[schema(required = false)]
    changes_left_out: u64,
    /// What was sent, or would have been.
    #[schema(required = false)]
    requests: Vec<Request>,
    /// How many more there are.
    #[schema(required = false)]
    requests_left_out: u64,
    /// What is said of the data that was read.
    #[schema(required = false)]
    labels: Vec<String>,
    /// What could not be observed.
    #[schema(required = false)]
    unknown: Vec<BTreeMap<String, String>>,
}

/// What is different of one path.
#[derive(ToSchema)]
pub(crate) struct Change {
    /// The path, as the guest sees it. Any text: escape before showing.
    path: String,
    /// `created`, `changed`, `deleted`, `moved` or `metadata`.
    change: String,
    /// Of what was moved, from where.
    #[schema(required = false)]
    from: String,
    /// What was there before.
    #[schema(required = false)]
    before: Properties,
    /// What is there after.
    #[schema(required = false)]
    after: Properties,
    /// How the content differs.
    #[schema(required = false)]
    content: Content,
}

/// What a path is.
#[derive(ToSchema)]
pub(crate) struct Properties {
    /// `file`, `directory` or `symlink`.
    kind: String,
    /// In bytes.
    size: u64,
    /// The digest of its content.
    #[schema(required = false)]
    sha256: String,
    /// When it was modified.
    modified: u64,
    /// Its mode bits.
    mode: u32,
    /// Where it leads, if it is a link.
    #[schema(required = false)]
    target: String,
}

/// How a content differs.
#[derive(ToSchema)]
pub(crate) struct Content {
    /// `text`, `binary` or `too-large`.
    r#type: String,
    /// A unified diff. Any text: escape before showing.
    #[schema(required = false)]
    diff: String,
    /// Lines that are new.
    #[schema(required = false)]
    added: u64,
    /// Lines that are gone.
    #[schema(required = false)]
    removed: u64,
    /// How much of the diff is left out.
    #[schema(required = false)]
    cut: u64,
}

/// A request over the network.
#[derive(ToSchema)]
pub(crate) struct Request {
    /// Its method.
    method: String,
    /// Where to.
    url: String,
    /// `refused`, `withheld`, `not-sent`, `sent` or `answered`.
    request: String,
    /// Why, where it was not answered.
    #[schema(required = false)]
    why: String,
    /// The status of the answer.
    #[schema(required = false)]
    status: u16,
    /// Bytes of its body.
    sent_bytes: u64,
    /// Bytes of the answer.
    received_bytes: u64,
    /// The names of the secrets in it.
    #[schema(required = false)]
    secrets: Vec<String>,
    /// The names of the secrets that came back.
    #[schema(required = false)]
    returned: Vec<String>,
    /// It carries an idempotency key.
    #[schema(required = false)]
    keyed: bool,
    /// The other side is at fault.
    #[schema(required = false)]
    fault: bool,
    /// In how many seconds it may be asked again.
    #[schema(required = false)]
    retry_after: u64,
}

/// What a call touched of files, and what it was refused.
#[derive(ToSchema)]
pub(crate) struct Notes {
    /// What it was refused.
    refusals: Vec<Refusal>,
    /// What it touched.
    touches: Vec<Touch>,
    /// How many more there are.
    left_out: u64,
    /// The grants that it read from.
    sources: Vec<String>,
}

/// Something that was refused.
#[derive(ToSchema)]
pub(crate) struct Refusal {
    /// The grant.
    grant: String,
    /// The path beneath it. Any text: escape before showing.
    path: String,
    /// What was tried.
    operation: String,
    /// Why not.
    why: String,
}

/// Something that was touched.
#[derive(ToSchema)]
pub(crate) struct Touch {
    /// The grant.
    grant: String,
    /// The path beneath it. Any text: escape before showing.
    path: String,
    /// `read`, `listed`, `written`, `created`, `deleted`, or an object `renamed` with where to.
    touched: Value,
}

/// A call that was taken back.
#[derive(ToSchema)]
pub(crate) struct Undone {
    /// Which call.
    call: String,
    /// What it had changed, and what is as before now.
    effects: EffectReport,
}

/// A call as the journal has it.
#[derive(ToSchema)]
pub(crate) struct CallRecord {
    /// Which call.
    call: String,
    /// Of which run.
    run: String,
    /// Which tool.
    tool: String,
    /// Which bytes.
    digest: String,
    /// Whether effects land.
    mode: Mode,
    /// Whether it could change anything: `none`, `possible` or `staged`.
    effects: String,
    /// Its key, if it has one.
    key: Option<String>,
    /// Who chose the key.
    scope: Option<String>,
    /// The text of its arguments, where it is kept. Any text: escape before showing.
    arguments: Option<String>,
    /// The digest of its canonical arguments.
    arguments_digest: String,
    /// When it was admitted, in microseconds since 1970.
    admitted_at: u64,
    /// How far it came: `admitted`, `settled`, `abandoned` or `unknown`.
    state: String,
    /// When it ended.
    settled_at: Option<u64>,
    /// Whether it gave a result.
    succeeded: Option<bool>,
    /// The result or the failure, as JSON text, where it is kept. Escape before showing.
    outcome: Option<String>,
    /// What it used of its limits, as JSON text.
    usage: Option<String>,
    /// Why nobody knows what it did. Any text: escape before showing.
    evidence: Option<String>,
}

/// A run as it is stored.
#[derive(ToSchema)]
pub(crate) struct RunRecord {
    /// Which run.
    run: String,
    /// What is to be done. Any text: escape before showing.
    task: String,
    /// Whether effects land.
    mode: Mode,
    /// Where it is.
    state: RunState,
    /// How many steps it has.
    steps: u64,
    /// What it was forked from.
    origin: Option<Origin>,
    /// When it began, in microseconds since 1970.
    started_at: u64,
    /// When its last step happened.
    changed_at: u64,
    /// Its steps were removed.
    expired: bool,
}

/// What a run was forked from.
#[derive(ToSchema)]
pub(crate) struct Origin {
    /// Which run.
    run: String,
    /// Its steps up to this one were copied.
    step: u64,
}

/// What a run came to.
#[derive(ToSchema)]
pub(crate) struct RunReport {
    /// Which run.
    run: String,
    /// Where it is.
    state: RunState,
    /// The model's last text, whole only if `completed`. Any text: escape before showing.
    answer: Option<String>,
    /// Why it is not completed: its `kind`, and what belongs to that.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    reason: Option<BTreeMap<String, Value>>,
    /// The model that answers at present.
    model: Identity,
    /// What the provider says that answered.
    served_by: Option<String>,
    /// Turns of the model.
    turns: u32,
    /// Tokens over all turns.
    tokens: Tokens,
    /// What they cost, in millionths of a dollar, where that is known.
    #[schema(required = false)]
    cost_micro_dollars: u64,
    /// The calls that reached the host, in order.
    calls: Vec<CallSummary>,
    /// How many did not.
    rejected: u32,
    /// How long it worked.
    milliseconds: u64,
}

/// What a model is called.
#[derive(ToSchema)]
pub(crate) struct Identity {
    /// Its name.
    name: String,
    /// `remote`, or `scripted`: then no model is called.
    kind: String,
}

/// Tokens.
#[derive(ToSchema)]
pub(crate) struct Tokens {
    /// Read.
    input: u64,
    /// Written.
    output: u64,
    /// Of those read, from the provider's cache.
    cached: u64,
    /// The provider did not count them.
    estimated: bool,
}

/// One call of a run.
#[derive(ToSchema)]
pub(crate) struct CallSummary {
    /// The turn that asked for it, from 1.
    turn: u32,
    /// The journal's name for it.
    call: Option<String>,
    /// The tool.
    tool: String,
    /// What came of it; null is success.
    failure: Option<FailureSummary>,
    /// It is the outcome of an earlier call.
    replayed: bool,
}

/// Why a call of a run did not succeed.
#[derive(ToSchema)]
pub(crate) struct FailureSummary {
    /// What kind.
    class: FailureClass,
    /// The stable code.
    code: String,
    /// Any text: escape before showing.
    message: String,
}

/// One message of a conversation.
#[derive(ToSchema)]
pub(crate) struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    role: String,
    /// A text; of the model, its text and the calls it asked for; of a tool, the id of the call and the text.
    content: Value,
}

/// What an author says of a tool's behaviour.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Hints {
    /// Changes nothing outside of the sandbox.
    read_only: bool,
    /// May delete or overwrite.
    destructive: bool,
    /// A second call has no further effect.
    idempotent: bool,
    /// Talks to things outside of the granted directories.
    open_world: bool,
}

/// A declared need.
#[derive(ToSchema)]
pub(crate) struct Need {
    /// What kind of effect.
    effect: String,
    /// A glob over guest paths, or an origin.
    target: String,
    /// For the person who grants it.
    reason: String,
}

/// Why a call would be decided as it would.
#[derive(ToSchema)]
pub(crate) struct Explanation {
    /// The tool.
    tool: String,
    /// What happens to the call: `allow`, `deny`, `ask` or `preview`.
    verdict: String,
    /// Why it is denied, if it is.
    denial: Option<String>,
    /// The rule that decided.
    decided_by: Option<RuleRef>,
    /// Why that rule exists.
    reason: Option<String>,
    /// The line of the manifest that makes every call a preview.
    #[schema(required = false)]
    previewed_at: Value,
    /// Every rule about this tool, strongest first, and what became of it.
    rules: Vec<BTreeMap<String, Value>>,
    /// How many rules are about other tools only.
    rules_about_other_tools: u64,
    /// Directories that the call could reach if it were allowed.
    directories: Vec<BTreeMap<String, Value>>,
    /// Requests that it could send.
    requests: Vec<Value>,
    /// Names of the environment variables that it would see.
    env: Vec<String>,
    /// The limits that would apply.
    limits: Vec<BTreeMap<String, Value>>,
    /// What would change a denial: words, a line, a table for the manifest.
    suggestion: Value,
}

/// Why a tool may touch a path, or may not.
#[derive(ToSchema)]
pub(crate) struct PathExplanation {
    /// The tool.
    tool: String,
    /// The path.
    path: String,
    /// What it would do with it.
    access: String,
    /// Whether it may.
    allowed: bool,
    /// What decides.
    reason: Value,
    /// The line of the manifest that decides.
    at: Value,
    /// What would change it.
    suggestion: Value,
}

/// A rule of the manifest.
#[derive(ToSchema)]
pub(crate) struct RuleRef {
    /// Its name.
    name: String,
    /// Its line.
    at: Value,
}

/// How well everything works.
#[derive(ToSchema)]
pub(crate) struct Overview {
    /// Tools, models, agents, and runs as a whole, by name.
    health: Vec<Health>,
    /// The sets of tools that runs had, the latest first.
    tool_sets: Vec<ToolSet>,
    /// The earlier set of tools with which runs went clearly better.
    better_before: Option<ToolSet>,
    /// First choices that are away for long.
    away: Vec<Away>,
    /// Runs that are unlike the ones before them.
    unusual: Vec<Unusual>,
    /// How many runs took so many turns.
    turns: BTreeMap<String, u64>,
}

/// How well one thing works.
#[derive(ToSchema)]
pub(crate) struct Health {
    /// Which: `tool:files.read`, `model:openai:gpt-5`, `runs`.
    name: String,
    /// `unknown`, `healthy`, `slow`, `degraded` or `critical`.
    verdict: String,
    /// How many uses there were.
    uses: u64,
    /// How many of them failed by its own fault.
    faults: u64,
    /// Faults in a hundred uses.
    fault_percent: u64,
    /// The mean time of a use, in microseconds.
    mean_micros: u64,
    /// The time that 99 of 100 uses do not exceed.
    p99_micros: u64,
}

/// How well runs went with one set of tools.
#[derive(ToSchema)]
pub(crate) struct ToolSet {
    /// The digest of the tools and their bytes.
    digest: String,
    /// When the first of its runs began, in microseconds since 1970.
    since: u64,
    /// How many runs there were.
    runs: u64,
    /// Successes in a hundred runs.
    percent: u32,
    /// Nine times in ten it is not lower than this.
    at_least_percent: u32,
    /// Nine times in ten it is not higher than this.
    at_most_percent: u32,
}

/// A model that is the first choice, and has not answered for long.
#[derive(ToSchema)]
pub(crate) struct Away {
    /// The model.
    model: String,
    /// Since when, in microseconds since 1970.
    since: u64,
    /// How often it was asked in vain.
    failures: u64,
}

/// A run that is unlike the ones before it.
#[derive(ToSchema)]
pub(crate) struct Unusual {
    /// Which run.
    run: String,
    /// What is unusual.
    what: String,
    /// How many it had.
    number: u64,
    /// How many are usual at most.
    usual: u64,
}

/// The audit holds.
#[derive(ToSchema)]
pub(crate) struct Verified {
    /// How many entries there are.
    entries: u64,
    /// The end of the audit, to be noted elsewhere: `12:sha256:…`.
    head: String,
    /// The last entry that was removed from its beginning because it was old; null where none was.
    begins_after: Option<String>,
}
