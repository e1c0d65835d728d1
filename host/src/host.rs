//! The host: the way of one call, on one screen.
//!
//! Resolve, validate, decide; intent into the journal; run in a fresh sandbox; check the result; outcome into the journal.
//! Nothing here decides or runs: each step is a room of its own, and a step can only be reached through the one before.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use toolhold_core::approval::Standing;
use toolhold_core::call::{AuthorizedCall, Mode, ToolCall};
use toolhold_core::classify::{self, Evidence};
use toolhold_core::event::{self, Event};
use toolhold_core::grant::HttpGrant;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::limit::Usage;
use toolhold_core::outcome::{CallReport, Failure, Outcome};
use toolhold_core::policy::{Decision, Facts, Policy, Question, RunScope};
use toolhold_core::redact::{Pass, Place, Redactions, Redactor};
use toolhold_core::retry::GaveUp;
use toolhold_core::tool::{Catalog, Tool};
use toolhold_sandbox::{Caller, EventSink, RunFailure, RunOptions, RunReport, Sandbox};
use tracing::Instrument as _;

use crate::approvals::{Asking, Desk};
use crate::attempt::{self, Attempted, Dependencies, LetThrough, Running, evidence};
use crate::effects::{Effects, PreviewSession};
use crate::journal::{self, Admission, Intent, Journal, ScopedKey, Settlement};
use crate::labels::RunLabels;
use crate::quota::Quotas;
use crate::refusal::{Refusal, not_run, unrecorded};
use crate::runs::AtWork;
use crate::secrets::Secrets;
use crate::telemetry::{Origin, Stage, Telemetry, spans};
use crate::upstream::Upstreams;
use crate::{clock, redaction, report};

/// The gate: what a front hands its calls to. Cheap to clone; all clones are the same host.
#[derive(Debug, Clone)]
pub struct Host(pub(crate) Arc<Inner>);

/// What a host is made of.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) policy: Policy,
    pub(crate) catalog: Catalog,
    pub(crate) sandbox: Sandbox,
    pub(crate) journal: Journal,
    pub(crate) effects: Effects,
    pub(crate) redactor: Redactor,
    pub(crate) dependencies: Dependencies,
    pub(crate) running: Running,
    pub(crate) quotas: Quotas,
    pub(crate) secrets: Secrets,
    pub(crate) at_work: AtWork,
    pub(crate) telemetry: Telemetry,
    pub(crate) desk: Arc<Desk>,
    pub(crate) upstreams: Upstreams,
    /// Another host has taken its place: what it has begun comes to its end, and nothing new is begun with it.
    pub(crate) replaced: CancellationToken,
}

/// What the caller of one call wants beside its result.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// Who asks: idempotency keys of different clients never meet.
    pub client: Arc<str>,
    /// What the run is narrowed to.
    pub scope: Arc<RunScope>,
    /// Is told of log lines, progress and emitted parts as they come.
    pub events: Option<EventSink>,
    /// Stops the guest.
    pub cancel: CancellationToken,
    /// The dry run that the call belongs to: its calls see what the ones before them would have changed.
    pub session: Option<Arc<PreviewSession>>,
    /// What is said of the data that the run has read, if the call belongs to one: rules may ask for it.
    pub labels: Option<Arc<RunLabels>>,
    /// What a live call is given from outside is kept with its run, so that it can be replayed.
    pub taped: bool,
    /// Where it comes from, for its span.
    pub origin: Origin,
    /// What becomes of a call that a rule asks about.
    pub asking: Asking,
    /// Ends the wait for a person before its time: the call is then parked. One that runs goes on.
    pub later: CancellationToken,
    /// The agent whose run it is, if it is one: what people approve for one agent is not another's.
    pub agent: Option<Arc<str>>,
}

impl Default for CallOptions {
    /// A local caller, not narrowed, who hears of the end only and can ask nobody.
    fn default() -> Self {
        Self {
            client: "local".into(),
            scope: Arc::default(),
            events: None,
            cancel: CancellationToken::new(),
            session: None,
            labels: None,
            taped: false,
            origin: Origin::default(),
            asking: Asking::Refuse,
            later: CancellationToken::new(),
            agent: None,
        }
    }
}

/// A call that may run.
pub(crate) struct Checked {
    pub(crate) tool: Tool,
    pub(crate) call: AuthorizedCall,
    pub(crate) effects: event::Effects,
    /// What a person said, for a further attempt at it.
    pub(crate) standing: Option<Standing>,
}

/// What a decision comes to that is no refusal.
pub(crate) enum Entry {
    /// It may run.
    Checked(Box<Checked>),
    /// A person decides.
    Asks(Box<Question>),
}

impl Host {
    /// Makes one call. Never fails: what came of it, and why, is in the report.
    ///
    /// Dropping the future stops the guest; the journal then says that the caller went away.
    pub async fn call(&self, call: ToolCall, options: CallOptions) -> CallReport {
        self.call_as(clock::new_call(), call, options).await
    }

    /// [`Host::call`] under a name that its caller has told already. A name that was used is refused.
    pub(crate) async fn call_as(&self, id: CallId, call: ToolCall, options: CallOptions) -> CallReport {
        let span = self.span(&call, &options.origin);
        let made = async {
            let report = self.once_as(id, &call, &options).await;
            match &report.outcome {
                Outcome::Success(_) => report,
                Outcome::Failure(_) => Box::pin(self.stand_in(&call, report, &options)).await,
            }
        };
        let report = made.instrument(span.clone()).await;
        spans::called(&span, &report, &self.0.redactor);
        report
    }

    /// The span of a call. Nothing where nobody takes spans.
    pub(crate) fn span(&self, call: &ToolCall, origin: &Origin) -> tracing::Span {
        spans::call(call, |name| self.0.catalog.get(name).is_ok(), origin, &self.0.redactor)
    }

    /// Makes one call, whatever could stand in for it.
    pub(crate) async fn once(&self, call: &ToolCall, options: &CallOptions) -> CallReport {
        self.once_as(clock::new_call(), call, options).await
    }

    async fn once_as(&self, id: CallId, call: &ToolCall, options: &CallOptions) -> CallReport {
        let watch = self.0.telemetry.begin();
        let report = self.make(id, call, options).await;
        watch.ended(&report);
        report
    }

    async fn make(&self, id: CallId, call: &ToolCall, options: &CallOptions) -> CallReport {
        spans::call_is(id.as_str());
        match self.check_in(call, options, &options.scope, None) {
            Ok(Entry::Checked(checked)) => match self.no_room(&checked, options) {
                Some(refusal) => Box::pin(self.refuse(id, call, *refusal)).await,
                None => self.admitted(id, call, checked, options).await,
            },
            Ok(Entry::Asks(question)) => Box::pin(self.asked(id, call, question, options)).await,
            Err(refusal) => Box::pin(self.refuse(id, call, *refusal)).await,
        }
    }

    /// Why a dry run goes no further, if it does not: what its calls have staged stays on the disk until it ends.
    fn no_room(&self, checked: &Checked, options: &CallOptions) -> Option<Box<Refusal>> {
        let session = options.session.as_ref().filter(|_| checked.call.mode() == Mode::Preview)?;
        let (staged, most) = (session.staged(), self.0.effects.kept.of_a_dry_run());
        (staged > most).then(|| Refusal::dry_run_full(&checked.tool, staged, most))
    }

    /// Makes a call that may run.
    ///
    /// The steps further down are in boxes: a future is as large as the largest it may wait for, and is copied as a whole
    /// each time that it is handed on.
    pub(crate) async fn admitted(
        &self,
        id: CallId,
        call: &ToolCall,
        checked: Box<Checked>,
        options: &CallOptions,
    ) -> CallReport {
        if call.key.is_some() {
            // A repeat gets its outcome although the tool is left alone, so the journal is asked first.
            return Box::pin(self.once_with_key(id, call, checked, options)).await;
        }
        let through = match self.let_through(&checked, options) {
            Ok(through) => through,
            Err(refusal) => return Box::pin(self.refuse(id, call, *refusal)).await,
        };
        match self.admit(intent(&id, call, &checked, options)).await {
            Ok(Admission::Fresh) => Box::pin(self.run(id, call, (checked, through), options)).await,
            Ok(other) => self.not_again(id, call, &checked, options, other),
            Err(error) => unrecorded(id, call, &checked.call, &error),
        }
    }

    /// Writes down what is about to be done.
    pub(crate) async fn admit(&self, intent: Intent) -> Result<Admission, journal::Error> {
        self.0.telemetry.stage_of(Stage::Admit, self.0.journal.admit(intent)).await
    }

    /// The report of a call in whose place an earlier one stands.
    pub(crate) fn not_again(
        &self,
        id: CallId,
        call: &ToolCall,
        checked: &Checked,
        options: &CallOptions,
        other: Admission,
    ) -> CallReport {
        let mut report = self.without_secrets(not_run(id, call, &checked.call, other));
        // What the earlier call read is not known any more: it may be all that it could.
        report.effects.labels = checked.call.grants().labels().cloned().collect();
        options.labels.iter().for_each(|run| run.add(&report.effects.labels));
        report
    }

    /// Resolves, validates and decides. Pure but for looking up the tool. `standing` is what a person said, if anybody was asked.
    pub(crate) fn check_in(
        &self,
        call: &ToolCall,
        options: &CallOptions,
        scope: &RunScope,
        standing: Option<&Standing>,
    ) -> Result<Entry, Box<Refusal>> {
        let tool = self.0.catalog.get(&call.tool).map_err(Refusal::unknown)?.clone();
        if call.key.as_ref().is_some_and(|key| self.0.redactor.finds(key.as_str())) {
            return Err(Refusal::secret_in_key(&tool));
        }
        let validated = self.0.telemetry.stage(Stage::Validate, || tool.validate(&call.arguments));
        let validated = validated.map_err(|violations| Refusal::invalid(&tool, &violations))?;
        // Cheap, and only a refusal needs its digest.
        let asked = validated.clone();
        let labels = options.labels.as_ref().map(|run| run.so_far()).unwrap_or_default();
        let facts = Facts::new(call.mode, scope).after(&labels).approved(standing);
        let (call, effects) =
            match self.0.telemetry.stage(Stage::Decide, || self.0.policy.decide(validated, &tool, &facts)) {
                Decision::Deny(denial) => return Err(Refusal::denied(&tool, asked.arguments_digest(), denial)),
                Decision::Ask(question) => return Ok(Entry::Asks(question)),
                Decision::Allow(call) => {
                    let effects = effects(&call);
                    (call, effects)
                }
                Decision::Preview(call) => (call, event::Effects::None),
            };
        Ok(Entry::Checked(Box::new(Checked { tool, call, effects, standing: standing.cloned() })))
    }

    /// Runs an admitted call, lands or keeps what it staged, and records what came of it.
    pub(crate) async fn run(
        &self,
        id: CallId,
        call: &ToolCall,
        (checked, through): (Box<Checked>, LetThrough),
        options: &CallOptions,
    ) -> CallReport {
        let mut open = OpenCall { journal: &self.0.journal, id: &id, effects: checked.effects, settled: false };
        let session = options.session.clone().filter(|_| checked.call.mode() == Mode::Preview);
        let stage = session.as_ref().map(|session| session.begin_call(&self.0.effects, &self.0.redactor));
        let mut pass = self.0.redactor.pass();
        pass.look(Place::Arguments, checked.call.call().text());
        let requests = !checked.call.grants().http.is_empty();
        let (key, name) = (requests.then(|| repeated(&id, call, options)), Some(id.to_string()));
        let events = options.events.clone().map(|sink| redaction::sink(&self.0.redactor, sink));
        let caller = Caller::new(&options.client, call.run.as_str());
        let settings = RunOptions { events, caller, cancel: options.cancel.clone(), key, name, stage, reel: None };
        let attempted = self.attempts(&id, call, checked, &through, (options, settings)).await;
        let Attempted { checked, mut run, attempts, gave_up, tapes } = attempted;
        let (conclusion, evidence) = conclude(&checked, &run, gave_up, &mut pass);
        through.tell(evidence.of_tool());
        redaction::aside(&mut pass, &mut run);
        if let Err(error) = self.tell_what_is_done(&id, &checked.call, &run).await {
            // Nor is the outcome then, and that is told.
            tracing::error!(%error, call = %id, "what a call did was not recorded");
        }
        // Landing goes on, and settles the call, whatever the caller does from here on.
        open.settled = lands(&checked, &run, &conclusion);
        let (conclusion, parked) = park(&run, evidence, conclusion);
        let hashed = (!tapes.is_empty()).then(|| crate::effects::hashed(&run));
        let landing = self.changes(&id, &checked, &mut run, conclusion, session.as_deref());
        let (mut effects, conclusion) = self.0.telemetry.stage_of(Stage::Land, landing).await;
        options.labels.iter().for_each(|run| run.add(&effects.labels));
        pass.effects(&mut effects);
        self.keep_tapes((&call.run, &id), tapes, (&effects, hashed)).await;
        let (mut outcome, settlement) = conclusion;
        if let Outcome::Failure(failure) = &mut outcome {
            // That nothing landed is said with paths.
            pass.failure(failure);
        }
        let settled = match self.0.telemetry.stage_of(Stage::Settle, open.end(settlement, parked)).await {
            Ok(()) => self.tell_redactions(&id, call, pass.finish()).await,
            Err(error) => Err(error),
        };
        let outcome = match settled {
            Ok(()) => outcome,
            Err(error) => Outcome::Failure(crate::refusal::outcome_unrecorded(&error)),
        };
        CallReport { effects, attempts, ..report::ran(id, call, &checked.call, run, outcome) }
    }

    /// Makes one attempt at a call where it is made: in the sandbox, or by the server whose tool it is.
    pub(crate) async fn act(&self, call: &AuthorizedCall, settings: RunOptions) -> RunReport {
        let Some((run, changed)) = self.0.upstreams.run(call, &settings).await else {
            return self.0.sandbox.run(call, settings).await;
        };
        if let Some(changed) = changed
            && let Err(error) = self.0.journal.record(clock::micros(), changed).await
        {
            // Nothing was sent, so nothing is without its record but that.
            tracing::error!(%error, "that a server has changed was not recorded");
        }
        run
    }

    /// An outcome that was stored before the host knew all of the secrets that it knows now.
    pub(crate) fn without_secrets(&self, mut report: CallReport) -> CallReport {
        let mut pass = self.0.redactor.pass();
        pass.effects(&mut report.effects);
        match &mut report.outcome {
            Outcome::Success(value) => {
                pass.value(Place::Result, value);
            }
            Outcome::Failure(failure) => pass.failure(failure),
        }
        report
    }

    /// Records that nothing ran, and says why.
    pub(crate) async fn refuse(&self, id: CallId, call: &ToolCall, mut refusal: Refusal) -> CallReport {
        let mut pass = self.0.redactor.pass();
        let mut call = call.clone();
        pass.look(Place::Arguments, &call.arguments);
        pass.text(Place::Arguments, &mut call.tool);
        pass.failure(&mut refusal.failure);
        let event = refusal.event(&id, &call);
        let recorded = match self.0.journal.record(clock::micros(), event).await {
            Ok(()) => self.tell_redactions(&id, &call, pass.finish()).await,
            Err(error) => Err(error),
        };
        let failure = match recorded {
            Ok(()) => refusal.failure,
            Err(error) => crate::refusal::journal_unavailable(&error),
        };
        report::refused(id, &call, refusal.digest, failure)
    }

    /// A secret that came back is on record before anyone sees what it came back in.
    pub(crate) async fn tell_redactions(
        &self,
        id: &CallId,
        call: &ToolCall,
        found: Redactions,
    ) -> Result<(), journal::Error> {
        if found.is_empty() {
            return Ok(());
        }
        let (secrets, places) = (found.secrets.into_iter().collect(), found.places.into_iter().collect());
        let event = Event::SecretRedacted { call: id.clone(), run: call.run.clone(), secrets, places };
        self.0.journal.record(clock::micros(), event).await
    }

    /// Whether this is the same host, and not one of another manifest in its place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Is cancelled when another host takes the place of this one.
    pub(crate) fn replaced(&self) -> &CancellationToken {
        &self.0.replaced
    }

    /// The tools that callers may know of.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.0.policy.tools()
    }

    /// What decides.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// What takes the secrets of the manifest out of texts: for whoever logs or shows more than reports.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.0.redactor
    }

    /// What is known of what calls depend on: breakers, rates, retry budgets.
    #[must_use]
    pub fn dependencies(&self) -> &Dependencies {
        &self.0.dependencies
    }

    /// What all runs of each agent have used of what they share.
    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// The runs that somebody in this process works on.
    pub(crate) fn at_work(&self) -> &AtWork {
        &self.0.at_work
    }

    /// The values of the secrets, for what is asked beside the tools: models.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// What records.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }
}

/// Whether the call can change anything: what it was granted says so, not what it claims.
fn effects(call: &AuthorizedCall) -> event::Effects {
    let by_server = call.grants().server.as_ref().is_some_and(|server| !server.reads_only);
    if by_server || call.grants().http.iter().any(HttpGrant::may_change) {
        return event::Effects::Possible;
    }
    let mut written = call.grants().directories.iter().filter(|directory| !directory.write.is_empty());
    match (written.clone().next(), written.all(|directory| directory.atomic)) {
        (None, _) => event::Effects::None,
        (Some(_), true) => event::Effects::Staged,
        (Some(_), false) => event::Effects::Possible,
    }
}

/// What is the same in every try of a call: its key, if it has one. Keys of different clients never meet.
pub(crate) fn repeated(id: &CallId, call: &ToolCall, options: &CallOptions) -> Digest {
    match &call.key {
        Some(key) => Digest::of_parts(&[b"key", options.client.as_bytes(), key.as_str().as_bytes()]),
        None => Digest::of_parts(&[b"call", id.as_str().as_bytes()]),
    }
}

pub(crate) fn intent(id: &CallId, call: &ToolCall, checked: &Checked, options: &CallOptions) -> Intent {
    let (run, validated) = (call.run.clone(), checked.call.call());
    let intent = Intent::new(id.clone(), run, validated, checked.call.mode(), checked.effects, clock::micros());
    let intent = intent.approved(checked.call.approval().map(|approved| approved.approval.clone()));
    match &call.key {
        Some(key) => intent.with_key(ScopedKey { scope: Arc::clone(&options.client), key: key.clone() }),
        None => intent,
    }
}

/// What came of a run, for the caller and for the journal; `None` where the journal knows already.
pub(crate) type Conclusion = (Outcome, Option<Settlement>);

/// What came of a run as far as the guest is concerned. Nobody learns a secret; the schema is checked before.
pub(crate) fn conclude(
    checked: &Checked,
    run: &RunReport,
    gave_up: Option<GaveUp>,
    pass: &mut Pass<'_>,
) -> (Conclusion, Evidence) {
    let (usage, effects, at) = (run.usage.clone(), checked.effects, clock::micros());
    let result = match &run.outcome {
        Ok(text) => checked
            .tool
            .check_output(text)
            .map(|value| (value, text))
            .map_err(|broken| crate::refusal::invalid_output(&broken)),
        Err(failure) => Err(Failure::from(failure.clone())),
    };
    let evidence = evidence(checked, run, result.as_ref().err());
    let conclusion = match result {
        Ok((mut value, text)) => {
            let text = if pass.value(Place::Result, &mut value) { value.to_string() } else { text.clone() };
            (Outcome::Success(value), Some(Settlement::success(text, usage, effects, at)))
        }
        Err(failure) if nothing_ran(run) => {
            let settlement = Settlement::nothing(failure.code.clone(), effects, at);
            (Outcome::Failure(failure), Some(settlement))
        }
        Err(failure) => {
            let mut failure = attempt::told(failure, (checked, run), evidence, gave_up);
            pass.failure(&mut failure);
            (Outcome::Failure(failure.clone()), Some(Settlement::failure(failure, usage, effects, at)))
        }
    };
    (conclusion, evidence)
}

/// Where nobody knows what a call that failed did elsewhere, it is parked instead of settled, for this reason.
fn park(run: &RunReport, evidence: Evidence, conclusion: Conclusion) -> (Conclusion, Option<String>) {
    match conclusion {
        (Outcome::Failure(failure), Some(_)) if evidence.is_unknown() => {
            let words = classify::in_words(&run.requests, run.requests_left_out);
            let outcome = Outcome::Failure(attempt::unknown_outcome(&words, &failure));
            ((outcome, None), Some(words))
        }
        conclusion => (conclusion, None),
    }
}

/// Whether what the call staged is about to land.
fn lands(checked: &Checked, run: &RunReport, (outcome, _): &Conclusion) -> bool {
    checked.call.mode() == Mode::Live
        && matches!(outcome, Outcome::Success(_))
        && run.staged.as_ref().is_some_and(|staged| !staged.is_empty())
}

/// A full host starts nothing, so the call's key is free again. A host that becomes full *while* a guest runs stops it too,
/// but that guest may have acted: it has used something, time at least.
fn nothing_ran(run: &RunReport) -> bool {
    matches!(run.outcome, Err(RunFailure::Busy(_))) && run.usage == Usage::default() && run.requests.is_empty()
}

/// An admitted call without an outcome. If its caller goes away, the journal is told.
pub(crate) struct OpenCall<'a> {
    pub(crate) journal: &'a Journal,
    pub(crate) id: &'a CallId,
    pub(crate) effects: event::Effects,
    pub(crate) settled: bool,
}

impl OpenCall<'_> {
    /// Writes how the call ended, or that nobody knows, for this reason. Neither where the journal knows already.
    pub(crate) async fn end(
        mut self,
        settlement: Option<Settlement>,
        parked: Option<String>,
    ) -> Result<(), journal::Error> {
        self.settled = true;
        match (settlement, parked) {
            (Some(settlement), _) => self.journal.settle(self.id, settlement).await,
            (None, Some(reason)) => self.journal.park(self.id, reason, clock::micros()).await,
            (None, None) => Ok(()),
        }
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if self.effects == event::Effects::Possible {
            // It may have sent a request or written a file, and nobody has seen which.
            let reason = "the caller went away while it ran, and what it had done by then is not known".to_owned();
            return self.journal.park_behind(self.id, reason, clock::micros());
        }
        let failure = crate::refusal::caller_gone();
        let settlement = Settlement::failure(failure, Usage::default(), self.effects, clock::micros());
        self.journal.settle_behind(self.id, settlement);
    }
}
