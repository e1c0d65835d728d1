//! Calls without effects that began and ended while nobody waited for the record: one row and one entry instead of two of each.
//!
//! Intent is written before the act for what the act may change. A call that changes nothing has nothing to recover, so it
//! is written when it is over; if the host stops before, it may run again.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use toolhold_core::call::canonical;
use toolhold_core::event::{Effects, Event, bounded};
use toolhold_core::id::{CallId, Digest};
use toolhold_core::redact::Redactor;

use super::calls::{Step, Written, effects_word, keeps, mode_word};
use super::error::Error;
use super::queue::{Answer, Command, Work};
use super::record::{End, Intent, Settlement};

/// The calls of a batch that begin and end in it and have neither effects nor a key, and take no approval.
pub(super) fn within(batch: &[Command]) -> HashMap<&CallId, &Intent> {
    let mut begun = HashMap::with_capacity(batch.len());
    let mut whole = HashMap::with_capacity(batch.len() / 2);
    for command in batch {
        match &command.work {
            Work::Admit(intent) if intent.effects == Effects::None && !intent.waits() => {
                begun.insert(&intent.call, &**intent);
            }
            Work::Settle(call, settlement) if !settlement.durable && !matches!(settlement.end, End::Nothing(_)) => {
                whole.extend(begun.remove_entry(call));
            }
            _ => {}
        }
    }
    whole
}

/// Writes a whole call.
pub(super) fn write(
    connection: &Connection,
    intent: &Intent,
    settlement: &Settlement,
    redactor: &Redactor,
) -> Result<Step, Error> {
    let sql = "INSERT INTO calls (call, run, tool, digest, mode, effects, arguments, arguments_digest, admitted_at,
                   state, settled_at, succeeded, outcome, outcome_digest, usage)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'settled', ?10, ?11, ?12, ?13, ?14) ON CONFLICT (call) DO NOTHING";
    let arguments = Digest::of(canonical(&intent.arguments).as_bytes());
    let kept = keeps(intent.text.len(), false).then(|| redactor.redact_json(&intent.text));
    let Some(written) = Written::of(settlement, redactor)? else {
        return Ok(Step { event: None, answer: Err(Error::NotOpen(intent.call.clone())) });
    };
    let changed = connection.prepare_cached(sql)?.execute(params![
        intent.call.as_str(),
        intent.run.as_str(),
        intent.tool.as_str(),
        intent.digest.as_bytes(),
        mode_word(intent.mode),
        effects_word(intent.effects),
        kept,
        arguments.as_bytes(),
        intent.at.cast_signed(),
        settlement.at.cast_signed(),
        written.failure.is_none(),
        keeps(written.text.len(), false).then_some(&written.text),
        written.digest.as_bytes(),
        written.usage,
    ])?;
    if changed == 0 {
        return Ok(Step { event: None, answer: Err(Error::Duplicate(intent.call.clone())) });
    }
    let event = Event::CallCompleted {
        call: intent.call.clone(),
        run: intent.run.clone(),
        tool: intent.tool.clone(),
        digest: intent.digest,
        mode: intent.mode,
        arguments,
        stored: kept.map(|text| Digest::of(text.as_bytes())),
        began: intent.at,
        outcome: written.digest,
        failure: written.failure.map(|failure| failure.class),
        code: written.failure.map(|failure| bounded(&failure.code)),
    };
    Ok(Step { event: Some((settlement.at, event)), answer: Ok(Answer::Done) })
}
