//! Whether the journal holds: the chain of the audit, the stored calls against it, and its end against what was noted elsewhere.

use std::io::BufRead;

use rusqlite::{Connection, OptionalExtension, Row};
use toolhold_core::chain::{Broken, Head, Link, Why};
use toolhold_core::event::{Effects, Entry, Event, VERSION};
use toolhold_core::id::{CallId, Digest};

use super::approvals::{self};
use super::audit::{self, Stored};
use super::calls::outcome_digest;
use super::error::Error;
use super::joined;
use super::plans::{self};
use super::pruning::Aside;
use super::reader::{Reader, SELECT, record};
use super::record::{CallRecord, State};
use super::runs::{self};
use super::standing::{self, Said};

/// How many problems of the database's own check are shown.
const MAX_PROBLEMS: u32 = 5;

/// The audit holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The end of the audit, to be noted elsewhere: `12:sha256:…`.
    #[serde(serialize_with = "as_text")]
    pub head: Head,
    /// The last entry that was removed from its beginning, as the audit says; `None` where none was.
    #[serde(serialize_with = "as_text_if_any")]
    pub begins_after: Option<Head>,
}

fn as_text<S: serde::Serializer>(head: &Head, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(head)
}

fn as_text_if_any<S: serde::Serializer>(head: &Option<Head>, serializer: S) -> Result<S::Ok, S::Error> {
    match head {
        Some(head) => serializer.collect_str(head),
        None => serializer.serialize_none(),
    }
}

impl Reader {
    /// Checks the whole audit, the stored calls against it, and its end against `audit.head` and against `expected`.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`] with the first entry that does not hold; [`Error::Corrupt`] where the file itself is damaged;
    /// [`Error::Removed`] where what is expected was removed from the beginning.
    pub fn verify(&self, expected: Option<&Head>) -> Result<Verified, Error> {
        self.verify_joined(expected, None)
    }

    /// [`Reader::verify`], with an `export` of everything that was removed from the beginning: it is checked as well, has to join on to what
    /// is left, and to have what is expected of it.
    ///
    /// # Errors
    ///
    /// As [`Reader::verify`].
    pub fn verify_joined(&self, expected: Option<&Head>, export: Option<&mut dyn BufRead>) -> Result<Verified, Error> {
        let moment = self.connection.unchecked_transaction()?;
        self.check_file()?;
        let aside = Aside::of(&moment)?;
        let start = aside.start;
        let exported = match export {
            Some(export) => Some(joined::check(export, &start, expected)?),
            None => None,
        };
        if let Some(expected) = expected.filter(|expected| expected.sequence < start.sequence)
            && exported.is_none()
        {
            return Err(Error::Removed { expected: *expected, start });
        }
        let known = self.noted.iter().chain(expected).chain(&exported);
        let known = known.filter(|known| known.sequence >= start.sequence).copied().collect();
        self.verify_from(&moment, &aside, known)
    }

    fn verify_from(&self, moment: &Connection, aside: &Aside, mut known: Vec<Head>) -> Result<Verified, Error> {
        let mut head = aside.start;
        let begins_after = (head != Head::default()).then_some(head);
        if begins_after.is_some() {
            if known.iter().any(|known| known.sequence == head.sequence && known.hash != head.hash) {
                return Err(Broken { at: head.sequence, why: Why::Replaced }.into());
            }
            known.retain(|known| known.sequence != head.sequence);
        }
        let mut tally = Tally::default();
        for (at, entry) in &aside.kept {
            tally.check((moment, aside), *at, entry)?;
        }
        audit::walk(moment, 0, |stored: Stored| -> Result<(), Error> {
            let link =
                Link { sequence: stored.sequence, previous: stored.previous, hash: stored.hash, body: &stored.body };
            head.follow(&link)?;
            let differs = |known: &Head| known.sequence == head.sequence && known.hash != head.hash;
            if known.iter().any(differs) {
                return Err(Broken { at: head.sequence, why: Why::Replaced }.into());
            }
            known.retain(|known| known.sequence != head.sequence || known.sequence == 0);
            tally.check((moment, aside), head.sequence, &understood(head.sequence, &stored.body)?)
        })?;
        let genesis = Head::default();
        match known.iter().find(|known| **known != genesis).copied() {
            Some(missing) if missing.sequence == 0 => Err(Broken { at: 0, why: Why::Replaced }.into()),
            Some(_) => Err(Broken { at: head.sequence + 1, why: Why::Cut }.into()),
            None => {
                tally.finish(moment, head.sequence)?;
                Ok(Verified { entries: head.sequence - aside.start.sequence, head, begins_after })
            }
        }
    }

    /// The database's own check of its pages and indexes.
    fn check_file(&self) -> Result<(), Error> {
        let mut statement = self.connection.prepare(&format!("PRAGMA integrity_check({MAX_PROBLEMS})"))?;
        let problems: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if problems.iter().any(|problem| problem != "ok") {
            return Err(Error::Corrupt(problems.join("; ")));
        }
        Ok(())
    }
}

/// What an entry says.
fn understood(at: u64, body: &str) -> Result<Entry, Error> {
    let unreadable = |why: String| Error::from(Broken { at, why: Why::Unreadable(why) });
    let entry: Entry = serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))?;
    match entry.version {
        VERSION => Ok(entry),
        other => Err(unreadable(format!("it has version {other}"))),
    }
}

/// How many calls came how far, by the audit.
#[derive(Default)]
struct Tally {
    admitted: u64,
    settled: u64,
    plans: u64,
    said: Said,
    runs: runs::Told,
    approvals: approvals::Told,
}

impl Tally {
    /// Compares an entry with what is stored of its call.
    fn check(&mut self, (connection, aside): (&Connection, &Aside), at: u64, entry: &Entry) -> Result<(), Error> {
        if aside.tells_of_gone(&entry.event) {
            return Ok(());
        }
        if let Some(standing) = entry.event.standing() {
            self.said.insert((standing.kind.to_owned(), standing.name.to_owned()), standing.digest);
        }
        self.runs.check(connection, at, &entry.event)?;
        self.approvals.check(connection, at, &entry.event)?;
        match &entry.event {
            Event::CallAdmitted { call, .. } => {
                self.admitted += 1;
                stored_call(connection, at, call)?.admitted_as(at, entry)
            }
            Event::CallSettled { call, outcome, .. } => {
                self.settled += 1;
                stored_call(connection, at, call)?.settled_as(at, entry.at, outcome)
            }
            Event::CallCompleted { call, outcome, .. } => {
                self.admitted += 1;
                self.settled += 1;
                let stored = stored_call(connection, at, call)?;
                stored.completed_as(at, entry)?;
                stored.settled_as(at, entry.at, outcome)
            }
            Event::ChangesPlanned { call, plan }
            | Event::PreviewKept { call, plan }
            | Event::PreviewApplied { by: call, plan, .. } => {
                self.plans += 1;
                plans::check(connection, at, call, plan)
            }
            Event::CallAbandoned { call, .. } => stored_call(connection, at, call)?.expect_state(at, State::Abandoned),
            _ => Ok(()),
        }
    }

    /// What the audit says nothing of was put there by somebody else.
    fn finish(&self, connection: &Connection, last: u64) -> Result<(), Error> {
        if standing::all(connection)? != self.said {
            return Err(Broken { at: last, why: Why::Standing }.into());
        }
        self.runs.finish(connection, last)?;
        self.approvals.finish(connection, last)?;
        let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0).map(i64::cast_unsigned));
        let calls = count("SELECT count(*) FROM calls")?;
        let settled = count("SELECT count(*) FROM calls WHERE state = 'settled'")?;
        if plans::count(connection)? != self.plans {
            let what = "the audit tells of another number of plans";
            return Err(Broken { at: last, why: Why::Differs { call: "plans".into(), what } }.into());
        }
        if calls != self.admitted || settled != self.settled {
            let call = format!("{calls} calls, {settled} of them settled");
            return Err(
                Broken { at: last, why: Why::Differs { call, what: "the audit tells of another number" } }.into()
            );
        }
        Ok(())
    }
}

/// What is stored of a call, for the comparison.
struct StoredCall {
    record: CallRecord,
    outcome_digest: Option<Digest>,
}

fn stored_call(connection: &Connection, at: u64, call: &CallId) -> Result<StoredCall, Error> {
    let sql = format!("{SELECT} FROM calls WHERE call = ?1");
    let read = |row: &Row<'_>| {
        Ok(StoredCall { record: record(row)?, outcome_digest: row.get::<_, Option<_>>(17)?.map(Digest::from_bytes) })
    };
    let found = connection.prepare_cached(&sql)?.query_row([call.as_str()], read).optional()?;
    found.ok_or_else(|| Broken { at, why: Why::Differs { call: call.to_string(), what: "it is missing" } }.into())
}

impl StoredCall {
    fn differs(&self, at: u64, what: &'static str) -> Error {
        Broken { at, why: Why::Differs { call: self.record.call.to_string(), what } }.into()
    }

    fn admitted_as(&self, at: u64, entry: &Entry) -> Result<(), Error> {
        let record = self.record.clone();
        let stored = Event::CallAdmitted {
            call: record.call,
            run: record.run,
            tool: record.tool,
            digest: record.digest,
            mode: record.mode,
            effects: record.effects,
            arguments: record.arguments_digest,
            stored: record.arguments.map(|text| Digest::of(text.as_bytes())),
            key: record.key,
            scope: record.scope,
        };
        if stored == entry.event && record.admitted_at == entry.at {
            Ok(())
        } else {
            Err(self.differs(at, "its intent"))
        }
    }

    fn completed_as(&self, at: u64, entry: &Entry) -> Result<(), Error> {
        let Event::CallCompleted { run, tool, digest, mode, arguments, stored, began, failure, .. } = &entry.event
        else {
            return Ok(());
        };
        let record = &self.record;
        let same = (&record.run, &record.tool, &record.digest, record.mode) == (run, tool, digest, *mode)
            && record.arguments_digest == *arguments
            && record.arguments.as_ref().map(|text| Digest::of(text.as_bytes())) == *stored
            && record.admitted_at == *began
            && record.succeeded == Some(failure.is_none())
            && (record.effects, &record.key) == (Effects::None, &None);
        if same { Ok(()) } else { Err(self.differs(at, "its intent")) }
    }

    fn settled_as(&self, at: u64, when: u64, outcome: &Digest) -> Result<(), Error> {
        self.expect_state(at, State::Settled)?;
        if self.outcome_digest.as_ref() != Some(outcome) || self.record.settled_at != Some(when) {
            return Err(self.differs(at, "its outcome"));
        }
        let record = &self.record;
        let (Some(text), Some(succeeded), Some(usage)) = (&record.outcome, record.succeeded, &record.usage) else {
            return Ok(());
        };
        if outcome_digest(text, succeeded, usage) == *outcome { Ok(()) } else { Err(self.differs(at, "its outcome")) }
    }

    fn expect_state(&self, at: u64, state: State) -> Result<(), Error> {
        if self.record.state == state { Ok(()) } else { Err(self.differs(at, "how it ended")) }
    }
}
