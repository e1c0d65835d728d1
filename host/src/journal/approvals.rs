//! The table of approvals: what people were asked, and what came of it.
//!
//! Every change goes through the one table of states, is checked against the row as it is in the same transaction, and is told to
//! the audit with a digest of what is stored. A call takes its approval in the transaction that admits it, so that no kill lets one
//! approval admit two calls.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::approval::{Approval, ApprovalState, ApprovalStep, Foreseen, Verdict};
use toolhold_core::call::ValidatedCall;
use toolhold_core::chain::{Broken, Why};
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::{ApprovalId, CallId, Digest, RunId};
use toolhold_core::redact::Redactor;

use super::audit::digest;
use super::calls::{Step, parsed};
use super::error::Error;
use super::queue::Answer;
use super::record::Intent;
use crate::clock;

/// Most approvals in a listing.
const MAX_LISTED: u32 = 10_000;

/// Most approvals that are removed in one transaction.
const MAX_REMOVED: u32 = 500;

/// Microseconds of a minute.
const MINUTE: u64 = 60_000_000;

/// Longest name of who decided, in bytes.
const MAX_BY_BYTES: usize = 200;

/// A question to a person.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What is asked. Arguments without secrets.
    pub approval: Approval,
    /// What the call would do.
    pub foreseen: Foreseen,
    /// Questions that may wait at once.
    pub max_waiting: u64,
    /// New questions in a minute.
    pub per_minute: u64,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It waits for a person.
    New,
    /// The same is asked already.
    Joined(ApprovalId),
    /// As many questions wait as may.
    TooMany,
    /// As many questions were asked in the last minute as may be.
    TooOften,
}

/// What happens to an approval.
#[derive(Debug, Clone)]
pub enum Change {
    /// A person decided.
    Decide {
        /// What.
        verdict: Verdict,
        /// What the call is with the person's arguments, if those are others.
        modified: Option<Box<Modified>>,
        /// Who.
        by: String,
    },
    /// A person took it back.
    Withdraw {
        /// Who.
        by: String,
    },
}

/// A call with a person's arguments.
#[derive(Debug, Clone)]
pub struct Modified {
    /// The call.
    pub call: ValidatedCall,
    /// What it would do.
    pub foreseen: Foreseen,
}

/// An approval that changes.
#[derive(Debug)]
pub(super) struct Changing {
    pub(super) approval: ApprovalId,
    pub(super) change: Change,
    pub(super) at: u64,
}

/// Which approvals to list: all that fit every field that is set, newest first.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// In one of these states; none is any.
    pub states: Vec<ApprovalState>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Asked before this one: the next page.
    pub before: Option<ApprovalId>,
    /// At most this many; 0 is 100.
    pub limit: u32,
    /// At most so many bytes as they are stored, but one in any case; 0 is no bound.
    pub bytes: usize,
    /// Of longer arguments only the beginning, of so many bytes, and `…`: to be shown, as it is no JSON then; 0 is all of them.
    pub beginning: usize,
}

impl Ask {
    pub(super) fn bytes(&self) -> usize {
        self.approval.arguments.len()
    }
}

/// Writes a question down, unless the same waits already or there are too many.
pub(super) fn ask(connection: &Connection, ask: &Ask, redactor: &Redactor) -> Result<Step, Error> {
    let approval = &ask.approval;
    let answered = |asked| Ok(Step { event: None, answer: Ok(Answer::Asked(asked)) });
    let same = |known: &&Approval| {
        known.state == ApprovalState::Waiting
            && !known.is_over(approval.asked_at)
            && (&known.client, &known.agent, &known.rule) == (&approval.client, &approval.agent, &approval.rule)
    };
    if let Some(known) = of_binding(connection, &approval.binding)?.iter().find(same) {
        return answered(Asked::Joined(known.id.clone()));
    }
    if let Some(full) = room(connection, approval.asked_at, ask.max_waiting, ask.per_minute)? {
        return answered(full);
    }
    let Some(body) = body(approval, redactor)? else { return Ok(refused(Error::Secret)) };
    let foreseen = foreseen_text(&ask.foreseen, redactor)?;
    let stored = stored_digest(&body, Some(&foreseen));
    let sql = "INSERT INTO approvals (approval, state, run, binding, asked_at, expires_at, body, foreseen)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (approval) DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![
        approval.id.as_str(),
        approval.state.as_str(),
        approval.run.as_str(),
        approval.binding.as_bytes(),
        approval.asked_at.cast_signed(),
        approval.expires_at.cast_signed(),
        body,
        foreseen,
    ])?;
    let event = Event::ApprovalAsked {
        approval: approval.id.clone(),
        call: approval.call.clone(),
        run: approval.run.clone(),
        tool: approval.tool.clone(),
        rule: bounded(&approval.rule),
        binding: approval.binding,
        stored,
    };
    Ok(Step { event: Some((approval.asked_at, event)), answer: Ok(Answer::Asked(Asked::New)) })
}

/// Why there is no room for one more question; `None` where there is.
pub(super) fn room(
    connection: &Connection,
    now: u64,
    max_waiting: u64,
    per_minute: u64,
) -> Result<Option<Asked>, Error> {
    let count = |sql: &str, from: u64| -> Result<u64, Error> {
        Ok(connection.prepare_cached(sql)?.query_row([from.cast_signed()], |row| row.get::<_, i64>(0))?.cast_unsigned())
    };
    let sql = "SELECT count(*) FROM approvals WHERE state = 'waiting' AND expires_at > ?1";
    if count(sql, now)? >= max_waiting {
        return Ok(Some(Asked::TooMany));
    }
    let asked = count("SELECT count(*) FROM approvals WHERE asked_at > ?1", now.saturating_sub(MINUTE))?;
    Ok((asked >= per_minute).then_some(Asked::TooOften))
}

/// Does what happens to an approval. One whose time is over only expires.
pub(super) fn change(connection: &Connection, changing: &Changing, redactor: &Redactor) -> Result<Step, Error> {
    let Changing { approval: id, change, at } = changing;
    let Some((before, foreseen)) = get(connection, id)? else { return Ok(refused(Error::NoApproval(id.clone()))) };
    if before.is_over(*at) && before.state.apply(ApprovalStep::Expire).is_ok() {
        let event = expire_one(connection, &before, foreseen.as_deref(), redactor)?;
        let answer = Err(Error::ApprovalOver(id.clone()));
        return Ok(Step { event: event.map(|event| (*at, event)), answer });
    }
    let unanswerable = |why: String| Ok(refused(Error::Unanswerable { approval: id.clone(), why }));
    let after = match change {
        Change::Decide { verdict, modified, by } => {
            if let Verdict::Modify(arguments, _) = verdict
                && redactor.finds(arguments)
            {
                return Ok(refused(Error::Secret));
            }
            let call = modified.as_deref().map(|modified| &modified.call);
            match before.answered(verdict, call, &shortened(by), *at) {
                Ok(after) => after,
                Err(why) => return unanswerable(why.to_string()),
            }
        }
        Change::Withdraw { .. } => match before.after(ApprovalStep::Withdraw) {
            Ok(after) => after,
            Err(why) => return unanswerable(why.to_string()),
        },
    };
    let foreseen = match change {
        Change::Decide { modified: Some(modified), .. } => Some(foreseen_text(&modified.foreseen, redactor)?),
        _ => foreseen,
    };
    let Some(stored) = update(connection, &after, foreseen.as_deref(), redactor)? else {
        return Ok(refused(Error::Secret));
    };
    let event = told(&after, change, stored, redactor);
    Ok(Step { event: Some((*at, event)), answer: Ok(Answer::Approval(Box::new(after))) })
}

fn shortened(by: &str) -> String {
    by.get(..by.floor_char_boundary(MAX_BY_BYTES)).unwrap_or_default().to_owned()
}

/// What the audit says of a change that a person made.
fn told(after: &Approval, change: &Change, stored: Digest, redactor: &Redactor) -> Event {
    let approval = after.id.clone();
    match change {
        Change::Withdraw { by } => {
            Event::ApprovalWithdrawn { approval, by: redactor.redact(&shortened(by)).into_owned(), stored }
        }
        Change::Decide { verdict, by, .. } => {
            let by = redactor.redact(&shortened(by)).into_owned();
            match verdict {
                Verdict::Approve(scope) => Event::ApprovalGranted { approval, by, scope: scope.to_string(), stored },
                Verdict::Modify(_, scope) => Event::ApprovalModified { approval, by, scope: scope.to_string(), stored },
                Verdict::Reject(_) => Event::ApprovalRejected { approval, by, stored },
            }
        }
    }
}

/// Everything whose time is over, and what the audit says of it.
pub(super) fn expire(
    connection: &Connection,
    now: u64,
    redactor: &Redactor,
) -> Result<(Vec<Approval>, Vec<Event>), Error> {
    let sql =
        format!("{SELECT} WHERE state IN ('waiting', 'approved', 'modified') AND expires_at <= ?1 ORDER BY number");
    let over: Vec<(Approval, Option<String>)> = {
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([now.cast_signed()], record)?;
        rows.collect::<Result<_, _>>()?
    };
    let (mut expired, mut events) = (Vec::new(), Vec::new());
    for (before, foreseen) in over {
        if let Some(event) = expire_one(connection, &before, foreseen.as_deref(), redactor)? {
            events.push(event);
            expired.extend(before.after(ApprovalStep::Expire));
        }
    }
    Ok((expired, events))
}

fn expire_one(
    connection: &Connection,
    before: &Approval,
    foreseen: Option<&str>,
    redactor: &Redactor,
) -> Result<Option<Event>, Error> {
    let Ok(after) = before.after(ApprovalStep::Expire) else { return Ok(None) };
    // One that cannot be written down is over all the same: it admits nothing, and keeps nobody from opening the journal.
    let stored = update(connection, &after, foreseen, redactor)?;
    Ok(stored.map(|stored| Event::ApprovalExpired { approval: after.id, stored }))
}

/// Removes approvals that are over since before `before`, the oldest first, and says which. One by which a call with a key was made stays as
/// long as the call: a repeat of it is told by its approval what it was made with.
pub(super) fn remove(connection: &Connection, before: u64) -> Result<Vec<ApprovalId>, Error> {
    let sql = "DELETE FROM approvals WHERE number IN (
                 SELECT number FROM approvals AS old
                 WHERE state NOT IN ('waiting', 'approved', 'modified') AND expires_at < ?1
                   AND NOT EXISTS (SELECT 1 FROM calls WHERE calls.approval = old.approval AND calls.key IS NOT NULL)
                 ORDER BY number LIMIT ?2)
               RETURNING approval";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![before.cast_signed(), MAX_REMOVED], |row| parsed(row, 0, |text| text.parse().ok()))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a call may be admitted by this approval now.
pub(super) fn stands(connection: &Connection, approval: &ApprovalId, now: u64) -> Result<bool, Error> {
    let known = get(connection, approval)?;
    Ok(known.is_some_and(|(known, _)| known.state.is_granted() && !known.is_over(now)))
}

/// Takes the approval of a call that is admitted. What cannot be written down as used would admit another call: it admits none.
pub(super) fn take(connection: &Connection, intent: &Intent, redactor: &Redactor) -> Result<Option<Event>, Error> {
    let Some(id) = &intent.approval else { return Ok(None) };
    let Some((before, foreseen)) = get(connection, id)? else { return Ok(None) };
    let Ok(after) = before.after(before.use_step()) else { return Ok(None) };
    let stored = update(connection, &after, foreseen.as_deref(), redactor)?.ok_or(Error::Secret)?;
    let (approval, call, run) = (id.clone(), intent.call.clone(), intent.run.clone());
    Ok(Some(Event::ApprovalUsed { approval, call, run, stored }))
}

fn update(
    connection: &Connection,
    after: &Approval,
    foreseen: Option<&str>,
    redactor: &Redactor,
) -> Result<Option<Digest>, Error> {
    let Some(body) = body(after, redactor)? else { return Ok(None) };
    let sql = "UPDATE approvals SET state = ?2, expires_at = ?3, body = ?4, foreseen = ?5 WHERE approval = ?1";
    let row = params![after.id.as_str(), after.state.as_str(), after.expires_at.cast_signed(), body, foreseen];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(Some(stored_digest(&body, foreseen)))
}

/// What a call would do, as it is stored.
fn foreseen_text(foreseen: &Foreseen, redactor: &Redactor) -> Result<String, Error> {
    Ok(redactor.redact_json(&json(foreseen)?).into_owned())
}

/// The text that is stored; `None` where a secret stands for what must not be another word.
fn body(approval: &Approval, redactor: &Redactor) -> Result<Option<String>, Error> {
    let text = json(approval)?;
    let clean = redactor.redact_json(&text).into_owned();
    let is_whole =
        clean == text || serde_json::from_str::<Approval>(&clean).is_ok_and(|clean| same_place(&clean, approval));
    Ok(is_whole.then_some(clean))
}

/// Whether only words were taken out that nothing is found by.
fn same_place(clean: &Approval, approval: &Approval) -> bool {
    (&clean.id, &clean.call, &clean.run, &clean.client, &clean.rule, &clean.agent)
        == (&approval.id, &approval.call, &approval.run, &approval.client, &approval.rule, &approval.agent)
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Database(error.to_string()))
}

fn stored_digest(body: &str, foreseen: Option<&str>) -> Digest {
    Digest::of_parts(&[body.as_bytes(), foreseen.unwrap_or_default().as_bytes()])
}

fn refused(error: Error) -> Step {
    Step { event: None, answer: Err(error) }
}

const SELECT: &str = "SELECT body, foreseen FROM approvals";

fn record(row: &Row<'_>) -> rusqlite::Result<(Approval, Option<String>)> {
    Ok((parsed(row, 0, |text| serde_json::from_str(text).ok())?, row.get(1)?))
}

/// One approval, and JSON of what its call would do.
pub(super) fn get(connection: &Connection, id: &ApprovalId) -> Result<Option<(Approval, Option<String>)>, Error> {
    if is_older(connection)? {
        return Ok(None);
    }
    let sql = format!("{SELECT} WHERE approval = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id.as_str()], record).optional()?)
}

/// What was asked about the same call, newest first.
pub(super) fn of_binding(connection: &Connection, binding: &Digest) -> Result<Vec<Approval>, Error> {
    if is_older(connection)? {
        return Ok(Vec::new());
    }
    let sql = format!("{SELECT} WHERE binding = ?1 ORDER BY number DESC LIMIT {MAX_LISTED}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([binding.as_bytes()], |row| record(row).map(|(approval, _)| approval))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The approval by which a call was admitted.
pub(super) fn of_call(connection: &Connection, call: &CallId) -> Result<Option<Approval>, Error> {
    if is_older(connection)? {
        return Ok(None);
    }
    let sql = format!("{SELECT} WHERE approval = (SELECT approval FROM calls WHERE call = ?1)");
    let read = |row: &Row<'_>| record(row).map(|(approval, _)| approval);
    Ok(connection.prepare_cached(&sql)?.query_row([call.as_str()], read).optional()?)
}

/// How many wait for a person, and not for too long.
pub(super) fn waiting(connection: &Connection) -> Result<u64, Error> {
    if is_older(connection)? {
        return Ok(0);
    }
    let sql = "SELECT count(*) FROM approvals WHERE state = 'waiting' AND expires_at > ?1";
    let now = clock::micros().cast_signed();
    Ok(connection.query_row(sql, [now], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

/// The approvals that fit, newest first.
pub(super) fn list(connection: &Connection, filter: &ApprovalFilter) -> Result<Vec<Approval>, Error> {
    if is_older(connection)? {
        return Ok(Vec::new());
    }
    let limit = if filter.limit == 0 { 100 } else { filter.limit.min(MAX_LISTED) };
    // Words of ours: nothing of a caller is in the statement.
    let words: Vec<String> = filter.states.iter().map(|state| format!("'{state}'")).collect();
    let among = if words.is_empty() { String::new() } else { format!("AND state IN ({})", words.join(", ")) };
    let earlier = "(?2 IS NULL OR number < (SELECT number FROM approvals WHERE approval = ?2))";
    let sql = format!(
        "SELECT body FROM approvals WHERE (?1 IS NULL OR run = ?1) AND {earlier} {among} ORDER BY number DESC LIMIT ?3"
    );
    let mut statement = connection.prepare(&sql)?;
    let before = filter.before.as_ref().map(ApprovalId::as_str);
    let row = params![filter.run.as_ref().map(RunId::as_str), before, limit];
    let mut rows = statement.query(row)?;
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        bytes = bytes.saturating_add(row.get_ref(0)?.as_bytes().map_or(0, <[u8]>::len));
        if filter.bytes > 0 && bytes > filter.bytes && !found.is_empty() {
            break;
        }
        let mut approval: Approval = parsed(row, 0, |text| serde_json::from_str(text).ok())?;
        if filter.beginning > 0 && approval.arguments.len() > filter.beginning {
            let end = approval.arguments.floor_char_boundary(filter.beginning);
            approval.arguments = format!("{}…", approval.arguments.get(..end).unwrap_or_default());
        }
        found.push(approval);
    }
    Ok(found)
}

/// Readers bring no database up to date: they may not write.
fn is_older(connection: &Connection) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'approvals'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0)
}

/// What the audit tells of approvals: of each, what was stored last.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<ApprovalId, Digest>);

impl Told {
    /// Takes an event.
    pub(super) fn check(&mut self, connection: &Connection, at: u64, event: &Event) -> Result<(), Error> {
        match event {
            Event::ApprovalAsked { approval, stored, .. }
            | Event::ApprovalGranted { approval, stored, .. }
            | Event::ApprovalModified { approval, stored, .. }
            | Event::ApprovalRejected { approval, stored, .. }
            | Event::ApprovalExpired { approval, stored }
            | Event::ApprovalWithdrawn { approval, stored, .. } => {
                self.0.insert(approval.clone(), *stored);
            }
            Event::ApprovalUsed { approval, call, stored, .. } => {
                self.0.insert(approval.clone(), *stored);
                // A call that is not there is found missing by what the audit says of it, or was removed as the audit says.
                let sql = "SELECT count(*) FROM calls WHERE call = ?1 AND approval IS NOT ?2";
                let row = params![call.as_str(), approval.as_str()];
                if connection.prepare_cached(sql)?.query_row(row, |row| row.get::<_, i64>(0))? > 0 {
                    return Err(differs(at, format!("approval {approval}"), "the call that was made with it"));
                }
            }
            Event::ApprovalRemoved { approval } => {
                self.0.remove(approval);
            }
            _ => {}
        }
        Ok(())
    }

    /// What the audit says nothing of was put there by somebody else.
    pub(super) fn finish(&self, connection: &Connection, last: u64) -> Result<(), Error> {
        if is_older(connection)? {
            return Ok(());
        }
        let mut statement = connection.prepare("SELECT approval, body, foreseen, state, binding FROM approvals")?;
        let mut rows = statement.query([])?;
        let mut found = 0_usize;
        while let Some(row) = rows.next()? {
            let id: ApprovalId = parsed(row, 0, |text| text.parse().ok())?;
            let (body, foreseen): (String, Option<String>) = (row.get(1)?, row.get(2)?);
            let is_told = self.0.get(&id) == Some(&stored_digest(&body, foreseen.as_deref()));
            let is_same = serde_json::from_str::<Approval>(&body).is_ok_and(|approval| {
                approval.id == id
                    && row.get::<_, String>(3).is_ok_and(|word| word == approval.state.as_str())
                    && digest(row, 4).is_ok_and(|binding| binding == approval.binding)
            });
            if !is_told || !is_same {
                return Err(differs(last, format!("approval {id}"), "what is stored of it"));
            }
            found += 1;
        }
        if found == self.0.len() {
            return Ok(());
        }
        Err(differs(last, "approvals".to_owned(), "the audit tells of another number"))
    }
}

fn differs(at: u64, call: String, what: &'static str) -> Error {
    Broken { at, why: Why::Differs { call, what } }.into()
}
