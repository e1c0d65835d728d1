//! The table of plans: what is about to land, has landed, and could be taken back.
//!
//! A plan is text of the sandbox. The journal keeps it, tells whether somebody changed it, and moves it from state to state:
//! `preview → applied`, and back if the apply is refused or a person says that it did nothing, `ready → landed | refused`, `landed → undoing → undone | landed`, and from each end but `refused` to
//! `expired` when its files are removed.

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::call::Mode;
use toolhold_core::chain::{Broken, Why};
use toolhold_core::effect::EffectReport;
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::{CallId, Digest, RunId, ToolName};
use toolhold_core::redact::Redactor;

use super::calls::{Step, parse_mode, parsed};
use super::error::Error;
use super::queue::Answer;
use super::record::{Landing, Settlement};

/// A plan, to be written down before it is done, or a preview, to be kept.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Which call.
    pub call: CallId,
    /// What it is made for.
    pub kind: PlanKind,
    /// The plan, as the sandbox wrote it: JSON.
    pub plan: String,
    /// The effects, as people are shown them: JSON of an [`EffectReport`].
    pub effects: String,
    /// The result that the call has once it has landed: JSON.
    pub outcome: String,
    /// How many bytes of what was there before are kept with it, about.
    pub kept_bytes: u64,
    /// Now, in microseconds since 1970.
    pub at: u64,
}

/// What a plan is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanKind {
    /// To be done at once.
    Commit,
    /// To be done at once, as it was previewed by this call.
    Apply(CallId),
    /// To be kept.
    Preview {
        /// The text of the call's arguments.
        arguments: String,
        /// The manifest that it was decided by.
        manifest: Digest,
    },
}

impl Planned {
    pub(super) fn bytes(&self) -> usize {
        self.plan.len() + self.effects.len() + self.outcome.len()
    }
}

/// How much may be kept beside the journal, and how much stays where there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptBytes {
    /// In all. What is more by itself is not kept.
    pub most: u64,
    /// The oldest go until no more than this is left. The newest stays, whatever it has.
    pub left: u64,
}

/// How far a plan came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanState {
    /// A preview that can be applied.
    Preview,
    /// A preview that was applied.
    Applied,
    /// It is being done, or the host stopped meanwhile.
    Ready,
    /// It was done.
    Landed,
    /// It was not done.
    Refused,
    /// It is being taken back, or the host stopped meanwhile.
    Undoing,
    /// It was taken back.
    Undone,
    /// Its files were removed: it can be neither applied nor undone.
    Expired,
}

const STATES: [PlanState; 8] = [
    PlanState::Preview,
    PlanState::Applied,
    PlanState::Ready,
    PlanState::Landed,
    PlanState::Refused,
    PlanState::Undoing,
    PlanState::Undone,
    PlanState::Expired,
];

impl PlanState {
    /// The word in the database, and for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Applied => "applied",
            Self::Ready => "ready",
            Self::Landed => "landed",
            Self::Refused => "refused",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Expired => "expired",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        STATES.into_iter().find(|state| state.word() == word)
    }
}

/// From one state to the next, and what the audit says of it.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) call: CallId,
    pub(super) from: PlanState,
    pub(super) to: PlanState,
    /// Why, where a plan is not undone.
    pub(super) reason: Option<String>,
    pub(super) at: u64,
}

/// A plan as it is stored.
#[derive(Debug, Clone)]
pub struct PlanRecord {
    /// Which call.
    pub call: CallId,
    /// How far it came.
    pub state: PlanState,
    /// The plan: JSON.
    pub plan: String,
    /// The effects: JSON.
    pub effects: String,
    /// The result: JSON.
    pub outcome: String,
    /// Of a preview, the text of its arguments.
    pub arguments: Option<String>,
    /// Of a preview, the manifest that it was decided by.
    pub manifest: Option<Digest>,
    /// What the disk was like when it had landed: JSON.
    pub after: Option<String>,
    /// When it was made, in microseconds since 1970.
    pub made_at: u64,
}

/// Which plans to list: all that fit every field that is set, newest first.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this call.
    pub call: Option<CallId>,
    /// At most this many; 0 is 100.
    pub limit: u32,
    /// Fewer where what they say of changes has more bytes than this, but one.
    pub most_bytes: Option<usize>,
}

/// A call that changed something, or would.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct HistoryEntry {
    /// Which call.
    pub call: CallId,
    /// Of which run.
    pub run: RunId,
    /// Which tool.
    pub tool: ToolName,
    /// When, in microseconds since 1970.
    pub at: u64,
    /// Whether it was to change anything.
    pub mode: Mode,
    /// How far it came.
    pub state: PlanState,
    /// What it changed, or would.
    pub effects: EffectReport,
}

impl HistoryEntry {
    /// Whether its changes are on the disk, as far as is known: of one that has expired, nobody can take them back.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        match self.state {
            PlanState::Landed => true,
            PlanState::Expired => self.mode == Mode::Live,
            _ => false,
        }
    }
}

/// Writes a plan down.
pub(super) fn insert(connection: &Connection, planned: &Planned, redactor: &Redactor) -> Result<Step, Error> {
    let (state, arguments, manifest) = match &planned.kind {
        PlanKind::Commit | PlanKind::Apply(_) => (PlanState::Ready, None, None),
        PlanKind::Preview { arguments, manifest } => (PlanState::Preview, Some(arguments), Some(manifest)),
    };
    // A plan is done and taken back by its paths, and a preview decided again by its arguments: nothing can stand in the
    // place of a secret there, so neither is written down.
    if redactor.finds(&planned.plan) || arguments.is_some_and(|arguments| redactor.finds(arguments)) {
        return Ok(Step { event: None, answer: Err(Error::Secret) });
    }
    if let PlanKind::Apply(preview) = &planned.kind
        && change(connection, preview, PlanState::Preview, PlanState::Applied)? == 0
    {
        return Ok(refused(preview, PlanState::Preview));
    }
    let effects = redactor.redact_json(&planned.effects);
    let outcome = redactor.redact_json(&planned.outcome);
    let sql = "INSERT INTO plans (call, state, plan, effects, outcome, arguments, manifest, kept_bytes, made_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        planned.call.as_str(),
        state.word(),
        planned.plan,
        effects,
        outcome,
        arguments,
        manifest.map(|digest| *digest.as_bytes()),
        planned.kept_bytes.cast_signed(),
        planned.at.cast_signed(),
    ])?;
    let (call, plan) = (planned.call.clone(), digest(&planned.plan, &effects, &outcome));
    let event = match &planned.kind {
        PlanKind::Preview { .. } => Event::PreviewKept { call, plan },
        PlanKind::Apply(preview) => Event::PreviewApplied { call: preview.clone(), by: call, plan },
        PlanKind::Commit => Event::ChangesPlanned { call, plan },
    };
    Ok(Step { event: Some((planned.at, event)), answer: Ok(Answer::Done) })
}

fn digest(plan: &str, effects: &str, outcome: &str) -> Digest {
    Digest::of_parts(&[plan.as_bytes(), effects.as_bytes(), outcome.as_bytes()])
}

fn refused(call: &CallId, wanted: PlanState) -> Step {
    Step { event: None, answer: Err(Error::NotInState { call: call.clone(), wanted: wanted.word() }) }
}

fn change(connection: &Connection, call: &CallId, from: PlanState, to: PlanState) -> Result<usize, Error> {
    let sql = "UPDATE plans SET state = ?3 WHERE call = ?1 AND state = ?2";
    Ok(connection.prepare_cached(sql)?.execute(params![call.as_str(), from.word(), to.word()])?)
}

/// Notes what became of the plan of a call that is settled.
pub(super) fn settle(connection: &Connection, call: &CallId, settlement: &Settlement) -> Result<Option<Event>, Error> {
    match &settlement.landing {
        None => Ok(None),
        Some(Landing::Landed(after)) => {
            let sql = "UPDATE plans SET state = 'landed', after = ?2 WHERE call = ?1 AND state = 'ready'";
            connection.prepare_cached(sql)?.execute(params![call.as_str(), after])?;
            Ok(Some(Event::ChangesLanded { call: call.clone() }))
        }
        Some(Landing::Refused { why, preview }) => {
            let was_ready = change(connection, call, PlanState::Ready, PlanState::Refused)? > 0;
            if let Some(preview) = preview.as_ref().filter(|_| was_ready) {
                change(connection, preview, PlanState::Applied, PlanState::Preview)?;
            }
            Ok(Some(Event::ChangesRefused { call: call.clone(), reason: bounded(why) }))
        }
    }
}

/// A person found out that a call did nothing: a plan of it that waits to be finished never is, and the preview whose plan it was can be
/// applied again.
pub(super) fn give_up(connection: &Connection, call: &CallId, why: &str) -> Result<Option<Event>, Error> {
    if change(connection, call, PlanState::Ready, PlanState::Refused)? == 0 {
        return Ok(None);
    }
    // The words of a plan, its name among them, are those of the preview.
    let sql = "UPDATE plans SET state = 'preview'
               WHERE state = 'applied' AND plan = (SELECT plan FROM plans WHERE call = ?1)";
    connection.prepare_cached(sql)?.execute([call.as_str()])?;
    Ok(Some(Event::ChangesRefused { call: call.clone(), reason: bounded(why) }))
}

/// Moves a plan from one state to the next.
pub(super) fn turn(connection: &Connection, turn: &Turn) -> Result<Step, Error> {
    if change(connection, &turn.call, turn.from, turn.to)? == 0 {
        return Ok(refused(&turn.call, turn.from));
    }
    let call = turn.call.clone();
    let event = match turn.to {
        PlanState::Undoing => Event::UndoBegun { call },
        PlanState::Undone => Event::ChangesUndone { call },
        PlanState::Expired => Event::ChangesExpired { call },
        _ => {
            let reason = turn.reason.as_deref().map(bounded).unwrap_or_default();
            Event::UndoRefused { call, reason }
        }
    };
    Ok(Step { event: Some((turn.at, event)), answer: Ok(Answer::Done) })
}

/// Whether the call has a plan that is being done.
pub(super) fn is_ready(connection: &Connection, call: &CallId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM plans WHERE call = ?1 AND state = 'ready'";
    Ok(connection.prepare_cached(sql)?.query_row([call.as_str()], |_| Ok(())).optional()?.is_some())
}

/// Compares what is stored of a plan with what the audit says.
pub(super) fn check(connection: &Connection, at: u64, call: &CallId, expected: &Digest) -> Result<(), Error> {
    let differs = |what| Error::from(Broken { at, why: Why::Differs { call: call.to_string(), what } });
    let record = get(connection, call)?.ok_or_else(|| differs("its plan is missing"))?;
    if digest(&record.plan, &record.effects, &record.outcome) == *expected { Ok(()) } else { Err(differs("its plan")) }
}

const SELECT: &str = "SELECT call, state, plan, effects, outcome, arguments, manifest, after, made_at FROM plans";

/// How many there are. None in a database that is older than plans.
pub(super) fn count(connection: &Connection) -> Result<u64, Error> {
    if is_older(connection)? {
        return Ok(0);
    }
    Ok(connection.query_row("SELECT count(*) FROM plans", [], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?)
}

/// Readers bring no database up to date: they may not write.
fn is_older(connection: &Connection) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'plans'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0)
}

/// The plan of a call.
pub(super) fn get(connection: &Connection, call: &CallId) -> Result<Option<PlanRecord>, Error> {
    Ok(connection
        .prepare_cached(&format!("{SELECT} WHERE call = ?1"))?
        .query_row([call.as_str()], record)
        .optional()?)
}

/// All plans in one of these states, oldest first.
pub(super) fn in_states(connection: &Connection, states: &[PlanState]) -> Result<Vec<PlanRecord>, Error> {
    let words: Vec<String> = states.iter().map(|state| format!("'{}'", state.word())).collect();
    let sql = format!("{SELECT} WHERE state IN ({}) ORDER BY number", words.join(", "));
    let mut statement = connection.prepare(&sql)?;
    Ok(statement.query_map([], record)?.collect::<Result<_, _>>()?)
}

/// The texts of the plans in one of these states, one after the other.
pub(super) fn each(connection: &Connection, states: &[PlanState], mut see: impl FnMut(&str)) -> Result<(), Error> {
    let words: Vec<String> = states.iter().map(|state| format!("'{}'", state.word())).collect();
    let mut statement = connection.prepare(&format!("SELECT plan FROM plans WHERE state IN ({})", words.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        see(row.get_ref(0)?.as_str().map_err(|_| Error::Corrupt("a plan is no text".to_owned()))?);
    }
    Ok(())
}

/// Plans with files that are from before `before`, or of which there are too many bytes.
pub(super) fn outlived(connection: &Connection, before: u64, bytes: &KeptBytes) -> Result<Vec<PlanRecord>, Error> {
    let sql = format!(
        "{SELECT} WHERE state IN ('preview', 'landed') AND (made_at < ?1 OR number IN (
             SELECT number FROM (SELECT number, kept_bytes, sum(kept_bytes) OVER (ORDER BY number DESC) AS total FROM plans
                                 WHERE state IN ('preview', 'landed'))
             WHERE total > ?2 OR (total > ?3 AND total > kept_bytes))) ORDER BY number"
    );
    let mut statement = connection.prepare(&sql)?;
    let [most, left] = [bytes.most, bytes.left].map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let row = params![before.cast_signed(), most, left];
    let rows = statement.query_map(row, record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many bytes are kept with all of these.
pub(super) fn kept_bytes(connection: &Connection) -> Result<u64, Error> {
    let sql = "SELECT coalesce(sum(kept_bytes), 0) FROM plans WHERE state IN ('preview', 'landed')";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<PlanRecord> {
    Ok(PlanRecord {
        call: parsed(row, 0, |text| text.parse().ok())?,
        state: parsed(row, 1, PlanState::parse)?,
        plan: row.get(2)?,
        effects: row.get(3)?,
        outcome: row.get(4)?,
        arguments: row.get(5)?,
        manifest: row.get::<_, Option<_>>(6)?.map(Digest::from_bytes),
        after: row.get(7)?,
        made_at: row.get::<_, i64>(8)?.cast_unsigned(),
    })
}

/// What is told of a plan.
pub(super) const HISTORY: &str =
    "SELECT p.call, c.run, c.tool, p.made_at, p.state, p.effects, c.mode FROM plans p JOIN calls c ON c.call = p.call";
/// That it is of one call.
pub(super) const CALL: &str = "p.call = ?2";

/// The calls with plans that fit, newest first.
pub(super) fn history(connection: &Connection, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, Error> {
    if is_older(connection)? {
        return Ok(Vec::new());
    }
    // Of one call there is one plan at most, which is found by its name: nobody goes through all of the others.
    let call = if filter.call.is_some() { CALL } else { "?2 IS NULL" };
    let sql = format!("{HISTORY} WHERE (?1 IS NULL OR c.run = ?1) AND {call} ORDER BY p.number DESC LIMIT ?3");
    let limit = if filter.limit == 0 { 100 } else { filter.limit };
    let mut statement = connection.prepare(&sql)?;
    let (run, call) = (filter.run.as_ref().map(|run| run.as_str()), filter.call.as_ref().map(|call| call.as_str()));
    let (mut bytes, mut is_first) = (0, true);
    let rows = statement.query_map(params![run, call, limit], |row| {
        bytes += row.get_ref(5)?.as_bytes().map_or(0, <[u8]>::len);
        let is_alone = std::mem::take(&mut is_first);
        if filter.most_bytes.is_some_and(|most| bytes > most) && !is_alone {
            return Ok(None);
        }
        let entry = HistoryEntry {
            call: parsed(row, 0, |text| text.parse().ok())?,
            run: parsed(row, 1, |text| text.parse().ok())?,
            tool: parsed(row, 2, |text| text.parse().ok())?,
            at: row.get::<_, i64>(3)?.cast_unsigned(),
            state: parsed(row, 4, PlanState::parse)?,
            effects: parsed(row, 5, |text| serde_json::from_str(text).ok())?,
            mode: parsed(row, 6, parse_mode)?,
        };
        Ok(Some(entry))
    })?;
    let mut entries = Vec::new();
    for row in rows {
        match row? {
            Some(entry) => entries.push(entry),
            None => break,
        }
    }
    Ok(entries)
}
