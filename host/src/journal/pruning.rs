//! Retention: what is old goes, with the beginning of the audit that tells of it, and nothing else does.
//!
//! The audit is gone through from its beginning, an entry at a time, up to the first one that is not old enough. What an entry tells of is
//! either over, and removed with it, or it is not: then the entry is said again at the end, word for word, so that what stays can still be
//! compared with what the audit says of it. One step is one transaction, and the audit tells of each: where it begins from then on, and what
//! was removed. So a kill leaves a whole step or none of it.
//!
//! What is not understood stays: an entry that cannot be read, or that does not follow on the one before it, ends the step before it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::chain::{Head, Link};
use toolhold_core::event::{Entry, Event, Standing, VERSION};
use toolhold_core::id::{ApprovalId, CallId, RunId};

use super::audit::{self, Stored};
use super::error::Error;
use super::standing;

/// Most entries of one step: calls that come meanwhile wait for one step at most.
const ENTRIES_OF_A_STEP: u64 = 256;

/// Bytes of text that are removed in one step, about: what is left over is removed in the next one.
const BYTES_OF_A_STEP: u64 = 8 << 20;

/// What may go.
#[derive(Debug, Clone)]
pub struct Prune {
    /// What was over before this, in microseconds since 1970.
    pub before: u64,
    /// Who wants it, for the audit.
    pub by: String,
    /// Now, in microseconds since 1970.
    pub at: u64,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pruned {
    /// Entries of the audit.
    pub entries: u64,
    /// Of those, entries that were said again: what they tell of is not over.
    pub kept: u64,
    /// Calls, with their plans and tapes.
    pub calls: u64,
    /// Runs of agents, with their steps.
    pub runs: u64,
}

impl Pruned {
    /// Both together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            kept: self.kept + other.kept,
            calls: self.calls + other.calls,
            runs: self.runs + other.runs,
        }
    }
}

/// One step, not yet done.
pub(super) struct Sifted {
    /// Up to which entry everything goes.
    pub(super) until: Head,
    pub(super) entries: u64,
    /// The entries to be said again, with their numbers.
    pub(super) kept: Vec<(u64, Entry)>,
    calls: BTreeMap<CallId, Told>,
    runs: BTreeMap<RunId, Told>,
}

/// Whether everything that tells of something goes with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Its first entry goes, and not all of them so far.
    Not,
    /// All of them.
    Whole,
    /// Later entries may tell of it: its first one was said again before, so the others need not be in their order.
    Later,
}

impl Told {
    /// The last entry about it goes, too.
    fn last(&mut self) {
        if *self == Self::Not {
            *self = Self::Whole;
        }
    }
}

/// Whether an entry stands where it stood at first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    AtFirst,
    Again,
}

impl Sifted {
    /// What the step comes to.
    pub(super) fn counts(&self) -> Pruned {
        let count = |number: usize| number as u64;
        Pruned {
            entries: self.entries,
            kept: count(self.kept.len()),
            calls: count(self.calls.len()),
            runs: count(self.runs.len()),
        }
    }

    /// An entry may have come before the one by which it was found that what it tells of goes.
    fn forget_kept_of_gone(&mut self) {
        let (calls, runs) = (&self.calls, &self.runs);
        self.kept.retain(|(_, entry)| match Subject::of(&entry.event) {
            Subject::Call(call) => !calls.contains_key(call),
            Subject::Run(run) => !runs.contains_key(run),
            Subject::Approval(_) | Subject::Standing(_) | Subject::Nothing => true,
        });
    }

    /// What the audit says of it.
    pub(super) fn event(&self, prune: &Prune) -> Event {
        let Pruned { calls, runs, .. } = self.counts();
        Event::JournalPruned {
            until: self.until.sequence,
            hash: self.until.hash,
            before: prune.before,
            by: prune.by.clone(),
            calls,
            runs,
            told_calls: later(&self.calls),
            told_runs: later(&self.runs),
        }
    }

    /// Removes what goes beside the audit.
    pub(super) fn remove(&self, connection: &Connection) -> Result<(), Error> {
        for call in self.calls.keys() {
            for sql in [
                "DELETE FROM tapes WHERE run = (SELECT run FROM calls WHERE call = ?1) AND call = ?1",
                "DELETE FROM plans WHERE call = ?1",
                "DELETE FROM calls WHERE call = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([call.as_str()])?;
            }
        }
        for run in self.runs.keys() {
            for sql in [
                "DELETE FROM tapes WHERE run = ?1",
                "DELETE FROM run_events WHERE run = ?1",
                "DELETE FROM runs WHERE run = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([run.as_str()])?;
            }
        }
        Ok(())
    }
}

fn later<K: Clone>(gone: &BTreeMap<K, Told>) -> Vec<K> {
    gone.iter().filter(|(_, told)| **told != Told::Whole).map(|(name, _)| name.clone()).collect()
}

/// The next step: nothing is changed. `None` where nothing is old enough.
pub(super) fn sift(connection: &Connection, before: u64) -> Result<Option<Sifted>, Error> {
    let start = audit::start(connection)?;
    Sieve { connection, before, expiring: &BTreeSet::new(), earlier: &Earlier::default() }.sift(start)
}

/// What all steps together would come to, `expiring` being the runs whose steps would be removed before.
pub(super) fn foreseen(connection: &Connection, before: u64, expiring: &BTreeSet<RunId>) -> Result<Pruned, Error> {
    let mut start = audit::start(connection)?;
    let (mut earlier, mut total) = (Earlier::default(), Pruned::default());
    while let Some(sifted) = (Sieve { connection, before, expiring, earlier: &earlier }).sift(start)? {
        start = sifted.until;
        total = total.and(&sifted.counts());
        earlier.calls.extend(later(&sifted.calls));
        earlier.runs.extend(later(&sifted.runs));
    }
    Ok(total)
}

/// What earlier steps would have removed and later entries tell of. Where steps are done, it is not there any more.
#[derive(Default)]
struct Earlier {
    calls: BTreeSet<CallId>,
    runs: BTreeSet<RunId>,
}

/// What decides of each entry.
struct Sieve<'a> {
    connection: &'a Connection,
    before: u64,
    expiring: &'a BTreeSet<RunId>,
    earlier: &'a Earlier,
}

/// Why the walk through the audit ended before its end.
enum Break {
    Enough,
    Failed(Error),
}

impl From<Error> for Break {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Sieve<'_> {
    fn sift(&self, start: Head) -> Result<Option<Sifted>, Error> {
        let mut sifted =
            Sifted { until: start, entries: 0, kept: Vec::new(), calls: BTreeMap::new(), runs: BTreeMap::new() };
        let mut bytes = 0;
        let walked = audit::walk(self.connection, start.sequence.saturating_add(1), |stored: Stored| {
            if sifted.entries >= ENTRIES_OF_A_STEP || bytes >= BYTES_OF_A_STEP {
                return Err(Break::Enough);
            }
            let Some(entry) = old(&stored.body, self.before) else { return Err(Break::Enough) };
            // What was changed is left for whoever verifies.
            let Stored { sequence, previous, hash, body } = &stored;
            let link = Link { sequence: *sequence, previous: *previous, hash: *hash, body };
            sifted.until.follow(&link).map_err(|broken| Break::Failed(broken.into()))?;
            sifted.entries += 1;
            bytes += body.len() as u64;
            let (said, sequence, entry) = match entry.event {
                Event::EntryKept { sequence, entry } => (Said::Again, sequence, *entry),
                event => (Said::AtFirst, *sequence, Entry { event, ..entry }),
            };
            bytes += self.take(&mut sifted, &entry.event, said)?;
            if self.stays(&sifted, &entry.event)? {
                sifted.kept.push((sequence, entry));
            }
            Ok(())
        });
        match walked {
            Ok(()) | Err(Break::Enough) => {
                sifted.forget_kept_of_gone();
                Ok((sifted.entries > 0).then_some(sifted))
            }
            Err(Break::Failed(error)) => Err(error),
        }
    }

    /// Takes what an entry tells of among what goes, if it is over. Returns how many bytes that is, about.
    fn take(&self, sifted: &mut Sifted, event: &Event, said: Said) -> Result<u64, Error> {
        let mut bytes = 0;
        let told = match said {
            Said::AtFirst => Told::Not,
            Said::Again => Told::Later,
        };
        match event {
            Event::CallAdmitted { call, .. } | Event::CallCompleted { call, .. } => {
                if let Some(of_call) = self.call_is_over(call)? {
                    sifted.calls.insert(call.clone(), told);
                    bytes = of_call;
                }
            }
            Event::RunStarted { run, .. } | Event::RunForked { run, .. } if self.run_is_over(run)? => {
                sifted.runs.insert(run.clone(), told);
            }
            _ => {}
        }
        match event {
            Event::CallSettled { call, .. } | Event::CallCompleted { call, .. } | Event::CallAbandoned { call, .. } => {
                sifted.calls.entry(call.clone()).and_modify(Told::last);
            }
            Event::RunExpired { run } => {
                sifted.runs.entry(run.clone()).and_modify(Told::last);
            }
            _ => {}
        }
        Ok(bytes)
    }

    /// Whether an entry has to be said again.
    fn stays(&self, sifted: &Sifted, event: &Event) -> Result<bool, Error> {
        let exists = |sql: &str, name: &str| -> Result<bool, Error> {
            Ok(self.connection.prepare_cached(sql)?.query_row([name], |_| Ok(())).optional()?.is_some())
        };
        match Subject::of(event) {
            Subject::Call(call) if sifted.calls.contains_key(call) || self.earlier.calls.contains(call) => Ok(false),
            Subject::Call(call) => exists("SELECT 1 FROM calls WHERE call = ?1", call.as_str()),
            Subject::Run(run) if sifted.runs.contains_key(run) || self.earlier.runs.contains(run) => Ok(false),
            Subject::Run(run) => exists("SELECT 1 FROM runs WHERE run = ?1", run.as_str()),
            Subject::Approval(approval) => exists("SELECT 1 FROM approvals WHERE approval = ?1", approval.as_str()),
            Subject::Standing(said) => Ok(standing::last(self.connection, &said)? == Some(said.digest)),
            Subject::Nothing => Ok(false),
        }
    }

    /// How many bytes a call is, about, if it came to its end early enough and nothing of it is needed any more.
    fn call_is_over(&self, call: &CallId) -> Result<Option<u64>, Error> {
        let sql = "SELECT calls.run, coalesce(octet_length(calls.arguments), 0) + coalesce(octet_length(calls.outcome), 0)
                       + coalesce(octet_length(plans.plan), 0) + coalesce(octet_length(plans.effects), 0)
                   FROM calls LEFT JOIN plans USING (call)
                   WHERE calls.call = ?1 AND calls.state IN ('settled', 'abandoned') AND calls.settled_at < ?2
                     AND (plans.state IS NULL OR plans.state IN ('refused', 'undone', 'expired')
                          -- A preview that was applied can be applied again if that comes to nothing.
                          OR (plans.state = 'applied' AND NOT EXISTS (SELECT 1 FROM plans AS other WHERE other.state = 'ready')))";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        let row = params![call.as_str(), self.before.cast_signed()];
        let Some((run, bytes)) = self.connection.prepare_cached(sql)?.query_row(row, read).optional()? else {
            return Ok(None);
        };
        // A run that goes on, or could, needs what its calls came to.
        let Ok(run) = run.parse() else { return Ok(None) };
        let known = "SELECT 1 FROM runs WHERE run = ?1";
        let is_of_agent = self.connection.prepare_cached(known)?.exists([RunId::as_str(&run)])?;
        Ok((!is_of_agent || self.run_is_over(&run)?).then_some(bytes))
    }

    /// Whether a run came to its end early enough, and its steps were removed: it can be neither resumed nor forked.
    fn run_is_over(&self, run: &RunId) -> Result<bool, Error> {
        let sql = "SELECT expired FROM runs WHERE run = ?1 AND changed_at < ?2
                     AND state IN ('completed', 'partial', 'failed', 'timed-out', 'cancelled')";
        let row = params![run.as_str(), self.before.cast_signed()];
        let expired: Option<bool> = self.connection.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
        Ok(expired.is_some_and(|expired| expired || self.expiring.contains(run)))
    }
}

/// An entry that is understood and from before `before`.
fn old(body: &str, before: u64) -> Option<Entry> {
    let entry: Entry = serde_json::from_str(body).ok()?;
    let is_known = match &entry.event {
        Event::EntryKept { entry, .. } => entry.version == VERSION,
        _ => true,
    };
    (entry.version == VERSION && is_known && entry.at < before).then_some(entry)
}

/// What is stored beside the audit that an entry has to be compared with.
enum Subject<'e> {
    Call(&'e CallId),
    Run(&'e RunId),
    Approval(&'e ApprovalId),
    Standing(Standing<'e>),
    Nothing,
}

impl<'e> Subject<'e> {
    fn of(event: &'e Event) -> Self {
        match event {
            Event::CallAdmitted { call, .. }
            | Event::CallSettled { call, .. }
            | Event::CallCompleted { call, .. }
            | Event::CallAbandoned { call, .. }
            | Event::CallUnknown { call, .. }
            | Event::ChangesPlanned { call, .. }
            | Event::PreviewKept { call, .. }
            | Event::PreviewApplied { by: call, .. } => Self::Call(call),
            Event::RunStarted { run, .. }
            | Event::RunForked { run, .. }
            | Event::RunEnded { run, .. }
            | Event::RunResumed { run }
            | Event::RunDeadLettered { run }
            | Event::RunRequeued { run }
            | Event::RunDiscarded { run }
            | Event::RunExpired { run } => Self::Run(run),
            Event::ApprovalAsked { approval, .. }
            | Event::ApprovalGranted { approval, .. }
            | Event::ApprovalModified { approval, .. }
            | Event::ApprovalRejected { approval, .. }
            | Event::ApprovalExpired { approval, .. }
            | Event::ApprovalWithdrawn { approval, .. }
            | Event::ApprovalUsed { approval, .. } => Self::Approval(approval),
            other => other.standing().map_or(Self::Nothing, Self::Standing),
        }
    }
}

/// What the entries of a pruned audit say of those that are not there.
#[derive(Default)]
pub(super) struct Aside {
    /// Where the audit begins.
    pub(super) start: Head,
    /// Entries that were said again, in their first order, and where they stand now.
    pub(super) kept: Vec<(u64, Entry)>,
    calls: BTreeSet<CallId>,
    runs: BTreeSet<RunId>,
}

impl Aside {
    /// Reads it. Nothing is checked here: whoever does goes through all entries.
    pub(super) fn of(connection: &Connection) -> Result<Self, Error> {
        // In a text of JSON no such quotes stand within a value.
        let sql = r#"SELECT sequence, body FROM audit
                     WHERE instr(body, '"type":"journal-pruned"') > 0 OR instr(body, '"type":"entry-kept"') > 0 ORDER BY sequence"#;
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let (mut aside, mut kept) = (Self::default(), BTreeMap::new());
        while let Some(row) = rows.next()? {
            let (at, body): (i64, String) = (row.get(0)?, row.get(1)?);
            match serde_json::from_str::<Entry>(&body).map(|entry| entry.event) {
                Ok(Event::JournalPruned { until, hash, told_calls, told_runs, .. }) => {
                    aside.start = Head { sequence: until, hash };
                    aside.calls.extend(told_calls);
                    aside.runs.extend(told_runs);
                }
                Ok(Event::EntryKept { sequence, entry }) => {
                    kept.insert((sequence, at), (at.cast_unsigned(), *entry));
                }
                _ => {}
            }
        }
        aside.kept = kept.into_values().collect();
        Ok(aside)
    }

    /// Whether an event tells of something that was removed, as the audit says.
    pub(super) fn tells_of_gone(&self, event: &Event) -> bool {
        match Subject::of(event) {
            Subject::Call(call) => self.calls.contains(call),
            Subject::Run(run) => self.runs.contains(run),
            Subject::Approval(_) | Subject::Standing(_) | Subject::Nothing => false,
        }
    }
}
